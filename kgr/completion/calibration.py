"""From scores to probabilities: fitted on what valid holds and train does not, measured on test.

The event: a candidate that is no answer in train is one in the held-out split. The population: the queries that train
or the split answer, those that neither answers of entities that share a relation with one that has an answer, and of
each the best candidates that train does not have. What nobody ever wrote down counts as false, and so does what lies in
another held-out split; so a probability is a lower bound of that of truth.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kgr import _io
from kgr._rng import key
from kgr.completion.propensity import Propensity, load_propensity
from kgr.completion.shares import SIDES, Progress, Scored, best, queries_of, score_queries
from kgr.data.training import holds_out
from kgr.graph.graph import build_graph
from kgr.index.store import Store

if TYPE_CHECKING:
    from kgr.completion.scorer import LinkScorer

BEST = 100
"""Candidates of a query that are looked at."""

QUERIES = 4096
"""At most about so many queries are looked at of those that the split answers, that train does, that neither does."""

_FORMAT = 2

_EDGES = np.array([0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1])


@dataclasses.dataclass(frozen=True)
class Calibration:
    """A logistic law of the event that a candidate is held out.

    Attributes
    ----------
    weights : six floats
        Of 1; of the log share of the candidate among those that train does not have; of the log share of all these
        together; of log(1 + answers that train has); where it has none, of 1 and of the log odds that there are any
        (:mod:`kgr.completion.propensity`).
    facts : int
        Held-out answers among the candidates that the law was fitted on.
    error : float or None
        Expected calibration error on test, in probability: the mean distance between what was said and what was
        found, by bins of :func:`reliability`, of the best candidate of each query. None without test triples.
    """

    weights: tuple[float, ...]
    facts: int
    error: float | None = None

    def logits(self, scored: Scored, log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log odds of all candidates, those that train has too: float64[B, G].

        ``log_odds`` float64[B]: :meth:`kgr.completion.propensity.Propensity.log_odds` of the queries.
        """
        constant, share, *others = self.weights
        rows = constant + _of_queries(scored, log_odds) @ np.array(others) - share * scored.level
        logits: NDArray[np.float64] = share * scored.scores + rows[:, None]
        return logits


def _of_queries(scored: Scored, log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what the last four weights of a :class:`Calibration` are of: float64[B, 4]."""
    known = np.diff(scored.known.offsets)
    none = (known == 0).astype(np.float64)
    return np.stack([scored.left, np.log1p(known), none, none * log_odds], axis=1)


def probabilities(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities of log odds."""
    return 0.5 + 0.5 * np.tanh(0.5 * logits)


@dataclasses.dataclass(frozen=True)
class Observed:
    """Candidates, and whether they are held out.

    Attributes
    ----------
    statistics : float64[n, 6]
        What the weights of a :class:`Calibration` are of.
    held : bool[n]
    weights : float64[n]
        How many candidates of the population each stands for.
    query : int64[n]
        The query of each, ascending; its candidates are in the order of their scores.
    """

    statistics: NDArray[np.float64]
    held: NDArray[np.bool_]
    weights: NDArray[np.float64]
    query: NDArray[np.int64]


def kept_calibration(
    path: Path, made_from: Mapping[str, Any], make: Callable[[], Calibration | None]
) -> Calibration | None:
    """Return the calibration that a file keeps; ``make`` it and keep it where the file has none made from the same."""
    head = {"format": _FORMAT, "made_from": dict(made_from)}
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        kept = {}
    if isinstance(kept, dict) and _io.intact(kept) and {name: kept.get(name) for name in head} == head:
        found = kept["calibration"]
        return None if found is None else Calibration(**{**found, "weights": tuple(found["weights"])})
    made = make()
    try:
        _io.replace_text(path, _io.signed({**head, "calibration": made and dataclasses.asdict(made)}) + "\n")
    except OSError as error:
        if error.errno not in _io.CANNOT_KEEP:
            raise
    return made


def calibrate(
    scorer: LinkScorer, store: Store, *, seed: int = 0, progress: Progress | None = None
) -> Calibration | None:
    """Fit a calibration on valid and measure it on test; None where valid has no triples, or leaves no candidates.

    Raises
    ------
    FormatError
        A score is not finite.
    """
    if not holds_out(store, "valid"):
        return None
    observed = observe(scorer, store, "valid", seed=seed, progress=progress)
    if not len(observed.held):
        return None
    weights = fit(observed.statistics, observed.held, observed.weights)
    found = Calibration(tuple(weights.tolist()), int(np.count_nonzero(observed.held)))
    if not holds_out(store, "test"):
        return found
    bins = reliability(found, observe(scorer, store, "test", seed=seed, progress=progress), first=1)
    return dataclasses.replace(found, error=expected_error(bins) if bins else None)


def observe(
    scorer: LinkScorer, store: Store, split: str, *, seed: int = 0, progress: Progress | None = None
) -> Observed:
    """Look at the best candidates, which train does not have, of the population of queries."""
    propensity = load_propensity(store)
    train = propensity.train
    held = build_graph(store.triples(split), store.entities, len(store.relations))
    queries, weights = _population(propensity, store.triples(split), np.random.default_rng(key(seed)))
    parts: list[tuple[NDArray[Any], ...]] = []
    for first in range(0, len(queries), scorer.batch):
        rows = queries[first : first + scorer.batch]
        scored = score_queries(scorer, train, rows)
        of_queries = _of_queries(scored, propensity.log_odds(rows))
        for row, (entity, relation) in enumerate(rows.tolist()):
            known, scores = scored.known[row], scored.scores[row].copy()
            scores[known] = -np.inf
            places = best(scores, min(BEST, len(scores) - len(known)))
            statistics = np.empty((len(places), 6))
            statistics[:, 0] = 1
            statistics[:, 1] = scores[places] - scored.level[row]
            statistics[:, 2:] = of_queries[row]
            number = np.full(len(places), first + row)
            parts.append((statistics, np.isin(places, held.tails(entity, relation)), weights[number], number))
        if progress:
            progress(len(rows), len(queries))
    return Observed(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _population(
    propensity: Propensity, triples: NDArray[np.int32], draw: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Draw queries that the triples answer, others that train answers, and others that neither answers.

    Returns int32[n, 2] and how many each stands for, float64[n].
    """
    train = propensity.train
    asked = np.unique(np.concatenate([queries_of(triples, side) for side in SIDES]), axis=0)
    drawn = asked[np.sort(draw.permutation(len(asked))[:QUERIES])]
    fragments = len(train.relation)
    places = np.unique(draw.integers(fragments, size=QUERIES)) if fragments > QUERIES else np.arange(fragments)
    entities = np.searchsorted(train.fragments, places, side="right") - 1
    answered = np.stack([entities, train.relation[places]], axis=1).astype(np.int32)
    unanswered, weights = _unanswered(propensity, draw)
    others = np.concatenate([answered, unanswered])
    weights = np.concatenate([np.full(len(answered), fragments / max(1, len(answered))), weights])
    number, numbers = (each[:, 0].astype(np.int64) * train.directed + each[:, 1] for each in (others, asked))
    kept = ~np.isin(number, numbers)
    return np.concatenate([drawn, others[kept]]), np.append(np.full(len(drawn), len(asked) / len(drawn)), weights[kept])


def _unanswered(propensity: Propensity, draw: np.random.Generator) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Draw queries that train does not answer, of relations that go with another of the entity's: as above."""
    count = propensity.train.entities
    entities = np.arange(count) if count <= QUERIES else np.unique(draw.integers(count, size=QUERIES))
    most = -(-QUERIES // len(entities))
    queries, weights = [np.empty((0, 2), np.int32)], [np.empty(0)]
    for entity in entities.tolist():
        likely = np.setdiff1d(np.flatnonzero(propensity.of(entity)), propensity.own(entity))
        some = likely[draw.permutation(len(likely))[:most]]
        queries.append(np.stack(np.broadcast_arrays(entity, some), axis=1).astype(np.int32))
        weights.append(np.full(len(some), count / len(entities) * len(likely) / max(1, len(some))))
    return np.concatenate(queries), np.concatenate(weights)


def fit(statistics: NDArray[np.float64], held: NDArray[np.bool_], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fit a logistic law by Newton's method: weights float64[C] of statistics float64[n, C].

    The weight 1e-3 of a square penalty keeps what the data do not decide near 0.
    """
    law: NDArray[np.float64] = np.zeros(statistics.shape[1])
    loss = np.inf
    step = law
    for _ in range(100):
        logits = statistics @ (law + step)
        now = float(weights @ (np.logaddexp(0, logits) - held * logits) + 5e-4 * (law + step) @ (law + step))
        if now > loss:
            step = step / 2
            continue
        close = loss - now < 1e-9 * abs(now)
        law, loss = law + step, now
        if close:
            break
        chances = probabilities(logits)
        gradient = statistics.T @ (weights * (chances - held)) + 1e-3 * law
        curvature = (statistics * (weights * chances * (1 - chances))[:, None]).T @ statistics
        step = np.linalg.solve(curvature + 1e-3 * np.eye(len(law)), -gradient).astype(np.float64)
    return law


def reliability(calibration: Calibration, observed: Observed, *, first: int = BEST) -> list[dict[str, float]]:
    """Compare probabilities with what was found, by bins of probability.

    Parameters
    ----------
    first : int
        Only so many best candidates of each query.

    Returns
    -------
    list of dict
        ``{"from", "to", "candidates", "probability", "held_out"}`` for each bin that is not empty: how many
        candidates of the population, the mean probability, the share that is held out.
    """
    starts = np.searchsorted(observed.query, observed.query)
    kept = np.arange(len(observed.query)) - starts < first
    chances = probabilities(observed.statistics[kept] @ np.array(calibration.weights))
    weights, held = observed.weights[kept], observed.held[kept]
    bins = np.clip(np.searchsorted(_EDGES, chances, side="right") - 1, 0, len(_EDGES) - 2)
    found = []
    for number in np.unique(bins).tolist():
        own = bins == number
        size = float(weights[own].sum())
        means = {
            name: float(weights[own] @ of[own]) / size for name, of in (("probability", chances), ("held_out", held))
        }
        found.append({"from": float(_EDGES[number]), "to": float(_EDGES[number + 1]), "candidates": size, **means})
    return found


def expected_error(bins: list[dict[str, float]]) -> float:
    """Return the mean distance between probability and share, each bin as often as it has candidates."""
    total = sum(each["candidates"] for each in bins)
    return sum(each["candidates"] * abs(each["probability"] - each["held_out"]) for each in bins) / total
