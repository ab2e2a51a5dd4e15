"""What a store says of one entity or relation, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kgr.data.splits import SPLITS
from kgr.errors import UnknownKey
from kgr.graph.graph import load_graph
from kgr.index.keys import Keys
from kgr.index.kinds import DOCUMENT, ENTITY, SEMEME, SYNSET
from kgr.index.store import Of, Store

KINDS = {SYNSET: "synset", SEMEME: "sememe", ENTITY: "entity", DOCUMENT: "document"}
"""What an entry is called: by the first of these flags that it has."""


@dataclass(frozen=True)
class Named:
    """A key and its label."""

    key: str
    label: str


@dataclass(frozen=True)
class Edges:
    """What one entity has under one directed relation in the graph to train on.

    Attributes
    ----------
    relation : Named
        The key of an inverse begins with ``^``; the label is the relation's.
    inverse : bool
        The entity is the tail of these edges.
    count : int
        All edges of the kind.
    tails : tuple of Named
        The first of their other ends, by id.
    """

    relation: Named
    inverse: bool
    count: int
    tails: tuple[Named, ...]


@dataclass(frozen=True)
class Entry:
    """An entity, or a relation, in words.

    Attributes
    ----------
    kind : str
        "relation"; of an entry "synset", "sememe", "entity", or "document" for one that is no entity of the graph.
    key, label : str
    id : int
    labels : by language
    texts : by field and language, e.g. ``texts["description"]["en"]``; labels are not among them
    types : tuple of Named
        Of an entity.
    counts : by split
        Triples in which it occurs.
    edges : tuple of Edges
        Of an entity, in the graph to train on.
    examples : tuple of (head, tail)
        Of a relation: its first triples in train.
    """

    kind: str
    key: str
    id: int
    label: str
    labels: dict[str, str]
    texts: dict[str, dict[str, tuple[str, ...]]]
    types: tuple[Named, ...]
    counts: dict[str, int]
    edges: tuple[Edges, ...]
    examples: tuple[tuple[Named, Named], ...]


def entry(store: Store, key: str, language: str = "en", *, edges: int = 10) -> Entry:
    """Describe an entity or, where no entity has the key, a relation.

    Labels are in ``language``, else in English, else in any, else the key. At most ``edges`` tails are
    given per directed relation, and at most ``edges`` examples of a relation.

    Raises
    ------
    UnknownKey
        Neither has the key; the nearest ones are named.
    """
    id = int(store.entries.find([key])[0])
    if id >= 0:
        return _entry(store, id, language, edges)
    relation = int(store.relations.find([key])[0])
    if relation >= 0:
        return _relation(store, relation, language, edges)
    raise UnknownKey("; ".join(_refusal(keys, key) for keys in (store.entries, store.relations) if len(keys)))


def kind_of(store: Store, id: int) -> str:
    """Return what an entry is called."""
    return next((name for flag, name in KINDS.items() if store.kinds[id] & flag), "document")


def _refusal(keys: Keys, key: str) -> str:
    try:
        keys.id(key)
    except UnknownKey as error:
        return str(error)
    raise AssertionError(f"{key!r} was not found, but has an id")


def _entry(store: Store, id: int, language: str, limit: int) -> Entry:
    types = store.types.of(id) if store.types is not None else ()
    splits = {split: store.triples(split) for split in SPLITS if split in store.splits}
    return Entry(
        kind=kind_of(store, id),
        key=store.entries.key(id),
        id=id,
        label=store.label("entries", id, language),
        labels=_labels(store, "entries", id),
        texts=_texts(store, "entries", id),
        types=tuple(_named(store, "types", int(type), language) for type in types),
        counts={split: int((triples[:, ::2] == id).any(axis=1).sum()) for split, triples in splits.items()},
        edges=tuple(_edges(store, id, language, limit)) if id < store.entities else (),
        examples=(),
    )


def _relation(store: Store, id: int, language: str, limit: int) -> Entry:
    splits = {split: store.triples(split) for split in SPLITS if split in store.splits}
    of_split = {split: triples[triples[:, 1] == id] for split, triples in splits.items()}
    ends = [[_named(store, "entries", int(end), language) for end in row[::2]] for row in of_split["train"][:limit]]
    return Entry(
        kind="relation",
        key=store.relations.key(id),
        id=id,
        label=store.label("relations", id, language),
        labels=_labels(store, "relations", id),
        texts=_texts(store, "relations", id),
        types=(),
        counts={split: len(triples) for split, triples in of_split.items()},
        edges=(),
        examples=tuple((head, tail) for head, tail in ends),
    )


def _edges(store: Store, entity: int, language: str, limit: int) -> Iterator[Edges]:
    """Yield an entity's fragments: first those that leave it, then those that come in."""
    graph = load_graph(store)
    fragments = range(graph.fragments[entity], graph.fragments[entity + 1])
    for fragment in sorted(fragments, key=lambda fragment: int(graph.relation[fragment]) & 1):
        relation, inverse = divmod(int(graph.relation[fragment]), 2)
        tails = graph.tail[graph.offsets[fragment] : graph.offsets[fragment + 1]]
        key = "^" * inverse + store.relations.key(relation)
        yield Edges(
            relation=Named(key, store.label("relations", relation, language)),
            inverse=bool(inverse),
            count=len(tails),
            tails=tuple(_named(store, "entries", int(tail), language) for tail in tails[:limit]),
        )


def _named(store: Store, of: Of, id: int, language: str) -> Named:
    keys = store.types.keys if of == "types" and store.types is not None else getattr(store, of)
    return Named(keys.key(id), store.label(of, id, language))


def _labels(store: Store, of: Of, id: int) -> dict[str, str]:
    found = _texts_of(store, of, id, "label")
    return {language: texts[0] for language, texts in found.items()}


def _texts(store: Store, of: Of, id: int) -> dict[str, dict[str, tuple[str, ...]]]:
    start = f"text/{of}/"
    names = (name.rpartition(".")[2] for name in store.sections if name.startswith(start))
    found = {field: _texts_of(store, of, id, field) for field in dict.fromkeys(names) if field != "label"}
    return {field: texts for field, texts in found.items() if texts}


def _texts_of(store: Store, of: Of, id: int, field: str) -> dict[str, tuple[str, ...]]:
    """Return an id's texts of a field by language, where it has any."""
    found = ((language, store.texts(of, field, language)) for language in store.languages(of, field))
    rows = {language: tuple(texts.all(id)) for language, texts in found if texts is not None}
    return {language: texts for language, texts in rows.items() if texts}
