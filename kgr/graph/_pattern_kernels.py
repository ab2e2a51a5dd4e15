"""Kernels over pairs of entities that a path connects, and over the edges that meet them.

Pairs are ragged: row ``i`` is entity ``rows[i]`` with the distinct ``ends[offsets[i]:offsets[i + 1]]``.
``bits`` is uint32[ceil(G / 32)], zero before and after every call.
"""

import numpy as np

from kgr._jit import inlined, kernel
from kgr.graph._kernels import contains, has_bit, span


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
