from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgr._io import Pieces
from kgr.errors import ConfigError
from kgr.index.vectors import METRICS, Vectors


def plain_scores(rows: np.ndarray, place: int, metric: str) -> list[float]:
    query = rows[place].astype(np.float64)
    if metric == "dot":
        return [float(row @ query) for row in rows]
    if metric == "l2":
        return [-float(np.sqrt(((row - query) ** 2).sum())) for row in rows]
    if metric == "l1":
        return [-float(np.abs(row - query).sum()) for row in rows]
    norms = [float(np.linalg.norm(row) * np.linalg.norm(query)) for row in rows]
    return [float(row @ query) / norm if norm else 0.0 for row, norm in zip(rows, norms, strict=True)]


@given(
    st.integers(1, 12), st.integers(1, 4), st.integers(1, 14), st.sampled_from(METRICS), st.integers(1, 5), st.randoms()
)
def test_nearest_is_the_plain_ranking(n: int, width: int, k: int, metric: str, each: int, draw) -> None:
    """Small whole numbers: many ties and rows of zeros; blocks of any size give the same."""
    rows = np.array([[draw.randrange(-2, 3) for _ in range(width)] for _ in range(n)], np.float32)
    ids = np.array(sorted(draw.sample(range(50), n)), np.int32)
    place = draw.randrange(n)
    plain = plain_scores(rows, place, metric)
    expected = sorted((i for i in range(n) if i != place), key=lambda i: (-round(plain[i], 5), ids[i]))[:k]
    pieces = Pieces(rows.dtype, rows.shape, lambda: (rows[i : i + each] for i in range(0, n, each)))
    for own in (rows, pieces):
        found, scores = Vectors(ids, own).nearest(int(ids[place]), k=k, metric=metric)
        assert scores == pytest.approx([plain[i] for i in expected], abs=1e-5)
        if metric != "cosine":  # whose rounding orders equal ones
            assert found.tolist() == ids[expected].tolist()
        assert np.array_equal(Vectors(ids, own).of(int(ids[place])), rows[place : place + 1])


@given(st.lists(st.integers(0, 5), min_size=1, max_size=14), st.integers(1, 7), st.sampled_from(METRICS), st.randoms())
def test_of_several_rows_the_nearest_two_count(owners: list[int], k: int, metric: str, draw) -> None:
    ids = np.array(sorted(owners), np.int32)
    rows = np.array([[draw.randrange(-2, 3) for _ in range(3)] for _ in owners], np.float32)
    id = draw.choice(owners)
    best: dict[int, float] = {}
    for place in np.flatnonzero(ids == id).tolist():
        for other, score in zip(ids.tolist(), plain_scores(rows, place, metric), strict=True):
            best[other] = max(best.get(other, -np.inf), score)
    expected = sorted((-round(score, 5), other) for other, score in best.items() if other != id)[:k]
    each = draw.randrange(1, 5)
    pieces = Pieces(rows.dtype, rows.shape, lambda: (rows[i : i + each] for i in range(0, len(rows), each)))
    for own in (rows, pieces):
        vectors = Vectors(ids, own)
        found, scores = vectors.nearest(id, k=k, metric=metric)
        assert np.array_equal(vectors.of(id), rows[ids == id])
        assert scores == pytest.approx([-score for score, _ in expected], abs=1e-5)
        if metric != "cosine":
            assert found.tolist() == [other for _, other in expected]


def test_numbers_after_the_width_do_not_count() -> None:
    rows = np.array([[1, 0, 0], [1, 0, 9], [1, 1, 0]], np.float32)
    vectors = Vectors(np.arange(3, dtype=np.int32), rows)
    assert vectors.nearest(0, k=1, metric="l2")[0].tolist() == [2]
    assert vectors.nearest(0, k=1, metric="l2", width=2)[0].tolist() == [1]


@pytest.mark.parametrize(("settings", "message"), [({"metric": "l3"}, "metric is 'l3'"), ({"k": 0}, "k is 0")])
def test_bad_wishes(settings: dict[str, object], message: str) -> None:
    vectors = Vectors(np.zeros(1, np.int32), np.zeros((1, 2), np.float32))
    with pytest.raises(ConfigError, match=message):
        vectors.nearest(0, **settings)  # type: ignore[arg-type]
