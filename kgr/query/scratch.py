"""The memory that one thread needs to run a program's kernels on a graph."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kgr.graph.graph import Graph
from kgr.query.program import Program


class Scratch(NamedTuple):
    """Work arrays of the kernels.

    Attributes
    ----------
    value : int64[values]
        Entities met while a query is drawn.
    literals, sets : int64[literals, 7], int64[nodes, 6]
        What is known of each literal and set of the query at hand; see :mod:`kgr.query._kernels`.
    bits : uint32[nodes + 2, ceil(G / 32)]
        Bitmaps: one a set, one of the caller's, one for passing use; all zero between queries.
    arena : int32[n]
        Members of the sets, stack-like.
    kept : int32[n]
        The arena as it is read: of the same type as a graph's tails, so that one kernel reads both.
    found : int64[max(G, candidates) + 1]
        Fragments of a hop, from a set or from own draws, which may repeat an entity.
    """

    value: NDArray[np.int64]
    literals: NDArray[np.int64]
    sets: NDArray[np.int64]
    bits: NDArray[np.uint32]
    arena: NDArray[np.int32]
    kept: NDArray[np.int32]
    found: NDArray[np.int64]

    @classmethod
    def of(cls, graph: Graph, program: Program, candidates: int = 0) -> Scratch:
        """Allocate; pages that no query touches are never backed by memory."""
        tables = program.tables
        nodes = len(tables.nodes)
        # of at most G members each: a node's set and what may lead to it, a union's literals before they are
        # merged, and one kept; candidates once as they are and once for each literal that filters them
        members = (2 * nodes + 3) * graph.entities + (len(tables.literals) + 1) * candidates
        arena = np.empty(members + 1, np.int32)
        kept = arena.view()
        kept.flags.writeable = False
        return cls(
            np.zeros(program.values, np.int64),
            np.zeros((len(tables.literals), 7), np.int64),
            np.zeros((nodes, 6), np.int64),
            np.zeros((nodes + 2, (graph.entities >> 5) + 1), np.uint32),
            arena,
            kept,
            np.empty(max(graph.entities, candidates) + 1, np.int64),
        )
