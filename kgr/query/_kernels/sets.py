"""The sets of a word's nodes: lists in the arena, filtered by signed literals."""

import numpy as np

from kgr._jit import kernel
from kgr.graph._kernels import contains, has_bit, span
from kgr.query.program import ALONG, ANCHOR_OF, FIRST, IS_UNION, LAST, NODE_OF, SIGN

SLICE, LIST, HOP = 0, 1, 2  # a fragment; a node's set; a node's set projected, enumerated only when it must be
KIND, START, SIZE, ALONG_R, NODE, POSITIVE = range(6)  # columns of L
SET_START, SET_SIZE, SORTED, MARKED = range(4)  # columns of S


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
def _copy(tail, a, n, arena, top):
    for i in range(n):
        arena[np.uintp(top + i)] = tail[np.uintp(a + i)]


@kernel
def _read_literals(graph, literals, first, last, arguments, L, S):
    """Fill the rows of L for the literals first:last of one query."""
    fragments, relation, offsets, _ = graph
    for i in range(first, last):
        L[i, POSITIVE] = literals[i, SIGN]
        node = literals[i, NODE_OF]
        along = literals[i, ALONG]
        L[i, NODE] = node
        if node < 0:
            a, b = span(fragments, relation, offsets, arguments[literals[i, ANCHOR_OF]], arguments[along])
            L[i, KIND] = SLICE
            L[i, START] = a
            L[i, SIZE] = b - a
        else:
            L[i, KIND] = HOP if along >= 0 else LIST
            L[i, START] = S[node, SET_START]
            L[i, SIZE] = S[node, SET_SIZE]
            if along >= 0:
                L[i, ALONG_R] = arguments[along]


@kernel
def _expand(graph, arena, start, n, r, bits, out):
    """Distinct r-neighbours of arena[start:start + n] that are not in bits -> arena[out:]; their bits stay set."""
    fragments, relation, offsets, tail = graph
    m = out
    for i in range(start, start + n):
        a, b = span(fragments, relation, offsets, np.int64(arena[np.uintp(i)]), r)
        for e in range(a, b):
            x = np.int64(tail[np.uintp(e)])
            word = np.uintp(x >> 5)
            bit = np.uint32(1) << np.uint32(x & 31)
            if bits[word] & bit == 0:
                bits[word] |= bit
                arena[np.uintp(m)] = x
                m += 1
    return m - out


@kernel
def _mark_node(arena, S, node, bits):
    if S[node, MARKED] == 0:
        S[node, MARKED] = 1
        _set_bits(arena, S[node, SET_START], S[node, SET_SIZE], bits[node])


@kernel
def _filter_sorted(arena, at, n, is_sorted, members, a, b, keep):
    """Keep what is (or is not) in the sorted members[a:b]; writes without branches."""
    m = at
    if is_sorted and b - a < 16 * n:
        i = at
        while i < at + n and a < b:
            x = arena[np.uintp(i)]
            y = members[np.uintp(a)]
            arena[np.uintp(m)] = x
            m += x == y if keep else x < y
            i += x <= y
            a += y <= x
        if not keep:
            while i < at + n:
                arena[np.uintp(m)] = arena[np.uintp(i)]
                m += 1
                i += 1
        return m - at
    for i in range(at, at + n):
        x = arena[np.uintp(i)]
        arena[np.uintp(m)] = x
        m += contains(members, a, b, x) == keep
    return m - at


@kernel
def _filter_bits(arena, at, n, bits, keep):
    m = at
    for i in range(at, at + n):
        x = np.int64(arena[np.uintp(i)])
        arena[np.uintp(m)] = x
        m += has_bit(bits, x) == keep
    return m - at


@kernel
def _filter_hop(graph, arena, at, n, r, bits, keep):
    """Keep what has (or has not) an in-neighbour under r that is marked."""
    fragments, relation, offsets, tail = graph
    m = at
    for i in range(at, at + n):
        x = np.int64(arena[np.uintp(i)])
        a, b = span(fragments, relation, offsets, x, r ^ 1)
        hit = False
        for e in range(a, b):
            if has_bit(bits, np.int64(tail[np.uintp(e)])):
                hit = True
                break
        arena[np.uintp(m)] = x
        m += hit == keep
    return m - at


@kernel
def _filter_meets(graph, arena, at, n, r, start, size, keep):
    """As :func:`_filter_hop` for a sorted set that is not marked: for few members against many."""
    fragments, relation, offsets, tail = graph
    m = at
    for i in range(at, at + n):
        x = np.int64(arena[np.uintp(i)])
        a, b = span(fragments, relation, offsets, x, r ^ 1)
        arena[np.uintp(m)] = x
        m += _meets(tail, a, b, arena, start, start + size) == keep
    return m - at


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
def _filter(graph, L, i, S, bits, arena, at, n, is_sorted):
    """Filter arena[at:at + n] in place by literal i; the size left."""
    keep = L[i, POSITIVE] == 1
    kind = L[i, KIND]
    start = L[i, START]
    size = L[i, SIZE]
    node = L[i, NODE]
    if kind == SLICE:
        return _filter_sorted(arena, at, n, is_sorted, graph.tail, start, start + size, keep)
    if S[node, MARKED] == 0 and S[node, SORTED]:
        if kind == LIST:
            return _filter_sorted(arena, at, n, is_sorted, arena, start, start + size, keep)
        if n * 8 < size:
            return _filter_meets(graph, arena, at, n, L[i, ALONG_R], start, size, keep)
    _mark_node(arena, S, node, bits)
    if kind == LIST:
        return _filter_bits(arena, at, n, bits[node], keep)
    return _filter_hop(graph, arena, at, n, L[i, ALONG_R], bits[node], keep)


@kernel
def _filter_rest(graph, L, first, last, driver, S, bits, arena, at, n, is_sorted):
    """Filter arena[at:at + n] by all literals but the driver: sets, then negated sets, then hops."""
    for phase in range(3):
        for i in range(first, last):
            if n and i != driver:
                own = 2 if L[i, KIND] == HOP else 1 - L[i, POSITIVE]
                if own == phase:
                    n = _filter(graph, L, i, S, bits, arena, at, n, is_sorted)
    return n


@kernel
def _smallest(L, first, last, hop):
    """The smallest positive literal that is a hop, or that is none; -1 if there is none."""
    best = -1
    for i in range(first, last):
        if L[i, POSITIVE] and (L[i, KIND] == HOP) == hop and (best < 0 or L[i, SIZE] < L[best, SIZE]):
            best = i
    return best


@kernel
def _list_literal(graph, L, i, S, bits, arena, top):
    """Put the members of a positive literal into arena[top:]; (size, sorted)."""
    if L[i, KIND] == SLICE:
        _copy(graph.tail, L[i, START], L[i, SIZE], arena, top)
        return L[i, SIZE], True
    if L[i, KIND] == LIST:
        _copy(arena, L[i, START], L[i, SIZE], arena, top)
        return L[i, SIZE], S[L[i, NODE], SORTED] == 1
    passing = bits[bits.shape[0] - 1]
    n = _expand(graph, arena, L[i, START], L[i, SIZE], L[i, ALONG_R], passing, top)
    _clear_bits(arena, top, n, passing)
    return n, False


@kernel
def _unite(graph, L, first, last, bits, arena, top):
    """Distinct members of all literals -> arena[top:], their bits left set; the size."""
    n = np.int64(0)
    for i in range(first, last):
        if L[i, KIND] == HOP:
            n += _expand(graph, arena, L[i, START], L[i, SIZE], L[i, ALONG_R], bits, top + n)
        else:
            if L[i, KIND] == SLICE:
                _copy(graph.tail, L[i, START], L[i, SIZE], arena, top + n)
            else:
                _copy(arena, L[i, START], L[i, SIZE], arena, top + n)
            new = _filter_bits(arena, top + n, L[i, SIZE], bits, False)
            _set_bits(arena, top + n, new, bits)
            n += new
    return n


@kernel
def _materialise(graph, nodes, j, L, S, bits, arena, top):
    """Compute node j into arena[top:] and its row of S; the new top."""
    first = nodes[j, FIRST]
    last = nodes[j, LAST]
    S[j, SET_START] = top
    S[j, MARKED] = 0
    if nodes[j, IS_UNION] or (last - first == 1 and L[first, KIND] == HOP):
        n = _unite(graph, L, first, last, bits[j], arena, top)
        S[j, SORTED] = 0
        S[j, MARKED] = 1
    else:
        driver = _smallest(L, first, last, False)
        if driver < 0:
            driver = _smallest(L, first, last, True)
        n, is_sorted = _list_literal(graph, L, driver, S, bits, arena, top)
        n = _filter_rest(graph, L, first, last, driver, S, bits, arena, top, n, is_sorted)
        S[j, SORTED] = is_sorted
    S[j, SET_SIZE] = n
    return top + n


@kernel
def _inner_nodes(graph, nodes, literals, arguments, L, S, bits, arena):
    """Compute every node but the last, and the last one's literals; the new top."""
    top = np.int64(0)
    last = nodes.shape[0] - 1
    for j in range(last):
        _read_literals(graph, literals, nodes[j, FIRST], nodes[j, LAST], arguments, L, S)
        top = _materialise(graph, nodes, j, L, S, bits, arena, top)
    S[last, MARKED] = 0
    _read_literals(graph, literals, nodes[last, FIRST], nodes[last, LAST], arguments, L, S)
    return top


@kernel
def _unmark(S, bits, arena):
    """Clear the bitmaps of all marked nodes."""
    for j in range(S.shape[0]):
        if S[j, MARKED]:
            S[j, MARKED] = 0
            _clear_bits(arena, S[j, SET_START], S[j, SET_SIZE], bits[j])


@kernel
def _answers(graph, nodes, literals, arguments, L, S, bits, arena):
    """All answers of one query into the arena; (start, size, sorted)."""
    last = nodes.shape[0] - 1
    top = _inner_nodes(graph, nodes, literals, arguments, L, S, bits, arena)
    _materialise(graph, nodes, last, L, S, bits, arena, top)
    _unmark(S, bits, arena)
    return S[last, SET_START], S[last, SET_SIZE], S[last, SORTED] == 1
