"""Views of the graph: whom a synset is related to, in one step and in two, and the words of those."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kgr._ragged import offsets_of
from kgr.sememe.bags import BagView, unit_rows, weighted
from kgr.sememe.edges import adjacency, agreement, inverse_root

if TYPE_CHECKING:
    from kgr.sememe.annotations import Annotations
    from kgr.sememe.descriptions import Descriptions

POWER = np.float32(2)
"""Of the agreement of a relation, which makes it the weight of its edges."""

SELF = np.float32(0.3)
"""Weight of a synset itself, beside 1 of its neighbours, and of theirs."""


@dataclasses.dataclass(frozen=True)
class Neighbourhood:
    """The train graph as views see it.

    Attributes
    ----------
    relations : float32[R]
        Weights of the edges of each relation.
    known : bool[S]
        Synsets that count as neighbours.
    scale : float32[S]
        One over the root of each synset's edges; 0 where there is none.
    """

    relations: NDArray[np.float32]
    known: NDArray[np.bool_]
    scale: NDArray[np.float32]

    @classmethod
    def fit(
        cls, descriptions: Descriptions, annotations: Annotations, references: NDArray[np.int32], *, inductive: bool
    ) -> Neighbourhood:
        """Weigh relations by how far the sememes of their ends agree among the references.

        Where ``inductive``, no other synset counts as a neighbour, else all do.
        """
        synsets = len(descriptions)
        known = np.full(synsets, not inductive)
        known[references] = True
        relations = agreement(descriptions, annotations.labels_of(references)) ** POWER
        graph = cls(relations, known, np.ones(synsets, np.float32))
        sums = np.asarray(graph.edges(descriptions).sum(axis=1)).ravel()
        return dataclasses.replace(graph, scale=np.where(graph.known, inverse_root(sums), np.float32(0)))

    def edges(self, asked: Descriptions) -> csr_array:
        """Return the weights of edges to neighbours: float32[B, S]."""
        found = adjacency(asked, self.relations, len(self.known))
        return weighted(found, self.known.astype(np.float32))

    def steps(self, asked: Descriptions) -> csr_array:
        """Return the same, divided by the roots of both ends' edges: float32[B, S]."""
        edges = self.edges(asked)
        own = inverse_root(np.asarray(edges.sum(axis=1)).ravel())
        return weighted(_scaled(edges, own), self.scale)

    def shares(self, asked: Descriptions) -> csr_array:
        """Return the same, divided by the sum of the synset's edges: float32[B, S]."""
        edges = self.edges(asked)
        return _scaled(edges, inverse_root(np.asarray(edges.sum(axis=1)).ravel()) ** 2)


@dataclasses.dataclass(frozen=True)
class GraphView:
    """Compares synsets by whom they are related to.

    Attributes
    ----------
    graph : Neighbourhood
    second : csr float32[S, S]
        From each synset to its neighbours, as a step on.
    rarity : float32[S]
        Weights of the neighbours: those that few lead to count more.
    """

    graph: Neighbourhood
    second: csr_array
    rarity: NDArray[np.float32]
    name: str = "graph"

    def features(self, asked: Descriptions) -> csr_array:
        """Return weighted neighbours: float32[B, S], rows of norm 1, or 0 of a synset that has none."""
        return unit_rows(weighted(self._reached(asked), self.rarity))

    def _reached(self, asked: Descriptions) -> csr_array:
        near = self.graph.steps(asked)
        return csr_array(_selves(asked, near) + near + near @ self.second)


@dataclasses.dataclass(frozen=True)
class RelatedWordsView:
    """Compares synsets by the words of those that they are related to.

    Attributes
    ----------
    graph : Neighbourhood
    words : csr float32[S, F]
        1 where a synset has a word.
    idf : float32[F]
    """

    graph: Neighbourhood
    words: csr_array
    idf: NDArray[np.float32]
    name: str = "related words"

    def features(self, asked: Descriptions) -> csr_array:
        """Return words by the share of neighbours that have them: float32[B, F], rows of norm 1, or 0 without any."""
        shares = csr_array(self.graph.shares(asked) @ self.words)
        np.sqrt(shares.data, out=shares.data)
        return unit_rows(weighted(shares, self.idf))


def fit_graph(descriptions: Descriptions, graph: Neighbourhood) -> GraphView | None:
    """Fit the view to the edges of all S synsets; None where there is none."""
    second = graph.steps(descriptions)
    if not second.data.any():
        return None
    view = GraphView(graph, second, np.ones(len(graph.known), np.float32))
    reached = view._reached(descriptions.take(np.flatnonzero(graph.known)))
    counts = np.bincount(reached.indices[reached.data > 0], minlength=len(graph.known))
    rarity = np.sqrt(np.log1p(reached.shape[0] / np.maximum(counts, 1)))
    return dataclasses.replace(view, rarity=rarity.astype(np.float32))


def fit_related_words(
    descriptions: Descriptions, graph: Neighbourhood, words: BagView | None
) -> RelatedWordsView | None:
    """Fit the view to the words that synsets are compared by themselves; None without words or edges."""
    if words is None or not graph.scale.any():
        return None
    found = words.features(descriptions)
    there = csr_array((np.ones(found.nnz, np.float32), found.indices, found.indptr), found.shape)
    return RelatedWordsView(graph, there, words.idf)


def _selves(asked: Descriptions, near: csr_array) -> csr_array:
    """Return :data:`SELF` at each synset of the store that has an edge, float32[B, S].

    One without, whose edges may be hidden, is not to be found by those of others that lead to it.
    """
    there = (asked.rows >= 0) & (np.diff(near.indptr) > 0)
    return csr_array((np.full(int(there.sum()), SELF), asked.rows[there], offsets_of(there)), near.shape)


def _scaled(rows: csr_array, factors: NDArray[np.float32]) -> csr_array:
    """Return each row times its factor."""
    return csr_array((rows.data * np.repeat(factors, np.diff(rows.indptr)), rows.indices, rows.indptr), rows.shape)
