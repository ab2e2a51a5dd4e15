"""Word sets of PROP: drawn from the smoothed language models of documents.

Of a document d and a word w of the collection C, smoothed by Dirichlet's prior::

    p(w|d) = (tf(w, d) + mu * p(w|C)) / (|d| + mu)

A set is drawn from it with replacement, and its score is the logarithm of its words' probability. With probability
``|d| / (|d| + mu)`` a uniform token of the document, else a draw from p(w|C), is a draw from p(w|d): exactly so, since
|d| counts only words that can be drawn and p(w|C) is normalised over these. With sub-sampling a word is rejected with
word2vec's chance, and then drawn anew from the beginning, while the score stays as it is. As in Ma et al., WSDM 2021.

The law ``published`` is that of the authors' code: p(w|C) is the share of documents, and neither it nor |d| leaves
out the words that are never drawn; the model is over the whole document, of which the ranker may not see all; words
come from a list of candidates, the document's and enough drawn from p(w|C); sub-sampling spares words that occur less
than 100 times; and a stem's forms go by the logarithm of their count. Faults of that code that are not reproduced: it
stops at a word that occurs less than 100 times; draws of candidates beyond its table's mass all give one word; pairs
with equal scores are used; draws depend on the number of processes. It counts a document's length in word pieces
where it tells short ones, here in words; and its words are what the index has, numbers among them.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kgr._rng import key
from kgr._threads import share_rows
from kgr.errors import DataError
from kgr.index.analysis import Analyzer, AnalyzerConfig
from kgr.index.terms import Terms, Tokens
from kgr.prop import _kernels
from kgr.prop.set_pairs import CANDIDATES, PAIRS, Eligible, SetPairs, empty_pairs, filled, length_chances
from kgr.prop.sets_config import SetsConfig, checked_law

SPARED = 100
"""Occurrences below which the published code does not sub-sample a word."""


class WordSets:
    """Draws pairs of word sets from documents' language models.

    Every pair depends only on (seed, epoch, document, its number), not on the batch or the threads.

    Parameters
    ----------
    terms, tokens
        Of one index.
    config : SetsConfig, optional
        Of the law ``dirichlet`` or ``published``.
    visible : int32[n], optional
        How many of each document's first terms the ranker sees; all by default. Read where ``modelled`` is "visible".

    Attributes
    ----------
    config : SetsConfig
        With everything said, mu among it.
    eligible : Eligible
        The documents that are drawn from; how many are short or empty.

    Raises
    ------
    DataError
        Fewer than two different words can be drawn, or no document is long enough.
    ConfigError
        The law is B-PROP's.
    ValueError
        The tokens are of another index.
    """

    def __init__(
        self,
        terms: Terms,
        tokens: Tokens,
        config: SetsConfig | None = None,
        *,
        visible: NDArray[np.int32] | None = None,
    ) -> None:
        config = checked_law(config or SetsConfig(), "dirichlet", "published")
        if not np.array_equal(np.diff(tokens.offsets), terms.lengths):
            raise ValueError("tokens and terms are not of one index: their documents have other lengths")
        self._terms, self._tokens = terms, tokens
        self._usable = usable_terms(terms, config.min_count or 1)
        seen = np.ascontiguousarray(terms.lengths)
        if visible is not None and config.modelled == "visible":
            seen = np.clip(visible, 0, seen).astype(np.int32)
        usable = self._usable_sizes(seen)
        sizes = usable if config.law == "dirichlet" else np.where(usable > 0, seen, 0).astype(np.int64)
        if config.mu is None:
            config = dataclasses.replace(config, mu=max(float(sizes[sizes > 0].mean()), 1e-3) if sizes.any() else 1.0)
        self.config = config
        self.eligible = Eligible(sizes, config.min_length or 1, config.short_share or 0.0)
        self.eligible.check("word sets")
        self._law = self._make_law(seen, sizes)

    def _usable_sizes(self, seen: NDArray[np.int32]) -> NDArray[np.int64]:
        sizes = seen.astype(np.int64)
        if not self._usable.all():
            _kernels._usable_counts(self._tokens.ids, self._tokens.offsets, seen, self._usable, sizes)
        return sizes

    def _make_law(self, seen: NDArray[np.int32], sizes: NDArray[np.int64]) -> _kernels.Law:
        config, terms = self.config, self._terms
        counts = (terms.collection if config.background == "collection" else np.diff(terms.offsets)).astype(np.float64)
        drawn = np.where(self._usable, counts, 0.0)
        share = drawn / drawn.sum() if config.law == "dirichlet" else counts / counts.sum()
        keep = self._keep()
        forms = terms.word_counts.astype(np.float64)
        return _kernels.Law(
            self._tokens.ids,
            self._tokens.offsets,
            seen,
            sizes.astype(np.float64),
            float(config.mu or 0.0),
            share,
            alias_tables(drawn, np.array([0, len(drawn)])),
            self._usable,
            keep,
            bool(keep[self._usable].min() < 1),
            config.candidates if config.law == "published" else 0,
            np.ascontiguousarray(terms.forms),
            alias_tables(forms if config.forms == "count" else np.log1p(forms), terms.forms),
            length_chances(config.set_length),
        )

    def _keep(self) -> NDArray[np.float64]:
        """Return the chance with which a drawn word is kept, in proportion: the largest is 1."""
        collection = self._terms.collection
        if not self.config.subsample:
            return np.ones(len(collection))
        ratio = self.config.subsample / (collection / collection.sum())
        keep = np.minimum(1.0, np.sqrt(ratio) + ratio)
        if self.config.law == "published":
            keep[collection < SPARED] = 1.0
        kept: NDArray[np.float64] = np.minimum(1.0, keep / keep[self._usable].max())
        return kept

    @cached_property
    def documents(self) -> NDArray[np.int32]:
        """Documents that are drawn from, as numbers of the index, ascending: int32[m]."""
        return self.eligible.documents

    def draw(self, documents: NDArray[np.int32], *, epoch: int, seed: int, threads: int = 1) -> SetPairs:
        """Draw the pairs of documents, which are numbers of the index: int32[B].

        Raises
        ------
        ValueError
            A document that the index does not have.
        """
        drawn = self.eligible.drawn(documents, seed, epoch)
        own = key(seed, PAIRS, epoch)
        out = empty_pairs(self.config, documents, drawn, self._law.lengths, own)
        other = np.uint64(key(seed, CANDIDATES, epoch))

        def work(first: int, last: int) -> None:
            part = documents[first:last]
            seen = self._law.seen[part[drawn[first:last]]]
            scratch = self._scratch(int(seen.max(initial=0)))
            _kernels._draw(self._law, np.uint64(own), other, part, first, drawn[first:last], scratch, out)

        share_rows(work, len(documents), threads)
        return filled(out)

    def candidates(self, document: int, *, epoch: int, seed: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return the words that the published law draws a document's sets from in an epoch, and their shares.

        Returns
        -------
        int32[m], float64[m]
            Different terms; the shares are with sub-sampling, and sum to 1.
        """
        if self.config.law != "published":
            raise ValueError(f"law is {self.config.law!r}: only 'published' has candidates")
        scratch = self._scratch(int(self._law.seen[document]))
        n = _kernels._candidates_of(self._law, np.uint64(key(seed, CANDIDATES, epoch)), document, scratch)
        weights = scratch.weight[:n]
        return scratch.term[scratch.candidate[:n]], weights / weights.sum()

    def _scratch(self, tokens: int) -> _kernels.Scratch:
        """Return room for a document of so many tokens."""
        many = tokens + max(self._law.candidates, tokens + 100) if self._law.candidates else tokens
        slots = 1 << _kernels.bits_for.py_func(many)
        return _kernels.Scratch(
            np.empty(slots, np.int32),
            np.empty(slots, np.int32),
            np.empty(tokens, np.int32),
            np.empty(slots, np.int32),
            np.empty(many, np.float64),
            np.empty(many, np.float64),
            np.empty(many, np.int32),
            np.empty(many, np.uint64),
        )


def usable_terms(terms: Terms, least: int) -> NDArray[np.bool_]:
    """Return which terms can be drawn: those that occur so often and are no stop words, bool[V].

    Raises
    ------
    DataError
        Fewer than two.
    """
    usable = np.asarray(terms.collection >= least)
    own = terms.analyzer.config
    if not own.stop_words:
        words = np.zeros(len(terms.words), np.bool_)
        found = terms.words.find(sorted(Analyzer(AnalyzerConfig(language=own.language)).stop_words))
        words[found[found >= 0]] = True
        all_stop = np.logical_and.reduceat(words, terms.forms[:-1]) if len(usable) else usable
        usable = usable & ~all_stop
    if usable.sum() < 2:
        raise DataError(
            f"word sets: {int(usable.sum())} of the {len(usable)} words of the index can be drawn (those that occur at "
            f"least {least} times and are no stop words), pairs of sets need 2: expected more texts"
            f"{', or a smaller min_count' if least > 1 else ''}"
        )
    return usable


def alias_tables(weights: NDArray[np.float64], offsets: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return an alias table of each range of weights, see :mod:`kgr.prop._kernels`: uint64[len(weights)]."""
    longest = int(np.diff(offsets).max(initial=0))
    table = np.empty(len(weights), np.uint64)
    _kernels._tables(weights, np.ascontiguousarray(offsets), np.empty(longest), np.empty(longest, np.int32), table)
    return table
