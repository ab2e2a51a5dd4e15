"""Fusion of rankings, against its formulas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgr import fuse, open_store
from kgr.data.topics import Topics
from kgr.errors import ConfigError
from kgr.index.keys import Keys
from kgr.index.store import Store
from kgr.retrieval.ranking import Ranking

RUN = st.dictionaries(st.sampled_from("pqr"), st.dictionaries(st.sampled_from("abcdef"), st.integers(-3, 3).map(float)))


@settings(deadline=None)
@given(st.lists(RUN, min_size=2, max_size=3), st.sampled_from([0.0, 1.0, 60.0]))
def test_reciprocal_ranks(runs: list[dict[str, dict[str, float]]], k: float) -> None:
    fused = fuse(runs, k=k)
    expected: dict[str, dict[str, float]] = {query: {} for run in runs for query in run}
    for run in runs:
        for query, own in run.items():
            for rank, document in enumerate(sorted(own, key=lambda key: -own[key]), 1):
                expected[query][document] = expected[query].get(document, 0) + 1 / (k + rank)
    compare(fused, expected)


@settings(deadline=None)
@given(st.lists(RUN, min_size=2, max_size=3))
def test_minmax(runs: list[dict[str, dict[str, float]]]) -> None:
    weights = [1.0, 0.25, 2.0][: len(runs)]
    fused = fuse(runs, method="minmax", weights=weights)
    expected: dict[str, dict[str, float]] = {query: {} for run in runs for query in run}
    for run, weight in zip(runs, weights, strict=True):
        for query, own in run.items():
            for document, score in own.items():
                low, high = min(own.values()), max(own.values())
                scaled = weight * ((score - low) / (high - low) if high > low else 1)
                expected[query][document] = expected[query].get(document, 0) + scaled
    compare(fused, expected)


def compare(fused: Ranking, expected: dict[str, dict[str, float]]) -> None:
    assert list(fused) == list(expected)
    for query, own in expected.items():
        assert dict(fused[query]) == pytest.approx(own, abs=1e-6)
        scores = [score for _, score in fused[query]]
        assert scores == sorted(scores, reverse=True)


def test_files_and_depth(tmp_path: Path) -> None:
    Ranking.build({"q": {"a": 3.0, "b": 2.0, "c": 1.0}}).save(tmp_path / "f")
    fused = fuse([tmp_path / "f", {"q": {"c": 1.0}, "p": {}}], k=0, depth=2)
    assert {query: fused[query] for query in fused} == {"q": [("c", pytest.approx(4 / 3)), ("a", 1.0)], "p": []}
    assert fused.tag == "rrf"
    assert fuse([tmp_path / "f", tmp_path / "f"], method="minmax", tag="both").tag == "both"
    # equal scores: by the documents' numbers
    assert [key for key, _ in fuse([{"q": {"b": 1.0}}, {"q": {"a": 1.0}}])["q"]] == ["b", "a"]


def test_rankings_of_one_store(home: Path) -> None:
    store = open_store("atlas")
    keys = Keys.build(["q"], what="query")
    topics = Topics(keys, ["sea"])

    def ranking(store: Store | None, ids: list[int], topics: Topics = topics) -> Ranking:
        score = -np.arange(len(ids), dtype=np.float32)
        entries = open_store("atlas").entries
        return Ranking(
            topics.keys, entries, np.array([0, len(ids)]), np.array(ids, np.int32), score, "x", topics, store
        )

    fused = fuse([ranking(store, [7, 3]), ranking(open_store("atlas"), [3, 5])])
    assert fused.document.tolist() == [3, 7, 5]
    assert fused.store is store
    assert fused.topics is topics
    again = fuse([ranking(store, [7]), ranking(store, [3], Topics(Keys.build(["q"], what="query"), ("sea",)))])
    assert again.topics is topics
    assert fuse([ranking(store, [7]), ranking(store, [3], Topics(keys, ["lake"]))]).topics is None
    loose = fuse([ranking(store, [7, 3]), ranking(None, [3, 5])])
    assert loose["q"] == fused["q"]
    assert loose.store is None
    assert fuse([ranking(store, [7]), {"q": {"x": 1.0}}]).topics is None


@pytest.mark.parametrize(
    ("runs", "values", "message"),
    [
        (1, {}, "found 1 ranking, expected at least two"),
        (2, {"method": "sum"}, "method is 'sum', expected one of rrf, minmax"),
        (2, {"k": -1}, "k is -1 for method rrf, expected at least 0"),
        (2, {"method": "minmax", "k": 60}, "k is 60 for method minmax"),
        (2, {"weights": [1]}, r"weights are \[1\], expected one above 0 for each of the 2"),
        (2, {"weights": [1, 0]}, r"weights are \[1, 0\]"),
        (2, {"weights": [1, float("nan")]}, r"weights are \[1, nan\]"),
        (2, {"depth": 0}, "depth is 0, expected at least 1"),
    ],
)
def test_settings_that_are_none(runs: int, values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        fuse([{"q": {"a": 1.0}}] * runs, **values)  # type: ignore[arg-type]
