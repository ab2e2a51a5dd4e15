"""Kernels of completion's batches: rows in a keyed order, the queries that they are, what is a negative of one."""

import numpy as np

from kgr._jit import inlined, kernel
from kgr._rng import below, start
from kgr.graph._kernels import contains, locate

ROUNDS = 6


@kernel
def _permute(key, n, half, first, out):
    """out[i] = where a keyed permutation of [0, n) takes first + i.

    A Feistel network on 2 * half bits, at least as many as n has; what falls outside [0, n) is taken on until it is in.
    """
    bits = np.uint64(half)
    mask = (np.uint64(1) << bits) - np.uint64(1)
    for i in range(out.shape[0]):
        x = np.uint64(first + i)
        while True:
            left = x >> bits
            right = x & mask
            for turn in range(ROUNDS):
                word = start(start(key, turn), np.int64(right))
                left, right = right, left ^ (word & mask)
            x = left << bits | right
            if x < np.uint64(n):
                break
        out[i] = np.int64(x)


@inlined
def holder(starts, x):
    """The last i with starts[i] <= x, of ascending starts that begin with 0."""
    low = np.int64(0)
    n = np.int64(starts.shape[0]) - 1
    while n > 1:
        half = n >> 1
        low += half & -np.int64(starts[np.uintp(low + half)] <= x)
        n -= half
    return low


@kernel
def _edges(fragments, relation, offsets, tail, rows, heads, relations, tails):
    """The directed edges at places ``rows`` of ``tail``."""
    for i in range(rows.shape[0]):
        f = holder(offsets, rows[i])
        heads[i] = holder(fragments, f)
        relations[i] = relation[f]
        tails[i] = tail[rows[i]]


@kernel
def _queries(fragments, relation, offsets, rows, heads, relations, sizes):
    """The fragments ``rows``: entity, directed relation and number of tails."""
    for i in range(rows.shape[0]):
        heads[i] = holder(fragments, rows[i])
        relations[i] = relation[rows[i]]
        sizes[i] = offsets[rows[i] + 1] - offsets[rows[i]]


@kernel
def _labels(offsets, tail, rows, of_row, answers):
    """All tails of the fragments ``rows``, one after the other, and the place of the fragment of each."""
    n = 0
    for i in range(rows.shape[0]):
        for e in range(offsets[rows[i]], offsets[rows[i] + 1]):
            of_row[n] = i
            answers[n] = tail[e]
            n += 1


@kernel
def _draw(key, entities, tail, by_degree, first, out):
    """Uniform entities, or tails of uniform edges: row i of ``out`` from the draws of row first + i."""
    for i in range(out.shape[0]):
        state = start(key, first + i)
        for j in range(out.shape[1]):
            if by_degree:
                state, k = below(state, tail.shape[0])
                out[i, j] = tail[k]
            else:
                state, k = below(state, entities)
                out[i, j] = k


@kernel
def _mark_own(fragments, relation, offsets, tail, heads, relations, allowed, negatives, is_negative):
    """is_negative[i, j]: whether negatives[i, j] is among the first ``allowed[i]`` and no tail of query i."""
    for i in range(heads.shape[0]):
        f = locate(fragments, relation, heads[i], relations[i])
        for j in range(negatives.shape[1]):
            is_negative[i, j] = j < allowed[i] and not contains(tail, offsets[f], offsets[f + 1], negatives[i, j])


@kernel
def _mark_shared(fragments, relation, offsets, tail, heads, relations, allowed, order, ascending, is_negative):
    """is_negative[i, j]: whether shared negative j is among the first ``allowed[i]`` and no tail of query i.

    ``ascending`` are the negatives sorted, ``order`` their places. The smaller side is searched for in the larger.
    """
    n = ascending.shape[0]
    for i in range(heads.shape[0]):
        for j in range(n):
            is_negative[i, j] = j < allowed[i]
        f = locate(fragments, relation, heads[i], relations[i])
        first = np.int64(offsets[f])
        last = np.int64(offsets[f + 1])
        if last - first > n:
            for k in range(n):
                if contains(tail, first, last, ascending[k]):
                    is_negative[i, order[k]] = False
            continue
        k = 0
        for e in range(first, last):
            while k < n and ascending[k] < tail[e]:
                k += 1
            while k < n and ascending[k] == tail[e]:
                is_negative[i, order[k]] = False
                k += 1
