"""The candidates that a batch shares, indexed for the kernels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kgr.graph.graph import Graph
from kgr.query._kernels import candidates

_GATHERED = 64  # mean edges of a candidate's fragments up to which they are copied

_BUCKET_BITS = 16  # the candidates' table stays in the first cache whatever the graph's size


class Places(NamedTuple):
    """Finds an entity's places among the candidates, by the low bits of its id.

    ``words`` holds a bit for each of 32 values and how many values come before these; the candidates of the k-th
    value are ``members[starts[k]:starts[k + 1]]``, id << 16 | place.
    """

    words: NDArray[np.uint64]
    starts: NDArray[np.int32]
    members: NDArray[np.int64]


class Groups(NamedTuple):
    """Entities' fragments by relation.

    Those of relation r are ``starts[r]:starts[r + 1]``, with ``edges[r]`` edges in all; fragment k is
    ``tails[first[k]:last[k]]``, of entity ``owners[k]``.
    """

    starts: NDArray[np.int64]
    edges: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    owners: NDArray[np.int32]
    tails: NDArray[np.int32]


class Candidates(NamedTuple):
    """A batch's candidates, indexed for the kernels: their places, the distinct ones, sorted, and their fragments.

    By the groups a backward plan touches only those candidates that have its relation.
    """

    distinct: NDArray[np.int32]
    places: Places
    groups: Groups


def draw_candidates(
    graph: Graph, key: np.uint64, out: NDArray[np.int32], *, by_degree: bool, grouped: bool
) -> Candidates:
    """Draw entities into ``out`` (int32[K]), uniform or as tails of uniform edges, and index them.

    ``grouped`` says whether their fragments are wanted, which only a word with inner sets needs.
    """
    bits = max(5, min(_BUCKET_BITS, int(graph.entities - 1).bit_length()))
    keys = np.empty(len(out), np.uint64)
    candidates._draw_candidates(key, graph.entities, graph.tail, by_degree, bits, out, keys)
    keys.sort()
    places = Places(
        np.zeros(1 << (bits - 5), np.uint64), np.empty(len(out) + 1, np.int32), np.empty(len(out), np.int64)
    )
    distinct = np.empty(len(out), np.int32)
    distinct = distinct[: candidates._index_keys(keys, bits, *places, distinct)]
    if graph.entities > 1 << bits:
        distinct.sort()
    return Candidates(distinct, places, group(graph, distinct, gather=True) if grouped else _NO_GROUPS)


def group(graph: Graph, entities: NDArray[np.int32], *, gather: bool = False) -> Groups:
    """Group entities' fragments by relation.

    ``gather`` copies the tails, one group after the other, unless they are too many: a query then reads them in
    one go.
    """
    starts, edges = np.zeros(graph.directed + 1, np.int64), np.zeros(graph.directed, np.int64)
    n, size = candidates._count_fragments(graph.fragments, graph.relation, graph.offsets, entities, starts, edges)
    first, last, owners = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int32)
    candidates._group_fragments(
        graph.fragments, graph.relation, graph.offsets, entities, starts.copy(), first, last, owners
    )
    tails = graph.tail
    if gather and size <= _GATHERED * n:
        copied = np.empty(size, np.int32)
        candidates._gather_tails(tails, first, last, copied)
        tails = copied.view()
        tails.flags.writeable = False
    return Groups(starts, edges, first, last, owners, tails)


_NO_NUMBERS, _NO_IDS = np.zeros(0, np.int64), np.zeros(0, np.int32)
_NO_TAILS = _NO_IDS.view()
_NO_TAILS.flags.writeable = False
_NO_GROUPS = Groups(_NO_NUMBERS, _NO_NUMBERS, _NO_NUMBERS, _NO_NUMBERS, _NO_IDS, _NO_TAILS)
