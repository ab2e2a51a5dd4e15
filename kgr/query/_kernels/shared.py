"""Which of a batch's shared candidates answer a query: the last node, by the cheapest exact plan.

Costs are in about nanoseconds: finding a fragment, scanning an edge, enumerating an edge forward
(with de-duplication), and a binary search.
"""

import numpy as np
from numba import types
from numba.extending import intrinsic

from kgr._jit import forced, inlined, kernel
from kgr.graph._kernels import contains
from kgr.query._kernels.pull import _keep_answers
from kgr.query._kernels.sets import (
    ALONG_R,
    HOP,
    KEPT,
    KIND,
    MARKED,
    NEVER,
    NODE,
    POSITIVE,
    SIZE,
    SORTED,
    START,
    _clear_bits,
    _collect,
    _copy,
    _enumerate,
    _filter,
    _filter_rest,
    _is_sorted,
    _mark_node,
    _smallest,
    _unite,
    place_of,
    touches,
)
from kgr.query.program import FIRST, IS_UNION, LAST

LOCATE, SCAN, FORWARD, SEARCH = 14, 1, 3, 12
FAVOUR = 1.2  # forward plans give exact answer counts: they are taken up to this many times the price


@intrinsic
def _popcount(typingctx, x):
    def build(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), build


@kernel
def _strike(members, start, n, places, is_negative):
    """Strike members[start:start + n] from the candidates: is_negative becomes False at all their places.

    How many of these it was not before.
    """
    words = places.words
    starts = places.starts
    candidates = places.members
    one = np.uint64(1)
    mask = np.int64(words.shape[0] * 32 - 1)
    struck = np.int64(0)
    for i in range(start, start + n):
        x = np.int64(members[np.uintp(i)])
        bucket = x & mask
        word = words[np.uintp(bucket >> 5)]
        shift = np.uint64(bucket & 31)
        if (word >> shift) & one:
            k = np.uintp((word >> np.uint64(32)) + _popcount(word & ((one << shift) - one)))
            for c in range(starts[k], starts[k + np.uintp(1)]):
                if candidates[np.uintp(c)] >> 16 == x:
                    place = np.uintp(candidates[np.uintp(c)] & 0xFFFF)
                    struck += is_negative[place]
                    is_negative[place] = False
    return struck


@inlined
def _backward_cost(r, candidates):
    inverse = r ^ 1
    return (
        20
        + 2 * np.int64(candidates.groups.starts[inverse + 1] - candidates.groups.starts[inverse])
        + SCAN * np.int64(candidates.groups.edges[inverse])
    )


@forced
def _cheapest_backward(work, first, last, candidates):
    """The positive hop whose candidates are cheapest to test through their own fragments, or -1."""
    L = work.literals
    best = -1
    cost = NEVER
    for i in range(first, last):
        if L[i, KIND] == HOP and L[i, POSITIVE]:
            own = _backward_cost(L[i, ALONG_R], candidates) + L[i, SIZE]
            if own < cost:
                best = i
                cost = own
    return best


@kernel
def _backward(r, bits, groups, arena, top):
    """Candidates with a marked in-neighbour under r -> arena[top:], by their fragments of the inverse."""
    n = top
    for i in range(groups.starts[r ^ 1], groups.starts[(r ^ 1) + 1]):
        hit = touches(groups.tails, groups.first[np.uintp(i)], groups.last[np.uintp(i)], bits)
        arena[np.uintp(n)] = groups.owners[np.uintp(i)]
        n += hit
    return n - top


@kernel
def _backward_sorted(r, members, a, b, groups, arena, top):
    """As :func:`_backward` for the sorted members[a:b], searched: where they are too many to mark."""
    n = top
    for i in range(groups.starts[r ^ 1], groups.starts[(r ^ 1) + 1]):
        hit = False
        for e in range(groups.first[np.uintp(i)], groups.last[np.uintp(i)]):
            if contains(members, a, b, groups.tails[np.uintp(e)]):
                hit = True
                break
        arena[np.uintp(n)] = groups.owners[np.uintp(i)]
        n += hit
    return n - top


@kernel
def _strike_conjunction(graph, work, first, last, top, candidates, is_negative):
    """Strike the members of the conjunction first:last from the candidates; (their number, or -1 if not known, how many
    places were struck)."""
    L = work.literals
    S = work.sets
    single = last - first == 1
    direct = _smallest(work, first, last, np.int64(0))
    hop = _cheapest_backward(work, first, last, candidates)
    probe = np.int64(0)  # cost of testing one value against every literal
    for i in range(first, last):
        probe += 2 * LOCATE if L[i, KIND] == HOP else SEARCH
    forward = L[direct, SIZE] * (2 + probe - SEARCH) if direct >= 0 else NEVER
    each = NEVER if single and hop >= 0 else np.int64(FAVOUR * candidates.distinct.shape[0] * probe)
    back = NEVER
    searched = False
    if hop >= 0:
        scan = _backward_cost(L[hop, ALONG_R], candidates)
        marking = 0 if S[L[hop, NODE], MARKED] else 2 * L[hop, SIZE]
        searched = S[L[hop, NODE], SORTED] == 1 and SEARCH * scan < scan + marking
        back = np.int64(FAVOUR * (SEARCH * scan if searched else scan + marking))
    best = min(forward, each, back)
    if hop >= 0 and L[hop, SIZE] * LOCATE < best:  # a hop's forward cost shows only while its fragments are found
        budget = best - L[hop, SIZE] * LOCATE
        members = place_of(graph, work, L[hop, KEPT])
        m, edges = _collect(graph, members, L[hop, START], L[hop, SIZE], L[hop, ALONG_R], budget // FORWARD, work.found)
        if m >= 0 and (single or edges * (FORWARD + probe - 2 * LOCATE) <= budget):
            return _strike_hop(graph, work, first, last, hop, m, top, candidates, is_negative)
    exact = forward <= best
    n = np.int64(0)
    at = top
    kept = np.int64(1)
    done = np.int64(0)
    is_sorted = np.int64(1)
    if exact:
        n = L[direct, SIZE]
        kept = L[direct, KEPT]
        at = L[direct, START]
        is_sorted = _is_sorted(work, direct)
        done = np.int64(1) << (direct - first)
    elif back <= best:
        if searched:
            members = place_of(graph, work, L[hop, KEPT])
            end = L[hop, START] + L[hop, SIZE]
            n = _backward_sorted(L[hop, ALONG_R], members, L[hop, START], end, candidates.groups, work.arena, top)
        else:
            _mark_node(graph, work, L[hop, NODE])
            n = _backward(L[hop, ALONG_R], work.bits[L[hop, NODE]], candidates.groups, work.arena, top)
        done = np.int64(1) << (hop - first)
    else:
        n = np.int64(candidates.distinct.shape[0])
        _copy(candidates.distinct, 0, n, work.arena, top)
    if done == 0 or not single:
        n, kept, at = _filter_rest(graph, work, first, last, done, kept, at, n, is_sorted, top)
    struck = _strike(place_of(graph, work, kept), at, n, candidates.places, is_negative)
    return n if exact else np.int64(-1), struck


@kernel
def _strike_hop(graph, work, first, last, hop, m, top, candidates, is_negative):
    """Strike by the m fragments found of a hop, enumerated and filtered by the other literals: as above."""
    if last - first == 1 and m == 1:
        f = work.found[0]
        a = np.int64(graph.offsets[f])
        n = np.int64(graph.offsets[f + 1]) - a
        return n, _strike(graph.tail, a, n, candidates.places, is_negative)
    passing = work.bits[work.bits.shape[0] - 1]
    n = _enumerate(graph, work.found, m, passing, work.arena, top)
    _clear_bits(work.kept, top, n, passing)
    if last - first > 1:
        done = np.int64(1) << (hop - first)
        n, _, _ = _filter_rest(graph, work, first, last, done, np.int64(1), top, n, np.int64(0), top)
    return n, _strike(work.kept, top, n, candidates.places, is_negative)


@kernel
def _strike_union(graph, work, first, last, top, candidates, is_negative):
    """Strike the members of all literals; (their number, or -1 if not known, how many
    places were struck)."""
    L = work.literals
    hops = 0
    total = np.int64(0)
    for i in range(first, last):
        hops += L[i, KIND] == HOP
        total += L[i, SIZE]
    struck = np.int64(0)
    if hops or total > 8 * candidates.distinct.shape[0]:
        for i in range(first, last):
            _, own = _strike_conjunction(graph, work, i, i + 1, top, candidates, is_negative)
            struck += own
        return np.int64(-1), struck
    if last - first == 2:  # what both have is counted once
        for i in range(first, last):
            members = place_of(graph, work, L[i, KEPT])
            struck += _strike(members, L[i, START], L[i, SIZE], candidates.places, is_negative)
        members = place_of(graph, work, L[first, KEPT])
        is_sorted = _is_sorted(work, first)
        return total - _filter(graph, work, first + 1, members, L[first, START], L[first, SIZE], is_sorted, top), struck
    passing = work.bits[work.bits.shape[0] - 1]
    n = _unite(graph, work, first, last, passing, top, NEVER)
    _clear_bits(work.kept, top, n, passing)
    return n, _strike(work.kept, top, n, candidates.places, is_negative)


@inlined
def _strike_answers(graph, tables, arguments, work, waiting, top, budget, candidates, is_negative):
    """Strike all answers from the candidates.

    (Their number, -1 where the plan did not give it, -2 beyond the budget; how many places were struck.)
    """
    j = tables.nodes.shape[0] - 1
    first = tables.nodes[j, FIRST]
    last = tables.nodes[j, LAST]
    if waiting:
        return _strike_backward(graph, tables, arguments, work, top, budget, candidates, is_negative)
    if tables.nodes[j, IS_UNION]:
        return _strike_union(graph, work, first, last, top, candidates, is_negative)
    return _strike_conjunction(graph, work, first, last, top, candidates, is_negative)


@kernel
def _strike_backward(graph, tables, arguments, work, top, budget, candidates, is_negative):
    """As :func:`_strike_answers` where sets wait: from the smallest set that is made, or from the candidates."""
    L = work.literals
    j = tables.nodes.shape[0] - 1
    direct = (
        -1 if tables.nodes[j, IS_UNION] else _smallest(work, tables.nodes[j, FIRST], tables.nodes[j, LAST], np.int64(0))
    )
    exact = direct >= 0 and L[direct, SIZE] <= candidates.distinct.shape[0]
    kept = np.int64(1)
    at = top
    n = np.int64(candidates.distinct.shape[0])
    is_sorted = np.int64(1)
    if exact:
        kept = L[direct, KEPT]
        at = L[direct, START]
        n = L[direct, SIZE]
        is_sorted = _is_sorted(work, direct)
    else:
        _copy(candidates.distinct, 0, n, work.arena, top)
        top += n
    n, kept, at = _keep_answers(graph, tables, arguments, work, kept, at, n, is_sorted, np.int64(1), top, budget)
    if n < 0:
        return np.int64(-2), n
    struck = _strike(place_of(graph, work, kept), at, n, candidates.places, is_negative)
    return n if exact else np.int64(-1), struck
