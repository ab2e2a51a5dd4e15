"""Compiled loops of the key table. Strings are ``text[first:last]`` of flat UTF-8 bytes."""

from __future__ import annotations

import numpy as np

from kgr._jit import kernel


@kernel
def _hash(text, first, last):
    """Return 64 bits of a string: FNV-1a, then a finish by which every byte reaches the low bits."""
    h = np.uint64(0xCBF29CE484222325)
    for i in range(first, last):
        h = (h ^ np.uint64(text[i])) * np.uint64(0x100000001B3)
    h = (h ^ (h >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    h = (h ^ (h >> np.uint64(29))) * np.uint64(0x9FB21C651E98DF25)
    return h ^ (h >> np.uint64(32))


@kernel
def _slot(text, first, last, stored, offsets, table):
    """Return the slot that holds a string, or the free slot where it would be."""
    mask = np.uint64(len(table) - 1)
    slot = _hash(text, first, last) & mask
    while True:
        id = table[slot]
        if id < 0:
            return slot
        begin = offsets[id]
        if offsets[id + 1] - begin == last - first:
            i = first
            while i < last and text[i] == stored[begin]:
                i += 1
                begin += 1
            if i == last:
                return slot
        slot = (slot + np.uint64(1)) & mask


@kernel
def _fill(stored, offsets, table):
    """Enter all strings; return the first that repeats an earlier one, else -1."""
    for id in range(len(offsets) - 1):
        slot = _slot(stored, offsets[id], offsets[id + 1], stored, offsets, table)
        if table[slot] >= 0:
            return id
        table[slot] = id
    return -1


@kernel
def _write_numbers(offsets, stored):
    """Write 0, 1, … in decimal digits, one after another."""
    size = 1
    longer = 10
    for number in range(len(offsets) - 1):
        if number == longer:
            size += 1
            longer *= 10
        end = offsets[number] + size
        offsets[number + 1] = end
        rest = number
        for at in range(end - 1, end - 1 - size, -1):
            stored[at] = 48 + rest % 10
            rest //= 10


@kernel
def _find(text, bounds, stored, offsets, table, out):
    """Look strings up; ``bounds`` are their first bytes, each string ends a byte before the next."""
    for i in range(len(out)):
        out[i] = table[_slot(text, bounds[i], bounds[i + 1] - 1, stored, offsets, table)]


@kernel
def _nearest(stored, offsets, wanted, pairs, best, scores):
    """Keep the strings that share most byte pairs with one that has ``pairs``, marked in ``wanted``.

    ``best`` and ``scores`` hold the candidates in falling order of the Dice coefficient.
    """
    for id in range(len(offsets) - 1):
        common, before = 0, 0
        for i in range(offsets[id], offsets[id + 1]):
            common += wanted[before << 8 | stored[i]]
            before = stored[i]
        common += wanted[before << 8]
        score = 2 * common / (pairs + offsets[id + 1] - offsets[id] + 1)
        place = len(best)
        while place > 0 and scores[place - 1] < score:
            place -= 1
            if place + 1 < len(best):
                best[place + 1] = best[place]
                scores[place + 1] = scores[place]
        if place < len(best):
            best[place] = id
            scores[place] = score
