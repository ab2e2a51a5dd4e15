"""Kernels over the arrays of a graph; see :class:`kgr.graph.graph.Graph` for their meaning."""

import numpy as np

from kgr._jit import inlined, kernel


@kernel
def _count_degrees(triples, degree):
    """degree[e + 1] += edges of e, both directions."""
    for i in range(triples.shape[0]):
        degree[triples[i, 0] + 1] += 1
        degree[triples[i, 2] + 1] += 1


@kernel
def _scatter_edges(triples, place, edges):
    """Put every directed edge, as relation << 32 | tail, among those of its head."""
    for i in range(triples.shape[0]):
        head = triples[i, 0]
        relation = np.uint64(triples[i, 1])
        tail = triples[i, 2]
        edges[place[head]] = (relation << np.uint64(33)) | np.uint64(tail)
        place[head] += 1
        edges[place[tail]] = (((relation << np.uint64(1)) | np.uint64(1)) << np.uint64(32)) | np.uint64(head)
        place[tail] += 1


@kernel
def _sort_heads(edges, first):
    """Sort the edges of each head in place: insertion for short runs, heap sort for long ones."""
    for head in range(first.shape[0] - 1):
        a = first[head]
        n = first[head + 1] - a
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
            for end in range(n - 1, 0, -1):
                edges[a], edges[a + end] = edges[a + end], edges[a]
                _sift(edges, a, 0, end)


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
def _count_fragments(edges, first):
    n = 0
    for head in range(first.shape[0] - 1):
        for i in range(first[head], first[head + 1]):
            if i == first[head] or edges[i] >> np.uint64(32) != edges[i - 1] >> np.uint64(32):
                n += 1
    return n


@kernel
def _fill_fragments(edges, first, fragments, relation, offsets, tail):
    f = 0
    for head in range(first.shape[0] - 1):
        fragments[head] = f
        for i in range(first[head], first[head + 1]):
            if i == first[head] or edges[i] >> np.uint64(32) != edges[i - 1] >> np.uint64(32):
                relation[f] = edges[i] >> np.uint64(32)
                offsets[f] = i
                f += 1
            tail[i] = edges[i] & np.uint64(0xFFFFFFFF)
    fragments[first.shape[0] - 1] = f
    offsets[f] = edges.shape[0]


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


@kernel
def _in_degrees(fragments, relation, offsets, r, out):
    """out[e] = edges into e under relation r: the size of e's fragment of the inverse."""
    for entity in range(fragments.shape[0] - 1):
        a, b = span(fragments, relation, offsets, entity, r ^ 1)
        out[entity] = b - a
