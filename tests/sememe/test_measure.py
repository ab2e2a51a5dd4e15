"""Average precision, F1 and thresholds against plain formulas; ties never help."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kgr.errors import DataError
from kgr.sememe.measure import (
    Threshold,
    average_precisions,
    bootstrap_error,
    calibration_error,
    f1_scores,
    tune_threshold,
)


def plain_precision(scores: list[float], gold: set[int]) -> float:
    ranking = sorted(range(len(scores)), key=lambda column: (-scores[column], column in gold))
    hits = [rank for rank, column in enumerate(ranking, 1) if column in gold]
    return sum(number / rank for number, rank in enumerate(hits, 1)) / len(gold)


def plain_f1(scores: list[float], gold: set[int], threshold: Threshold) -> float:
    bound = threshold.value * max(scores) if threshold.relative else threshold.value
    kept = {column for column, score in enumerate(scores) if score > bound} or {scores.index(max(scores))}
    return 2 * len(kept & gold) / (len(kept) + len(gold))


@st.composite
def scored(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rows, columns = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    values = draw(
        st.lists(st.sampled_from([-1.0, 0.0, 0.25, 0.5, 1.0]), min_size=rows * columns, max_size=rows * columns)
    )
    gold = np.zeros((rows, columns), np.float32)
    for row in range(rows):
        gold[row, draw(st.lists(st.integers(0, columns - 1), min_size=1, unique=True))] = 1
    return np.array(values, np.float32).reshape(rows, columns), gold


@given(scored())
def test_average_precision_is_the_plain_one(case: tuple[NDArray[np.float32], NDArray[np.float32]]) -> None:
    scores, gold = case
    expected = [
        plain_precision(row.tolist(), set(np.flatnonzero(own).tolist())) for row, own in zip(*case, strict=True)
    ]
    assert average_precisions(scores, csr_array(gold)) == pytest.approx(expected)


@given(scored(), st.sampled_from([-0.5, 0.25, 0.5, 0.75]), st.booleans())
def test_f1_is_the_plain_one(
    case: tuple[NDArray[np.float32], NDArray[np.float32]], value: float, relative: bool
) -> None:
    scores, gold = case
    threshold = Threshold(value, relative)
    expected = [
        plain_f1(row.tolist(), set(np.flatnonzero(own).tolist()), threshold) for row, own in zip(*case, strict=True)
    ]
    assert f1_scores(scores, csr_array(gold), threshold) == pytest.approx(expected)
    kept = threshold.kept(scores)
    hits = (kept & (gold > 0)).sum(1)
    assert 2 * hits / (kept.sum(1) + gold.sum(1)) == pytest.approx(expected)


def test_a_threshold_is_tuned_to_the_best_f1() -> None:
    scores = np.array([[0.9, 0.8, 0.1], [0.7, 0.2, 0.1]], np.float32)
    gold = csr_array(np.array([[1, 1, 0], [1, 0, 0]], np.float32))
    found = tune_threshold(scores, gold)
    assert f1_scores(scores, gold, found).tolist() == [1.0, 1.0]
    assert not found.relative


def test_a_relative_threshold_wins_where_rows_differ_in_scale() -> None:
    scores = np.array([[100, 90, 10, 10, 10], [1, 0.1, 0.1, 0.1, 0.1]], np.float32)
    gold = csr_array(np.array([[1, 1, 0, 0, 0], [1, 0, 0, 0, 0]], np.float32))
    found = tune_threshold(scores, gold)
    assert f1_scores(scores, gold, found).tolist() == [1.0, 1.0]
    below = tune_threshold(scores - 200, gold)
    assert not below.relative


def test_synsets_without_sememes_are_refused() -> None:
    scores = np.zeros((2, 2), np.float32)
    with pytest.raises(DataError, match="row 1 of no sememes"):
        average_precisions(scores, csr_array(np.array([[1, 0], [0, 0]], np.float32)))
    with pytest.raises(DataError, match=r"scores of shape \(2, 2\) for sememes of shape \(1, 2\)"):
        average_precisions(scores, csr_array(np.ones((1, 2), np.float32)))


def test_the_error_of_a_mean_is_about_that_of_the_formula() -> None:
    values = np.random.default_rng(1).random(900)
    assert bootstrap_error(values) == pytest.approx(values.std() / 30, rel=0.1)
    assert bootstrap_error(values) == bootstrap_error(values)
    assert bootstrap_error(values[:1]) == 0


def test_calibration_error_by_bins() -> None:
    said = np.array([0.05, 0.05, 0.95, 1.0])
    assert calibration_error(said, np.array([False, False, True, True])) == pytest.approx((0.1 + 0.05) / 4)
    assert calibration_error(said, np.array([True, True, True, True])) == pytest.approx((1.9 + 0.05) / 4)
    assert calibration_error(said[:0], np.zeros(0, bool)) == 0
