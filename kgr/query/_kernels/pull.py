"""Which of some entities are answers: sets that wait are restricted to what may lead to these."""

import numpy as np

from kgr._jit import forced, kernel
from kgr.query._kernels.sets import (
    MARKED,
    NODE,
    READY,
    RESTRICTED,
    SET_KEPT,
    SET_SIZE,
    SET_START,
    SORTED,
    STATE,
    WAITS,
    _clear_bits,
    _expand,
    _filter,
    _filter_bits,
    _filter_rest,
    _read_literals,
    _set_bits,
    place_of,
)
from kgr.query.program import ALONG, FIRST, IS_UNION, LAST, PARENT, READER


@kernel
def _keep_answers(graph, tables, arguments, work, kept, at, n, is_sorted, waiting, top, budget):
    """The answers among members at:at + n -> arena; (size or -1 beyond the budget, kept, place).

    The members stay where they are. An answer of two branches of a union may come twice.
    """
    j = tables.nodes.shape[0] - 1
    first = tables.nodes[j, FIRST]
    last = tables.nodes[j, LAST]
    out = top
    done = np.int64(0)
    if not tables.nodes[j, IS_UNION]:
        for i in range(first, last):
            done |= np.int64(_is_made(work, i)) << (i - first)
        n, kept, at = _filter_rest(graph, work, first, last, np.int64(0), kept, at, n, is_sorted, top)
        top += n
    if waiting and n:
        top = _restrict(graph, tables, arguments, work, kept, at, n, top, budget)
        if top < 0:
            return np.int64(-1), kept, at
    if tables.nodes[j, IS_UNION]:
        m = np.int64(0)
        for i in range(first, last):
            m += _filter(graph, work, i, place_of(graph, work, kept), at, n, is_sorted, top + m)
        n = m
        kept = np.int64(1)
        at = top
    elif waiting:
        n, kept, at = _filter_rest(graph, work, first, last, done, kept, at, n, is_sorted, out)
    _release(work)
    return n, kept, at


@forced
def _is_made(work, i):
    """Whether the set that literal i reads is made, whole."""
    node = work.literals[i, NODE]
    return node < 0 or work.sets[node, STATE] == READY


@kernel
def _restrict(graph, tables, arguments, work, kept, at, n, top, budget):
    """Make the sets that wait, restricted to what may lead to members at:at + n; the new top, or -1."""
    S = work.sets
    nodes = tables.nodes
    last = nodes.shape[0] - 1
    passing = work.bits[work.bits.shape[0] - 1]
    for j in range(last - 1, -1, -1):  # parents first: backward from the members
        if S[j, STATE] == WAITS:
            parent = nodes[j, PARENT]
            from_kept = kept if parent == last else S[parent, SET_KEPT]
            start = at if parent == last else S[parent, SET_START]
            size = n if parent == last else S[parent, SET_SIZE]
            along = tables.literals[nodes[j, READER], ALONG]
            if along >= 0:
                size = _expand(graph, work, from_kept, start, size, arguments[along] ^ 1, passing, top, budget)
                if size < 0:
                    return size
                _clear_bits(work.kept, top, size, passing)
                start = top
                from_kept = np.int64(1)
                top += size
            S[j, SET_START] = start
            S[j, SET_SIZE] = size
            S[j, SET_KEPT] = from_kept
    for j in range(last):  # children first: what of it is in the sets
        if S[j, STATE] == WAITS:
            S[j, STATE] = RESTRICTED
            _read_literals(graph, tables, j, arguments, work)
            top = _keep_members(graph, tables, j, work, top)
    _read_literals(graph, tables, last, arguments, work)
    return top


@kernel
def _keep_members(graph, tables, j, work, top):
    """Restrict node j to those of its row's members that are in it; the new top."""
    S = work.sets
    kept = S[j, SET_KEPT]
    at = S[j, SET_START]
    n = S[j, SET_SIZE]
    m = np.int64(0)
    if tables.nodes[j, IS_UNION]:
        for i in range(tables.nodes[j, FIRST], tables.nodes[j, LAST]):
            own = _filter(graph, work, i, place_of(graph, work, kept), at, n, np.int64(0), top + m)
            own = _filter_bits(work.kept, top + m, own, work.bits[j], np.int64(0), work.arena, top + m)
            _set_bits(work.kept, top + m, own, work.bits[j])
            m += own
    else:
        m, kept, at = _filter_rest(
            graph, work, tables.nodes[j, FIRST], tables.nodes[j, LAST], np.int64(0), kept, at, n, np.int64(0), top
        )
    S[j, MARKED] = tables.nodes[j, IS_UNION]
    S[j, SORTED] = 0
    if m == 0 or tables.nodes[j, IS_UNION]:
        kept = np.int64(1)
        at = top
    S[j, SET_START] = at
    S[j, SET_SIZE] = m
    S[j, SET_KEPT] = kept
    return top + m


@forced
def _release(work):
    """Let restricted sets wait again, for the next entities in question."""
    S = work.sets
    for j in range(S.shape[0]):
        if S[j, STATE] == RESTRICTED:
            if S[j, MARKED]:
                S[j, MARKED] = 0
                _clear_bits(work.kept, S[j, SET_START], S[j, SET_SIZE], work.bits[j])
            S[j, STATE] = WAITS
