"""What graph models are trained on: edges and annotations by entity, in batches of a keyed order."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kgr._rng import key
from kgr.data.babelsememe import HAVE_SEMEME
from kgr.index.store import Store
from kgr.sememe.annotations import Annotations
from kgr.sememe.descriptions import Descriptions

Ids = NDArray[np.integer[Any]]


@dataclasses.dataclass(frozen=True)
class GraphMaterial:
    """Edges and annotations, by entity.

    Attributes
    ----------
    edges : int64[M, 3]
        Head, directed relation and tail, of synsets among each other and of sememes; both directions of each.
    synsets : int64[A]
        The references.
    labels : csr float32[A, C]
        Their sememes, at least one of each.
    sememes : int64[C]
    have : int
        The base relation from a synset to its sememes.
    entities, directed : int
        How many entities and directed relations there are.
    known : bool[S]
        Which synsets have an edge or an annotation here: others keep the vector that they were drawn.
    """

    edges: NDArray[np.int64]
    synsets: NDArray[np.int64]
    labels: csr_array
    sememes: NDArray[np.int64]
    have: int
    entities: int
    directed: int
    known: NDArray[np.bool_]

    @property
    def triples(self) -> NDArray[np.int64]:
        """Head, base relation and tail of every edge and annotation, once: int64[E, 3]."""
        forward = self.edges[self.edges[:, 1] % 2 == 0] // [1, 2, 1]
        rows, columns = self.labels.tocoo().coords
        have = np.full(len(rows), self.have)
        return np.concatenate([forward, np.stack([self.synsets[rows], have, self.sememes[columns]], 1)])


def graph_material_of(
    store: Store, annotations: Annotations, descriptions: Descriptions, references: Ids
) -> GraphMaterial:
    """Gather what a training may see.

    Parameters
    ----------
    descriptions
        Of all S synsets, by row: their edges. What they leave out is not seen.
    references : int[...]
        Rows of the synsets whose train sememes may be used.
    """
    offsets, others, directed = descriptions.edges
    heads = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    entities = annotations.synsets.astype(np.int64)
    between = np.stack([entities[heads], directed, entities[others]], 1)
    labels = annotations.labels["train"][references]
    some = np.flatnonzero(np.diff(labels.indptr))
    rows = np.asarray(references)[some]
    known = np.zeros(len(entities), np.bool_)
    known[heads] = known[rows] = True
    return GraphMaterial(
        np.concatenate([between, _sememe_edges(store, annotations)]),
        entities[rows],
        labels[some],
        annotations.sememes.astype(np.int64),
        store.relations.id(HAVE_SEMEME),
        store.entities,
        2 * len(store.relations),
        known,
    )


def _sememe_edges(store: Store, annotations: Annotations) -> NDArray[np.int64]:
    """Return the edges of sememes among each other, in both directions: int64[., 3]."""
    triples = store.triples("train").astype(np.int64)
    heads, relations, tails = triples[np.isin(triples[:, [0, 2]], annotations.sememes).all(1)].T
    back = np.stack([tails, 2 * relations + 1, heads], 1)
    return np.concatenate([np.stack([heads, 2 * relations, tails], 1), back])


@dataclasses.dataclass(frozen=True)
class Order:
    """Each of ``n`` things once in every epoch, in an order that depends on ``drawn`` and the epoch alone."""

    n: int
    drawn: int

    def take(self, first: int, count: int) -> NDArray[np.int64]:
        """Return the things from a place on, over the ends of epochs: int64[count]."""
        parts, end = [], first + count
        while first < end:
            epoch, at = divmod(first, self.n)
            parts.append(_permutation(self.n, key(self.drawn, epoch))[at : at + end - first])
            first += len(parts[-1])
        return np.concatenate(parts)


@lru_cache(maxsize=8)
def _permutation(n: int, drawn: int) -> NDArray[np.int64]:
    return np.random.default_rng(drawn).permutation(n)


def most_labels(labels: csr_array, rows: int) -> int:
    """Return how many labels ``rows`` rows in turn can have at most, over the ends of epochs."""
    counts = np.sort(np.diff(labels.indptr))[::-1]
    return int(np.repeat(counts, (rows - 1) // len(counts) + 2)[:rows].sum())
