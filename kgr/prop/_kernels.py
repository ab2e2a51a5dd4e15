"""Kernels of word sets: tables for draws in constant time, documents' words, pairs of sets.

An alias table (Walker 1977, by Vose's method) is uint64: the upper half of slot i is the share of 2^32 with which the
slot keeps its own outcome, the lower half the outcome that it gives otherwise.
"""

import math
from typing import NamedTuple

import numpy as np

from kgr._jit import forced, inlined, kernel
from kgr._rng import below, next_word, start

TRIES = 32
"""Draws of a pair whose scores are equal, after which it is given up."""

NEAR = 1e-9
"""Scores that are nearer are equal: the same words in another order may differ in the last digits."""

_SMALL = 1e-200  # products above it can take one more probability


class Law(NamedTuple):
    """What sets are drawn by: V terms, W words, n documents."""

    ids: np.ndarray  # int32[L], terms in text order
    offsets: np.ndarray  # int64[n + 1]
    seen: np.ndarray  # int32[n], terms of each document that are modelled
    sizes: np.ndarray  # float64[n], |d|
    mu: float
    share: np.ndarray  # float64[V], p(w|C)
    table: np.ndarray  # uint64[V], alias table of the shares; those of words that are never drawn are 0
    usable: np.ndarray  # bool[V]
    keep: np.ndarray  # float64[V], with what chance a drawn word is kept
    thinned: bool  # some are not always
    candidates: int  # of the published law; 0 of Dirichlet's
    forms: np.ndarray  # int64[V + 1]
    form_table: np.ndarray  # uint64[W]
    lengths: np.ndarray  # float64[k], chance that a set has at most so many words


class Scratch(NamedTuple):
    """One thread's, long enough for the longest document: its words in a hash table, and the candidates' table."""

    term: np.ndarray  # int32[2^b], or -1
    count: np.ndarray  # int32[2^b], how often each is there
    place: np.ndarray  # int32[l], where in the hash table each usable token is
    candidate: np.ndarray  # int32[2^b], where each candidate is
    weight: np.ndarray  # float64[m]
    scaled: np.ndarray  # float64[m]
    stack: np.ndarray  # int32[m]
    table: np.ndarray  # uint64[m]


class Pairs(NamedTuple):
    """Where the pairs of B documents go."""

    offsets: np.ndarray  # int64[2 * B * P + 1]
    terms: np.ndarray  # int32[...]
    words: np.ndarray  # int32[...]
    scores: np.ndarray  # float64[B, P, 2]
    kept: np.ndarray  # bool[B, P]
    redrawn: np.ndarray  # int64[B]


@inlined
def uniform(state):
    """The next state and a number in [0, 1)."""
    state, word = next_word(state)
    return state, np.float64(word >> np.uint64(11)) * 1.1102230246251565e-16


@forced
def _build(weights, first, n, scaled, stack, table):
    """Fill ``table[first:first + n]`` with the alias table of weights there, not all 0; outcomes are from 0."""
    total = 0.0
    for i in range(n):
        total += weights[first + i]
    small, large = 0, n
    for i in range(n):
        scaled[i] = weights[first + i] / total * n
        if scaled[i] < 1.0:
            stack[small] = i
            small += 1
        else:
            large -= 1
            stack[large] = i
    while small > 0 and large < n:
        small -= 1
        i, j = stack[small], stack[large]
        table[first + i] = np.uint64(scaled[i] * 4294967296.0) << np.uint64(32) | np.uint64(j)
        scaled[j] -= 1.0 - scaled[i]
        if scaled[j] < 1.0:
            large += 1
            stack[small] = j
            small += 1
    for i in range(small):
        table[first + stack[i]] = np.uint64(stack[i])
    for i in range(large, n):
        table[first + stack[i]] = np.uint64(stack[i])


@kernel
def _tables(weights, offsets, scaled, stack, table):
    """An alias table of each range of weights."""
    for i in range(offsets.shape[0] - 1):
        _build(weights, offsets[i], offsets[i + 1] - offsets[i], scaled, stack, table)


@inlined
def by_table(state, table, first, n):
    """The next state and an outcome in [0, n) of the alias table at ``first``."""
    state, i = below(state, n)
    cell = table[first + i]
    state, word = next_word(state)
    kept = word >> np.uint64(32) < cell >> np.uint64(32)
    return state, i if kept else np.int64(cell & np.uint64(0xFFFFFFFF))


@inlined
def length_of(state, lengths):
    """The next state and a number of words, at least 1."""
    state, u = uniform(state)
    n = np.int64(0)
    while n + 1 < lengths.shape[0] and u >= lengths[n]:
        n += 1
    return state, n + 1


@kernel
def _usable_counts(ids, offsets, seen, usable, sizes):
    """sizes[i] = tokens among those modelled of document i whose term is usable."""
    for i in range(sizes.shape[0]):
        n = 0
        for at in range(offsets[i], offsets[i] + seen[i]):
            n += usable[ids[at]]
        sizes[i] = n


@kernel
def _choose(key, documents, sizes, least, share, out):
    """out[i] = whether a document is drawn from: long enough, or short and within its share."""
    for i in range(documents.shape[0]):
        size = sizes[documents[i]]
        _, u = uniform(start(key, documents[i]))
        out[i] = size >= least or (size > 0 and u < share)


@kernel
def _set_lengths(key, documents, drawn, lengths, pairs, out):
    """out[2 * (i * pairs + p) + side] = words of a set; 0 of a document that is not drawn from."""
    for i in range(documents.shape[0]):
        own = start(key, documents[i])
        for p in range(pairs):
            _, n = length_of(start(own, p), lengths)
            at = 2 * (i * pairs + p)
            out[at] = n if drawn[i] else 0
            out[at + 1] = out[at]


@inlined
def hashed(term, bits):
    """A place in a table of 2^bits."""
    return np.int64(np.uint64(term) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(64 - bits))


@forced
def _find(term, bits, wanted):
    """Where a term is or would be in the hash table."""
    at = hashed(wanted, bits)
    mask = (1 << bits) - 1
    while (term[at] != wanted) & (term[at] != -1):  # one branch: whether a word is new is not foreseen
        at = (at + 1) & mask
    return at


@inlined
def bits_for(n):
    """Of a hash table that n terms fill at most half."""
    bits = 4
    while (1 << bits) < 2 * n:
        bits += 1
    return bits


@forced
def _read(law, document, bits, own):
    """Count a document's words: how many distinct ones there are, and how many usable tokens."""
    own.term[: 1 << bits] = -1
    own.count[: 1 << bits] = 0
    n, tokens = 0, 0
    first = law.offsets[document]
    for i in range(first, first + law.seen[document]):
        word = law.ids[i]
        if not law.usable[word]:
            continue
        at = _find(own.term, bits, word)
        n += own.term[at] != word
        own.term[at] = word
        own.count[at] += 1
        own.place[tokens] = at
        tokens += 1
    return n, tokens


@inlined
def others_of(candidates, n):
    """Draws that fill the candidates of a document of n words, as published."""
    return candidates - n if candidates > n else n + 100


@forced
def _add_candidates(law, state, bits, n, own):
    """Draw candidates beside a document's n words, and list all; how many there are, each once."""
    for _ in range(others_of(law.candidates, n)):
        state, word = by_table(state, law.table, 0, law.share.shape[0])
        own.term[_find(own.term, bits, word)] = word
    n = 0
    for at in range(1 << bits):
        own.candidate[n] = at
        n += own.term[at] >= 0
    return n


@inlined
def chance(law, size, term, count):
    """p(w|d), smoothed."""
    return (count + law.mu * law.share[term]) / (size + law.mu)


@forced
def _word(law, state, bits, size, tokens, n, own):
    """The next state, a term and its p(w|d).

    Dirichlet's: a uniform token of the document or, with mu's share, a word of the collection; one that is rejected
    is drawn anew from the beginning. The published: of the candidates.
    """
    if law.candidates:
        state, drawn = by_table(state, own.table, 0, n)
        at = np.int64(own.candidate[drawn])
        return state, own.term[at], chance(law, size, own.term[at], own.count[at])
    while True:
        state, u = uniform(state)
        x = u * (tokens + law.mu)
        if x < tokens:
            at = np.int64(own.place[np.int64(x)])
            term = own.term[at]
        else:
            state, drawn = by_table(state, law.table, 0, law.share.shape[0])
            term = np.int32(drawn)
            at = _find(own.term, bits, term)
        if not law.thinned:
            break
        state, u = uniform(state)
        if u < law.keep[term]:
            break
    return state, term, chance(law, size, term, own.count[at])


@forced
def _set(law, state, bits, size, tokens, n, own, terms, first, last):
    """Draw the terms of a set; the next state and the logarithm of their probability."""
    score, product = 0.0, 1.0
    for at in range(first, last):
        state, terms[at], p = _word(law, state, bits, size, tokens, n, own)
        product *= p
        if product < _SMALL:
            score += math.log(product)
            product = 1.0
    return state, score + math.log(product)


@forced
def _surface(law, state, out, first, last):
    """Draw a surface form of each term of a pair."""
    for at in range(first, last):
        begin = law.forms[out.terms[at]]
        state, form = by_table(state, law.form_table, begin, law.forms[out.terms[at] + 1] - begin)
        out.words[at] = begin + form


@inlined
def document_bits(law, n):
    """Of the hash table of a document of n terms and its candidates."""
    return bits_for(n + others_of(law.candidates, n) if law.candidates else n)


@forced
def _prepare(law, key, document, own):
    """Read a document: bits of its hash table, words, usable tokens and, as published, the candidates' table."""
    bits = document_bits(law, np.int64(law.seen[document]))
    n, tokens = _read(law, document, bits, own)
    if law.candidates:
        n = _add_candidates(law, start(key, document), bits, n, own)
        for i in range(n):
            term, count = own.term[own.candidate[i]], own.count[own.candidate[i]]
            own.weight[i] = chance(law, law.sizes[document], term, count) * law.keep[term]
    return bits, n, tokens


@kernel
def _candidates_of(law, key, document, own):
    """The candidates of a document: how many; terms and weights are in the scratch."""
    _, n, _ = _prepare(law, key, document, own)
    return n


@kernel
def _draw(law, pair_key, candidate_key, documents, first_row, drawn, own, out):
    """Draw the pairs of documents; row i of them is row first_row + i of ``out``."""
    pairs = out.kept.shape[1]
    for i in range(documents.shape[0]):
        row = first_row + i
        if not drawn[i]:
            continue
        bits, n, tokens = _prepare(law, candidate_key, documents[i], own)
        if law.candidates:
            _build(own.weight, 0, n, own.scaled, own.stack, own.table)
        key = start(pair_key, documents[i])
        size = law.sizes[documents[i]]
        for p in range(pairs):
            state, _ = length_of(start(key, p), law.lengths)
            first = 2 * (row * pairs + p)
            scores = out.scores[row, p]
            for _ in range(TRIES):
                for side in range(2):
                    a, b = out.offsets[first + side], out.offsets[first + side + 1]
                    state, scores[side] = _set(law, state, bits, size, tokens, n, own, out.terms, a, b)
                if abs(scores[0] - scores[1]) > NEAR:
                    out.kept[row, p] = True
                    break
                out.redrawn[row] += 1
            _surface(law, state, out, out.offsets[first], out.offsets[first + 2])


@kernel
def _softmax(weights, offsets, temperature, out):
    """Each range's softmax of weights / temperature."""
    for i in range(offsets.shape[0] - 1):
        first, last = offsets[i], offsets[i + 1]
        if first == last:
            continue
        most, total = weights[first], 0.0
        for at in range(first, last):
            most = max(most, weights[at])
        for at in range(first, last):
            out[at] = math.exp((weights[at] - most) / temperature)
            total += out[at]
        for at in range(first, last):
            out[at] /= total


@kernel
def _entropies(shares, offsets, out):
    """out[i] = entropy of a range of shares over that of equal ones; nan where there are fewer than two."""
    for i in range(out.shape[0]):
        total = 0.0
        for at in range(offsets[i], offsets[i + 1]):
            if shares[at] > 0:
                total -= shares[at] * math.log(shares[at])
        n = offsets[i + 1] - offsets[i]
        out[i] = total / math.log(n) if n > 1 else np.nan


@forced
def _weighted_set(state, weights, shares, left, begin, n, terms, first, last):
    """Draw different words one after the other, each by its share of what is left; places in ``terms``, the score."""
    score = 0.0
    for i in range(n):
        left[i] = shares[begin + i]
    for at in range(first, last):
        total = 0.0
        for i in range(n):
            total += left[i]
        state, u = uniform(state)
        x, chosen = u * total, np.int64(-1)
        for i in range(n):
            if left[i] > 0:
                chosen = i
                x -= left[i]
                if x < 0:
                    break
        if chosen < 0:  # what is left has no weight that a float tells from 0
            return state, np.nan
        terms[at] = chosen
        left[chosen] = 0.0
        score += weights[begin + chosen]
    return state, score


@kernel
def _draw_weighted(key, documents, first_row, drawn, lengths, terms, words, weights, shares, offsets, left, out):
    """Draw pairs of sets of a document's words by their shares, without replacement; scores are sums of weights."""
    pairs = out.kept.shape[1]
    for i in range(documents.shape[0]):
        row = first_row + i
        if not drawn[i]:
            continue
        own = start(key, documents[i])
        begin = offsets[documents[i]]
        n = offsets[documents[i] + 1] - begin
        for p in range(pairs):
            state, _ = length_of(start(own, p), lengths)
            first = 2 * (row * pairs + p)
            scores = out.scores[row, p]
            for _ in range(TRIES if out.offsets[first + 1] - out.offsets[first] < n else 0):
                for side in range(2):
                    a, b = out.offsets[first + side], out.offsets[first + side + 1]
                    state, scores[side] = _weighted_set(state, weights, shares, left, begin, n, out.terms, a, b)
                if abs(scores[0] - scores[1]) > NEAR:
                    out.kept[row, p] = True
                    break
                out.redrawn[row] += 1
            for at in range(out.offsets[first], out.offsets[first + 2]):
                out.words[at] = words[begin + out.terms[at]] if out.kept[row, p] else -1
                out.terms[at] = terms[begin + out.terms[at]] if out.kept[row, p] else -1
