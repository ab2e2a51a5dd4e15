"""BM25: rare words count more, repeated ones less and less, and long documents' words less.

The score of a document d for a query is, over the query's words t, as often as each stands there::

    sum of  idf(t) * tf / (tf + k1 * (1 - b + b * |d| / mean |d|))

with ``idf = log(1 + (N - df + 0.5) / (df + 0.5))`` in Lucene's form and ``max(0, log((N - df + 0.5) / (df + 0.5)))`` in
Robertson's; N documents, of which df have the word. The constant ``k1 + 1`` of older forms, which changes no order, is
left out, as in Lucene 8 and after. Forms as in Kamphuis et al., ECIR 2020.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from kgr.index.terms import Terms
from kgr.retrieval import _kernels
from kgr.retrieval.config import RetrieveConfig
from kgr.retrieval.lexical import Weights, search_texts


class Bm25:
    """BM25 over an index: a :class:`kgr.retrieval.lexical.Scoring`."""

    law = _kernels.BM25
    statistic_name = "idf"

    def __init__(self, terms: Terms, config: RetrieveConfig) -> None:
        self.terms, self.config = terms, config
        self.mean = float(terms.lengths.mean(dtype=np.float64)) if len(terms.lengths) else 0.0
        relative = terms.lengths / (self.mean or 1.0)
        self.norms = (config.k1 * (1 - config.b + config.b * relative)).astype(np.float32)
        self.length_scores = np.zeros(0, np.float32)

    def statistic(self, terms: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the inverse document frequencies of terms, float64[m]."""
        offsets, n = self.terms.offsets, len(self.terms.rows)
        df = np.asarray(offsets[terms + 1] - offsets[terms], np.float64)
        odds = (n - df + 0.5) / (df + 0.5)
        return np.log1p(odds) if self.config.form == "lucene" else np.log(np.maximum(odds, 1))

    def weigh(self, terms: NDArray[np.int32], counts: NDArray[np.int64], peaks: NDArray[np.int64]) -> Weights:
        """Weigh terms; the most that one gives is at its largest frequency, in the shortest document."""
        weights = counts * self.statistic(terms)
        nearest = float(self.norms.min(initial=np.inf))
        zeros = np.zeros(len(terms))
        return Weights(weights.astype(np.float32), zeros.astype(np.float32), weights * peaks / (peaks + nearest), zeros)


scoring = Bm25
search = partial(search_texts, Bm25)
"""The method; see :class:`kgr.retrieval.retrieve.Search`."""
