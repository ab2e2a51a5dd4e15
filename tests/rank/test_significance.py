"""Paired tests against scipy, and their laws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from kgr.rank.significance import paired_t_test, randomisation_test


@pytest.mark.parametrize("n", [2, 3, 7, 50, 1000])
@pytest.mark.parametrize("shift", [0.0, 0.1, 3.0])
def test_t_test_is_that_of_scipy(n: int, shift: float) -> None:
    differences = np.random.default_rng(n).normal(shift, 1, n)
    assert paired_t_test(differences) == pytest.approx(stats.ttest_1samp(differences, 0).pvalue, rel=1e-9, abs=1e-300)


def test_t_test_where_there_is_no_spread() -> None:
    assert paired_t_test(np.zeros(5)) == 1
    assert paired_t_test(np.ones(5)) == 0
    assert paired_t_test(np.ones(1)) is None


@pytest.mark.parametrize("n", [2, 5, 12])
def test_few_pairs_are_counted_exactly(n: int) -> None:
    differences = np.random.default_rng(n).normal(0.4, 1, n)
    expected = stats.permutation_test((differences,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert randomisation_test(differences) == pytest.approx(expected.pvalue)
    assert randomisation_test(differences, seed=1) == randomisation_test(differences)


def test_many_pairs_are_drawn() -> None:
    differences = np.random.default_rng(0).normal(0.1, 1, 200)
    p = randomisation_test(differences)
    assert p == pytest.approx(paired_t_test(differences), abs=0.02)
    assert p == randomisation_test(differences) != randomisation_test(differences, seed=1)
    assert randomisation_test(np.full(200, 0.1)) == pytest.approx(1 / 10_001)
    assert randomisation_test(np.zeros(200)) == 1


def test_chance_is_found_as_often_as_it_says() -> None:
    generator = np.random.default_rng(3)
    p = [randomisation_test(generator.normal(0, 1, 20), draws=999) for _ in range(400)]
    assert 0.025 < np.mean(np.array(p) <= 0.05) < 0.085
