"""Averages: over the answers of a query first, then over queries."""

from __future__ import annotations

import numpy as np
import pytest

from kgr.errors import FormatError
from kgr.rank.metrics import query_metrics, rank_metrics


def test_a_query_weighs_the_same_however_many_answers_it_has() -> None:
    ranks = np.array([1.0, 2.0, 4.0, 11.0, 3.5])
    found = query_metrics(ranks, np.array([0, 1, 4, 5]))
    first, second, third = 1.0, (1 / 2 + 1 / 4 + 1 / 11) / 3, 1 / 3.5
    assert found == {
        "queries": 3,
        "mrr": pytest.approx((first + second + third) / 3),
        "hits@1": pytest.approx(1 / 3),
        "hits@3": pytest.approx((1 + 1 / 3 + 0) / 3),
        "hits@10": pytest.approx((1 + 2 / 3 + 1) / 3),
    }


def test_what_has_no_average_is_refused() -> None:
    with pytest.raises(FormatError, match="no queries"):
        query_metrics(np.zeros(0), np.zeros(1, dtype=np.int64))
    with pytest.raises(FormatError, match="query 1 has no ranked answers"):
        query_metrics(np.ones(2), np.array([0, 1, 1, 2]))


def test_mean_ranks_by_what_chance_gives() -> None:
    """Five candidates are ranked 3 by chance, nine 5: 4 in the mean."""
    found = rank_metrics(np.array([1.0, 4.5]), np.array([5, 9]))
    assert found == {
        "mrr": pytest.approx((1 + 1 / 4.5) / 2),
        "mr": 2.75,
        "adjusted_mean_rank": 2.75 / 4,
        "adjusted_mean_rank_index": pytest.approx(1 - 1.75 / 3),
        "hits@1": 0.5,
        "hits@3": 0.5,
        "hits@10": 1.0,
    }
    constant = rank_metrics(np.array([3.0, 5.0]), np.array([5, 9]))
    assert (constant["adjusted_mean_rank"], constant["adjusted_mean_rank_index"]) == (1, 0)


def test_no_ranks_have_no_mean_and_no_rivals_no_index() -> None:
    assert set(rank_metrics(np.zeros(0), np.zeros(0, np.int64)).values()) == {None}
    alone = rank_metrics(np.ones(2), np.ones(2, np.int64))
    assert (alone["mrr"], alone["adjusted_mean_rank"], alone["adjusted_mean_rank_index"]) == (1, 1, None)
