"""What each relation of a graph is like: symmetry, inverses, degrees, and who is at its ends."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from kgr.graph.graph import Graph
from kgr.graph.pairs import Pairs, Paths


@dataclasses.dataclass(frozen=True)
class Ends:
    """One side of a relation's edges.

    Attributes
    ----------
    entities : int32[n]
        Distinct, by ``edges`` descending, then id.
    edges : int64[n]
        The edges of each.
    """

    entities: NDArray[np.int32]
    edges: NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Patterns:
    """Counts by base relation.

    Attributes
    ----------
    triples, heads, tails : int64[R]
        Edges; entities that are the head of one; the tail of one.
    reverse : dict of (r, s) to int
        Edges (a, b) of ``r`` with an edge (b, a) of ``s``, where there are any: ``(r, r)`` tells the
        symmetric ones, and (r, s) equals (s, r).
    loops : int64[R]
        Edges from an entity to itself; each is its own reverse.
    """

    triples: NDArray[np.int64]
    heads: NDArray[np.int64]
    tails: NDArray[np.int64]
    reverse: dict[tuple[int, int], int]
    loops: NDArray[np.int64]


def find_patterns(graph: Graph) -> Patterns:
    """Count what :class:`Patterns` holds: each edge is looked up once in every fragment of its tail."""
    paths = Paths(graph)
    reverse, loops = {}, np.zeros(graph.directed // 2, np.int64)
    for r in range(graph.directed // 2):
        found, loops[r] = paths.overlaps(paths.of(2 * r))
        reverse.update({(r, s): int(found[s]) for s in np.flatnonzero(found).tolist()})
    return Patterns(paths.sizes[::2], paths.heads[::2], paths.heads[1::2], reverse, loops)


def ends_of(paths: Paths, relation: int) -> tuple[Ends, Ends]:
    """Return the heads and the tails of a base relation."""
    return _by_edges(paths.of(2 * relation)), _by_edges(paths.of(2 * relation + 1))


def _by_edges(pairs: Pairs) -> Ends:
    edges = np.diff(pairs.offsets)
    order = np.argsort(-edges, kind="stable")
    return Ends(pairs.rows[order], edges[order])
