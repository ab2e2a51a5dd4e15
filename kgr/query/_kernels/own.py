"""Each query's own negatives, by rejection: entities are drawn, and those that are answers drawn again."""

import numpy as np

from kgr._jit import kernel
from kgr._rng import below
from kgr.graph._kernels import has_bit, locate
from kgr.query._kernels.pull import _keep_answers
from kgr.query._kernels.sets import (
    ALONG_R,
    HOP,
    KEPT,
    KIND,
    SET_KEPT,
    SET_SIZE,
    SET_START,
    SIZE,
    START,
    _clear_bits,
    _collect,
    _enumerate,
    _filter_rest,
    _mark_node,
    _set_bits,
    _smallest,
    place_of,
)
from kgr.query._kernels.shared import FORWARD, LOCATE
from kgr.query.program import FIRST, IS_UNION, LAST

UNIFORM, DEGREE, RANGE = 0, 1, 2  # how negatives are drawn

# Draws for K negatives are given up after MOST * K + SPARE of them; from a range, whose
# entities may all be answers, every entity is drawn after the first half.
MOST, SPARE = 16, 64


@kernel
def _draw_entity(graph, law, ranges, r, uniformly, state):
    """(state, an entity): any, the tail of a uniform edge, or one of the range of relation r."""
    if uniformly or law.negatives == UNIFORM:
        return below(state, graph.fragments.shape[0] - 1)
    if law.negatives == DEGREE:
        state, k = below(state, graph.tail.shape[0])
        return state, np.int64(graph.tail[k])
    state, k = below(state, ranges.starts[(r ^ 1) + 1] - ranges.starts[r ^ 1])
    return state, np.int64(ranges.entities[ranges.starts[r ^ 1] + k])


@kernel
def _stands_for(graph, law, ranges, arguments, uniformly, x):
    """For how many entities a draw of x stands: 1 / the share of draws that give it, whichever range was chosen."""
    if uniformly or law.negatives == UNIFORM:
        return np.float64(graph.fragments.shape[0] - 1)
    if law.negatives == RANGE:
        share = 0.0
        for k in range(ranges.relations.shape[0]):
            inverse = np.int64(arguments[ranges.relations[k]]) ^ 1
            if locate(graph.fragments, graph.relation, x, inverse) >= 0:
                share += 1 / np.float64(ranges.starts[inverse + 1] - ranges.starts[inverse])
        return ranges.relations.shape[0] / share
    degree = graph.offsets[graph.fragments[x + 1]] - graph.offsets[graph.fragments[x]]
    return np.float64(graph.tail.shape[0]) / np.float64(degree)


@kernel
def _enumerate_last(graph, tables, work, top, K):
    """Mark the last node's members where enumerating them is cheaper than testing K entities; the number, or -1."""
    L = work.literals
    S = work.sets
    j = tables.nodes.shape[0] - 1
    first = tables.nodes[j, FIRST]
    last = tables.nodes[j, LAST]
    if tables.nodes[j, IS_UNION] or _smallest(work, first, last, np.int64(0)) >= 0:
        return np.int64(-1)
    hop = _smallest(work, first, last, np.int64(1))
    budget = 2 * LOCATE * K - LOCATE * L[hop, SIZE]
    if budget < 0:
        return np.int64(-1)
    passing = work.bits[work.bits.shape[0] - 1]
    members = place_of(graph, work, L[hop, KEPT])
    m, _ = _collect(graph, members, L[hop, START], L[hop, SIZE], L[hop, ALONG_R], budget // FORWARD, work.found)
    if m < 0:
        return m
    n = _enumerate(graph, work.found, m, passing, work.arena, top)
    _clear_bits(work.kept, top, n, passing)
    n, _, _ = _filter_rest(graph, work, first, last, 1 << (hop - first), np.int64(1), top, n, np.int64(0), top)
    S[j, SET_START] = top
    S[j, SET_SIZE] = n
    S[j, SET_KEPT] = 1
    return n


@kernel
def _draw_own(graph, tables, arguments, work, law, n, waiting, top, budget, state, ranges, negatives):
    """Fill a row of negatives: (state, how many there are, or -1 beyond the budget, n, estimate).

    ``n`` is the number of answers where it is known, else -1; then it is estimated from the draws.
    """
    L = work.literals
    K = negatives.shape[0]
    j = tables.nodes.shape[0] - 1
    first = tables.nodes[j, FIRST]
    if n < 0 and not waiting:
        n = _enumerate_last(graph, tables, work, top, K)
        if n >= 0:
            top += n
    marked = n >= 0
    if marked:
        _mark_node(graph, work, j)
    elif tables.nodes[j, LAST] - first == 1 and L[first, KIND] != HOP and not waiting:
        n = L[first, SIZE]
    return _reject(graph, tables, arguments, work, law, n, marked, waiting, top, budget, state, ranges, negatives)


@kernel
def _reject(graph, tables, arguments, work, law, n, marked, waiting, top, budget, state, ranges, negatives):
    """Draw entities, blockwise, until ``negatives`` is full of those that are no answers."""
    K = negatives.shape[0]
    arena = work.arena
    answers = work.bits[tables.nodes.shape[0] - 1]
    passing = work.bits[work.bits.shape[0] - 1]
    most = MOST * K + SPARE
    r = np.int64(-1)
    if law.negatives == RANGE:
        state, k = below(state, ranges.relations.shape[0])
        r = np.int64(arguments[ranges.relations[k]])
    drawn = 0
    full = 0
    weight = 0.0
    while full < K:
        if drawn >= most:
            break
        uniformly = 2 * drawn > most
        block = min(K - full, most - drawn)
        for i in range(top, top + block):
            state, x = _draw_entity(graph, law, ranges, r, uniformly, state)
            arena[np.uintp(i)] = x
        drawn += block
        bits = answers
        hits = np.int64(0)
        kept = np.int64(1)
        at = top
        if not marked:
            hits, kept, at = _keep_answers(
                graph, tables, arguments, work, kept, top, block, np.int64(0), waiting, top + block, budget
            )
            if hits < 0:
                return state, np.int64(-1), n, np.int64(-1)
            bits = passing
            _set_bits(place_of(graph, work, kept), at, hits, passing)
        for i in range(top, top + block):
            x = np.int64(arena[np.uintp(i)])
            if (marked or hits) and has_bit(bits, x):
                weight += _stands_for(graph, law, ranges, arguments, uniformly, x)
            else:
                negatives[np.uintp(full)] = x
                full += 1
        _clear_bits(place_of(graph, work, kept), at, hits, passing)
    for i in range(full, K):  # places that are no negatives hold the positive
        negatives[np.uintp(i)] = work.value[0]
    # draws end with the K-th negative: that one tells nothing of the share of answers (inverse sampling)
    independent = drawn - 1 if full == K and drawn > 1 else drawn
    return state, np.int64(full), n, max(np.int64(1), np.int64(weight / independent))
