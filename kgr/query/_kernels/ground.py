"""Drawing a query backward from a pivot."""

import numpy as np

from kgr._jit import kernel
from kgr._rng import below
from kgr.graph._kernels import contains, span
from kgr.query.program import ANCHOR, ANY, AT, BESIDE, FIRST_OF, LAST_OF, NEXT, RELATION, TO


@kernel
def _ground(graph, steps, by_relation, by_degree, state, arguments, value):
    """Ground a word from a pivot, value[0], into arguments; (state, whether it could be)."""
    fragments, relation, offsets, tail = graph
    draws = steps.draws
    entities = fragments.shape[0] - 1
    if by_degree:  # the tail of a uniform edge
        state, k = below(state, tail.shape[0])
        value[0] = tail[k]
    else:
        state, value[0] = below(state, entities)
    for i in range(draws.shape[0]):
        at = draws[i, AT]
        if at < 0:
            if at == ANY:
                state, x = below(state, entities)
            else:
                state, x = _other_tail(graph, steps.edges, draws[i], state, arguments, value)
                if x < 0:
                    return state, False
            value[draws[i, TO]] = x
            continue
        v = value[at]
        first = np.int64(fragments[v])
        n = np.int64(fragments[v + 1]) - first
        if by_relation:
            after = draws[i, NEXT]
            n -= after >= 0
            if n <= 0:
                return state, False
            state, k = below(state, n)
            f = first + k
            # the way back is left out: fragments ascend, so those from it on move one place
            if after >= 0 and relation[f] >= arguments[after]:
                f += 1
            a = np.int64(offsets[f])
            state, k = below(state, np.int64(offsets[f + 1]) - a)
            edge = a + k
        else:
            a = np.int64(offsets[first])
            edges = np.int64(offsets[first + n]) - a
            if edges == 0:
                return state, False
            state, k = below(state, edges)
            edge = a + k
            f = first
            while n > 1:
                half = n >> 1
                if offsets[f + half] <= edge:
                    f += half
                n -= half
        source = tail[edge]
        arguments[draws[i, RELATION]] = np.int64(relation[f]) ^ 1
        value[draws[i, TO]] = source
        if draws[i, ANCHOR] >= 0:
            arguments[draws[i, ANCHOR]] = source
        for c in range(draws[i, FIRST_OF], draws[i, LAST_OF]):
            if _equal(steps.checks, c, arguments):
                return state, False
    return state, True


@kernel
def _other_tail(graph, edges, draw, state, arguments, value):
    """A uniform tail, other than value[draw[BESIDE]], of the smallest of some edges' fragments.

    (state, tail), or (state, -1) where there is none or it is no tail of all the other edges.
    """
    fragments, relation, offsets, tail = graph
    best = -1
    low = np.int64(0)
    high = np.int64(0)
    for e in range(draw[FIRST_OF], draw[LAST_OF]):
        a, b = span(fragments, relation, offsets, value[edges[e, 0]], arguments[edges[e, 1]])
        if best < 0 or b - a < high - low:
            best = e
            low = a
            high = b
    if high - low < 2:
        return state, np.int64(-1)
    state, k = below(state, high - low - 1)
    # the tails ascend: those from the one left out on move one place
    x = np.int64(tail[low + k + (tail[low + k] >= value[draw[BESIDE]])])
    for e in range(draw[FIRST_OF], draw[LAST_OF]):
        a, b = span(fragments, relation, offsets, value[edges[e, 0]], arguments[edges[e, 1]])
        if e != best and not contains(tail, a, b, x):
            return state, np.int64(-1)
    return state, x


@kernel
def _equal(checks, c, arguments):
    """Whether the two groups of arguments of check c are equal."""
    n = checks[c, 0]
    for k in range(1, n + 1):
        if arguments[checks[c, k]] != arguments[checks[c, k + n]]:
            return False
    return True
