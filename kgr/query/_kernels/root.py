"""Which of a batch's candidates answer a query: the last node, by the cheapest exact plan.

Costs are in about nanoseconds: finding a fragment, scanning an edge, enumerating an edge forward
(with de-duplication), and a binary search.
"""

import numpy as np
from numba import types
from numba.extending import intrinsic

from kgr._jit import inlined, kernel
from kgr.graph._kernels import has_bit, locate
from kgr.query._kernels.sets import (
    ALONG_R,
    HOP,
    KIND,
    MARKED,
    NODE,
    POSITIVE,
    SIZE,
    START,
    _clear_bits,
    _copy,
    _filter_rest,
    _list_literal,
    _mark_node,
    _smallest,
)

LOCATE, SCAN, FORWARD, SEARCH = 14, 1, 3, 12
FAVOUR = 2  # forward plans give exact answer counts: they are taken up to this many times the price
NEVER = np.int64(1) << 48


@intrinsic
def _popcount(typingctx, x):
    def build(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), build


@kernel
def _count_fragments(fragments, relation, offsets, distinct, starts, sizes):
    """starts[r + 1] = candidates that have relation r; sizes[r] = their edges under it."""
    for i in range(distinct.shape[0]):
        x = distinct[i]
        for f in range(fragments[x], fragments[x + 1]):
            starts[relation[f] + 1] += 1
            sizes[relation[f]] += offsets[f + 1] - offsets[f]


@kernel
def _group_fragments(fragments, relation, distinct, place, fragment, owner):
    """The candidates' fragments by relation, and whose they are."""
    for i in range(distinct.shape[0]):
        x = distinct[i]
        for f in range(fragments[x], fragments[x + 1]):
            k = place[relation[f]]
            fragment[k] = f
            owner[k] = x
            place[relation[f]] = k + 1


@kernel
def _index_buckets(keys, bucket_bits, words, starts, entities, positions):
    """Candidates by the low bits of their ids: a word holds 32 buckets' bits and how many buckets come before."""
    buckets = 0
    previous = np.int64(-1)
    for j in range(keys.shape[0]):
        bucket = np.int64(keys[j] >> np.uint64(48))
        high = np.int64((keys[j] >> np.uint64(16)) & np.uint64(0xFFFFFFFF))
        entities[j] = (high << bucket_bits) | bucket
        positions[j] = np.int64(keys[j] & np.uint64(0xFFFF))
        if bucket != previous:
            if words[bucket >> 5] == 0:
                words[bucket >> 5] = np.uint64(buckets) << np.uint64(32)
            words[bucket >> 5] |= np.uint64(1) << np.uint64(bucket & 31)
            starts[buckets] = j
            buckets += 1
            previous = bucket
    starts[buckets] = keys.shape[0]


@kernel
def _strike(arena, start, n, candidates, is_negative):
    """Strike arena[start:start + n] from the candidates: is_negative becomes False at all their places."""
    words = candidates.words
    starts = candidates.starts
    entities = candidates.entities
    positions = candidates.positions
    one = np.uint64(1)
    mask = np.int64(words.shape[0] * 32 - 1)
    for i in range(start, start + n):
        x = np.int64(arena[np.uintp(i)])
        bucket = x & mask
        word = words[np.uintp(bucket >> 5)]
        shift = np.uint64(bucket & 31)
        if (word >> shift) & one:
            k = np.uintp((word >> np.uint64(32)) + _popcount(word & ((one << shift) - one)))
            for c in range(starts[k], starts[k + np.uintp(1)]):
                if entities[np.uintp(c)] == x:
                    is_negative[np.uintp(positions[np.uintp(c)])] = False


@inlined
def _backward_cost(r, candidates):
    inverse = r ^ 1
    return (
        20
        + 2 * np.int64(candidates.by_relation[inverse + 1] - candidates.by_relation[inverse])
        + SCAN * np.int64(candidates.edges[inverse])
    )


@kernel
def _cheapest_backward(L, first, last, candidates):
    """The positive hop whose candidates are cheapest to test through their own fragments, or -1."""
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
def _collect(graph, arena, start, n, r, budget, found):
    """The fragments of arena[start:start + n] under r -> found; (number, cost), number -1 beyond the budget."""
    fragments, relation, offsets, _ = graph
    cost = np.int64(0)
    m = np.int64(0)
    for i in range(start, start + n):
        f = locate(fragments, relation, np.int64(arena[np.uintp(i)]), r)
        if f >= 0:
            found[np.uintp(m)] = f
            m += 1
            cost += FORWARD * (np.int64(offsets[np.uintp(f + 1)]) - np.int64(offsets[np.uintp(f)]))
            if cost > budget:
                return np.int64(-1), cost
    return m, cost


@kernel
def _enumerate(graph, found, m, bits, arena, top):
    """Distinct tails of the fragments found -> arena[top:]."""
    _, _, offsets, tail = graph
    n = top
    for i in range(m):
        f = found[np.uintp(i)]
        for e in range(offsets[np.uintp(f)], offsets[np.uintp(f + 1)]):
            x = np.int64(tail[np.uintp(e)])
            word = np.uintp(x >> 5)
            bit = np.uint32(1) << np.uint32(x & 31)
            if bits[word] & bit == 0:
                bits[word] |= bit
                arena[np.uintp(n)] = x
                n += 1
    _clear_bits(arena, top, n - top, bits)
    return n - top


@kernel
def _backward(graph, r, bits, candidates, arena, top):
    """Candidates with a marked in-neighbour under r -> arena[top:], by their fragments of the inverse."""
    _, _, offsets, tail = graph
    n = top
    for i in range(candidates.by_relation[r ^ 1], candidates.by_relation[(r ^ 1) + 1]):
        f = candidates.fragment[np.uintp(i)]
        hit = False
        for e in range(offsets[np.uintp(f)], offsets[np.uintp(f + 1)]):
            if has_bit(bits, np.int64(tail[np.uintp(e)])):
                hit = True
                break
        arena[np.uintp(n)] = candidates.owner[np.uintp(i)]
        n += hit
    return n - top


@kernel
def _strike_conjunction(graph, first, last, L, S, bits, arena, top, found, candidates, is_negative):
    """Strike the members of the conjunction first:last from the candidates; their number, or -1 if not known."""
    single = last - first == 1
    direct = _smallest(L, first, last, False)
    hop = _cheapest_backward(L, first, last, candidates)
    probe = np.int64(0)  # cost of testing one value against every literal
    for i in range(first, last):
        probe += 2 * LOCATE if L[i, KIND] == HOP else SEARCH
    forward = L[direct, SIZE] * (2 + probe - SEARCH) if direct >= 0 else NEVER
    each = NEVER if single and hop >= 0 else FAVOUR * candidates.distinct.shape[0] * probe
    back = NEVER
    if hop >= 0:
        back = FAVOUR * (
            _backward_cost(L[hop, ALONG_R], candidates) + (0 if S[L[hop, NODE], MARKED] else 2 * L[hop, SIZE])
        )
    best = min(forward, each, back)
    if hop >= 0 and L[hop, SIZE] * LOCATE < best:  # a hop's forward cost shows only while its fragments are found
        budget = best - L[hop, SIZE] * LOCATE
        m, cost = _collect(graph, arena, L[hop, START], L[hop, SIZE], L[hop, ALONG_R], budget, found)
        if m >= 0 and (single or cost // FORWARD * (FORWARD + probe - 2 * LOCATE) <= budget):
            n = _enumerate(graph, found, m, bits[bits.shape[0] - 1], arena, top)
            n = _filter_rest(graph, L, first, last, hop, S, bits, arena, top, n, False)
            _strike(arena, top, n, candidates, is_negative)
            return n
    exact = False
    if forward <= best:
        n, is_sorted = _list_literal(graph, L, direct, S, bits, arena, top)
        n = _filter_rest(graph, L, first, last, direct, S, bits, arena, top, n, is_sorted)
        exact = True
    elif back <= best:
        _mark_node(arena, S, L[hop, NODE], bits)
        n = _backward(graph, L[hop, ALONG_R], bits[L[hop, NODE]], candidates, arena, top)
        n = _filter_rest(graph, L, first, last, hop, S, bits, arena, top, n, True)
    else:
        n = np.int64(candidates.distinct.shape[0])
        _copy(candidates.distinct, 0, n, arena, top)
        n = _filter_rest(graph, L, first, last, -1, S, bits, arena, top, n, True)
    _strike(arena, top, n, candidates, is_negative)
    return n if exact else np.int64(-1)
