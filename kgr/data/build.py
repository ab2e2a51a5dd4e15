"""Build a store from triples and key tables, in one atomic step."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr._ragged import offsets_of
from kgr.data.judgements import judged_counts, judged_sections
from kgr.data.keyed_texts import KeyedTexts
from kgr.data.lines import Numbering
from kgr.data.qrels import Qrels
from kgr.data.query_sets import StoredSets, query_sections
from kgr.data.splits import Message, Triples, count_unseen, examine_splits
from kgr.data.tables import Column, KeyTable, read_table
from kgr.data.triples import read_triples
from kgr.errors import DataError
from kgr.graph.graph import Graph, graph_section
from kgr.index.keys import Keys
from kgr.index.kinds import ENTITY
from kgr.index.store import Section, Store, create_store
from kgr.index.texts import Texts
from kgr.index.types import Types

Paths = str | Path | Sequence[str | Path]


@dataclass(frozen=True)
class Material:
    """What a store is made from, read into memory.

    Attributes
    ----------
    entities, relations : Numbering
        Keys by id.
    splits : by name, int32[E, 3]
        ``train``, and where there are any ``valid``, ``test``, ``valid_negatives``, ``test_negatives``.
    places : by split
        What messages call it.
    entity_table, relation_table, type_table : KeyTable
        Texts of each; the first also says the types of entities.
    queries : by name and split
        Query sets that came with the graph, their ids those of the numberings.
    topics : KeyedTexts or None
        Queries in words, with the field ``text``; the store keeps them by its own name.
    qrels : by name
        Judgements of these, whose documents are entities.
    kinds : uint8[G] or None
        Flags of :mod:`kgr.index.kinds`; None: plain entities all.
    counts, remarks
        What the reader counted beside, for the store's manifest, and lines of what it found unusual.
    """

    entities: Numbering
    relations: Numbering
    splits: Mapping[str, Triples]
    places: Mapping[str, str]
    entity_table: KeyTable
    relation_table: KeyTable
    type_table: KeyTable
    queries: StoredSets = dataclasses.field(default_factory=dict)
    topics: KeyedTexts | None = None
    qrels: Mapping[str, Qrels] = dataclasses.field(default_factory=dict)
    kinds: NDArray[np.uint8] | None = None
    counts: Mapping[str, int] = dataclasses.field(default_factory=dict)
    remarks: Sequence[str] = ()


def build_store(
    out: str | Path,
    *,
    train: Paths,
    valid: Paths | None = None,
    test: Paths | None = None,
    valid_negatives: Paths | None = None,
    test_negatives: Paths | None = None,
    entities_table: str | Path | None = None,
    relations_table: str | Path | None = None,
    types_table: str | Path | None = None,
    name: str = "",
    message: Message | None = None,
) -> Store:
    """Build a store at ``out`` from triples (see :mod:`kgr.data.triples`) and key tables (:mod:`kgr.data.tables`).

    Ids are given in order of first appearance: train, valid, test, negatives; in a line the head
    first. Duplicates within a split are removed and counted; entities and relations that train does not
    have are kept and counted. ``message`` is called with a line for everything unusual.

    Raises
    ------
    DataError
        A file is malformed (its place is named), or there are no triples to train on. Nothing is left at ``out``.
    FormatError
        There is a store at ``out`` already.
    """
    files: dict[str, Paths | None] = {
        "train": train,
        "valid": valid,
        "test": test,
        "valid_negatives": valid_negatives,
        "test_negatives": test_negatives,
    }
    paths = {split: as_paths(given) for split, given in files.items() if given is not None}
    tables = (entities_table, relations_table, types_table)
    material = read_material(paths, *(Path(table) if table is not None else None for table in tables))
    named = {split: [str(path) for path in given] for split, given in paths.items()}
    return write_store(out, material, name=name, sources={"files": named}, message=message)


def as_paths(given: Paths) -> list[Path]:
    """Return one or more paths as a list."""
    return [Path(given)] if isinstance(given, str | Path) else [Path(path) for path in given]


def read_material(
    paths: Mapping[str, Sequence[Path]],
    entities_table: Path | None = None,
    relations_table: Path | None = None,
    types_table: Path | None = None,
) -> Material:
    """Read splits and key tables."""
    entities, relations = Numbering(), Numbering()
    splits = {split: read_triples(files, entities, relations) for split, files in paths.items()}
    places = {split: ", ".join(map(str, files)) for split, files in paths.items()}
    entity, relation, type = (
        read_table(path) if path else KeyTable("") for path in (entities_table, relations_table, types_table)
    )
    return Material(entities, relations, splits, places, entity, relation, type)


def write_store(
    out: str | Path,
    material: Material,
    *,
    name: str = "",
    sources: Mapping[str, Any] | None = None,
    message: Message | None = None,
    expected: Mapping[str, int] | None = None,
    replace: bool = False,
    partial: bool = False,
) -> Store:
    """Write ``material`` as a store at ``out``, atomically; see :func:`build_store`.

    ``expected`` counts that differ from the found ones are a DataError; ``replace`` makes the next
    version of a store that is there already; a ``partial`` one may have nothing to train on.
    """
    say = message or (lambda line: None)
    for line in material.remarks:
        say(line)
    if not len(material.splits["train"]) and not partial:
        raise DataError(f"{material.places['train']}: found no triples, expected at least one to train on")
    entities, relations = material.entities.keys, material.relations.keys
    check_relations(relations, ", ".join(material.places.values()))
    examined = examine_splits(material.splits, material.places, len(entities), len(relations), say)
    splits = {name: _kept(triples, examined.keep[name]) for name, triples in material.splits.items()}
    unseen = count_unseen(examined.graph, say) if len(splits["train"]) else {}
    types = _types(material.entity_table.types, entities)
    query_sets, recorded, queries = query_sections(material.queries, splits, len(entities), len(relations), say)
    counts = {"entities": len(entities), "relations": len(relations), "types": len(types.keys)}
    counts |= {**material.counts, **examined.counts, **unseen, **queries}
    counts |= judged_counts(material.topics, material.qrels)
    check_counts(name, counts, expected)
    sections = {
        **structure(
            {split: Section({"ids": triples}) for split, triples in splits.items()},
            examined.graph,
            Keys.build(entities, what="entity"),
            Keys.build(relations, what="relation"),
            material.kinds,
        ),
        **_texts("entries", material.entity_table, entities, say),
        **_texts("relations", material.relation_table, relations, say),
        **_texts("types", material.type_table, types.keys.keys_of(range(len(types.keys))), say),
        **query_sets,
        **judged_sections(name, material.topics, material.qrels),
    }
    if len(types.keys):
        sections["types"] = Section(types.arrays())
    said = {**(sources or {}), **({"queries": recorded} if recorded else {})}
    return create_store(
        Path(out), sections, name=name, entities=len(entities), counts=counts, sources=said, replace=replace
    )


def check_relations(keys: Iterable[str], where: str) -> None:
    """Refuse a relation that queries would take for the inverse of another, with a DataError."""
    inverted = next((key for key in keys if key.startswith("^")), None)
    if inverted is not None:
        raise DataError(
            f"{where}: relation {inverted!r:.80}: begins with ^, which inverts a relation in queries; rename it"
        )


def check_counts(name: str, counts: Mapping[str, int], expected: Mapping[str, int] | None) -> None:
    """Refuse a data set that is not of the expected counts, with a DataError."""
    for what, count in (expected or {}).items():
        if counts.get(what) != count:
            raise DataError(f"{name}: found {counts.get(what)} {what}, expected {count}")


def _kept(triples: Triples, keep: NDArray[np.bool_] | None) -> Triples:
    return triples if keep is None else triples[keep]


def structure(
    splits: Mapping[str, Section],
    graph: Graph,
    entities: Keys,
    relations: Keys,
    kinds: NDArray[np.uint8] | None = None,
) -> dict[str, Section]:
    """Make the sections of keys, triples and the graph of train; those of the splits hold ``ids``, int32[E, 3].

    ``kinds`` are those of :class:`Material`.
    """
    if kinds is None:
        kinds = np.full(len(entities), ENTITY, np.uint8)
    return {
        **key_sections(entities, relations, kinds),
        **{f"triples/{split}": section for split, section in splits.items()},
        "graph": Section(graph_section(graph), made_from=("triples/train",)),
    }


def key_sections(entries: Keys, relations: Keys, kinds: NDArray[np.uint8]) -> dict[str, Section]:
    """Make the sections of entries, and of relations if there are any."""
    sections = {"entries": Section({**entries.arrays(), "kinds": kinds})}
    return sections | ({"relations": Section(relations.arrays())} if len(relations) else {})


def _types(column: Column, entities: list[str]) -> Types:
    """Number the types that entities have, in order of first appearance."""
    numbering = Numbering()
    rows = [tuple(dict.fromkeys(column.get(key, ()))) for key in entities]
    offsets = offsets_of([len(row) for row in rows])
    ids = numbering.number([key for row in rows for key in row])
    return Types(Keys.build(numbering.keys, what="type"), offsets, ids)


def _texts(of: str, table: KeyTable, keys: list[str], say: Message) -> dict[str, Section]:
    """Make a section of each column; rows whose key has no id are left out and said."""
    known = set(keys)
    strangers = [key for key in table.keys if key not in known]
    if strangers:
        some = ", ".join(strangers[:3]) + (", …" if len(strangers) > 3 else "")
        say(f"{table.where}: {len(strangers):,} rows are left out, the graph has no such key: {some}")
    sections = {}
    for (language, field), column in table.texts.items():
        pairs = [(row, text) for row, key in enumerate(keys) for text in column.get(key, ())]
        if pairs:
            texts = Texts.build([row for row, _ in pairs], [text for _, text in pairs])
            sections[f"text/{of}/{language}.{field}"] = Section(texts.arrays())
    return sections
