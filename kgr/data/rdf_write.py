"""A store as N-Triples or Turtle, line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from kgr.graph.graph import Graph, load_graph
from kgr.index.iris import FIELDS, PREFIXES, TEXT, iri_of, predicate_of
from kgr.index.statements import OF, blocks, instances, iris, links, literals, texts_by_row
from kgr.index.store import Of, Store

_ESCAPES = str.maketrans(
    {**{code: f"\\u{code:04X}" for code in (*range(32), 127)}, "\n": "\\n", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
)
_KEPT = 1 << 18
_LOCAL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?")
_SHORT = {
    **dict(zip(("entity", "relation", "type"), PREFIXES.values(), strict=True)),
    "text": TEXT,
    "rdfs": FIELDS["label"].removesuffix("label"),
    "skos": FIELDS["alias"].removesuffix("altLabel"),
    "schema": FIELDS["description"].removesuffix("description"),
}


def ntriples(store: Store, splits: Sequence[str]) -> Iterator[str]:
    """Yield the triples of splits in their order, then types, then texts: a statement each."""
    for source in (links(store, splits), instances(store)):
        for subject, predicate, other in source:
            yield f"<{subject}> <{predicate}> <{other}> .\n"
    for of in OF:
        for subject, predicate, text, language in literals(store, of):
            yield f"<{subject}> <{predicate}> {_quoted(text, language)} .\n"


def turtle(store: Store, splits: Sequence[str]) -> Iterator[str]:
    """Yield the same as :func:`ntriples`, ordered by subject, in Turtle's short form."""
    for prefix, iri in _SHORT.items():
        yield f"@prefix {prefix}: <{iri}> .\n"
    graph = load_graph(store, splits) if splits else None
    names = _Names(store)
    for of in OF:
        for first, last in blocks(len(store.keys(of))):
            yield from _described(store, of, first, last, graph if of == "entries" else None, names)


class _Names:
    """Keys and fields as Turtle has them; of entities the last ones used are kept."""

    def __init__(self, store: Store) -> None:
        self.relations, self.types = (
            [_name(iri) for iri in iris(store, of, 0, len(store.keys(of)))] for of in OF if of != "entries"
        )
        keys = store.entries
        self.entity = lru_cache(_KEPT)(lambda id: _name(iri_of(keys.key(id), "entries")))
        self.predicate = lru_cache(_KEPT)(lambda field: _name(predicate_of(field)))


def _described(store: Store, of: Of, first: int, last: int, graph: Graph | None, names: _Names) -> Iterator[str]:
    """Yield the statements whose subjects are the ids [first, last)."""
    own = zip(iris(store, of, first, last), texts_by_row(store, of, first, last), strict=True)
    for id, (subject, texts) in enumerate(own, first):
        types = store.types.of(id).tolist() if of == "entries" and store.types is not None else ()
        parts = [f"a {names.types[type]}" for type in types]
        parts += _edges(graph, id, names) if graph is not None and id < graph.entities else ()
        for (field, language), found in texts.items():
            parts += [f"{names.predicate(field)} {_quoted(text, language)}" for text in found]
        if parts:
            yield f"\n{_name(subject)} " + " ;\n    ".join(parts) + " .\n"


def _edges(graph: Graph, entity: int, names: _Names) -> Iterator[str]:
    for fragment in range(graph.fragments[entity], graph.fragments[entity + 1]):
        relation, inverse = divmod(int(graph.relation[fragment]), 2)
        if not inverse:
            tails = graph.tail[graph.offsets[fragment] : graph.offsets[fragment + 1]].tolist()
            yield f"{names.relations[relation]} {', '.join(map(names.entity, tails))}"


def _quoted(text: str, language: str) -> str:
    return f'"{text.translate(_ESCAPES)}"@{language}'


def _name(iri: str) -> str:
    """Return an IRI as Turtle has it: short where one of our prefixes begins it."""
    for prefix, start in _SHORT.items():
        if iri.startswith(start) and _LOCAL.fullmatch(iri, len(start)):
            return f"{prefix}:{iri[len(start) :]}"
    return f"<{iri}>"
