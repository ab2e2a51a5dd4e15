"""Compiled loops of the look-up of names. Names are ``letters[offsets[i]:offsets[i + 1]]``, code points."""

from __future__ import annotations

import numpy as np

from kgr._jit import forced, kernel


@kernel
def _mark(letters, offsets, marks):
    """Enter for each name which letters it has, one bit for all whose code point has the same rest by 64."""
    for i in range(len(marks)):
        mark = np.uint64(0)
        for at in range(offsets[i], offsets[i + 1]):
            mark |= np.uint64(1) << (np.uint64(letters[at]) & np.uint64(63))
        marks[i] = mark


@forced
def _more_bits(bits, most):
    """Whether more than ``most`` bits are set."""
    while bits != np.uint64(0):
        if most == 0:
            return True
        most -= 1
        bits &= bits - np.uint64(1)
    return False


@kernel
def _edits(letters, first, last, query, most, rows):
    """Return how many edits turn a query into a name, ``most + 1`` where it takes more.

    An edit puts in, drops or replaces a letter, or swaps two neighbours; no place is edited twice. ``rows`` int32[3, m]
    has room for one more than the query has letters. Cells further than ``most`` off the diagonal are not computed.
    """
    size, n, beyond = len(query), last - first, most + 1
    if abs(n - size) > most:
        return beyond
    for j in range(size + 1):
        rows[0, j] = min(j, beyond)
    before, now, old = 0, 1, 2
    for i in range(1, n + 1):
        low, high = max(1, i - most), min(size, i + most)
        rows[now, low - 1] = min(i, beyond) if low == 1 else beyond
        least = rows[now, low - 1]
        letter = letters[first + i - 1]
        for j in range(low, high + 1):
            above = rows[before, j] if j < i + most else np.int32(beyond)
            best = min(rows[before, j - 1] + (letter != query[j - 1]), rows[now, j - 1] + 1, above + 1)
            if i > 1 and j > 1 and letter == query[j - 2] and letters[first + i - 2] == query[j - 1]:
                best = min(best, rows[old, j - 2] + 1)
            rows[now, j] = min(best, beyond)
            least = min(least, rows[now, j])
        if least > most:
            return beyond
        before, now, old = now, old, before
    return rows[before, size]


@kernel
def _scan(letters, offsets, marks, begin, end, query, mark, most, rows, found, edits):
    """Find the names ``begin <= i < end`` that ``most`` edits can make of a query; return how many there are.

    An edit brings in at most one letter that the query lacks, and takes away at most one that it has.
    """
    count = 0
    for i in range(begin, end):
        if _more_bits(mark & ~marks[i], most) or _more_bits(marks[i] & ~mark, most):
            continue
        distance = _edits(letters, offsets[i], offsets[i + 1], query, most, rows)
        if distance <= most:
            found[count], edits[count] = i, distance
            count += 1
    return count
