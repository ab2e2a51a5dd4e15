"""Pairs of entities that a path connects: made from a relation, composed, filtered."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from kgr.graph import _pattern_kernels as kernels
from kgr.graph.graph import Graph


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Distinct pairs of entities, ragged by the first.

    Attributes
    ----------
    rows : int32[n]
        The first of the pairs, ascending; none is without a second.
    offsets : int64[n + 1]
        The seconds of ``rows[i]`` are ``ends[offsets[i]:offsets[i + 1]]``.
    ends : int32[p]
        Distinct within a row, in any order.
    """

    rows: NDArray[np.int32]
    offsets: NDArray[np.int64]
    ends: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def firsts(self) -> NDArray[np.int32]:
        """The first of each pair: int32[p]."""
        return np.repeat(self.rows, np.diff(self.offsets))

    def where(self, keep: NDArray[np.bool_]) -> Pairs:
        """Return the pairs that ``keep``, bool[p], tells to keep."""
        rows, sizes = np.unique(self.firsts[keep], return_counts=True)
        return Pairs(rows, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), self.ends[keep])


class Paths:
    """Makes and composes pairs on one graph; holds the memory to do so, for one thread."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._bits = np.zeros((graph.entities + 31) // 32, np.uint32)
        self._counts = np.zeros(graph.entities, np.int64)
        self.sizes = np.zeros(graph.directed, np.int64)
        """The edges of each directed relation: int64[2R]."""
        self.heads = np.zeros(graph.directed, np.int64)
        """Entities with an edge of each directed relation: int64[2R]; of ``r ^ 1``, those with one into them."""
        kernels._relation_sizes(graph.arrays, self.sizes, self.heads)

    def of(self, relation: int) -> Pairs:
        """Return the edges of a directed relation as pairs."""
        count, size = self.heads[relation], self.sizes[relation]
        pairs = Pairs(np.empty(count, np.int32), np.empty(count + 1, np.int64), np.empty(size, np.int32))
        kernels._pairs_of(self.graph.arrays, relation, pairs.rows, pairs.offsets, pairs.ends)
        return pairs

    def walks(self, pairs: Pairs) -> NDArray[np.int64]:
        """Return how many edges of each directed relation leave the seconds, with repeats: int64[2R]."""
        walks = np.zeros(self.graph.directed, np.int64)
        kernels._count_walks(self.graph.arrays, pairs.ends, self._counts, walks)
        return walks

    def compose(self, pairs: Pairs, relation: int, walks: int) -> Pairs:
        """Return the pairs (a, c) with a pair (a, b) and an edge b → c; ``walks`` bounds how many there are."""
        rows, offsets = np.empty_like(pairs.rows), np.empty_like(pairs.offsets)
        most = min(walks, len(pairs.rows) * self.graph.entities)
        ends = np.empty(most, np.int32)
        n = kernels._compose(
            self.graph.arrays, pairs.rows, pairs.offsets, pairs.ends, relation, self._bits, rows, offsets, ends
        )
        return Pairs(rows[:n], offsets[: n + 1], ends[: offsets[n]])

    def score(self, pairs: Pairs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Count, for each base relation, the pairs that are its edges, and those whose first is a head of it.

        Returns
        -------
        int64[R], int64[R]
        """
        positive, known = np.zeros((2, self.graph.directed // 2), np.int64)
        kernels._score(self.graph.arrays, pairs.rows, pairs.offsets, pairs.ends, self._bits, positive, known)
        return positive, known

    def known_tails(self, pairs: Pairs, relation: int) -> int:
        """Count the pairs whose second is a tail of a directed relation."""
        return int(kernels._count_tails(self.graph.arrays, pairs.ends, relation))

    def mark(self, pairs: Pairs, relation: int, marked: NDArray[np.bool_]) -> None:
        """Set ``marked``, bool[M], for the edges of a directed relation that are among the pairs."""
        kernels._mark(self.graph.arrays, pairs.rows, pairs.offsets, pairs.ends, relation, self._bits, marked)

    def overlaps(self, pairs: Pairs) -> tuple[NDArray[np.int64], int]:
        """Count the pairs that each base relation has the other way round, int64[R], and those of equal ends."""
        reverse = np.zeros(self.graph.directed // 2, np.int64)
        loops = kernels._overlaps(self.graph.arrays, pairs.rows, pairs.offsets, pairs.ends, reverse)
        return reverse, int(loops)

    def edges_at(self, entities: NDArray[np.int32], side: int) -> NDArray[np.int64]:
        """Count the edges of each base relation that have some entities as heads (0) or tails (1): int64[R]."""
        edges = np.zeros(self.graph.directed // 2, np.int64)
        kernels._edges_at(self.graph.arrays, entities, side, edges)
        return edges
