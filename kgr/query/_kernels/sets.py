"""The sets of a word's nodes: lists of members, filtered by signed literals."""

import numpy as np

from kgr._jit import forced, inlined, kernel
from kgr.graph._kernels import contains, has_bit, locate, span
from kgr.query.program import ALONG, ANCHOR_OF, FIRST, IS_UNION, LAST, NODE_OF, SIGN

SLICE, LIST, HOP = 0, 1, 2  # a fragment; a node's set; a node's set projected, enumerated only when it must be
KIND, START, SIZE, ALONG_R, NODE, POSITIVE, KEPT = range(7)  # columns of L
SET_START, SET_SIZE, SORTED, MARKED, SET_KEPT, STATE = range(6)  # columns of S
READY, WAITS, RESTRICTED = 0, 1, 2  # states of a set: made; not made; made for the entities in question
NEVER = np.int64(1) << 48
SEARCHED = 8  # times as many members are searched, not merged


@inlined
def place_of(graph, work, kept):
    """The array in which members stand."""
    return work.kept if kept else graph.tail


@kernel
def _set_bits(members, start, n, bits):
    for i in range(start, start + n):
        x = np.int64(members[np.uintp(i)])
        bits[np.uintp(x >> 5)] |= np.uint32(1) << np.uint32(x & 31)


@kernel
def _clear_bits(members, start, n, bits):
    """Back to zero by whole words: every bit that is set belongs to the members."""
    for i in range(start, start + n):
        bits[np.uintp(np.int64(members[np.uintp(i)]) >> 5)] = np.uint32(0)


@kernel
def _copy(members, a, n, arena, top):
    for i in range(n):
        arena[np.uintp(top + i)] = members[np.uintp(a + i)]


@forced
def _read_literals(graph, tables, j, arguments, work):
    """Fill the rows of L for the literals of node j of one query."""
    L = work.literals
    S = work.sets
    literals = tables.literals
    fragments, relation, offsets, _ = graph
    for i in range(tables.nodes[j, FIRST], tables.nodes[j, LAST]):
        L[i, POSITIVE] = literals[i, SIGN]
        node = literals[i, NODE_OF]
        along = literals[i, ALONG]
        L[i, NODE] = node
        if node < 0:
            a, b = span(
                graph.fragments, graph.relation, graph.offsets, arguments[literals[i, ANCHOR_OF]], arguments[along]
            )
            L[i, KIND] = SLICE
            L[i, START] = a
            L[i, SIZE] = b - a
            L[i, KEPT] = 0
        else:
            L[i, KIND] = HOP if along >= 0 else LIST
            L[i, START] = S[node, SET_START]
            L[i, SIZE] = S[node, SET_SIZE]
            L[i, KEPT] = S[node, SET_KEPT]
            if along >= 0:
                L[i, ALONG_R] = arguments[along]


@kernel
def _collect(graph, members, start, n, r, budget, found):
    """The fragments of members[start:start + n] under r -> found; (number, edges), number -1 beyond the budget."""
    fragments, relation, offsets, _ = graph
    edges = np.int64(0)
    m = np.int64(0)
    for i in range(start, start + n):
        f = locate(fragments, relation, np.int64(members[np.uintp(i)]), r)
        if f >= 0:
            found[np.uintp(m)] = f
            m += 1
            edges += np.int64(offsets[np.uintp(f + 1)]) - np.int64(offsets[np.uintp(f)])
            if edges > budget:
                return np.int64(-1), edges
    return m, edges


@kernel
def _enumerate(graph, found, m, bits, arena, top):
    """Distinct tails of the fragments found that are not in bits -> arena[top:]; their bits stay set."""
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
    return n - top


@kernel
def _expand(graph, work, kept, start, n, r, bits, top, budget):
    """Distinct r-neighbours of members that are not in bits -> arena[top:]; their bits stay set.

    Their number, or -1 beyond the budget of edges. In two passes: one loop over both is three times slower.
    """
    m, _ = _collect(graph, place_of(graph, work, kept), start, n, r, budget, work.found)
    if m < 0:
        return m
    return _enumerate(graph, work.found, m, bits, work.arena, top)


@forced
def _mark_node(graph, work, node):
    S = work.sets
    if S[node, MARKED] == 0:
        S[node, MARKED] = 1
        _set_bits(place_of(graph, work, S[node, SET_KEPT]), S[node, SET_START], S[node, SET_SIZE], work.bits[node])


@kernel
def _filter_sorted(source, at, n, is_sorted, members, a, b, keep, arena, out):
    """Keep what is (or is not) in the sorted members[a:b]; ``out`` may be where the source is read."""
    m = out
    if is_sorted and keep and (b - a) * SEARCHED < n:  # far fewer members: find them in the source
        i = at
        for j in range(a, b):
            x = members[np.uintp(j)]
            i = _lower_bound(source, i, at + n, x)
            if i == at + n:
                break
            arena[np.uintp(m)] = x
            m += source[np.uintp(i)] == x
    elif is_sorted and b - a < SEARCHED * n:
        i = at
        if keep:
            while i < at + n and a < b:
                x = source[np.uintp(i)]
                y = members[np.uintp(a)]
                arena[np.uintp(m)] = x
                m += x == y
                i += x <= y
                a += y <= x
        else:
            while i < at + n and a < b:
                x = source[np.uintp(i)]
                y = members[np.uintp(a)]
                arena[np.uintp(m)] = x
                m += x < y
                i += x <= y
                a += y <= x
            while i < at + n:
                arena[np.uintp(m)] = source[np.uintp(i)]
                m += 1
                i += 1
    elif is_sorted:
        for i in range(at, at + n):
            x = source[np.uintp(i)]
            a = _lower_bound(members, a, b, x)
            arena[np.uintp(m)] = x
            m += (a < b and members[np.uintp(a)] == x) == keep
    else:
        for i in range(at, at + n):
            x = source[np.uintp(i)]
            arena[np.uintp(m)] = x
            m += contains(members, a, b, x) == keep
    return m - out


@inlined
def _lower_bound(members, low, high, x):
    """The first place of the sorted range members[low:high] that holds at least x."""
    i = np.int64(low)
    n = np.int64(high) - i
    while n > 0:
        half = n >> 1
        below = -np.int64(members[np.uintp(i + half)] < x)  # without a branch: half of them would be missed
        i += (half + 1) & below
        n = (half & ~below) + ((n - half - 1) & below)
    return i


@kernel
def _filter_bits(source, at, n, bits, keep, arena, out):
    m = out
    for i in range(at, at + n):
        x = np.int64(source[np.uintp(i)])
        arena[np.uintp(m)] = x
        m += has_bit(bits, x) == keep
    return m - out


@inlined
def touches(members, a, b, bits):
    """Whether any of members[a:b] is marked."""
    hit = np.uint32(0)
    for e in range(a, b):
        hit = has_bit(bits, np.int64(members[np.uintp(e)]))
        if hit:
            break
    return hit


@kernel
def _filter_hop(graph, source, at, n, r, bits, keep, arena, out):
    """Keep what has (or has not) an in-neighbour under r that is marked."""
    fragments, relation, offsets, tail = graph
    m = out
    for i in range(at, at + n):
        x = np.int64(source[np.uintp(i)])
        f = locate(fragments, relation, x, r ^ 1)
        hit = np.uint32(0)
        if f >= 0:
            hit = touches(tail, offsets[np.uintp(f)], offsets[np.uintp(f + 1)], bits)
        arena[np.uintp(m)] = x
        m += hit == keep
    return m - out


@kernel
def _filter_meets(graph, source, at, n, r, members, start, size, keep, arena, out):
    """As :func:`_filter_hop` for a sorted set that is not marked: for few entities against many members."""
    fragments, relation, offsets, tail = graph
    m = out
    for i in range(at, at + n):
        x = np.int64(source[np.uintp(i)])
        a, b = span(fragments, relation, offsets, x, r ^ 1)
        arena[np.uintp(m)] = x
        m += _meets(tail, a, b, members, start, start + size) == keep
    return m - out


@kernel
def _meets(x, a, b, y, c, d):
    """Whether the sorted ranges x[a:b] and y[c:d] share a member."""
    if (b - a) * 8 < d - c:
        for i in range(a, b):
            if contains(y, c, d, x[np.uintp(i)]):
                return True
        return False
    if (d - c) * 8 < b - a:
        for i in range(c, d):
            if contains(x, a, b, y[np.uintp(i)]):
                return True
        return False
    while a < b and c < d:
        p = x[np.uintp(a)]
        q = y[np.uintp(c)]
        if p == q:
            return True
        a += p < q
        c += q < p
    return False


@kernel
def _filter(graph, work, i, source, at, n, is_sorted, out):
    """Filter source[at:at + n] by literal i into the arena at ``out``; the size left."""
    L = work.literals
    S = work.sets
    keep = L[i, POSITIVE]
    kind = L[i, KIND]
    start = L[i, START]
    size = L[i, SIZE]
    node = L[i, NODE]
    members = place_of(graph, work, L[i, KEPT])
    if kind == SLICE:
        return _filter_sorted(source, at, n, is_sorted, members, start, start + size, keep, work.arena, out)
    if S[node, MARKED] == 0 and S[node, SORTED]:
        if kind == LIST:
            return _filter_sorted(source, at, n, is_sorted, members, start, start + size, keep, work.arena, out)
        if n * 8 < size or size < 8:  # or a few members are searched for in long fragments
            return _filter_meets(graph, source, at, n, L[i, ALONG_R], members, start, size, keep, work.arena, out)
    _mark_node(graph, work, node)
    if kind == LIST:
        return _filter_bits(source, at, n, work.bits[node], keep, work.arena, out)
    return _filter_hop(graph, source, at, n, L[i, ALONG_R], work.bits[node], keep, work.arena, out)


@forced
def _next_filter(work, first, last, done):
    """The literal to filter by next, -1 if none is left: sets, then negated sets, then hops; the smaller first."""
    L = work.literals
    best = -1
    least = NEVER << 4
    for i in range(first, last):
        if (done >> (i - first)) & 1 == 0 and (L[i, NODE] < 0 or work.sets[L[i, NODE], STATE] != WAITS):
            phase = 2 if L[i, KIND] == HOP else 1 - L[i, POSITIVE]
            rank = phase * NEVER + L[i, SIZE]
            if rank < least:
                best = i
                least = rank
    return best


@kernel
def _filter_rest(graph, work, first, last, done, kept, at, n, is_sorted, out):
    """Filter members by all literals that are neither done (a bit each) nor wait.

    (size, kept, place): in the arena at ``out``, or where they were if there was nothing to filter by.
    """
    while n:
        i = _next_filter(work, first, last, done)
        if i < 0:
            break
        n = _filter(graph, work, i, place_of(graph, work, kept), at, n, is_sorted, out)
        kept = np.int64(1)
        at = out
        done |= 1 << (i - first)
    return n, kept, at


@forced
def _smallest(work, first, last, hop):
    """The smallest positive literal that is a hop, or that is none; -1 if there is none that is made."""
    L = work.literals
    best = -1
    for i in range(first, last):
        if L[i, POSITIVE] and (L[i, KIND] == HOP) == hop and (L[i, NODE] < 0 or work.sets[L[i, NODE], STATE] != WAITS):
            if best < 0 or L[i, SIZE] < L[best, SIZE]:
                best = i
    return best


@forced
def _is_sorted(work, i):
    """1 where the members of a direct literal ascend."""
    if work.literals[i, KIND] == SLICE:
        return np.int64(1)
    return work.sets[work.literals[i, NODE], SORTED]


@kernel
def _conjunction(graph, work, first, last, top, budget):
    """The members of the literals first:last: (size or -1 beyond the budget, kept, place, sorted)."""
    L = work.literals
    driver = _smallest(work, first, last, np.int64(0))
    if driver >= 0:
        if last - first > 1 and L[driver, SIZE] > budget:
            return np.int64(-1), np.int64(0), np.int64(0), np.int64(0)
        is_sorted = _is_sorted(work, driver)
        n, kept, at = _filter_rest(
            graph, work, first, last, 1 << (driver - first), L[driver, KEPT], L[driver, START], L[driver, SIZE],
            is_sorted, top,
        )  # fmt: skip
        return n, kept, at, is_sorted
    driver = _smallest(work, first, last, np.int64(1))
    passing = work.bits[work.bits.shape[0] - 1]
    n = _expand(
        graph, work, L[driver, KEPT], L[driver, START], L[driver, SIZE], L[driver, ALONG_R], passing, top, budget
    )
    if n < 0:
        return n, np.int64(0), np.int64(0), np.int64(0)
    _clear_bits(work.kept, top, n, passing)
    n, kept, at = _filter_rest(graph, work, first, last, 1 << (driver - first), np.int64(1), top, n, np.int64(0), top)
    return n, kept, at, np.int64(0)


@kernel
def _unite(graph, work, first, last, bits, top, budget):
    """Distinct members of all literals -> arena[top:], their bits left set; the size, or -1 beyond the budget."""
    L = work.literals
    n = np.int64(0)
    for i in range(first, last):
        new = np.int64(-1)
        if L[i, KIND] == HOP:
            new = _expand(graph, work, L[i, KEPT], L[i, START], L[i, SIZE], L[i, ALONG_R], bits, top + n, budget)
        elif L[i, SIZE] <= budget:
            members = place_of(graph, work, L[i, KEPT])
            new = _filter_bits(members, L[i, START], L[i, SIZE], bits, np.int64(0), work.arena, top + n)
            _set_bits(work.kept, top + n, new, bits)
        if new < 0:
            _clear_bits(work.kept, top, n, bits)
            return new
        n += new
    return n


@kernel
def _materialise(graph, tables, j, work, top, budget):
    """Make node j, its members in the arena at ``top`` or where they stand, and its row of S.

    The new top, or -1 beyond the budget of edges.
    """
    S = work.sets
    first = tables.nodes[j, FIRST]
    last = tables.nodes[j, LAST]
    if tables.nodes[j, IS_UNION] or (last - first == 1 and work.literals[first, KIND] == HOP):
        n = _unite(graph, work, first, last, work.bits[j], top, budget)
        kept = np.int64(1)
        at = top
        S[j, MARKED] = n >= 0
        S[j, SORTED] = 0
    else:
        n, kept, at, is_sorted = _conjunction(graph, work, first, last, top, budget)
        S[j, MARKED] = 0
        S[j, SORTED] = is_sorted
    if n < 0:
        return n
    S[j, SET_START] = at
    S[j, SET_SIZE] = n
    S[j, SET_KEPT] = kept
    return top + n if kept and at == top else top


@forced
def _stands(graph, tables, j, work):
    """Whether node j is one set that is there already; then its row of S says where."""
    L = work.literals
    S = work.sets
    i = tables.nodes[j, FIRST]
    if tables.nodes[j, LAST] - i > 1 or L[i, KIND] == HOP:
        return False
    S[j, SET_START] = L[i, START]
    S[j, SET_SIZE] = L[i, SIZE]
    S[j, SET_KEPT] = L[i, KEPT]
    S[j, SORTED] = _is_sorted(work, i)
    return True


@forced
def _forward(graph, tables, arguments, work, budget):
    """Make every node but the last within a budget of edges each, and read the last one's literals.

    (top, whether some wait): a node waits where it is too dear or needs one that waits.
    """
    S = work.sets
    top = np.int64(0)
    waiting = np.int64(0)
    last = tables.nodes.shape[0] - 1
    for j in range(last):
        S[j, MARKED] = 0
        S[j, STATE] = READY
        late = np.int64(0)
        for i in range(tables.nodes[j, FIRST], tables.nodes[j, LAST]):
            node = tables.literals[i, NODE_OF]
            late |= node >= 0 and S[node, STATE] == WAITS
        if not late:
            _read_literals(graph, tables, j, arguments, work)
            if _stands(graph, tables, j, work):
                continue
            above = _materialise(graph, tables, j, work, top, budget)
            late = above < 0
            if not late:
                top = above
        if late:
            S[j, STATE] = WAITS
            waiting = np.int64(1)
    S[last, MARKED] = 0
    S[last, STATE] = READY
    _read_literals(graph, tables, last, arguments, work)
    return top, waiting


@forced
def _unmark(graph, work):
    """Clear the bitmaps of all marked nodes."""
    S = work.sets
    for j in range(S.shape[0]):
        if S[j, MARKED]:
            S[j, MARKED] = 0
            _clear_bits(place_of(graph, work, S[j, SET_KEPT]), S[j, SET_START], S[j, SET_SIZE], work.bits[j])


@kernel
def _answers(graph, tables, arguments, work):
    """All answers of one query: (kept, start, size, sorted)."""
    S = work.sets
    last = tables.nodes.shape[0] - 1
    top, _ = _forward(graph, tables, arguments, work, NEVER)
    _materialise(graph, tables, last, work, top, NEVER)
    _unmark(graph, work)
    return S[last, SET_KEPT], S[last, SET_START], S[last, SET_SIZE], S[last, SORTED]
