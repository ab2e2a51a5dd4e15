"""Triple classification: is a triple a fact? Thresholds per relation are fitted on valid and its negatives."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kgr.completion.negatives import NEGATIVES, draw_negatives, stored_negatives
from kgr.completion.shares import SIDES, Progress, log_shares
from kgr.errors import ConfigError, DataError
from kgr.graph.graph import Graph, load_graph
from kgr.index.store import Store

if TYPE_CHECKING:
    from kgr.completion.scorer import LinkScorer

PROTOCOLS = ("corrected", "published")

Scores = NDArray[np.floating[Any]]


@dataclasses.dataclass(frozen=True)
class Labelled:
    """Triples of which it is told whether they are facts: int32[n, 3], bool[n]."""

    triples: NDArray[np.int32]
    true: NDArray[np.bool_]

    @classmethod
    def of(cls, facts: NDArray[np.int32], negatives: NDArray[np.int32]) -> Labelled:
        """Join facts and negatives."""
        return cls(np.concatenate([facts, negatives]), np.arange(len(facts) + len(negatives)) < len(facts))

    @property
    def relations(self) -> NDArray[np.int32]:
        """The base relation of each: int32[n]."""
        return self.triples[:, 1]


def classify(
    scorer: LinkScorer,
    store: Store,
    split: str = "test",
    *,
    protocol: str = "corrected",
    negatives: str = "stored",
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Tell facts of a split from negatives, by a threshold per relation that is fitted on valid.

    Parameters
    ----------
    protocol : "corrected" or "published"
        Corrected: what is compared with the threshold is the log share among the candidates that train does not
        have (:mod:`kgr.completion.shares`), of the tail, the head, or the sum of both, whichever classifies valid
        best. A threshold lies in the middle between two scores; of several that are as good, it is the middle one.
        A relation that valid does not have gets the threshold of all relations together.
        Published: as CoDEx's ``scripts/tc.py``. The score is the model's own of the tail. A threshold is the least
        score of best accuracy. All triples of a relation that valid does not have are taken for facts.
    negatives : "stored", "uniform" or "relation"
        Those of the store (CoDEx's hard ones), or drawn: see :func:`kgr.completion.negatives.draw_negatives`.
    seed : int
        Of negatives that are drawn.

    Returns
    -------
    dict
        ``{"split", "protocol", "negatives", "side", "triples", "accuracy", "f1", "precision", "recall", "valid":
        {"accuracy", "f1"}, "relations": {key: {"triples", "accuracy", "f1", "threshold", "valid_triples"}},
        "baselines": {"random_negatives", "relation_prior", "popularity"}}``, each baseline with accuracy and F1. A
        threshold under which all are facts (or none is) is None.

        ``random_negatives`` is the same model among uniform negatives: how much easier these are. ``relation_prior``
        takes all triples of a relation for what most are in valid. ``popularity`` scores a triple by log(1 + train
        edges of the relation into the tail) + log(1 + those out of the head).

    Raises
    ------
    DataError
        There are no facts, or no negatives, of valid or of the split.
    ConfigError
        A split, protocol or kind of negatives that is none.
    """
    _check("protocol", protocol, PROTOCOLS)
    _check("negatives", negatives, NEGATIVES)
    sets = [_labelled(store, name, kind, seed) for kind in (negatives, "uniform") for name in ("valid", split)]
    every = np.concatenate([one.triples for one in sets])
    scores = _scores(scorer, load_graph(store), every, protocol, progress)
    ends = np.cumsum([len(one.true) for one in sets])[:-1]
    side, found, easy = _on_best_side(sets, {side: np.split(own, ends) for side, own in scores.items()}, protocol)
    valid, test, _, random = sets
    popularity = np.split(_popularity(load_graph(store), every), ends)
    popular = _Judged.of(valid, test, popularity[0], popularity[1], "corrected")
    return {
        "split": split,
        "protocol": protocol,
        "negatives": negatives,
        "side": side,
        "triples": len(test.true),
        **_measures(found.test, test.true),
        "valid": _two(found.valid, valid.true),
        "relations": _by_relation(store, valid, test, found),
        "baselines": {
            "random_negatives": _two(easy.test, random.true),
            "relation_prior": _two(_prior(valid, test), test.true),
            "popularity": _two(popular.test, test.true),
        },
    }


def _check(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError(f"{name} is {value!r}, expected one of {', '.join(allowed)}")


def _labelled(store: Store, split: str, negatives: str, seed: int) -> Labelled:
    """Return the facts of a split and its negatives, stored or drawn."""
    if split not in ("valid", "test"):
        raise ConfigError(f"split is {split!r}, expected valid or test")
    if split not in store.splits or not len(store.triples(split)):
        raise DataError(f"{store.path}: has no {split} triples; thresholds are fitted on valid, and test is classified")
    if negatives == "stored":
        return Labelled.of(store.triples(split), stored_negatives(store, split))
    return Labelled.of(store.triples(split), draw_negatives(store, split, negatives, seed=seed))


def _scores(
    scorer: LinkScorer, graph: Graph, triples: NDArray[np.int32], protocol: str, progress: Progress | None
) -> dict[str, NDArray[np.floating[Any]]]:
    """Return the score of each triple by side: one side as published, else three to choose from."""
    if protocol == "published":
        return {"tail": scorer.triples(triples, side="tail")}
    total = 2 * len(triples)

    def tell(done: int) -> None:
        if progress:
            progress(done, total)

    tail, head = (log_shares(scorer, graph, triples, side, tell) for side in SIDES)
    return {"tail": tail, "head": head, "both": tail + head}


@dataclasses.dataclass(frozen=True)
class _Judged:
    """What thresholds make of valid and of the split: bool[n] each; the thresholds by relation."""

    valid: NDArray[np.bool_]
    test: NDArray[np.bool_]
    thresholds: Mapping[int, float]

    @classmethod
    def of(cls, valid: Labelled, test: Labelled, of_valid: Scores, of_test: Scores, protocol: str) -> _Judged:
        """Fit thresholds on valid, and apply them."""
        whole = -np.inf if protocol == "published" else best_threshold(of_valid, valid.true, protocol)
        thresholds = dict.fromkeys(np.unique(test.relations).tolist(), float(whole))
        for relation in np.unique(valid.relations).tolist():
            own = valid.relations == relation
            thresholds[relation] = best_threshold(of_valid[own], valid.true[own], protocol)
        return cls(_apply(thresholds, valid, of_valid), _apply(thresholds, test, of_test), thresholds)


def _apply(thresholds: Mapping[int, float], labelled: Labelled, scores: Scores) -> NDArray[np.bool_]:
    least = np.array([thresholds[relation] for relation in labelled.relations.tolist()])
    taken: NDArray[np.bool_] = scores >= least
    return taken


def _on_best_side(
    sets: Sequence[Labelled], scores: Mapping[str, Sequence[Scores]], protocol: str
) -> tuple[str, _Judged, _Judged]:
    """Return the side that classifies valid best, what it makes of the sets, and what of those of random negatives."""
    judged = {side: _Judged.of(sets[0], sets[1], own[0], own[1], protocol) for side, own in scores.items()}
    side = max(judged, key=lambda side: _accuracy(judged[side].valid, sets[0].true))
    return side, judged[side], _Judged.of(sets[2], sets[3], scores[side][2], scores[side][3], protocol)


def best_threshold(scores: Scores, true: NDArray[np.bool_], protocol: str = "corrected") -> float:
    """Return the threshold of best accuracy, where a score at or above it means a fact.

    Parameters
    ----------
    scores : float[n]
    true : bool[n]
    protocol : "corrected" or "published"
        The middle between two scores, minus infinity or infinity; of several as good the middle one. Or the least of
        the scores that are as good.
    """
    order = np.argsort(scores, kind="stable")
    sorted_scores, facts = scores[order].astype(np.float64), true[order]
    right = np.r_[0, np.cumsum(~facts)] + facts.sum() - np.r_[0, np.cumsum(facts)]  # where it is below the k-th score
    possible = np.r_[True, sorted_scores[1:] > sorted_scores[:-1], protocol == "corrected"]
    places = np.flatnonzero(possible & (right == right[possible].max()))
    if protocol == "published":
        return float(sorted_scores[places[0]])
    bounds = np.r_[-np.inf, sorted_scores, np.inf]
    place = places[len(places) // 2]
    return float(bounds[place] / 2 + bounds[place + 1] / 2)


def _popularity(graph: Graph, triples: NDArray[np.int32]) -> NDArray[np.float64]:
    scores = np.empty(len(triples))
    for relation in np.unique(triples[:, 1]).tolist():
        rows = np.flatnonzero(triples[:, 1] == relation)
        into, out = graph.in_degrees(2 * relation), graph.in_degrees(2 * relation + 1)
        scores[rows] = np.log1p(into[triples[rows, 2]]) + np.log1p(out[triples[rows, 0]])
    return scores


def _prior(valid: Labelled, test: Labelled) -> NDArray[np.bool_]:
    """Take all triples of a relation for what at least half of valid's are; of one that is not there, as of all."""
    most = dict.fromkeys(np.unique(test.relations).tolist(), bool(valid.true.mean() >= 0.5))
    for relation in np.unique(valid.relations).tolist():
        most[relation] = bool(valid.true[valid.relations == relation].mean() >= 0.5)
    return np.array([most[relation] for relation in test.relations.tolist()])


def _accuracy(taken: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    return float(np.mean(taken == true))


def _measures(taken: NDArray[np.bool_], true: NDArray[np.bool_]) -> dict[str, float]:
    """Accuracy, F1, precision and recall of facts; 0 where nothing is there to divide by."""
    both = int(np.count_nonzero(taken & true))
    taken_count, true_count = int(np.count_nonzero(taken)), int(np.count_nonzero(true))
    return {
        "accuracy": _accuracy(taken, true),
        "f1": 2 * both / max(1, taken_count + true_count),
        "precision": both / max(1, taken_count),
        "recall": both / max(1, true_count),
    }


def _two(taken: NDArray[np.bool_], true: NDArray[np.bool_]) -> dict[str, float]:
    measures = _measures(taken, true)
    return {name: measures[name] for name in ("accuracy", "f1")}


def _by_relation(store: Store, valid: Labelled, test: Labelled, found: _Judged) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for relation in np.unique(test.relations).tolist():
        own, threshold = test.relations == relation, found.thresholds[relation]
        rows[store.relations.key(relation)] = {
            "triples": int(np.count_nonzero(own)),
            **_two(found.test[own], test.true[own]),
            "threshold": threshold if np.isfinite(threshold) else None,
            "valid_triples": int(np.count_nonzero(valid.relations == relation)),
        }
    return rows
