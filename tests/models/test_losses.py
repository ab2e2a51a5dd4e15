"""Losses against values worked out by hand; masked candidates and rows without negatives."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from kgr.models.losses import bce_loss, margin_loss, softmax_loss

POSITIVE = torch.tensor([1.0, -2.0], dtype=torch.float64)
NEGATIVES = torch.tensor([[0.5, 3.0, -1.0], [2.0, 0.0, 1.0]], dtype=torch.float64)
IS_NEGATIVE = torch.tensor([[True, False, True], [True, True, True]])
WEIGHT = torch.tensor([1.0, 3.0], dtype=torch.float64)


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def test_softmax_by_hand() -> None:
    first = math.log(math.exp(1) + math.exp(0.5) + math.exp(-1)) - 1
    second = math.log(math.exp(-2) + math.exp(2) + 1 + math.exp(1)) + 2
    loss, without = softmax_loss(POSITIVE, NEGATIVES, IS_NEGATIVE, WEIGHT)
    assert loss.item() == pytest.approx((first + 3 * second) / 4)
    assert without.item() == 0


def test_bce_by_hand() -> None:
    first = softplus(-1) + softplus(0.5) + softplus(-1)
    second = softplus(2) + softplus(2) + softplus(0) + softplus(1)
    loss, without = bce_loss(POSITIVE, NEGATIVES, IS_NEGATIVE, WEIGHT)
    assert loss.item() == pytest.approx((first + 3 * second) / 4)
    assert without.item() == 0


def test_margin_by_hand() -> None:
    first = softplus(-1) + (softplus(0.5) + softplus(-1)) / 2
    second = softplus(2) + (softplus(2) + softplus(0) + softplus(1)) / 3
    assert margin_loss(POSITIVE, NEGATIVES, IS_NEGATIVE, WEIGHT)[0].item() == pytest.approx((first + 3 * second) / 8)


def test_self_adversarial_weights_by_hand() -> None:
    shares = [math.exp(2 * x) for x in (0.5, -1.0)]
    first = softplus(-1) + (shares[0] * softplus(0.5) + shares[1] * softplus(-1)) / sum(shares)
    loss, _ = margin_loss(POSITIVE[:1], NEGATIVES[:1], IS_NEGATIVE[:1], WEIGHT[:1], temperature=2.0)
    assert loss.item() == pytest.approx(first / 2)


def test_self_adversarial_weights_carry_no_gradient() -> None:
    negatives = NEGATIVES[:1].clone().requires_grad_()
    loss, _ = margin_loss(POSITIVE[:1], negatives, IS_NEGATIVE[:1], WEIGHT[:1], temperature=1.0)
    (gradient,) = torch.autograd.grad(loss, negatives)
    share = 1 / (1 + math.exp(-1.5))
    assert gradient[0, 0].item() == pytest.approx(share / (1 + math.exp(-0.5)) / 2)


LOSSES = {
    "softmax": softmax_loss,
    "bce": bce_loss,
    "margin": margin_loss,
    "adversarial": lambda *args: margin_loss(*args, temperature=0.7),
}


@pytest.fixture(params=list(LOSSES))
def gradients(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    def of(positive: Tensor, negatives: Tensor, is_negative: Tensor) -> tuple[Tensor, ...]:
        positive, negatives = (x.clone().requires_grad_() for x in (positive, negatives))
        loss, without = LOSSES[request.param](positive, negatives, is_negative, WEIGHT)
        return (loss.detach(), *torch.autograd.grad(loss, (positive, negatives)), without)

    return of


@pytest.mark.parametrize("score", [0.0, 1e6, -1e6, math.inf, math.nan])
def test_a_masked_candidate_has_no_influence(gradients, score: float) -> None:  # type: ignore[no-untyped-def]
    changed = NEGATIVES.clone()
    changed[0, 1] = score
    found = gradients(POSITIVE, changed, IS_NEGATIVE)
    for one, other in zip(found, gradients(POSITIVE, NEGATIVES, IS_NEGATIVE), strict=True):
        assert torch.equal(one, other)
    assert found[2][0, 1] == 0


def test_a_row_without_negatives_keeps_its_positive_term(gradients) -> None:  # type: ignore[no-untyped-def]
    mask = IS_NEGATIVE.clone()
    mask[0] = False
    loss, into_positive, into_negatives, without = gradients(POSITIVE, NEGATIVES, mask)
    assert without.item() == 1
    assert loss.isfinite()
    assert into_positive.isfinite().all()
    assert into_negatives[0].tolist() == [0, 0, 0]
    assert into_negatives[1].all()
    everything_off, *_, without = gradients(POSITIVE, NEGATIVES, torch.zeros_like(mask))
    assert without.item() == 2
    assert everything_off.isfinite()


def test_the_positive_term_alone() -> None:
    none = torch.zeros_like(IS_NEGATIVE)
    assert softmax_loss(POSITIVE, NEGATIVES, none, WEIGHT)[0].item() == 0
    loss, _ = margin_loss(POSITIVE, NEGATIVES, none, WEIGHT)
    assert loss.item() == pytest.approx((softplus(-1) + 3 * softplus(2)) / 8)


# self-adversarial weights are constants by intent, so finite differences see another function
@pytest.mark.parametrize("loss", [softmax_loss, bce_loss, margin_loss])
def test_gradcheck(loss) -> None:  # type: ignore[no-untyped-def]
    positive, negatives = (x.clone().requires_grad_() for x in (POSITIVE, NEGATIVES))
    assert torch.autograd.gradcheck(lambda p, n: loss(p, n, IS_NEGATIVE, WEIGHT)[0], (positive, negatives))
