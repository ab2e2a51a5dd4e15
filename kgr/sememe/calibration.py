"""From scores to probabilities that a synset has a sememe: fitted on valid, measured on test."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kgr.completion.calibration import fit, probabilities
from kgr.sememe.measure import calibration_error

BEST = 30
"""Candidates of a synset that are looked at; those below have the probability of the last."""

FIRST = 10
"""Candidates of a synset over which the error is measured: what a user is shown."""


@dataclasses.dataclass(frozen=True)
class Calibration:
    """A logistic law of the event that a synset is annotated with a sememe.

    Attributes
    ----------
    weights : five floats
        Of 1, of the score, of its square, of how far it is below the synset's best, of the log of its rank.
    centre, scale : float
        Of the scores, which are divided so that they are around 0 and about 1.
    logarithm : bool
        Whether scores are positive and their logarithms stand for them.
    """

    weights: tuple[float, ...]
    centre: float
    scale: float
    logarithm: bool

    def of(self, scores: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return probabilities of all sememes: float64[B, C]; 0 where the score is not finite."""
        order, statistics = self._statistics(scores)
        said = probabilities(statistics @ np.array(self.weights))
        said = np.minimum.accumulate(said, axis=1)  # what is ranked lower is not more probable
        found = np.repeat(said[:, -1:], scores.shape[1], axis=1)
        np.put_along_axis(found, order, said, axis=1)
        found[~np.isfinite(scores)] = 0
        return found

    def _statistics(self, scores: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the columns of the best candidates, int64[B, n], and what the weights are of: float64[B, n, 5]."""
        order = _best(scores)
        values = _values(np.take_along_axis(scores, order, axis=1), self.logarithm)
        values = (values - self.centre) / self.scale
        ranks = np.broadcast_to(np.log(np.arange(1, order.shape[1] + 1)), values.shape)
        columns = (np.ones_like(values), values, values**2, values[:, :1] - values, ranks)
        return order, np.stack(columns, axis=2)


def calibrate(scores: NDArray[np.float32], gold: csr_array) -> Calibration:
    """Fit the law to scores of annotated synsets: float32[B, C], finite for at least one sememe of each."""
    top = np.take_along_axis(scores, _best(scores), axis=1)
    logarithm = bool((top > 0).all())
    values = _values(top, logarithm)
    centre, scale = float(values.mean()), float(values.std()) or 1.0
    law = Calibration((0.0,) * 5, centre, scale, logarithm)
    order, statistics = law._statistics(scores)
    held = _right(gold, order)
    weights = fit(statistics.reshape(-1, 5), held.ravel(), np.ones(held.size))
    return dataclasses.replace(law, weights=tuple(weights.tolist()))


def expected_error(law: Calibration, scores: NDArray[np.float32], gold: csr_array) -> float:
    """Return the expected calibration error over the :data:`FIRST` candidates of each synset."""
    order = _best(scores)[:, :FIRST]
    said = np.take_along_axis(law.of(scores), order, axis=1)
    return calibration_error(said.ravel(), _right(gold, order).ravel())


def _best(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    finite = int(np.isfinite(scores).sum(1).min(initial=scores.shape[1]))
    n = max(1, min(BEST, finite))
    top = np.argpartition(-scores, n - 1, axis=1)[:, :n]
    own = np.take_along_axis(scores, top, axis=1)
    found: NDArray[np.int64] = np.take_along_axis(top, np.lexsort((top, -own), axis=1), axis=1)
    return found


def _values(scores: NDArray[np.floating[Any]], logarithm: bool) -> NDArray[np.float64]:
    values = scores.astype(np.float64)
    return np.log(np.maximum(values, 1e-12)) if logarithm else values


def _right(gold: csr_array, order: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether a synset has each of its candidates: bool[B, n]."""
    found: NDArray[np.bool_] = np.take_along_axis(gold.toarray() > 0, order, axis=1)
    return found
