"""A batch's candidates: drawn, and indexed by entity and by relation (:mod:`kgr.query.candidates`)."""

import numpy as np

from kgr._jit import kernel
from kgr._rng import below, start


@kernel
def _draw_candidates(key, entities, tail, by_degree, bits, out, keys):
    """Uniform entities, or tails of uniform edges; keys: low bits of the id, the others, place."""
    low = (np.uint64(1) << np.uint64(bits)) - np.uint64(1)
    state = start(key, -1)
    for j in range(out.shape[0]):
        if by_degree:
            state, k = below(state, tail.shape[0])
            x = np.int64(tail[k])
        else:
            state, x = below(state, entities)
        out[j] = x
        id = np.uint64(x)
        keys[j] = (id & low) << np.uint64(48) | (id >> np.uint64(bits)) << np.uint64(16) | np.uint64(j)


@kernel
def _index_keys(keys, bits, words, starts, members, distinct):
    """Candidates by the low bits of their ids, from sorted keys: see ``Places``. The number of distinct ones."""
    buckets = 0
    n = 0
    previous = np.int64(-1)
    for j in range(keys.shape[0]):
        bucket = np.int64(keys[j] >> np.uint64(48))
        high = np.int64((keys[j] >> np.uint64(16)) & np.uint64(0xFFFFFFFF))
        x = (high << bits) | bucket
        members[j] = x << 16 | np.int64(keys[j] & np.uint64(0xFFFF))
        if bucket != previous:
            if words[bucket >> 5] == 0:
                words[bucket >> 5] = np.uint64(buckets) << np.uint64(32)
            words[bucket >> 5] |= np.uint64(1) << np.uint64(bucket & 31)
            starts[buckets] = j
            buckets += 1
            previous = bucket
        if n == 0 or distinct[n - 1] != x:
            distinct[n] = x
            n += 1
    starts[buckets] = keys.shape[0]
    return n


@kernel
def _count_fragments(fragments, relation, offsets, entities, starts, edges):
    """starts[r] = the entities' fragments of relations below r; edges[r] = their edges under r. All of both."""
    total = np.int64(0)
    for i in range(entities.shape[0]):
        x = entities[i]
        for f in range(fragments[x], fragments[x + 1]):
            size = np.int64(offsets[f + 1]) - np.int64(offsets[f])
            starts[relation[f] + 1] += 1
            edges[relation[f]] += size
            total += size
    for r in range(edges.shape[0]):
        starts[r + 1] += starts[r]
    return starts[edges.shape[0]], total


@kernel
def _group_fragments(fragments, relation, offsets, entities, place, first, last, owners):
    """The entities' fragments by relation, as ranges of tails, and whose they are."""
    for i in range(entities.shape[0]):
        x = entities[i]
        for f in range(fragments[x], fragments[x + 1]):
            k = place[relation[f]]
            first[k] = offsets[f]
            last[k] = offsets[f + 1]
            owners[k] = x
            place[relation[f]] = k + 1


@kernel
def _gather_tails(tail, first, last, out):
    """Copy the ranges first:last of tails one after the other, and let them say where."""
    n = np.int64(0)
    for k in range(first.shape[0]):
        size = last[k] - first[k]
        for e in range(size):
            out[np.uintp(n + e)] = tail[np.uintp(first[k] + e)]
        first[k] = n
        n += size
        last[k] = n
