"""The memory that one thread needs to run a program's kernels on a graph."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kgr.graph.graph import Graph
from kgr.query.program import Program


class Scratch(NamedTuple):
    """Work arrays of the kernels, in the order in which those that sample take them.

    Attributes
    ----------
    value : int64[values]
        Entities met while a query is drawn.
    literals, sets : int64[literals, 6], int64[nodes, 4]
        What is known of each literal and set of the query at hand; see :mod:`kgr.query._kernels`.
    bits : uint32[nodes + 2, ceil(G / 32)]
        Bitmaps: one a set, one of the caller's, one for passing use; all zero between queries.
    arena : int32[n]
        Members of the sets, stack-like.
    found : int64[G + 1]
        Fragments of a hop.
    """

    value: NDArray[np.int64]
    literals: NDArray[np.int64]
    sets: NDArray[np.int64]
    bits: NDArray[np.uint32]
    arena: NDArray[np.int32]
    found: NDArray[np.int64]

    @classmethod
    def of(cls, graph: Graph, program: Program, candidates: int = 0) -> Scratch:
        """Allocate; pages that no query touches are never backed by memory."""
        nodes = len(program.nodes)
        # of at most G members each: one set a node, a union's literals before they are merged, and one kept
        members = (nodes + 3) * graph.entities
        return cls(
            np.zeros(program.values, np.int64),
            np.zeros((len(program.literals), 6), np.int64),
            np.zeros((nodes, 4), np.int64),
            np.zeros((nodes + 2, (graph.entities >> 5) + 1), np.uint32),
            np.empty(members + candidates + 1, np.int32),
            np.empty(graph.entities + 1, np.int64),
        )
