"""Losses of pairs against their formulas."""

import math

import pytest
import torch

from kgr._config import make
from kgr.prop.config import PropConfig
from kgr.prop.objective import pair_loss, pieces_loss


@pytest.mark.parametrize(
    ("settings", "formula"),
    [
        ({"loss": "hinge"}, lambda a, b: max(0, 1 - a + b)),
        ({"loss": "hinge", "margin": 0.25}, lambda a, b: max(0, 0.25 - a + b)),
        ({"loss": "softmax"}, lambda a, b: max(0, 1 - (math.exp(a) - math.exp(b)) / (math.exp(a) + math.exp(b)))),
        ({"loss": "ranknet"}, lambda a, b: math.log(1 + math.exp(b - a))),
    ],
)
def test_pair_losses(settings, formula):
    better, worse = [2.0, 0.1, -1.0, 0.5], [0.5, 0.3, 1.5, 0.5]
    expected = sum(map(formula, better, worse)) / 4
    found = pair_loss(torch.tensor(better), torch.tensor(worse), make(PropConfig, settings))
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_pieces_loss():
    logits = torch.tensor([[1.0, 2.0, 0.5], [0.0, 0.0, 3.0]])
    expected = -torch.log_softmax(logits, 1)[[0, 1], [2, 0]].mean()
    assert float(pieces_loss(logits, torch.tensor([2, 0]))) == pytest.approx(float(expected))
