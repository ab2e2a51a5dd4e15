"""Kernels over the arrays of a graph; see :class:`kgr.graph.graph.Graph` for their meaning."""

import numpy as np

from kgr._jit import inlined, kernel

LONG = 1024
"""Edges of a head beyond which numpy's sort, vectorised where the machine allows, is worth its call."""


@kernel
def _count_edges(heads, relations, tails, entities, base, first):
    """first[e + 2] += edges of e, both directions; return the first triple with an id out of range, else -1."""
    for i in range(heads.shape[0]):
        head = np.int64(heads[i])
        relation = np.int64(relations[i])
        tail = np.int64(tails[i])
        if min(head, relation, tail) < 0 or max(head, tail) >= entities or relation >= base:
            return i
        first[head + 2] += 1
        first[tail + 2] += 1
    return -1


@kernel
def _scatter_edges(heads, relations, tails, begin, end, base, place, edges):
    """Put the directed edges of the heads begin:end, as relation << 32 | tail, where ``place`` says, and move it on."""
    count = np.uint64(end - begin)
    for i in range(heads.shape[0]):
        head = np.int64(heads[i])
        tail = np.int64(tails[i])
        relation = np.uint64(relations[i]) << np.uint64(33)
        if np.uint64(head - begin) < count:
            edges[place[head] - base] = relation | np.uint64(tail)
            place[head] += 1
        if np.uint64(tail - begin) < count:
            edges[place[tail] - base] = relation | np.uint64(1 << 32) | np.uint64(head)
            place[tail] += 1


@kernel
def _sort_heads(first, head, end, base, edges):
    """Sort the edges of each head in place, from ``head`` on; stop at a head of more than LONG and return it, else end.

    Insertion for short runs, heap sort for longer ones: bounded at its worst.
    """
    while head < end:
        a = first[head] - base
        n = first[head + 1] - base - a
        if n > LONG:
            return head
        if n <= 24:
            for i in range(a + 1, a + n):
                x = edges[i]
                j = i
                while j > a and edges[j - 1] > x:
                    edges[j] = edges[j - 1]
                    j -= 1
                edges[j] = x
        else:
            for root in range(n // 2 - 1, -1, -1):
                _sift(edges, a, root, n)
            for last in range(n - 1, 0, -1):
                edges[a], edges[a + last] = edges[a + last], edges[a]
                _sift(edges, a, 0, last)
        head += 1
    return end


@kernel
def _sift(edges, a, root, n):
    x = edges[a + root]
    while True:
        child = 2 * root + 1
        if child >= n:
            break
        if child + 1 < n and edges[a + child + 1] > edges[a + child]:
            child += 1
        if edges[a + child] <= x:
            break
        edges[a + root] = edges[a + child]
        root = child
    edges[a + root] = x


@kernel
def _append_heads(first, begin, end, base, edges, fragments, relation, offsets, tail, done):
    """Append the sorted edges of the heads begin:end, each once; ``done`` counts fragments and edges so far."""
    f = done[0]
    m = done[1]
    for head in range(begin, end):
        fragments[head] = f
        a = first[head] - base
        for i in range(a, first[head + 1] - base):
            x = edges[i]
            if i == a or x >> np.uint64(32) != edges[i - 1] >> np.uint64(32):
                relation[f] = x >> np.uint64(32)
                offsets[f] = m
                f += 1
            elif x == edges[i - 1]:
                continue
            tail[m] = x & np.uint64(0xFFFFFFFF)
            m += 1
    done[0] = f
    done[1] = m


@inlined
def locate(fragments, relation, entity, r):
    """The fragment of (entity, directed relation r), or -1."""
    low = np.int64(fragments[np.uintp(entity)])
    n = np.int64(fragments[np.uintp(entity + 1)]) - low
    if n == 0:
        return np.int64(-1)
    while n > 1:
        half = n >> 1
        low += half & -np.int64(relation[np.uintp(low + half)] <= r)
        n -= half
    if relation[np.uintp(low)] == r:
        return low
    return np.int64(-1)


@inlined
def span(fragments, relation, offsets, entity, r):
    """The range [a, b) in ``tail`` of the r-neighbours of an entity, sorted; (0, 0) if there are none."""
    f = locate(fragments, relation, entity, r)
    a = np.int64(0)
    b = np.int64(0)
    if f >= 0:
        a = np.int64(offsets[np.uintp(f)])
        b = np.int64(offsets[np.uintp(f + 1)])
    return a, b


@inlined
def contains(members, low, high, x):
    """Whether x is in the sorted range members[low:high]."""
    at = np.int64(low)
    n = np.int64(high) - at
    if n <= 0:
        return False
    while n > 1:
        half = n >> 1
        at += half & -np.int64(members[np.uintp(at + half)] <= x)
        n -= half
    return members[np.uintp(at)] == x


@inlined
def has_bit(bits, x):
    """1 where x is marked in a bitmap, uint32[ceil(G / 32)], else 0."""
    return (bits[np.uintp(x >> 5)] >> np.uint32(x & 31)) & np.uint32(1)


@inlined
def edge_of(graph, head, relation, end):
    """The place in ``tail`` of the edge from head to end under a directed relation, or -1; any ids may be asked for."""
    fragments, relations, offsets, tail = graph
    a = np.int64(0)
    n = np.int64(0)
    if 0 <= head < fragments.shape[0] - 1:
        a, b = span(fragments, relations, offsets, head, relation)
        n = b - a
    while n > 1:
        half = n >> 1
        if tail[a + half] <= end:
            a += half
        n -= half
    return a if n == 1 and tail[a] == end else np.int64(-1)


@kernel
def _hold(graph, heads, relations, tails, held):
    """held[i]: whether triple i is in the graph."""
    for i in range(heads.shape[0]):
        held[i] = edge_of(graph, np.int64(heads[i]), np.int64(relations[i]) << 1, np.int64(tails[i])) >= 0


@kernel
def _mark_firsts(graph, heads, relations, tails, seen, first):
    """first[i]: whether triple i is in the graph and none before it is the same; ``seen`` marks edges."""
    for i in range(heads.shape[0]):
        at = edge_of(graph, np.int64(heads[i]), np.int64(relations[i]) << 1, np.int64(tails[i]))
        first[i] = at >= 0 and not has_bit(seen, at)
        if first[i]:
            seen[at >> 5] |= np.uint32(1) << np.uint32(at & 31)


@kernel
def _in_degrees(fragments, relation, offsets, r, out):
    """out[e] = edges into e under relation r: the size of e's fragment of the inverse."""
    for entity in range(fragments.shape[0] - 1):
        a, b = span(fragments, relation, offsets, entity, r ^ 1)
        out[entity] = b - a


@kernel
def _find_spans(graph, entities, directed, begin, end):
    """The range in ``tail`` of each fragment that is asked for; an empty one where there is none."""
    fragments, relation, offsets, _ = graph
    for i in range(entities.shape[0]):
        begin[i], end[i] = span(fragments, relation, offsets, np.int64(entities[i]), np.int64(directed[i]))
