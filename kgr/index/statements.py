"""What a store says, block by block: triples and texts, by IRIs as RDF has them, or by key.

Entries, relations and types stand by the IRIs of :mod:`kgr.index.iris`. An IRI that is the key of two of these is one
thing in RDF, with the texts of both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kgr.index.iris import TYPE, iri_of, predicate_of
from kgr.index.store import Of, Store

BLOCK = 1 << 16
"""Triples or rows that are held at a time."""

OF: tuple[Of, ...] = ("entries", "relations", "types")

Link = tuple[str, str, str]
"""Subject, predicate and object: IRIs, or keys."""

RowTexts = dict[tuple[str, str], list[str]]
"""The texts of one id by field and language."""


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
        yield from _triples(store, split, lambda ids: _iris_of(store, "entries", ids), relations)


def keyed(store: Store, split: str, relations: Sequence[str]) -> Iterator[Link]:
    """Yield the triples of a split, in their order: ends by key, relations by what they are called here."""
    return _triples(store, split, store.entries.keys_of, relations)


def _triples(
    store: Store, split: str, named: Callable[[NDArray[np.int32]], list[str]], relations: Sequence[str]
) -> Iterator[Link]:
    triples = store.triples(split)
    for first, last in blocks(len(triples)):
        heads, between, tails = triples[first:last].T
        ends = named(np.concatenate([heads, tails]))
        yield from zip(ends, [relations[id] for id in between.tolist()], ends[len(heads) :], strict=False)


def _iris_of(store: Store, of: Of, ids: NDArray[np.int32]) -> list[str]:
    some, places = np.unique(ids, return_inverse=True)
    found = [iri_of(key, of) for key in store.keys(of).keys_of(some)]
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
        for first, last in blocks(len(texts)):
            subjects = _iris_of(store, of, texts.rows[first:last])
            for subject, text in zip(subjects, texts.numbered(first, last), strict=True):
                yield Literal(subject, predicate, text, language)


def texts_by_row(store: Store, of: Of, first: int, last: int) -> list[RowTexts]:
    """Return the texts of each of the ids [first, last)."""
    found: list[RowTexts] = [{} for _ in range(first, last)]
    for field, language in fields(store, of):
        texts = store.texts(of, field, language)
        assert texts is not None
        for row, text in texts.between(first, last):
            found[row - first].setdefault((field, language), []).append(text)
    return found


def fields(store: Store, of: Of) -> list[tuple[str, str]]:
    """Return the fields and languages in which there are texts, in the store's order."""
    start = f"text/{of}/"
    names = (name.removeprefix(start).rpartition(".") for name in store.sections if name.startswith(start))
    return [(field, language) for language, _, field in names]
