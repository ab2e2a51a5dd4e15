"""Filtered ranks against counting them one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kgr.errors import FormatError
from kgr.rank.ranks import filtered_ranks


def flat(lists: list[list[int]]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    ids = np.array([i for part in lists for i in part], dtype=np.int32)
    return ids, np.cumsum([0, *map(len, lists)])


def plain(scores: NDArray[Any], answers: list[list[int]], excluded: list[list[int]]) -> list[float]:
    ranks = []
    for row, own, hidden in zip(scores, answers, excluded, strict=True):
        rivals = [row[e] for e in range(len(row)) if e not in own and e not in hidden]
        for answer in own:
            above, ties = sum(r > row[answer] for r in rivals), sum(r == row[answer] for r in rivals)
            ranks.append(1 + above + ties / 2)
    return ranks


@st.composite
def cases(draw: st.DrawFn) -> tuple[NDArray[np.float32], list[list[int]], list[list[int]]]:
    rows, entities = draw(st.integers(0, 5)), draw(st.integers(1, 9))
    levels = st.sampled_from([-np.inf, -1.5, 0.0, 1.0, 2.0, np.inf])
    scores = draw(st.lists(st.lists(levels, min_size=entities, max_size=entities), min_size=rows, max_size=rows))
    ids = st.integers(0, entities - 1)
    answers = [draw(st.lists(ids, unique=True)) for _ in range(rows)]
    excluded = [draw(st.lists(ids)) for _ in range(rows)]
    return np.array(scores, dtype=np.float32).reshape(rows, entities), answers, excluded


@settings(max_examples=200, deadline=None)
@given(cases(), st.sampled_from([1, 2, 3]))
def test_ranks_are_those_counted_one_by_one(case: Any, threads: int) -> None:
    scores, answers, excluded = case
    found = filtered_ranks(scores, *flat(answers), *flat(excluded), threads=threads)
    assert found.dtype == np.float64
    assert found.tolist() == plain(scores, answers, excluded)


def test_larger_rows_and_many_answers() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 60, (7, 500)).astype(np.float32)
    answers = [rng.choice(500, 40, replace=False).tolist() for _ in range(7)]
    excluded = [own + rng.choice(500, 90).tolist() for own in answers]
    expected = plain(scores, answers, excluded)
    for threads in (1, 2):
        assert filtered_ranks(scores, *flat(answers), *flat(excluded), threads=threads).tolist() == expected
    double = filtered_ranks(torch.from_numpy(scores).double(), *flat(answers), *flat(excluded))
    assert double.tolist() == expected


def test_ties_are_the_mean_rank() -> None:
    constant = np.zeros((1, 11), dtype=np.float32)
    assert filtered_ranks(constant, *flat([[4]]), *flat([[4]])).tolist() == [6]
    assert filtered_ranks(constant, *flat([[4, 5]]), *flat([[4, 5, 6, 7]])).tolist() == [4.5, 4.5]


def test_other_answers_are_no_rivals_even_if_not_excluded() -> None:
    scores = np.array([[3, 2, 1, 0]], dtype=np.float32)
    assert filtered_ranks(scores, *flat([[2, 1]]), *flat([[]])).tolist() == [2, 2]


def test_a_nan_is_an_error_that_names_its_place() -> None:
    scores = np.zeros((4, 6), dtype=np.float32)
    scores[2, 5] = scores[3, 0] = np.nan
    for threads in (1, 4):
        with pytest.raises(FormatError, match="query 2: NaN for entity 5"):
            filtered_ranks(scores, *flat([[0]] * 4), *flat([[5]] * 4), threads=threads)


def test_what_does_not_fit_is_refused() -> None:
    scores = np.zeros((2, 3), dtype=np.float32)
    with pytest.raises(FormatError, match="answers of query 1: entity 3"):
        filtered_ranks(scores, *flat([[0], [3]]), *flat([[], []]))
    with pytest.raises(FormatError, match="excluded of query 0: entity -1"):
        filtered_ranks(scores, *flat([[0], [0]]), *flat([[-1], []]))
    with pytest.raises(FormatError, match="offsets of answers"):
        filtered_ranks(scores, *flat([[0]]), *flat([[], []]))
    with pytest.raises(FormatError, match="offsets of excluded"):
        filtered_ranks(scores, *flat([[0], [1]]), np.zeros(1, np.int32), np.array([0, 2, 1]))
    with pytest.raises(FormatError, match=r"scores are int64\[2, 3\]"):
        filtered_ranks(np.zeros((2, 3), dtype=np.int64), *flat([[0], [1]]), *flat([[], []]))
