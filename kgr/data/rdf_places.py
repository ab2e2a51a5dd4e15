"""Where in a store the things of RDF files stand: entities, other entries, relations and types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kgr._ragged import offsets_of
from kgr.data.added_texts import chosen_texts
from kgr.data.rdf_names import KeyNames, irregular, number_keys
from kgr.data.rdf_statements import Statements
from kgr.index.iris import PREFIXES
from kgr.index.keys import Keys
from kgr.index.spool import Spool
from kgr.index.store import Of, Section
from kgr.index.texts import Texts
from kgr.index.types import Types

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Places:
    """The ids that things have.

    Attributes
    ----------
    entities : int
        G: the entries below have triples.
    keys, relations, types : Keys
        Of all entries, of relations, of types.
    triples : int32[E, 3]
        By ids, in the order of their statements, repeated ones too.
    rows : by kind, int32[things]
        The id of each thing as an entry, relation or type; -1 where it is none.
    counts : by name
        ``entries_without_triples``, ``blank_nodes``, ``irregular_iris``.
    """

    entities: int
    keys: Keys
    relations: Keys
    types: Keys
    triples: NDArray[np.int32]
    rows: Mapping[Of, NDArray[np.int32]]
    counts: Mapping[str, int]

    @property
    def entries(self) -> int:
        """How many entries there are."""
        return len(self.keys)

    def type_section(self, statements: Statements) -> tuple[dict[str, Section], int]:
        """Return the section of types, if there are any, and how many statements repeat another."""
        typed = statements.typed
        if not len(self.types):
            return {}, 0
        rows, types = self.rows["entries"][typed[:, 0]], typed[:, 1]
        _, first = np.unique(rows * np.int64(len(self.types)) + types, return_index=True)
        first = np.sort(first)
        first = first[np.argsort(rows[first], kind="stable")]
        offsets = offsets_of(np.bincount(rows[first], minlength=self.entries))
        return {"types": Section(Types(self.types, offsets, types[first]).arrays())}, len(typed) - len(first)

    def text_sections(self, statements: Statements) -> tuple[dict[str, Section], int]:
        """Return the sections of texts, and how many texts of one thing repeat another."""
        texts, own = statements.texts, statements.text_sections
        order = np.argsort(own, kind="stable")
        bounds = np.searchsorted(own[order], np.arange(len(statements.sections) + 1))
        sections: dict[str, Section] = {}
        repeated = 0
        for number, (language, field) in enumerate(statements.sections):
            chosen = order[bounds[number] : bounds[number + 1]]
            chosen = chosen[np.argsort(texts.rows[chosen], kind="stable")]
            first = _first_of_their_kind(texts, chosen)
            repeated += len(chosen) - len(first)
            for of, rows in self.rows.items():
                there = first[rows[texts.rows[first]] >= 0]
                if len(there):
                    there = there[np.argsort(rows[texts.rows[there]], kind="stable")]
                    source = np.zeros(len(there), np.int8)
                    section = chosen_texts([texts], rows[texts.rows[there]], source, there)
                    sections[f"text/{of}/{language}.{field}"] = section
        return sections, repeated


def place(statements: Statements, names: KeyNames, spool: Path) -> Places:
    """Give each thing its place.

    Entities come in the order of their triples, the head first, other entries by first appearance.

    Raises
    ------
    DataError
        Two things have one key.
    """
    iris = statements.things.keys
    own: dict[Of, list[str]] = {"relations": statements.relations.keys, "types": statements.types.keys}
    keys = [names.key(iri, "entries") for iri in iris]
    has_text, has_type = _marked(statements.texts.rows, len(iris)), _marked(statements.typed[:, 0], len(iris))
    entries, entities = _entities(statements.triples, len(iris))
    rows = {of: _named(iris, keys, np.flatnonzero(has_text), found, names, of) for of, found in own.items()}
    others = (entries < 0) & (has_type | (has_text & (rows["relations"] < 0) & (rows["types"] < 0)))
    entries[others] = entities + np.arange(np.count_nonzero(others))
    things = np.flatnonzero(entries >= 0)
    order = things[np.argsort(entries[things])].tolist()
    used = [iris[thing] for thing in order]
    own_keys = {of: [names.key(iri, of) for iri in found] for of, found in own.items()}
    return Places(
        entities=entities,
        keys=number_keys(used, [keys[thing] for thing in order], "entity"),
        relations=number_keys(own["relations"], own_keys["relations"], "relation"),
        types=number_keys(own["types"], own_keys["types"], "type"),
        triples=_numbered(statements.triples, entries, spool),
        rows=rows | {"entries": entries},
        counts={
            "entries_without_triples": len(used) - entities,
            "blank_nodes": sum(iri.startswith("_:") for iri in used),
            "irregular_iris": sum(map(irregular, (*used, *own["relations"], *own["types"]))),
        },
    )


def _marked(things: NDArray[np.int32], count: int) -> NDArray[np.bool_]:
    marked = np.zeros(count, bool)
    marked[things] = True
    return marked


def _entities(triples: NDArray[np.int32], things: int) -> tuple[NDArray[np.int32], int]:
    """Number the heads and tails of triples as they come; return the id of each thing, else -1, and how many."""
    ids, count = np.full(things, -1, np.int32), 0
    for block in _blocks(triples):
        ends = block[:, ::2].ravel()
        new = ends[ids[ends] < 0]
        _, first = np.unique(new, return_index=True)
        ids[new[np.sort(first)]] = np.arange(count, count + len(first))
        count += len(first)
    return ids, count


def _named(
    iris: Sequence[str], keys: Sequence[str], things: NDArray[np.int64], own: list[str], names: KeyNames, of: Of
) -> NDArray[np.int32]:
    """Return the relation or type that has the key of each of some things, int32[all things], else -1.

    A thing whose IRI says that it is one, which no triple has, is added to ``own``, the IRIs of all.
    """
    rows, known = np.full(len(keys), -1, np.int32), {names.key(iri, of): id for id, iri in enumerate(own)}
    for thing in things.tolist():
        iri, key = iris[thing], keys[thing]
        if iri.startswith("urn:kgr:"):  # whose key is another one for each kind
            key = names.key(iri, of)
            if key not in known and iri.startswith(PREFIXES[of]):
                known[key] = len(own)
                own.append(iri)
        rows[thing] = known.get(key, -1)
    return rows


def _numbered(triples: NDArray[np.int32], ids: NDArray[np.int32], spool: Path) -> NDArray[np.int32]:
    """Return triples of things with their ids instead, in a file."""
    numbered = Spool(spool / "numbered", np.int32)
    for block in _blocks(triples):
        heads, tails = ids[block[:, 0]], ids[block[:, 2]]
        numbered.append(np.stack([heads, block[:, 1], tails], axis=1).ravel())
    return numbered.array().reshape(-1, 3)


def _blocks(triples: NDArray[np.int32]) -> Iterator[NDArray[np.int32]]:
    for first in range(0, len(triples), _BLOCK):
        yield np.asarray(triples[first : first + _BLOCK])


def _first_of_their_kind(texts: Texts, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return those of some texts, of one section and ordered by thing, that repeat no earlier one of their thing."""
    lengths = texts.offsets[chosen + 1] - texts.offsets[chosen]
    things = texts.rows[chosen]
    alike = np.lexsort((lengths, things))  # stable: texts of one thing and length stay in order
    same = (things[alike][1:] == things[alike][:-1]) & (lengths[alike][1:] == lengths[alike][:-1])
    keep, seen = np.ones(len(chosen), bool), set[bytes]()
    for at in np.flatnonzero(same).tolist():
        if not at or not same[at - 1]:
            seen = {_bytes(texts, int(chosen[alike[at]]))}
        text = _bytes(texts, int(chosen[alike[at + 1]]))
        keep[alike[at + 1]] = text not in seen
        seen.add(text)
    return chosen[keep]


def _bytes(texts: Texts, at: int) -> bytes:
    return texts.bytes[texts.offsets[at] : texts.offsets[at + 1]].tobytes()
