"""Scoring postings and keeping the best: exact, and without reading what cannot matter.

The score of a document is ``constant + length_weight * length_scores[d] + gain + gain + …``, a gain above zero for each
term that it has. Terms come by falling bound, the most that a term can give. Once the k-th best score so far is above
what the terms that are left can give together, no further document can be among the best, and these terms are only
looked up for the documents that may still win. Gains are added in the same order either way, so scores are the
same to the last bit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kgr._jit import forced, kernel

BM25, DIRICHLET, JELINEK_MERCER = 0, 1, 2
"""The laws of a gain."""

_SLACK = 1e-5  # of a score: more than sums in float32 lose
_MANY = 2  # times as many candidates as results are worth a pass that tells which cannot win
_LOOKUP = 2  # what a step of a search costs, in postings read in order


class Index(NamedTuple):
    """Postings and what scores them, of n documents.

    ``norms`` float32[n] is what a gain divides by; ``length_scores`` float32[n] may be empty where there is no
    ``length_weight``; ``allowed`` bool[n] may be empty: all are.
    """

    documents: NDArray[np.int32]
    frequencies: NDArray[np.generic]
    norms: NDArray[np.float32]
    length_scores: NDArray[np.float32]
    allowed: NDArray[np.bool_]
    law: int


class Plan(NamedTuple):
    """The terms of Q queries: those of query q from ``offsets[q]``, by falling bound.

    Of each term where its postings start and end, its weight and factor, and a bound of its gain (float64); of each
    query the constant, the weight of lengths, and a score that no document is below.
    """

    offsets: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    weights: NDArray[np.float32]
    factors: NDArray[np.float32]
    bounds: NDArray[np.float64]
    constants: NDArray[np.float64]
    length_weights: NDArray[np.float64]
    lows: NDArray[np.float64]


class Scratch(NamedTuple):
    """What a thread works with: ``gains`` float32[n], zero between queries; ``candidates`` int32[n + 1]; ``bins``."""

    gains: NDArray[np.float32]
    candidates: NDArray[np.int32]
    bins: NDArray[np.int32]


@forced
def _gain(law, frequency, norm, weight, factor):
    """Return what a term's occurrences in a document add to its score."""
    if law == BM25:
        return weight * (frequency / (frequency + norm))
    if law == DIRICHLET:
        return weight * np.float32(np.log1p(frequency * factor))
    return weight * np.float32(np.log1p(frequency * factor / norm))


@kernel
def _gains(law, frequencies, norms, weights, factors, out):
    """Enter gains one by one: what the search adds up."""
    for i in range(out.shape[0]):
        out[i] = _gain(law, frequencies[i], norms[i], weights[i], factors[i])


@forced
def _score(document, gains, length_scores, length_weight, constant):
    """Return a document's score so far."""
    if length_weight != 0:
        return np.float32(constant + length_weight * length_scores[document] + gains[document])
    return np.float32(constant + gains[document])


@forced
def _below(score, document, other_score, other_document):
    """Whether a result stands below another: a lower score, or a later document."""
    return score < other_score or (score == other_score and document > other_document)


@forced
def _sink(scores, documents, size, at):
    """Move an element of a heap, whose root is its lowest result, down to its place."""
    score, document = scores[at], documents[at]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        right = child + 1
        if right < size and _below(scores[right], documents[right], scores[child], documents[child]):
            child = right
        if not _below(scores[child], documents[child], score, document):
            break
        scores[at], documents[at] = scores[child], documents[child]
        at = child
    scores[at], documents[at] = score, document


@forced
def _rise(scores, documents, at):
    """Move a heap's last element up to its place."""
    score, document = scores[at], documents[at]
    while at > 0:
        parent = (at - 1) // 2
        if not _below(score, document, scores[parent], documents[parent]):
            break
        scores[at], documents[at] = scores[parent], documents[parent]
        at = parent
    scores[at], documents[at] = score, document


@kernel
def _keep_best(scratch, count, length_scores, length_weight, constant, floor, scores, best):
    """Keep the best of the first candidates, of those that score at least ``floor``, best first; return how many."""
    gains, candidates, k, size = scratch.gains, scratch.candidates, best.shape[0], 0
    for i in range(count):
        document = candidates[i]
        score = _score(document, gains, length_scores, length_weight, constant)
        if score < floor:
            continue
        if size < k:
            scores[size], best[size] = score, document
            _rise(scores, best, size)
            size += 1
        elif _below(scores[0], best[0], score, document):
            scores[0], best[0] = score, document
            _sink(scores, best, k, 0)
        if size == k:
            floor = scores[0]
    for last in range(size - 1, 0, -1):
        scores[0], scores[last] = scores[last], scores[0]
        best[0], best[last] = best[last], best[0]
        _sink(scores, best, last, 0)
    return size


@kernel
def _raise_floor(scratch, count, length_scores, length_weight, constant, floor, high, k):
    """Return a score that at least ``k`` candidates reach, ``floor`` or higher, by counting them in equal bins.

    No score is above ``high``; those below ``floor`` do not count.
    """
    bins, last = scratch.bins, scratch.bins.shape[0] - 1
    scale = last / (high - floor)
    bins[:] = 0
    for i in range(count):
        score = _score(scratch.candidates[i], scratch.gains, length_scores, length_weight, constant)
        if score >= floor:
            bins[min(last, np.int64((score - floor) * scale))] += 1
    at, above = last, np.int64(bins[last])
    while above < k and at > 0:
        at -= 1
        above += bins[at]
    edge = floor + at / scale
    return max(floor, edge - _SLACK * (abs(edge) + high - floor))


@kernel
def _add(index, plan, i, places, scratch, count):
    """Add the gains of a term's postings and enter new candidates; return how many there are then.

    ``places`` gives the place of each document among ``gains``; it may be empty: the document's own number.
    """
    gains, candidates = scratch.gains, scratch.candidates
    weight, factor = plan.weights[i], plan.factors[i]
    filtered, placed = index.allowed.shape[0] > 0, places.shape[0] > 0
    for at in range(plan.starts[i], plan.ends[i]):
        document = index.documents[at]
        if filtered and not index.allowed[document]:
            continue
        gain = _gain(index.law, np.float32(index.frequencies[at]), index.norms[document], weight, factor)
        if placed:
            document = places[document]
        before = gains[document]
        gains[document] = before + gain
        candidates[count] = document  # it has room for one more than there are
        count += before == 0
    return count


@forced
def _add_known(index, plan, i, gains):
    """Add the gains of a term's postings to candidates alone."""
    for at in range(plan.starts[i], plan.ends[i]):
        document = index.documents[at]
        before = gains[document]
        if before > 0:
            frequency = np.float32(index.frequencies[at])
            gain = _gain(index.law, frequency, index.norms[document], plan.weights[i], plan.factors[i])
            gains[document] = before + gain


@forced
def _look_up(index, plan, i, scratch, count):
    """Add a term's gain to each candidate that has it; they mostly ascend, so each is sought from the last one on."""
    start, end = plan.starts[i], plan.ends[i]
    low, before = start, np.int32(-1)
    for c in range(count):
        document = scratch.candidates[c]
        if document < before:
            low = start
        before = document
        step = 1
        while low + step < end and index.documents[low + step] < document:
            low += step
            step += step
        high = min(low + step, end)
        while low < high:
            middle = (low + high) >> 1
            if index.documents[middle] < document:
                low = middle + 1
            else:
                high = middle
        if low < end and index.documents[low] == document:
            frequency = np.float32(index.frequencies[low])
            gain = _gain(index.law, frequency, index.norms[document], plan.weights[i], plan.factors[i])
            scratch.gains[document] += gain


@forced
def _drop(scratch, count, length_scores, length_weight, constant, needed):
    """Drop candidates that score below ``needed``; return how many are left."""
    left = 0
    for c in range(count):
        document = scratch.candidates[c]
        if _score(document, scratch.gains, length_scores, length_weight, constant) >= needed:
            scratch.candidates[left] = document
            left += 1
        else:
            scratch.gains[document] = 0
    return left


@forced
def _complete(index, plan, i, scratch, count):
    """Give the candidates a term's gains, by whichever way reads less."""
    postings = plan.ends[i] - plan.starts[i]
    steps = 2
    while postings >> steps > count:
        steps += 1
    if count * steps * _LOOKUP < postings:
        _look_up(index, plan, i, scratch, count)
    else:
        _add_known(index, plan, i, scratch.gains)


@kernel
def _search(index, plan, first, last, prune, scratch, scores, best, counts):
    """Find the best documents of the queries ``first <= q < last``: a row of ``best`` for each, ``counts`` filled."""
    k = best.shape[1]
    everywhere = scratch.candidates[:0]
    lengths = index.length_scores
    for q in range(first, last):
        constant, length_weight = plan.constants[q], plan.length_weights[q]
        i, end = plan.offsets[q], plan.offsets[q + 1]
        rest = 0.0
        for term in range(i, end):
            rest += plan.bounds[term]
        slack = _SLACK * (abs(constant) + abs(plan.lows[q]) + rest) + 1e-30
        floor, high = plan.lows[q] - slack, constant + rest + slack
        count, read = 0, 0
        while i < end and constant + rest + slack >= floor:  # a document that is no candidate yet may still win
            count = _add(index, plan, i, everywhere, scratch, count)
            rest -= plan.bounds[i]
            read += plan.ends[i] - plan.starts[i]
            i += 1
            if prune and i < end and count > k and read >= count:
                floor = _raise_floor(scratch, count, lengths, length_weight, constant, floor, high, k)
                read = 0
        while i < end:
            count = _drop(scratch, count, lengths, length_weight, constant, floor - rest - slack)
            _complete(index, plan, i, scratch, count)
            rest -= plan.bounds[i]
            i += 1
            if count > k:
                floor = _raise_floor(scratch, count, lengths, length_weight, constant, floor, high, k)
        if count > _MANY * k:
            floor = _raise_floor(scratch, count, lengths, length_weight, constant, floor, high, k)
        counts[q] = _keep_best(scratch, count, lengths, length_weight, constant, floor, scores[q], best[q])
        _forget(scratch, count)


@kernel
def _forget(scratch, count):
    """Make the gains of the first candidates zero again."""
    for c in range(count):
        scratch.gains[scratch.candidates[c]] = 0


@kernel
def _add_query(index, plan, q, places, scratch, count):
    """Add the gains of all terms of a query; return how many candidates there are then."""
    for i in range(plan.offsets[q], plan.offsets[q + 1]):
        count = _add(index, plan, i, places, scratch, count)
    return count


@kernel
def _peaks(frequencies, offsets, terms, peaks):
    """Enter the largest frequency of each of these terms."""
    for i in range(terms.shape[0]):
        peak = frequencies[offsets[terms[i]]]
        for at in range(offsets[terms[i]], offsets[terms[i] + 1]):
            peak = max(peak, frequencies[at])
        peaks[i] = peak
