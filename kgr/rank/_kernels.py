"""Counting rivals of many answers in one pass over the scores of a query."""

from __future__ import annotations

from kgr._jit import kernel


@kernel
def _count_rivals(scores, levels, offsets, hidden, hidden_offsets, first, last, marked, above, equal):
    """Count what is above and equal to each level among the entities of its row that are not hidden.

    ``levels`` ascend within a row. ``marked`` is all zero before and after. Rows ``first <= b <
    last`` are done. Returns the first row with a NaN, or -1.
    """
    for b in range(first, last):
        start, n = offsets[b], offsets[b + 1] - offsets[b]
        for i in range(hidden_offsets[b], hidden_offsets[b + 1]):
            marked[hidden[i]] = 1
        for entity in range(scores.shape[1]):
            score = scores[b, entity]
            if score != score:
                return b
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
        for i in range(hidden_offsets[b], hidden_offsets[b + 1]):
            marked[hidden[i]] = 0
        # so far each entity is counted at the highest level below it, and at the first of equal levels
        for i in range(start + n - 2, start - 1, -1):
            above[i] += above[i + 1]
        for i in range(start + 1, start + n):
            if levels[i] == levels[i - 1]:
                equal[i] = equal[i - 1]
    return -1
