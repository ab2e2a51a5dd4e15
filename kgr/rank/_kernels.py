"""Counting rivals of many answers in one pass over the scores of a query."""

from __future__ import annotations

import numpy as np

from kgr._jit import forced, kernel

FEW = 8
"""Answers of a query up to which a pass for each, without a branch, is faster than one pass that searches."""


@kernel
def _count_rivals(scores, levels, offsets, hidden, hidden_offsets, first, last, marked, above, equal):
    """Count what is above and equal to each level among the entities of its row that are not hidden.

    ``levels`` ascend within a row. ``marked`` is all zero before and after. Rows ``first <= b <
    last`` are done. Returns the first row with a NaN, or -1.
    """
    for b in range(first, last):
        start, n = offsets[b], offsets[b + 1] - offsets[b]
        mine = hidden[hidden_offsets[b] : hidden_offsets[b + 1]]
        if 0 < n <= FEW:
            numbers = _count_few(scores, b, levels, start, n, mine, marked, above, equal)
        else:
            numbers = _count_many(scores, b, levels, start, n, mine, marked, above, equal)
        for i in range(mine.shape[0]):
            marked[mine[i]] = 0
        if not numbers:
            return b
    return -1


@forced
def _count_few(scores, b, levels, start, n, hidden, marked, above, equal):
    """Count everything for one level after the other, then take the hidden ones away; False where there is a NaN."""
    for i in range(start, start + n):
        level = levels[i]
        more = np.int32(0)
        same = np.int32(0)
        less = np.int32(0)
        for entity in range(scores.shape[1]):
            more += scores[b, entity] > level
            same += scores[b, entity] == level
            less += scores[b, entity] < level
        if np.int64(more) + same + less < scores.shape[1]:
            return False
        above[i] = more
        equal[i] = same
    for k in range(hidden.shape[0]):
        if not marked[hidden[k]]:
            marked[hidden[k]] = 1
            for i in range(start, start + n):
                above[i] -= scores[b, hidden[k]] > levels[i]
                equal[i] -= scores[b, hidden[k]] == levels[i]
    return True


@forced
def _count_many(scores, b, levels, start, n, hidden, marked, above, equal):
    """Find each entity's place among the levels; False where there is a NaN."""
    for k in range(hidden.shape[0]):
        marked[hidden[k]] = 1
    for entity in range(scores.shape[1]):
        score = scores[b, entity]
        if score != score:
            return False
        if n == 0 or score < levels[start] or marked[entity]:
            continue
        low, high = 0, n  # the number of levels below the score
        while low < high:
            middle = (low + high) // 2
            if levels[start + middle] < score:
                low = middle + 1
            else:
                high = middle
        if low > 0:
            above[start + low - 1] += 1
        if low < n and levels[start + low] == score:
            equal[start + low] += 1
    # so far each entity is counted at the highest level below it, and at the first of equal levels
    for i in range(start + n - 2, start - 1, -1):
        above[i] += above[i + 1]
    for i in range(start + 1, start + n):
        if levels[i] == levels[i - 1]:
            equal[i] = equal[i - 1]
    return True
