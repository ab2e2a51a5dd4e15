"""Compiled loops of keys, of runs of words and of postings. Strings are ``text[first:last]`` of flat UTF-8 bytes."""

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
def _number_runs(text, place, stored, offsets, table, count, out, filled):
    """Number the runs of letters, digits and bytes of 0x80 or more in ``text`` from ``place`` on; 0xff gives a 0.

    Run ``i`` is ``stored[offsets[i]:offsets[i + 1]]``, those below ``count`` being known. Stops before a run for which
    there is no room; returns where, ``count``, and how much of ``out`` is filled.
    """
    while place < len(text) and filled < len(out):
        byte = text[place]
        if byte == 0xFF:
            out[filled] = 0
            filled += 1
            place += 1
            continue
        if not _in_run(byte):
            place += 1
            continue
        last = place + 1
        while last < len(text) and _in_run(text[last]):
            last += 1
        slot = _slot(text, place, last, stored, offsets, table)
        if table[slot] < 0:
            begin = offsets[count]
            if begin + last - place > len(stored) or count + 1 == len(offsets):
                break
            for i in range(place, last):
                stored[begin + i - place] = text[i]
            offsets[count + 1] = begin + last - place
            table[slot] = count
            count += 1
        out[filled] = table[slot]
        filled += 1
        place = last
    return place, count, filled


@kernel
def _in_run(byte):
    return 97 <= byte <= 122 or 48 <= byte <= 57 or 0x80 <= byte < 0xFF


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


@kernel
def _count_postings(tokens, lengths, last, counts, collection):
    """Count documents and occurrences of each term; ``last`` begins as -1, ``lengths`` cuts tokens into documents."""
    at = 0
    for document in range(len(lengths)):
        for _ in range(lengths[document]):
            term = tokens[at]
            at += 1
            collection[term] += 1
            if last[term] != document:
                last[term] = document
                counts[term] += 1


@kernel
def _post(tokens, lengths, first, next, last, documents, frequencies):
    """Write each term's postings from ``next[term]`` on, the documents being numbered from ``first``."""
    at = 0
    for document in range(len(lengths)):
        for _ in range(lengths[document]):
            term = tokens[at]
            at += 1
            if last[term] == document:
                frequencies[next[term] - 1] += 1
            else:
                last[term] = document
                documents[next[term]] = first + document
                frequencies[next[term]] = 1
                next[term] += 1


@kernel
def _place(source, counts, next, out):
    """Copy the next ``counts[term]`` numbers of ``source`` to where each term's go on, ``next[term]``."""
    at = 0
    for term in range(len(counts)):
        for _ in range(counts[term]):
            out[next[term]] = source[at]
            next[term] += 1
            at += 1
