"""The published ensemble and tuned blends, of methods whose scores are given."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from kgr.errors import ConfigError
from kgr.sememe.ensemble import Blend, Ensemble, inverse_ranks, shares, tune_blend
from kgr.sememe.scorer import Evidence

ASKED: Any = None
"""The methods here do not look at what is asked."""


@dataclasses.dataclass(frozen=True)
class Told:
    """A method that gives the scores it was told, and one piece of evidence."""

    told: Any
    name: str = "told"

    def scores(self, asked: Any) -> np.ndarray:
        return np.array(self.told, np.float32)

    def knows(self, asked: Any) -> bool:
        return True

    def why(self, asked: Any, columns: Sequence[int]) -> list[list[Evidence]]:
        return [[Evidence("synset", f"bn:{self.name}", "", float(self.told[0][column]))] for column in columns]


@dataclasses.dataclass(frozen=True)
class Silent:
    """One that cannot say why."""

    told: Any
    name: str = "silent"

    def scores(self, asked: Any) -> np.ndarray:
        return np.array(self.told, np.float32)

    def knows(self, asked: Any) -> bool:
        return False


def test_inverse_ranks() -> None:
    scores = np.array([[0.1, 0.9, 0.5, 0.5], [0, 0, 3, 0]], np.float32)
    assert inverse_ranks(scores, 3) == pytest.approx(np.array([[0, 1, 1 / 2, 1 / 3], [0, 0, 1, 0]]))
    assert inverse_ranks(scores, 1).tolist() == [[0, 1, 0, 0], [0, 0, 1, 0]]


def test_the_published_ensemble() -> None:
    found = Ensemble(Told([[3, 2, 1, 0]]), Told([[0, 5, 6, 1]]))
    expected = [0.55, 0.55 / 2 + 0.45 / 2, 0.55 / 3 + 0.45, 0.45 / 3]
    assert found.scores(ASKED)[0] == pytest.approx(expected)
    assert Ensemble(found.one, found.other, depths=(1, 2)).scores(ASKED)[0] == pytest.approx([0.55, 0.225, 0.45, 0])


def test_a_blend_is_a_weighted_geometric_mean() -> None:
    one, other = np.array([[4, 1, 0, 0]], np.float32), np.array([[1, 2, 1, 0]], np.float32)
    found = Blend((Told(one), Told(other)), (0.25, 0.75)).scores(ASKED)
    product = (one / 5 + 1e-4) ** 0.25 * (other / 4 + 1e-4) ** 0.75
    assert found == pytest.approx(product / product.sum(), rel=1e-5)
    assert found.dtype == np.float32


def test_weights_are_those_of_the_best_map() -> None:
    gold = csr_array(np.eye(2, 3, dtype=np.float32))
    right, wrong = Told([[9, 1, 0], [1, 9, 0]]), Told([[0, 0, 9], [0, 0, 9]])
    first = tune_blend((wrong, right), ASKED, gold)
    assert first.weights == (0, 1)
    # each is right of one synset: by how far it is, both can be
    some, others = Told([[8, 1, 1], [2, 1, 1]]), Told([[1, 2, 1], [1, 8, 1]])
    both = tune_blend((some, others), ASKED, gold, name="both")
    assert both.name == "both"
    assert both.scores(ASKED).argmax(1).tolist() == [0, 1]
    assert 0 < both.weights[0] < 1
    three = tune_blend((wrong, some, others), ASKED, gold)
    assert sum(three.weights) == pytest.approx(1)
    assert three.weights[0] == 0


def test_shares() -> None:
    assert shares(np.array([[1, 3], [0, 0]], np.float32)).tolist() == [[0.25, 0.75], [0.5, 0.5]]
    with pytest.raises(ConfigError, match="negative scores has no shares"):
        shares(np.array([[1, -1]], np.float32))
    with pytest.raises(ConfigError, match="a blend of no methods"):
        tune_blend((), ASKED, csr_array((0, 0)))


def test_why_weighs_the_evidence_of_those_that_have_some() -> None:
    one, other, silent = Told([[3, 2]], "one"), Told([[8, 1]], "other"), Silent([[1, 1]])
    first, second = Blend((one, silent, other), (0.5, 0.25, 0.25)).why(ASKED, [0, 1])
    assert [(each.key, each.weight) for each in first] == [("bn:other", 2.0), ("bn:one", 1.5)]
    assert [(each.key, each.weight) for each in second] == [("bn:one", 1.0), ("bn:other", 0.25)]
    assert [each.key for each in Blend((one, other), (1.0, 0.0)).why(ASKED, [0])[0]] == ["bn:one"]
    keys = [(each.key, each.weight) for each in Ensemble(one, other).why(ASKED, [1])[0]]
    assert keys == [("bn:one", pytest.approx(1.1)), ("bn:other", pytest.approx(0.45))]


def test_one_that_knows_is_enough_where_it_counts() -> None:
    told, silent = Told([[3, 2]]), Silent([[1, 1]])
    assert Blend((told, silent), (0.5, 0.5)).knows(ASKED) and not Blend((told, silent), (0.0, 1.0)).knows(ASKED)
    assert Ensemble(silent, told).knows(ASKED) and not Ensemble(silent, silent).knows(ASKED)
