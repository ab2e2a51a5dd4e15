"""Relatives of synsets among references: whom the graph, WordNet or a shared lemma puts beside them."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kgr.sememe.annotations import places_of
from kgr.sememe.wordnet_related import WordNetRelated, fit_wordnet_related

if TYPE_CHECKING:
    from kgr.data.wordnet import WordNet
    from kgr.sememe.descriptions import Descriptions

RELATIONS = 6
"""So many relations, the most frequent, are told apart, each in both directions; the others count together."""

SHARERS = 40
"""A lemma that more references have says nothing."""


@dataclasses.dataclass(frozen=True)
class Related:
    """Who is related to whom, and by what.

    Attributes
    ----------
    references : int32[T]
        Rows of the synsets that are asked after, ascending.
    relations : by base relation, ascending
        Names of those that are told apart.
    sharers : by lemma
        Places of the references that have it.
    wordnet : WordNetRelated or None
        The way over WordNet's pointers, where there is one.
    """

    references: NDArray[np.int32]
    relations: Mapping[int, str]
    sharers: Mapping[str, NDArray[np.int32]]
    wordnet: WordNetRelated | None

    def of(self, asked: Descriptions) -> dict[str, csr_array]:
        """Return by kind how near each reference is to B synsets: float32[B, T], 0 where it is no relative.

        No synset is a relative of itself.
        """
        found = {**self._by_graph(asked), "lemma": self._by_lemma(asked)}
        if self.wordnet is not None:
            found |= self.wordnet.of(asked)
        own = places_of(self.references, asked.rows)
        if (own >= 0).any():
            found = {kind: _without(near, own) for kind, near in found.items()}
        return found

    def _by_graph(self, asked: Descriptions) -> dict[str, csr_array]:
        edges, B = asked.edges, len(asked.rows)
        rows = np.repeat(np.arange(B), np.diff(edges.offsets))
        places, base = places_of(self.references, edges.others), edges.relations >> 1
        told = np.array(list(self.relations), base.dtype)
        kind = 2 * np.where(np.isin(base, told), np.searchsorted(told, base), len(told)) + (edges.relations & 1)
        kinds = [mark + name for name in (*self.relations.values(), "other") for mark in ("", "^")]
        at = places >= 0
        by_kind = self._counted(kind[at] * B + rows[at], places[at], len(kinds) * B)
        found = {name: by_kind[place * B : (place + 1) * B] for place, name in enumerate(kinds)}
        distinct = np.repeat(np.arange(len(kinds) * B), np.diff(by_kind.indptr)) % max(B, 1)
        return {**found, "graph": self._counted(distinct, by_kind.indices, B)}

    def _by_lemma(self, asked: Descriptions) -> csr_array:
        none = np.zeros(0, np.int32)
        places = [[self.sharers.get(lemma, none) for lemma in folded(lemmas)] for lemmas in asked.lemmas]
        counts = [sum(map(len, own)) for own in places]
        flat = np.concatenate([none, *(own for each in places for own in each)])
        return self._counted(np.repeat(np.arange(len(places)), counts), flat, len(places))

    def _counted(self, rows: NDArray[np.int64], places: NDArray[np.int32], count: int) -> csr_array:
        shape = (count, len(self.references))
        return csr_array((np.ones(len(rows), np.float32), (rows, places)), shape)


def fit_related(
    descriptions: Descriptions,
    references: NDArray[np.int32],
    taxonomy: WordNet | None = None,
    relations: Sequence[str] = (),
) -> Related:
    """Prepare the look-up of relatives.

    Parameters
    ----------
    descriptions : Descriptions
        Of all S synsets, in their order.
    references : int32[T]
        Rows of those that can be relatives, ascending.
    taxonomy : WordNet, optional
        For relatives by WordNet.
    relations : of R texts, optional
        Names of the relations.
    """
    forward = descriptions.edges.relations[descriptions.edges.relations & 1 == 0] >> 1
    counts = np.bincount(forward)
    frequent = np.argsort(-counts, kind="stable")[: min(RELATIONS, np.count_nonzero(counts))]
    names = {base: relations[base] if relations else f"relation {base}" for base in sorted(frequent.tolist())}
    known = descriptions.take(references)
    wordnet = None if taxonomy is None else fit_wordnet_related(known, taxonomy)
    return Related(references, names, _sharers(known), wordnet)


def folded(lemmas: tuple[str, ...]) -> list[str]:
    """Return distinct lemmas without regard to case, in their order."""
    return list(dict.fromkeys(lemma.casefold() for lemma in lemmas))


def _sharers(references: Descriptions) -> dict[str, NDArray[np.int32]]:
    found: dict[str, list[int]] = defaultdict(list)
    for place, lemmas in enumerate(references.lemmas):
        for lemma in folded(lemmas):
            found[lemma].append(place)
    return {lemma: np.array(places, np.int32) for lemma, places in found.items() if len(places) <= SHARERS}


def _without(near: csr_array, own: NDArray[np.int32]) -> csr_array:
    """Return the relatives of synsets without these themselves, whose places ``own`` int32[B] are."""
    near.data[near.indices == np.repeat(own, np.diff(near.indptr))] = 0
    near.eliminate_zeros()
    return near
