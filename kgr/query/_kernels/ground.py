"""Drawing a query backward from a pivot."""

import numpy as np

from kgr._jit import kernel
from kgr._rng import below
from kgr.query.program import ANCHOR, AT, CHECK, CHECK_END, NEXT, RELATION, TO


@kernel
def _ground(graph, draws, checks, by_relation, state, arguments, value):
    """Ground a program's word from a uniform pivot, value[0], into arguments; (state, whether it could be)."""
    fragments, relation, offsets, tail = graph
    entities = fragments.shape[0] - 1
    state, value[0] = below(state, entities)
    for i in range(draws.shape[0]):
        at = draws[i, AT]
        if at < 0:
            state, value[draws[i, TO]] = below(state, entities)
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
        arguments[draws[i, RELATION]] = np.int64(relation[f]) ^ 1
        anchor = draws[i, ANCHOR]
        if anchor >= 0:
            arguments[anchor] = tail[edge]
        else:
            value[draws[i, TO]] = tail[edge]
        for c in range(draws[i, CHECK], draws[i, CHECK_END]):
            if _equal(checks, c, arguments):
                return state, False
    return state, True


@kernel
def _equal(checks, c, arguments):
    """Whether the two groups of arguments of check c are equal."""
    n = checks[c, 0]
    for k in range(1, n + 1):
        if arguments[checks[c, k]] != arguments[checks[c, k + n]]:
            return False
    return True
