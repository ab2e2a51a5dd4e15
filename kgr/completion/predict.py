"""Predictions: the tails, heads or relations that complete a triple."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kgr.completion.calibration import Calibration, probabilities
from kgr.completion.propensity import load_propensity
from kgr.completion.shares import SIDES, answers_of, best, log_shares, queries_of, score_queries
from kgr.data.splits import SPLITS
from kgr.errors import ConfigError, DataError
from kgr.graph.graph import load_graph
from kgr.index.store import Of, Store
from kgr.query.keyed import entity_id, relation_id

if TYPE_CHECKING:
    from kgr.completion.scorer import LinkScorer


MARKS = (None, "graph", "held-out")
"""What of the store has a triple: nothing, train, or only valid or test."""


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What may complete a triple.

    ``score`` is the model's own for an entity; for a relation it is the sum of two log shares, see :func:`predict`.
    ``probability`` is None for what train has, for relations, and where nothing is calibrated. ``known`` is one of
    :data:`MARKS`.
    """

    key: str
    label: str
    score: float
    probability: float | None
    known: str | None


@dataclasses.dataclass(frozen=True)
class Predictions:
    """The best completions of a triple, of which one of head, relation and tail is None; how many are known."""

    head: str | None
    relation: str | None
    tail: str | None
    results: tuple[Prediction, ...]
    known: dict[str, int]


def predict(
    scorer: LinkScorer,
    store: Store,
    *,
    head: str | None = None,
    relation: str | None = None,
    tail: str | None = None,
    k: int = 10,
    language: str = "en",
    new_only: bool = False,
    calibration: Calibration | None = None,
) -> Predictions:
    """Rank what completes a triple, of which two of three keys are given.

    Entities are ranked by the model's score. Relations of a pair are ranked by the log share of the tail among the
    tails that train does not have, and that of the head among such heads, together: scores of different relations
    are not comparable, shares are. Relations that train lacks are left out.

    Parameters
    ----------
    k : int
        Results wanted.
    language : str
        Of the labels.
    new_only : bool
        Leave out what a split of the store has.
    calibration : Calibration, optional
        Gives the probabilities of entities.

    Raises
    ------
    ConfigError
        Not two of head, relation and tail; k below 1.
    UnknownKey, QueryError
        A key that the store does not have; a document.
    DataError
        Train has no triples of an entity or relation that is given, so that nothing is learnt about it.
    """
    check_asked(store, head, relation, tail, k)
    if relation is None:
        found = _relations(scorer, store, entity_id(store, str(head)), entity_id(store, str(tail)))
    else:
        entity, inverse = (tail, 1) if head is None else (head, 0)
        query = entity_id(store, str(entity)), 2 * relation_id(store, relation) + inverse
        found = _entities(scorer, store, query, calibration)
    known = {mark: int(np.count_nonzero(found.marks == place)) for place, mark in enumerate(MARKS) if mark}
    return Predictions(head, relation, tail, found.named(store, k, language, new_only), known)


def check_asked(store: Store, head: str | None, relation: str | None, tail: str | None, k: int) -> None:
    """Refuse what :func:`predict` refuses, before anything is scored."""
    if sum(given is not None for given in (head, relation, tail)) != 2:
        raise ConfigError("give two of head, relation and tail: the third is predicted")
    check_k(k)
    graph = load_graph(store)
    for key in (head, tail):
        if key is not None and not graph.seen[entity_id(store, key)]:
            raise DataError(f"{store.path}: train has no triples of entity {key!r}, so nothing is learnt about it")
    if relation is not None:
        ends_of(store, relation)


def ends_of(store: Store, relation: str) -> tuple[int, NDArray[np.int32], NDArray[np.int32]]:
    """Return the id of a relation, and the heads and the tails that train has of it, ascending.

    Raises
    ------
    UnknownKey, DataError
        There is no such relation; train has no triples of it.
    """
    base, graph = relation_id(store, relation), load_graph(store)
    heads, tails = (np.flatnonzero(graph.in_degrees(2 * base + inverse)).astype(np.int32) for inverse in (1, 0))
    if not len(heads):
        raise DataError(f"{store.path}: train has no triples of relation {relation!r}, so nothing is learnt about it")
    return base, heads, tails


def check_k(k: int) -> None:
    """Refuse a number of results below 1 with a ConfigError."""
    if k < 1:
        raise ConfigError(f"k is {k}, expected at least 1")


@dataclasses.dataclass(frozen=True)
class _Candidates:
    """What may complete a triple: score (-inf: train lacks it), probability (NaN: none), and which of MARKS it has."""

    scores: NDArray[np.floating[Any]]
    probabilities: NDArray[np.float64]
    marks: NDArray[np.int8]
    of: Of

    def named(self, store: Store, k: int, language: str, new_only: bool) -> tuple[Prediction, ...]:
        """Return the best by score."""
        kept = np.flatnonzero(np.isfinite(self.scores) & ((self.marks == 0) | (not new_only)))
        keys = store.relations if self.of == "relations" else store.entries
        return tuple(
            Prediction(
                keys.key(id),
                store.label(self.of, id, language),
                float(self.scores[id]),
                maybe(self.probabilities[id]),
                MARKS[self.marks[id]],
            )
            for id in kept[best(self.scores[kept], k)].tolist()
        )


def maybe(probability: float) -> float | None:
    """Return a probability, None for NaN."""
    return None if np.isnan(probability) else float(probability)


def _entities(scorer: LinkScorer, store: Store, query: tuple[int, int], calibration: Calibration | None) -> _Candidates:
    queries = np.array([query], np.int32)
    scored = score_queries(scorer, load_graph(store), queries)
    marks = np.zeros(scored.scores.shape[1], np.int8)
    for triples in _held_out(store):
        side = SIDES[query[1] & 1]
        marks[answers_of(triples, side)[(queries_of(triples, side) == query).all(axis=1)]] = 2
    marks[scored.known[0]] = 1
    chances = np.full(len(marks), np.nan)
    if calibration is not None:
        logits = calibration.logits(scored, load_propensity(store).log_odds(queries))[0]
        chances = np.where(marks == 1, np.nan, probabilities(logits))
    return _Candidates(scored.scores[0], chances, marks, "entries")


def _relations(scorer: LinkScorer, store: Store, head: int, tail: int) -> _Candidates:
    graph = load_graph(store)
    count = len(store.relations)
    triples = np.stack(np.broadcast_arrays(head, np.arange(count), tail), axis=1).astype(np.int32)
    tails, heads = (log_shares(scorer, graph, triples, side) for side in SIDES)
    marks = np.zeros(count, np.int8)
    for held in _held_out(store):
        marks[held[(held[:, ::2] == (head, tail)).all(axis=1), 1]] = 2
    marks[graph.holds(triples)] = 1
    learnt = np.isin(np.arange(count), graph.relation >> 1)
    scores = np.where(learnt, tails + heads, -np.inf)
    return _Candidates(scores, np.full(count, np.nan), marks, "relations")


def _held_out(store: Store) -> list[NDArray[np.int32]]:
    return [store.triples(split) for split in SPLITS[1:] if split in store.splits]
