"""Interpolation of two rankings, the weight fitted on judged queries: each query's on those of the other folds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kgr.errors import ConfigError
from kgr.rank.trec import check_measures
from kgr.rank.trec import measure as measure_by
from kgr.retrieval.folds import folds_of
from kgr.retrieval.judged import AnyQrels, as_qrels, graded
from kgr.retrieval.ranking import AnyRanking, Ranking, as_ranking, scored_below, sorted_rows

WEIGHTS = np.arange(21) / 20
"""Of the other ranking, from 0 to 1: those that are tried."""

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Interpolation:
    """Two rankings made one; by :func:`interpolate`.

    Attributes
    ----------
    ranking : Ranking
        Of the base's queries and documents.
    fold : int32[Q]
        Of each query of the ranking, -1 where it is not judged.
    weights : float64[folds]
        Of the other ranking for the queries of each fold, fitted on the other folds.
    weight : float
        Fitted on all judged queries, for queries that are not judged.
    means : float64[21]
        Of the measure over all judged queries, for each of :data:`WEIGHTS`.
    missing : int
        Documents that the other ranking does not have for their query, and that got its lowest score.
    """

    ranking: Ranking
    fold: NDArray[np.int32]
    weights: Scores
    weight: float
    means: Scores
    missing: int


def interpolate(
    base: AnyRanking,
    other: AnyRanking,
    qrels: AnyQrels,
    *,
    folds: int = 5,
    measure: str = "ndcg@10",
    normalization: str = "minmax",
    depth: int = 100,
    name: str | None = None,
    relevance_level: int = 1,
    seed: int = 0,
    message: Callable[[str], None] | None = None,
) -> Interpolation:
    """Order the first documents of a ranking by (1 - weight) × its score + weight × that of another.

    No query has a part in the weight that it gets, which the judged queries of the other folds give: the lowest of
    :data:`WEIGHTS` by which the measure's mean is within a standard error of the highest (Breiman et al. 1984), the
    error being that of the mean of the queries' differences. The very highest of few queries is mostly luck, and a
    ranking that adds nothing gets no weight.

    Parameters
    ----------
    base, other
        Rankings, run files, or scores by query and document.
    qrels
        As :func:`kgr.evaluate_ranking` takes them; ``name`` chooses among those of a store.
    folds : int
        Parts of the judged queries, drawn by ``seed`` from their keys alone.
    measure : str
        As :func:`kgr.evaluate_ranking` has them.
    normalization : str
        Of both rankings' scores over those ``depth`` documents of each query: ``minmax``, from 0 to 1; or ``zscore``,
        mean 0 and standard deviation 1. Where all scores are the same they become 0.
    depth : int
        Documents of each query that are ordered anew. The others follow in the order that they had, each with a score
        of 1 less than the one before.
    relevance_level : int
        The lowest grade that is relevant.
    message : callable, optional
        Called with a line for everything unusual.

    Raises
    ------
    ConfigError
        A setting that is out of range, or fewer judged queries than folds.
    DataError
        A file is malformed.
    """
    if normalization not in NORMALIZATIONS:
        raise ConfigError(f"normalization is {normalization!r}, expected one of {', '.join(NORMALIZATIONS)}")
    for setting, value in (("depth", depth), ("relevance_level", relevance_level)):
        if value < 1:
            raise ConfigError(f"{setting} is {value}, expected at least 1")
    (chosen,) = check_measures([measure])
    judged, first = as_qrels(qrels, name), as_ranking(base)
    pair = _Pair(first, as_ranking(other), depth, NORMALIZATIONS[normalization])
    place = first.queries.find(judged.queries)
    queries = np.flatnonzero(place >= 0)
    fold = folds_of([judged.queries[query] for query in queries.tolist()], folds, seed)
    values = np.stack(
        [measure_by(chosen, graded(judged, pair.ranking(weight), queries, relevance_level)) for weight in WEIGHTS]
    )
    weights = np.array([_fitted(values[:, fold != own]) for own in range(folds)])
    weight = _fitted(values)
    of_query = np.full(len(first), -1, np.int32)
    of_query[place[queries]] = fold
    if pair.missing and message is not None:
        message(
            f"{pair.missing:,} of {len(pair.rows):,} documents have no score in the other ranking: its lowest counts"
        )
    ranking = pair.ranking(np.append(weights, weight)[of_query])
    return Interpolation(ranking, of_query, weights, weight, values.mean(1), pair.missing)


def _fitted(values: Scores) -> float:
    """Return the lowest weight whose mean of values float64[W, queries] is within a standard error of the highest."""
    queries = values.shape[1]
    behind = values[np.argmax(values.mean(1))] - values
    error = behind.std(1, ddof=1) / np.sqrt(queries) if queries > 1 else 0.0
    # equal but for the order of a sum is equal
    return float(WEIGHTS[np.argmax(np.round(behind.mean(1) - error, 12) <= 0)])


class _Pair:
    """Scores of the first documents of a ranking by it and by another, normalised.

    Attributes
    ----------
    rows : int64[n]
        Places of these documents in the base.
    missing : int
        Of them not in the other ranking.
    """

    def __init__(self, base: Ranking, other: Ranking, depth: int, normalize: Callable[..., Scores]) -> None:
        lengths = np.diff(base.offsets)
        owner = np.repeat(np.arange(len(base)), lengths)
        self.rows = np.flatnonzero(np.arange(len(owner)) - base.offsets[owner] < depth)
        self._base, self._owner = base, owner
        self._first = np.minimum(lengths, depth)
        starts = np.cumsum(self._first) - self._first
        group = starts[self._first > 0], self._first[self._first > 0]
        theirs = _scores_in(other, base, owner[self.rows], base.document[self.rows])
        self.missing = int(np.isnan(theirs).sum())
        self._scores = [normalize(own, *group) for own in (base.score[self.rows].astype(np.float64), theirs)]

    def ranking(self, weight: Scores | float) -> Ranking:
        """Return the ranking that a weight, or one for each query, makes."""
        base, (own, theirs) = self._base, self._scores
        share = np.broadcast_to(weight, len(base))[self._owner[self.rows]]
        score = np.full(len(base.document), -np.inf, np.float32)
        score[self.rows] = (1 - share) * own + share * theirs
        offsets, document, score = sorted_rows(self._owner.astype(np.int32), base.document, score, len(base))
        scored_below(offsets, score, self._first)
        return Ranking(base.queries, base.documents, offsets, document, score, "interpolated", base.topics, base.store)


def _scores_in(ranking: Ranking, base: Ranking, query: NDArray[np.int64], document: NDArray[np.int32]) -> Scores:
    """Return the scores that a ranking gives documents of the base for its queries, float64[n], NaN where none."""
    owner = np.repeat(np.arange(len(ranking)), np.diff(ranking.offsets))
    pairs = owner << 32 | ranking.document
    order = np.argsort(pairs)
    queries = ranking.queries.find(list(base)).astype(np.int64)
    used, place = np.unique(document, return_inverse=True)
    documents = ranking.documents.find(base.documents.keys_of(used)).astype(np.int64)[place]
    wanted = np.where(documents < 0, -1, queries[query] << 32 | documents)
    places = np.searchsorted(pairs[order], wanted)
    there = np.append(pairs[order], -2)[places] == wanted
    return np.where(there, np.append(ranking.score[order], np.nan)[places], np.nan)


def _minmax(scores: Scores, starts: NDArray[np.int64], counts: NDArray[np.int64]) -> Scores:
    low, high = (np.repeat(ends.reduceat(scores, starts), counts) for ends in (np.fmin, np.fmax))
    spread = np.nan_to_num(high - low)
    own = np.where(np.isnan(scores), low, scores) - low
    return _divided(own, spread, spread > 0)


def _zscore(scores: Scores, starts: NDArray[np.int64], counts: NDArray[np.int64]) -> Scores:
    low = np.repeat(np.fmin.reduceat(scores, starts), counts)
    own = np.nan_to_num(np.where(np.isnan(scores), low, scores))
    centred = own - np.repeat(np.add.reduceat(own, starts) / counts, counts)
    deviation = np.sqrt(np.repeat(np.add.reduceat(centred**2, starts) / counts, counts))
    flat = deviation <= 1e-9 * np.abs(own)  # what is left of the rounding of equal scores
    return _divided(centred, deviation, ~flat)


def _divided(scores: Scores, by: Scores, where: NDArray[np.bool_]) -> Scores:
    found: Scores = np.divide(scores, by, out=np.zeros(len(scores)), where=where)
    return found


NORMALIZATIONS: dict[str, Callable[..., Scores]] = {"minmax": _minmax, "zscore": _zscore}
