"""What a store says, in RDF's terms: IRIs and texts, block by block.

Entries, relations and types stand by the IRIs of :mod:`kgr.index.iris`. An IRI that is the key of two of these is one
thing in RDF, with the texts of both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kgr.index.iris import TYPE, iri_of, predicate_of
from kgr.index.store import Of, Store

BLOCK = 1 << 16
"""Triples or rows that are held at a time."""

OF: tuple[Of, ...] = ("entries", "relations", "types")

Link = tuple[str, str, str]
"""Subject, predicate and object: IRIs."""


class Literal(NamedTuple):
    """A text of something."""

    subject: str
    predicate: str
    text: str
    language: str


def blocks(count: int) -> Iterator[tuple[int, int]]:
    """Cut the ids [0, count) into blocks, first and last of each, the last exclusive."""
    return ((first, min(first + BLOCK, count)) for first in range(0, count, BLOCK))


def iris(store: Store, of: Of, first: int, last: int) -> list[str]:
    """Return the IRIs of the ids [first, last)."""
    return [iri_of(key, of) for key in store.keys(of).keys_of(range(first, last))]


def links(store: Store, splits: Sequence[str]) -> Iterator[Link]:
    """Yield the triples of splits, in their order."""
    relations = iris(store, "relations", 0, len(store.relations))
    for split in splits:
        triples = store.triples(split)
        for first, last in blocks(len(triples)):
            heads, names, tails = triples[first:last].T
            ends = iter(_iris_of(store, np.concatenate([heads, tails])))
            subjects = [next(ends) for _ in range(len(heads))]
            yield from zip(subjects, [relations[name] for name in names.tolist()], ends, strict=True)


def _iris_of(store: Store, entities: NDArray[np.int32]) -> list[str]:
    ids, places = np.unique(entities, return_inverse=True)
    found = [iri_of(key, "entries") for key in store.entries.keys_of(ids)]
    return [found[place] for place in places.tolist()]


def instances(store: Store) -> Iterator[Link]:
    """Yield what each entry is an instance of."""
    if store.types is None:
        return
    types = iris(store, "types", 0, len(store.types.keys))
    for first, last in blocks(len(store.types.offsets) - 1):
        for id, subject in enumerate(iris(store, "entries", first, last), first):
            for type in store.types.of(id).tolist():
                yield subject, TYPE, types[type]


def literals(store: Store, of: Of) -> Iterator[Literal]:
    """Yield the texts of entries, relations or types: field by field, language by language."""
    for field, language in fields(store, of):
        texts, predicate = store.texts(of, field, language), predicate_of(field)
        assert texts is not None
        for first, last in blocks(len(store.keys(of))):
            subjects = iris(store, of, first, last)
            for row, text in texts.between(first, last):
                yield Literal(subjects[row - first], predicate, text, language)


def fields(store: Store, of: Of) -> list[tuple[str, str]]:
    """Return the fields and languages in which there are texts, in the store's order."""
    start = f"text/{of}/"
    names = (name.removeprefix(start).rpartition(".") for name in store.sections if name.startswith(start))
    return [(field, language) for language, _, field in names]
