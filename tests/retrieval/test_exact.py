"""Exact search: the plain ranking, whatever the blocks, batches, threads and filters."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kgr.errors import ConfigError, DataError
from kgr.index.vectors import METRICS, Vectors
from kgr.retrieval import exact
from kgr.retrieval.exact import Found, exact_search


def plain_score(query: np.ndarray, row: np.ndarray, metric: str) -> np.float32:
    query, row = query.astype(np.float64), row.astype(np.float64)
    if metric == "dot":
        return np.float32(query @ row)
    if metric != "cosine":
        gap = query - row
        return np.float32(-np.sqrt((gap**2).sum()) if metric == "l2" else -np.abs(gap).sum())
    lengths = np.linalg.norm(query) * np.linalg.norm(row)
    return np.float32(query @ row / lengths if lengths else 0.0)


def plain_search(vectors: Vectors, query: np.ndarray, k: int, metric: str, allowed: np.ndarray | None) -> list:
    best: dict[int, np.float32] = {}
    for id, row in zip(vectors.ids.tolist(), vectors.rows, strict=True):
        if allowed is None or allowed[id]:
            best[id] = max(best.get(id, np.float32(-np.inf)), plain_score(query, row, metric))
    return sorted(((id, score) for id, score in best.items()), key=lambda one: (-one[1], one[0]))[:k]


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """The pair loop of L1, which is no part of a test's time."""
    rows = np.ones((1, 1), np.float32)
    exact_search(Vectors(np.zeros(1, np.int32), rows), rows, 1, metric="l1")


def results(found: Found, query: int) -> list[tuple[int, float]]:
    offsets, ids, scores = found
    part = slice(int(offsets[query]), int(offsets[query + 1]))
    return list(zip(ids[part].tolist(), scores[part].tolist(), strict=True))


@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=20),
    st.integers(1, 14),
    st.sampled_from(("dot", "l2", "l1")),
    st.integers(1, 6),
    st.booleans(),
    st.randoms(),
)
def test_it_is_the_plain_ranking(owners: list[int], k: int, metric: str, each: int, filtered: bool, draw) -> None:
    """Small whole numbers: many ties, of rows, of scores, rows of zeros; ids with several rows, cut by no block."""
    rows = np.array([[draw.randrange(-2, 3) for _ in range(3)] for _ in owners], np.float32)
    vectors = Vectors(np.array(sorted(owners), np.int32), rows)
    queries = np.array([[draw.randrange(-2, 3) for _ in range(3)] for _ in range(4)], np.float32)
    allowed = np.array([draw.random() < 0.5 for _ in range(13)]) if filtered else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "BLOCK_BYTES", each * 12)
        patch.setattr(exact, "_BATCH", 3)
        found = exact_search(vectors, queries, k, metric=metric, allowed=allowed)
    for number, query in enumerate(queries):
        assert results(found, number) == plain_search(vectors, query, k, metric, allowed)


@pytest.mark.parametrize("metric", METRICS)
def test_scores_depend_on_nothing_but_the_pair(metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows near each other, and equal ones, whose order 32 bits would get wrong."""
    draw = np.random.default_rng(0)
    centres = draw.standard_normal((20, 70))
    rows = np.repeat(centres, 50, axis=0) + 1e-6 * draw.standard_normal((1000, 70))
    rows[500:] = rows[:500]
    rows[7] = 0
    vectors = Vectors(np.arange(1000, dtype=np.int32), rows.astype(np.float32))
    queries = draw.standard_normal((5, 70)).astype(np.float32)
    found = exact_search(vectors, queries, 30, metric=metric)
    for number, query in enumerate(queries):
        scores = np.array([plain_score(query, row, metric) for row in vectors.rows])
        expected = np.lexsort((vectors.ids, -scores))[:30]
        assert results(found, number) == list(zip(expected.tolist(), scores[expected].tolist(), strict=True))
    for name, value in {"BLOCK_BYTES": 70 * 4 * 77, "_BATCH": 2, "_RESCORED": 1000}.items():
        monkeypatch.setattr(exact, name, value)
        again = exact_search(vectors, queries, 30, metric=metric)
        assert all(np.array_equal(one, other) for one, other in zip(found, again, strict=True))


def test_a_row_far_longer_than_others_hides_none() -> None:
    draw = np.random.default_rng(1)
    rows = draw.standard_normal((300, 8)).astype(np.float32)
    rows[3] *= 1e6
    vectors = Vectors(np.arange(300, dtype=np.int32), rows)
    for metric in METRICS:
        found = exact_search(vectors, rows[:4], 300, metric=metric)
        assert np.diff(found[0]).tolist() == [300] * 4
        for number in range(4):
            assert [score for _, score in results(found, number)] == pytest.approx(
                sorted((float(plain_score(rows[number], row, metric)) for row in rows), reverse=True), rel=1e-6
            )


def test_nothing_to_find() -> None:
    vectors = Vectors(np.arange(3, dtype=np.int32), np.ones((3, 2), np.float32))
    query = np.ones((2, 2), np.float32)
    assert exact_search(vectors, query, 5, allowed=np.zeros(3, bool))[0].tolist() == [0, 0, 0]
    assert exact_search(vectors, query[:0], 5)[0].tolist() == [0]
    assert exact_search(Vectors(vectors.ids[:0], vectors.rows[:0]), query, 5)[0].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("queries", "settings", "message"),
    [
        (np.ones((1, 2), np.float32), {"metric": "l3"}, "metric is 'l3'"),
        (np.ones((1, 2), np.float32), {"k": 0}, "k is 0"),
        (np.ones((1, 3), np.float32), {}, r"float32\[1, 3\], expected float32\[Q, 2\]"),
        (np.ones((1, 2)), {}, "float64"),
        (np.array([[1, 1], [1, np.nan]], np.float32), {}, "query 1 has a number that is not finite"),
    ],
)
def test_bad_wishes(queries: np.ndarray, settings: dict, message: str) -> None:
    vectors = Vectors(np.zeros(1, np.int32), np.zeros((1, 2), np.float32))
    with pytest.raises(ConfigError, match=message):
        exact_search(vectors, queries, **{"k": 1, **settings})


@pytest.mark.parametrize("length", [1e-40, 1e-30, 1e30, 1e38])
def test_a_cosine_has_no_length(length: float) -> None:
    """Also where the square of a number is out of range."""
    rows = np.array([[1, 0], [length, length], [0, length], [0, 0], [-length, 0]], np.float32)
    found = exact_search(Vectors(np.arange(5, dtype=np.int32), rows), rows[1:2] / 4, 5, metric="cosine")
    assert found[1].tolist() == [1, 0, 2, 3, 4]
    assert found[2].tolist() == pytest.approx([1, 0.5**0.5, 0.5**0.5, 0, -(0.5**0.5)], abs=1e-4)


@pytest.mark.parametrize("metric", ["dot", "l2", "l1"])
def test_numbers_too_large_are_refused(metric: str) -> None:
    vectors = Vectors(np.zeros(1, np.int32), np.full((1, 2), 3e38, np.float32))
    with pytest.raises(DataError, match="too large"):
        exact_search(vectors, np.full((1, 2), -3e38, np.float32), 1, metric=metric)


def test_threads_change_nothing() -> None:
    draw, before = np.random.default_rng(2), torch.get_num_threads()
    vectors = Vectors(np.arange(5000, dtype=np.int32), draw.standard_normal((5000, 33)).astype(np.float32))
    queries = draw.standard_normal((9, 33)).astype(np.float32)
    try:
        found = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(exact_search(vectors, queries, 50, metric="l1"))
    finally:
        torch.set_num_threads(before)
    assert all(np.array_equal(one, other) for one, other in zip(*found, strict=True))
