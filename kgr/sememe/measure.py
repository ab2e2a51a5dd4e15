"""How good scores of sememes are: average precision and F1 of each synset, thresholds, standard errors."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kgr.errors import DataError

Scores = NDArray[np.floating[Any]]

_BLOCK = 1 << 24  # comparisons held at once

_RELATIVE = np.linspace(0.02, 0.99, 60)

_QUANTILES = np.linspace(0.005, 0.995, 60)

_LIKELY = 8  # best scores of a synset among which a threshold lies


@dataclasses.dataclass(frozen=True)
class Threshold:
    """Which sememes are predicted: those whose score exceeds ``value``, and the best one where none does.

    Where ``relative``, ``value`` is a share of the best score of the synset.
    """

    value: float
    relative: bool

    def kept(self, scores: Scores) -> NDArray[np.bool_]:
        """Return which sememes are predicted: bool[B, C], at least one of each synset."""
        kept = scores > self.bounds(scores)[:, None]
        alone = np.flatnonzero(~kept.any(1))
        kept[alone, scores[alone].argmax(1)] = True
        return kept

    def bounds(self, scores: Scores) -> Scores:
        """Return what the scores of each synset must exceed: float[B]."""
        if not self.relative:
            return np.full(len(scores), self.value, scores.dtype)
        best: Scores = scores.max(1)
        return (self.value * best).astype(scores.dtype)


def average_precisions(scores: Scores, gold: csr_array) -> NDArray[np.float64]:
    """Return the average precision of each synset's full ranking: float64[B].

    Parameters
    ----------
    scores : float[B, C]
    gold : csr[B, C]
        What each synset has: at least one sememe.

    Of equal scores, those of sememes that the synset does not have come first, so that a tie never helps.

    Raises
    ------
    DataError
        A synset has no sememe, or shapes do not fit.
    """
    rows, _, values = _gold(scores, gold)
    order = np.lexsort((-values, rows))
    rows, values = rows[order], values[order]
    place = np.arange(len(rows)) - gold.indptr[rows] + 1
    ends = np.flatnonzero(np.append((rows[1:] != rows[:-1]) | (values[1:] != values[:-1]), True))
    among = place[ends[np.searchsorted(ends, np.arange(len(rows)))]]  # the synset's own that score as much or more
    ranks = _as_good(scores, rows, values) - among + place
    return _means(place / ranks, gold.indptr)


def _as_good(scores: Scores, rows: NDArray[np.int64], values: Scores) -> NDArray[np.int64]:
    """Return how many sememes of a row score at least a value: int64[n]."""
    found = np.empty(len(rows), np.int64)
    block = max(1, _BLOCK // scores.shape[1])
    for first in range(0, len(rows), block):
        part = slice(first, first + block)
        found[part] = (scores[rows[part]] >= values[part, None]).sum(1)
    return found


def f1_scores(scores: Scores, gold: csr_array, threshold: Threshold) -> NDArray[np.float64]:
    """Return the F1 of what a threshold predicts of each synset: float64[B].

    Raises
    ------
    DataError
        A synset has no sememe, or shapes do not fit.
    """
    rows, columns, values = _gold(scores, gold)
    best = scores.argmax(1)
    return _f1(scores, (rows, columns == best[rows], values), gold.indptr, threshold)


def _f1(
    scores: Scores,
    own: tuple[NDArray[np.int64], NDArray[np.bool_], Scores],
    offsets: NDArray[np.integer[Any]],
    threshold: Threshold,
) -> NDArray[np.float64]:
    """``own``: the row of each gold sememe, whether it is the best of its row, and its score."""
    rows, is_best, values = own
    bounds = threshold.bounds(scores)
    kept = (scores > bounds[:, None]).sum(1)
    alone = kept == 0
    right = np.where(alone[rows], is_best, values > bounds[rows])
    hits = np.add.reduceat(right.astype(np.float64), offsets[:-1])
    found: NDArray[np.float64] = 2 * hits / (np.maximum(kept, 1) + np.diff(offsets))
    return found


def tune_threshold(scores: Scores, gold: csr_array) -> Threshold:
    """Return the threshold of the highest mean F1, absolute or relative.

    Absolute ones are tried at quantiles of the eight best scores of each synset, relative ones from 0.02 to 0.99
    where every synset's best score is positive. Of equal ones the first counts, absolute before relative.

    Raises
    ------
    DataError
        A synset has no sememe, or shapes do not fit.
    """
    rows, columns, values = _gold(scores, gold)
    own = (rows, columns == scores.argmax(1)[rows], values)
    likely = min(_LIKELY, scores.shape[1])
    top = np.partition(scores, scores.shape[1] - likely, axis=1)[:, scores.shape[1] - likely :]
    tried = [Threshold(float(value), False) for value in np.unique(np.quantile(top[np.isfinite(top)], _QUANTILES))]
    if (top.max(1) > 0).all():
        tried += [Threshold(float(value), True) for value in _RELATIVE]
    figures = [float(_f1(scores, own, gold.indptr, threshold).mean()) for threshold in tried]
    return tried[int(np.argmax(figures))]


def bootstrap_error(values: NDArray[np.float64], *, seed: int = 0, draws: int = 1000) -> float:
    """Return the standard error of a mean: the standard deviation of the means of so many draws with replacement."""
    if len(values) < 2:
        return 0.0
    generator = np.random.default_rng(seed)
    means = [values[generator.integers(0, len(values), len(values))].mean() for _ in range(draws)]
    return float(np.std(means, ddof=1))


def calibration_error(probabilities: Scores, right: NDArray[np.bool_], *, bins: int = 10) -> float:
    """Return the expected calibration error: the mean distance of what was said from what was found, by bins.

    Parameters
    ----------
    probabilities : float[n]
        Of n statements, from 0 to 1.
    right : bool[n]
        Which of them are true.
    bins : int
        Of equal width (Naeini, Cooper and Hauskrecht, AAAI 2015); each weighs as many statements as it has.
    """
    if not len(probabilities):
        return 0.0
    place = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    said = np.bincount(place, weights=probabilities, minlength=bins)
    found = np.bincount(place, weights=right, minlength=bins)
    return float(np.abs(said - found).sum() / len(probabilities))


def _gold(scores: Scores, gold: csr_array) -> tuple[NDArray[np.int64], NDArray[np.int64], Scores]:
    """Return row, column and score of each sememe that the synsets have."""
    if gold.shape != scores.shape:
        raise DataError(f"scores of shape {scores.shape} for sememes of shape {gold.shape}, expected the same")
    counts = np.diff(gold.indptr)
    if not len(counts) or not counts.all():
        which = f"row {int((counts == 0).argmax())}" if len(counts) else "no row at all"
        raise DataError(f"found {which} of no sememes, expected synsets that have some: nothing else can be measured")
    rows = np.repeat(np.arange(len(counts)), counts)
    columns = gold.indices.astype(np.int64)
    return rows, columns, scores[rows, columns]


def _means(values: NDArray[np.float64], offsets: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.add.reduceat(values, offsets[:-1]) / np.diff(offsets)
    return found
