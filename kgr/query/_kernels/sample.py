"""The loop over a batch's rows."""

import numpy as np

from kgr._jit import kernel
from kgr._rng import below, start
from kgr.query._kernels.ground import _ground
from kgr.query._kernels.root import _strike, _strike_conjunction
from kgr.query._kernels.sets import (
    HOP,
    KIND,
    SET_SIZE,
    SET_START,
    _clear_bits,
    _filter,
    _filter_rest,
    _inner_nodes,
    _materialise,
    _unite,
    _unmark,
)
from kgr.query.program import FIRST, IS_UNION, LAST


@kernel
def _draw_candidates(key, entities, out):
    state = start(key, -1)
    for j in range(out.shape[0]):
        state, out[j] = below(state, entities)


@kernel
def _is_answer(graph, nodes, x, L, S, bits, arena, top):
    """Whether x is in the last node, whose literals are read."""
    j = nodes.shape[0] - 1
    first = nodes[j, FIRST]
    last = nodes[j, LAST]
    arena[top] = x
    if nodes[j, IS_UNION] == 0:
        return _filter_rest(graph, L, first, last, -1, S, bits, arena, top, 1, True) == 1
    for i in range(first, last):
        arena[top] = x
        if _filter(graph, L, i, S, bits, arena, top, 1, True) == 1:
            return True
    return False


@kernel
def _strike_answers(graph, nodes, L, S, bits, arena, top, found, candidates, is_negative):
    """Strike all answers from the candidates; their number, or -1 where the plan did not give it."""
    j = nodes.shape[0] - 1
    first = nodes[j, FIRST]
    last = nodes[j, LAST]
    if nodes[j, IS_UNION] == 0:
        return _strike_conjunction(graph, first, last, L, S, bits, arena, top, found, candidates, is_negative)
    hops = 0
    for i in range(first, last):
        hops += L[i, KIND] == HOP
    if hops == 0:
        passing = bits[bits.shape[0] - 1]
        n = _unite(graph, L, first, last, passing, arena, top)
        _clear_bits(arena, top, n, passing)
        _strike(arena, top, n, candidates, is_negative)
        return n
    for i in range(first, last):
        _strike_conjunction(graph, i, i + 1, L, S, bits, arena, top, found, candidates, is_negative)
    return np.int64(-1)


@kernel
def _try_row(
    graph, draws, checks, nodes, literals, by_relation, negates, exactly, state, arguments, value,
    L, S, bits, arena, found, candidates, is_negative,
):  # fmt: skip
    """One try at a row: (state, positive or -1, number of answers or -1 where it is not known)."""
    state, drawn = _ground(graph, draws, checks, by_relation, state, arguments, value)
    n = np.int64(-1)
    if not drawn:
        return state, np.int64(-1), n
    positive = value[0]
    top = _inner_nodes(graph, nodes, literals, arguments, L, S, bits, arena)
    if negates and not by_relation and not _is_answer(graph, nodes, positive, L, S, bits, arena, top):
        positive = np.int64(-1)
    elif exactly or (negates and by_relation):
        last = nodes.shape[0] - 1
        _materialise(graph, nodes, last, L, S, bits, arena, top)
        n = S[last, SET_SIZE]
        if n == 0:
            positive = np.int64(-1)
        else:
            if negates and by_relation:
                state, k = below(state, n)
                positive = np.int64(arena[S[last, SET_START] + k])
            is_negative[:] = True
            _strike(arena, S[last, SET_START], n, candidates, is_negative)
    else:
        is_negative[:] = True
        n = _strike_answers(graph, nodes, L, S, bits, arena, top, found, candidates, is_negative)
    _unmark(S, bits, arena)
    return state, positive, n


@kernel
def _sample(
    graph, draws, checks, nodes, literals, by_relation, negates, exactly, key, first, tries, candidates,
    arguments, positives, is_negative, counts, exact, value, L, S, bits, arena, found,
):  # fmt: skip
    """Fill a batch, whose first row is row ``first`` of its step; -1, or the row that took too many tries."""
    entities = graph.fragments.shape[0] - 1
    K = is_negative.shape[1]
    for b in range(positives.shape[0]):
        state = start(key, first + b)
        positive = np.int64(-1)
        n = np.int64(-1)
        for _ in range(tries):
            state, positive, n = _try_row(
                graph, draws, checks, nodes, literals, by_relation, negates, exactly, state, arguments[b], value,
                L, S, bits, arena, found, candidates, is_negative[b],
            )  # fmt: skip
            if positive >= 0:
                break
        if positive < 0:
            return b
        positives[b] = positive
        exact[b] = n >= 0
        if n < 0:
            struck = 0
            for k in range(K):
                struck += not is_negative[b, k]
            n = max(np.int64(1), np.int64(struck) * entities // K)
        counts[b] = n
    return -1
