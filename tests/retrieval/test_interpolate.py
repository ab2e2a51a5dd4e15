"""Interpolation: its formula, weights that owe nothing to their own queries, folds, bad input."""

from __future__ import annotations

from statistics import mean, stdev
from typing import Any

import numpy as np
import pytest

import kgr
from kgr.errors import ConfigError
from kgr.retrieval.folds import folds_of, shuffled
from kgr.retrieval.interpolate import WEIGHTS
from kgr.retrieval.ranking import Ranking

Run = dict[str, dict[str, float]]
Grades = dict[str, dict[str, int]]
QUERIES = [f"q{i}" for i in range(40)]


def material(seed: int, good: float) -> tuple[Run, Run, Grades]:
    """Two rankings of 12 documents each, the second of which knows as much more as ``good`` says; one is relevant."""
    draw = np.random.default_rng(seed)
    grades = {query: {f"d{draw.integers(12)}": 1} for query in QUERIES}
    base = {query: {f"d{i}": float(draw.normal()) for i in range(12)} for query in QUERIES}
    other = {
        query: {f"d{i}": float(draw.normal() + good * (f"d{i}" in grades[query])) for i in range(12)}
        for query in QUERIES
    }
    return base, other, grades


def mixed(base: Run, other: Run, query: str, weight: float, law: str) -> dict[str, float]:
    own = []
    for run in (base, other):
        low = min(run[query].values())
        scores = np.array([run[query].get(document, low) for document in base[query]])
        scores = scores - (scores.min() if law == "minmax" else scores.mean())
        own.append(scores / (scores.max() if law == "minmax" else scores.std()))
    return dict(zip(base[query], (1 - weight) * own[0] + weight * own[1], strict=True))


@pytest.mark.parametrize("law", ["minmax", "zscore"])
def test_the_formula(law: str) -> None:
    base, other, grades = material(0, good=1.5)
    del other["q3"]["d5"], grades["q7"]
    told: list[str] = []
    found = kgr.interpolate(base, other, grades, folds=4, normalization=law, message=told.append)
    assert told == ["1 of 480 documents have no score in the other ranking: its lowest counts"]
    assert found.fold[7] == -1
    assert np.bincount(found.fold[found.fold >= 0]).tolist() == [10, 10, 10, 9]
    for place, query in enumerate(QUERIES):
        weight = found.weights[found.fold[place]] if query != "q7" else found.weight
        expected = mixed(base, other, query, weight, law)
        assert dict(found.ranking[query]) == pytest.approx(expected, abs=1e-6)


def test_weights_are_the_lowest_about_as_good_as_the_best_of_the_other_folds() -> None:
    base, other, grades = material(1, good=1.0)
    found = kgr.interpolate(base, other, grades, folds=3, measure="mrr@10")
    values = {}
    for weight in WEIGHTS:
        run = {query: mixed(base, other, query, weight, "minmax") for query in QUERIES}
        own = kgr.evaluate_ranking(grades, run, measures=["mrr@10"], per_query=True)["per_query"]
        values[weight] = np.array([own[query]["mrr@10"] for query in QUERIES])
    assert found.means == pytest.approx([each.mean() for each in values.values()])
    for fold, weight in enumerate(found.weights):
        others = {each: own[found.fold != fold] for each, own in values.items()}
        best = max(others.values(), key=np.mean)
        gaps = {each: (best - own).tolist() for each, own in others.items()}
        near = [each for each, gap in gaps.items() if mean(gap) <= stdev(gap) / len(gap) ** 0.5]
        assert weight == min(near) < min(each for each, own in others.items() if own is best)
    assert 0 < found.weight < 1


def test_a_query_has_no_part_in_its_weight() -> None:
    base, other, grades = material(2, good=0.7)
    found = kgr.interpolate(base, other, grades, folds=2)
    own = [query for place, query in enumerate(QUERIES) if found.fold[place] == 0]
    for query in own:  # relevant is what the other ranking has last
        grades[query] = {min(other[query], key=other[query].__getitem__): 1}
    again = kgr.interpolate(base, other, grades, folds=2)
    assert again.weights[0] == found.weights[0]
    assert again.weights[1] != found.weights[1]


@pytest.mark.parametrize(("good", "low", "high"), [(8.0, 0.4, 1.0), (-8.0, 0.0, 0.0)])
def test_a_useless_ranking_gets_no_weight(good: float, low: float, high: float) -> None:
    base, other, grades = material(3, good=good)
    found = kgr.interpolate(base, other, grades)
    assert all(low <= weight <= high for weight in found.weights)


def test_the_others_follow() -> None:
    base: Run = {"q1": {"a": 9.0, "b": 8.0, "c": 7.0, "d": 6.0}, "q2": {}, "q3": {"e": 2.0, "a": 1.0}}
    other: Run = {"q1": {"b": 3.0, "a": 1.0, "d": 99.0}, "q3": {"a": 2.0, "e": 0.0}}
    found = kgr.interpolate(base, other, {"q1": {"b": 1}, "q3": {"a": 1}}, folds=2, depth=2)
    assert found.missing == 0
    ranking = found.ranking
    assert [key for key, _ in ranking["q1"]] == ["b", "a", "c", "d"]
    last = ranking["q1"][1][1]
    assert [score for _, score in ranking["q1"][2:]] == pytest.approx([last - 1, last - 2])
    # half of either makes these equal, so they keep their order
    assert (ranking["q2"], ranking["q3"], ranking.tag) == ([], [("e", 0.5), ("a", 0.5)], "interpolated")


def test_equal_scores_and_no_scores_are_zero() -> None:
    flat: Run = {"q1": {"a": 0.1, "b": 0.1, "c": 0.1}, "q2": {"a": 1.0}}
    for law in ("minmax", "zscore"):
        found = kgr.interpolate(flat, {"q1": {}}, {"q1": {"a": 1}, "q2": {"a": 1}}, folds=2, normalization=law)
        assert dict(found.ranking["q1"]) == {"a": 0, "b": 0, "c": 0}
        assert dict(found.ranking["q2"]) == {"a": 0}
        assert (found.missing, found.weight) == (4, 0)


def test_folds_depend_on_keys_and_seed_alone() -> None:
    fold = folds_of(QUERIES, 3, 0)
    assert np.array_equal(folds_of(QUERIES[::-1], 3, 0), fold[::-1])
    assert not np.array_equal(folds_of(QUERIES, 3, 1), fold)
    assert np.bincount(fold).tolist() == [14, 13, 13]
    assert sorted(shuffled(QUERIES, 0)) == list(range(40))


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"folds": 1}, "folds is 1, expected from 2 to 2, the queries that are judged"),
        ({"folds": 3}, "folds is 3, expected from 2 to 2, the queries that are judged"),
        ({"depth": 0}, "depth is 0, expected at least 1"),
        ({"relevance_level": 0}, "relevance_level is 0, expected at least 1"),
        ({"normalization": "max"}, "normalization is 'max', expected one of minmax, zscore"),
        ({"measure": "fun"}, "found 'fun'"),
    ],
)
def test_bad_wishes(wishes: dict[str, Any], message: str) -> None:
    ranking = Ranking.build({"q1": {"a": 1.0}, "q2": {"a": 1.0}})
    with pytest.raises(ConfigError, match=message):
        kgr.interpolate(ranking, ranking, {"q1": {"a": 1}, "q2": {"a": 1}}, **{"folds": 2, **wishes})
