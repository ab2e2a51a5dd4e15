"""Query likelihood: how likely a document's language model, smoothed by the collection's, writes the query.

The score is the logarithm of the query's probability, over its words t, as often as each stands there::

    Dirichlet        sum of  log((tf + mu * p(t)) / (|d| + mu))
    Jelinek-Mercer   sum of  log((1 - lambda) * tf / |d| + lambda * p(t))

where p(t) is the word's share of the collection. Words that the collection does not have are dropped, and only
documents that have a word of the query are found. As in Zhai and Lafferty, TOIS 2004.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from kgr.index.terms import Terms
from kgr.retrieval import _kernels
from kgr.retrieval.config import RetrieveConfig
from kgr.retrieval.lexical import Weights, search_texts


class Likelihood:
    """Query likelihood over an index: a :class:`kgr.retrieval.lexical.Scoring`.

    A word's share of the score is split: what the collection alone gives is the query's constant, what the length gives
    is the document's, and the rest, above 0 where the word is there, is the gain.
    """

    statistic_name = "share"

    def __init__(self, terms: Terms, config: RetrieveConfig) -> None:
        self.terms, self.config = terms, config
        self.norms = terms.lengths.astype(np.float32)
        self.length_scores = np.zeros(0, np.float32)
        self.law = _kernels.JELINEK_MERCER
        if config.smoothing == "dirichlet":
            self.law = _kernels.DIRICHLET
            self.length_scores = -np.log1p(terms.lengths / config.mu).astype(np.float32)

    def statistic(self, terms: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the terms' shares of the collection, float64[m]."""
        return np.asarray(self.terms.collection[terms]) / max(1, int(self.terms.lengths.sum(dtype=np.int64)))

    def weigh(self, terms: NDArray[np.int32], counts: NDArray[np.int64], peaks: NDArray[np.int64]) -> Weights:
        """Weigh terms; the most that one gives is at its largest frequency, in a document of nothing else."""
        shares, config = self.statistic(terms), self.config
        if config.smoothing == "dirichlet":
            factors, most, alone = 1 / (config.mu * shares), peaks / (config.mu * shares), shares
        else:
            factors = (1 - config.jm_lambda) / (config.jm_lambda * shares)
            most, alone = factors, config.jm_lambda * shares
        times = counts.astype(np.float64)
        return Weights(
            times.astype(np.float32), factors.astype(np.float32), times * np.log1p(most), times * np.log(alone)
        )


scoring = Likelihood
search = partial(search_texts, Likelihood)
"""The method; see :class:`kgr.retrieval.retrieve.Search`."""
