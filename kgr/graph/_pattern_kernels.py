"""Kernels over pairs of entities that a path connects, and over the edges that meet them.

Pairs are ragged: row ``i`` is entity ``rows[i]`` with the distinct ``ends[offsets[i]:offsets[i + 1]]``.
``bits`` is uint32[ceil(G / 32)], zero before and after every call.
"""

import numpy as np

from kgr._jit import inlined, kernel
from kgr.graph._kernels import contains, edge_of, has_bit, span


@inlined
def set_bit(bits, x):
    bits[np.uintp(x >> 5)] |= np.uint32(1) << np.uint32(x & 31)


@kernel
def _relation_sizes(graph, edges, heads):
    """edges[r], heads[r]: the edges and the fragments of each directed relation."""
    _, relation, offsets, _ = graph
    for f in range(relation.shape[0]):
        edges[relation[f]] += offsets[f + 1] - offsets[f]
        heads[relation[f]] += 1


@kernel
def _pairs_of(graph, r, rows, offsets, ends):
    """The edges of one directed relation as pairs."""
    fragments, relation, starts, tail = graph
    n = 0
    m = 0
    offsets[0] = 0
    for entity in range(fragments.shape[0] - 1):
        a, b = span(fragments, relation, starts, entity, r)
        if b > a:
            for e in range(a, b):
                ends[m] = tail[e]
                m += 1
            rows[n] = entity
            n += 1
            offsets[n] = m


@kernel
def _edges_at(graph, entities, side, edges):
    """edges[r] += the edges at some entities as heads (side 0) or tails (1) of base relation r."""
    fragments, relation, offsets, _ = graph
    for i in range(entities.shape[0]):
        for f in range(fragments[entities[i]], fragments[entities[i] + 1]):
            if relation[f] & 1 == side:
                edges[relation[f] >> 1] += offsets[f + 1] - offsets[f]


@kernel
def _overlaps(graph, rows, offsets, ends, reverse):
    """reverse[s] += pairs (a, b) with an edge of base relation s from b to a; the pairs with a = b."""
    fragments, relation, starts, tail = graph
    loops = 0
    for i in range(rows.shape[0]):
        a = rows[i]
        for j in range(offsets[i], offsets[i + 1]):
            b = ends[j]
            loops += a == b
            for f in range(fragments[b], fragments[b + 1]):
                if relation[f] & 1 == 0 and contains(tail, starts[f], starts[f + 1], a):
                    reverse[relation[f] >> 1] += 1
    return loops


@kernel
def _count_walks(graph, ends, counts, walks):
    """walks[r] += the walks that go on from the pairs along each directed relation; counts is zero around."""
    fragments, relation, offsets, _ = graph
    for i in range(ends.shape[0]):
        counts[ends[i]] += 1
    for i in range(ends.shape[0]):
        x = ends[i]
        if counts[x]:
            for f in range(fragments[x], fragments[x + 1]):
                walks[relation[f]] += counts[x] * np.int64(offsets[f + 1] - offsets[f])
            counts[x] = 0


@kernel
def _compose(graph, rows, offsets, ends, r, bits, new_rows, new_offsets, new_ends):
    """The pairs, each followed by an edge of r, without repeats; how many rows are not empty."""
    fragments, relation, starts, tail = graph
    n = 0
    m = np.int64(0)
    new_offsets[0] = 0
    for i in range(rows.shape[0]):
        first = m
        for j in range(offsets[i], offsets[i + 1]):
            a, b = span(fragments, relation, starts, np.int64(ends[j]), r)
            for e in range(a, b):
                x = np.int64(tail[np.uintp(e)])
                if has_bit(bits, x) == 0:
                    set_bit(bits, x)
                    new_ends[np.uintp(m)] = x
                    m += 1
        for j in range(first, m):
            bits[np.uintp(new_ends[j] >> 5)] = np.uint32(0)
        if m > first:
            new_rows[n] = rows[i]
            n += 1
            new_offsets[n] = m
    return n


@kernel
def _score(graph, rows, offsets, ends, bits, positive, known):
    """positive[r] += pairs with an edge of base relation r; known[r] += those whose first has any edge of r."""
    fragments, relation, starts, tail = graph
    for i in range(rows.shape[0]):
        for j in range(offsets[i], offsets[i + 1]):
            set_bit(bits, ends[j])
        for f in range(fragments[rows[i]], fragments[rows[i] + 1]):
            r = relation[f]
            if r & 1 == 0:
                known[r >> 1] += offsets[i + 1] - offsets[i]
                for e in range(starts[f], starts[f + 1]):
                    positive[r >> 1] += has_bit(bits, tail[e])
        for j in range(offsets[i], offsets[i + 1]):
            bits[np.uintp(ends[j] >> 5)] = np.uint32(0)


@kernel
def _count_tails(graph, ends, r):
    """How many of the ends are tails of the directed relation r."""
    fragments, relation, starts, _ = graph
    n = 0
    for i in range(ends.shape[0]):
        a, b = span(fragments, relation, starts, np.int64(ends[i]), r ^ 1)
        n += b > a
    return n


@kernel
def _mark(graph, rows, offsets, ends, r, bits, marked):
    """marked[e] = True for the edges of the directed relation r that are among the pairs."""
    fragments, relation, starts, tail = graph
    for i in range(rows.shape[0]):
        a, b = span(fragments, relation, starts, np.int64(rows[i]), r)
        if a == b:
            continue
        for j in range(offsets[i], offsets[i + 1]):
            set_bit(bits, ends[j])
        for e in range(a, b):
            if has_bit(bits, tail[e]):
                marked[e] = True
        for j in range(offsets[i], offsets[i + 1]):
            bits[np.uintp(ends[j] >> 5)] = np.uint32(0)


@inlined
def _meet(tail, a, a_end, b, b_end):
    """Whether two sorted ranges of ``tail`` share a value: members of the smaller are looked up in the larger."""
    if a_end - a > b_end - b:
        a, a_end, b, b_end = b, b_end, a, a_end
    found = False
    if a < a_end and b < b_end:
        for i in range(a, a_end):
            if contains(tail, b, b_end, tail[i]):
                found = True
                break
    return found


@kernel
def _connects(graph, x, r, s, y):
    """Whether some edge of r from x and one of s from there end in y; directed relations."""
    fragments, relation, offsets, tail = graph
    a, a_end = span(fragments, relation, offsets, x, r)
    b, b_end = span(fragments, relation, offsets, y, s ^ 1)
    return _meet(tail, a, a_end, b, b_end)


@kernel
def _connects_by_three(graph, x, r, s, t, y):
    """The same of three edges, the middle ones looked for from the end that has fewer."""
    fragments, relation, offsets, tail = graph
    a, a_end = span(fragments, relation, offsets, x, r)
    b, b_end = span(fragments, relation, offsets, y, t ^ 1)
    if a_end - a > b_end - b:
        a, a_end, b, b_end = b, b_end, a, a_end
        s ^= 1
    for i in range(a, a_end):
        c, c_end = span(fragments, relation, offsets, np.int64(tail[i]), s)
        if _meet(tail, c, c_end, b, b_end):
            return True
    return False


@kernel
def _follow(graph, heads, relations, tails, starts, bodies, shapes, followed):
    """followed[i]: whether the body of some rule for its relation connects triple i.

    Those for r are ``bodies[starts[r]:starts[r + 1]]``, directed; shape 0 is a path of two, 1 of three, 2 and 3 are
    loops at a and at b.
    """
    for i in range(heads.shape[0]):
        a = np.int64(heads[i])
        b = np.int64(tails[i])
        followed[i] = False
        for k in range(starts[relations[i]], starts[relations[i] + 1]):
            r, s, t = bodies[k, 0], bodies[k, 1], bodies[k, 2]
            if shapes[k] == 0:
                followed[i] = _connects(graph, a, r, s, b)
            elif shapes[k] == 1:
                followed[i] = _connects_by_three(graph, a, r, s, t, b)
            elif shapes[k] == 2:
                followed[i] = edge_of(graph, a, t, b) >= 0 and _connects(graph, a, r, s, a)
            else:
                followed[i] = edge_of(graph, a, r, b) >= 0 and _connects(graph, b, s, t, b)
            if followed[i]:
                break
