"""Losses over all entities against torch's own, on a target matrix written out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kgr.models.full_losses import cross_entropy, label_bce, label_cross_entropy

B, G = 4, 6
ROWS, COLUMNS = torch.tensor([0, 0, 1, 2, 2, 2, 3]), torch.tensor([5, 1, 0, 2, 3, 4, 1])


@pytest.fixture
def scores() -> Tensor:
    return torch.randn(B, G, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).mul(3).requires_grad_()


def labels(smoothing: float) -> Tensor:
    """LibKGE's label matrix."""
    found = torch.zeros(B, G, dtype=torch.float64)
    found[ROWS, COLUMNS] = 1
    return (1 - smoothing) * found + 1 / G if smoothing else found


def assert_same(found: Tensor, expected: Tensor, scores: Tensor) -> None:
    torch.testing.assert_close(found, expected)
    (expected_gradient,) = torch.autograd.grad(expected * 3, scores)
    torch.testing.assert_close(torch.autograd.grad(found * 3, scores)[0], expected_gradient)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_one_answer(scores: Tensor, smoothing: float) -> None:
    answers = torch.tensor([5, 0, 0, 3])
    expected = F.cross_entropy(scores, answers, label_smoothing=smoothing)
    assert_same(cross_entropy(scores, torch.arange(B), answers, smoothing), expected, scores)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_answers_one_by_one(scores: Tensor, smoothing: float) -> None:
    expected = F.cross_entropy(scores[ROWS], COLUMNS, label_smoothing=smoothing)
    assert_same(cross_entropy(scores, ROWS, COLUMNS, smoothing), expected, scores)
    target = (1 - smoothing) * F.one_hot(COLUMNS, G) + (1 / G if smoothing else 0)
    binary = F.binary_cross_entropy_with_logits(scores[ROWS], target.double(), reduction="sum") / len(ROWS)
    assert_same(label_bce(scores, ROWS, COLUMNS, smoothing, by_label=True), binary, scores)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_all_labels_alike(scores: Tensor, smoothing: float) -> None:
    target = F.normalize(labels(smoothing), p=1, dim=1)
    expected = F.cross_entropy(scores, target)
    assert_same(label_cross_entropy(scores, ROWS, COLUMNS, smoothing), expected, scores)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_a_row_weighs_as_many_as_its_labels(scores: Tensor, smoothing: float) -> None:
    target = F.normalize(labels(smoothing), p=1, dim=1)
    counts = torch.bincount(ROWS).double()
    expected = (F.cross_entropy(scores, target, reduction="none") * counts).sum() / len(ROWS)
    assert_same(label_cross_entropy(scores, ROWS, COLUMNS, smoothing, by_label=True), expected, scores)
    if not smoothing:
        torch.testing.assert_close(expected, cross_entropy(scores, ROWS, COLUMNS))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_binary(scores: Tensor, smoothing: float) -> None:
    expected = F.binary_cross_entropy_with_logits(scores, labels(smoothing), reduction="sum") / B
    assert_same(label_bce(scores, ROWS, COLUMNS, smoothing), expected, scores)


def test_far_scores_neither_overflow_nor_vanish() -> None:
    scores = torch.tensor([[1000.0, -1000.0, 0.0]], requires_grad=True)
    loss = cross_entropy(scores, torch.tensor([0]), torch.tensor([1]))
    assert loss.item() == 2000
    assert torch.autograd.grad(loss, scores)[0].tolist() == [[1, -1, 0]]
    small = torch.tensor([[0.0, -85.0]], requires_grad=True)
    (gradient,) = torch.autograd.grad(cross_entropy(small, torch.tensor([0]), torch.tensor([0])), small)
    assert gradient.tolist() == [[0, 0]]  # a share of 1e-37 is none


def test_nan_comes_out_as_nan() -> None:
    scores = torch.tensor([[0.0, torch.nan]])
    assert cross_entropy(scores, torch.tensor([0]), torch.tensor([0])).isnan()
    assert label_bce(scores, torch.tensor([0]), torch.tensor([0])).isnan()


def test_the_gradient_is_kept_for_one_pass(scores: Tensor) -> None:
    loss = cross_entropy(scores, torch.arange(B), torch.tensor([0, 1, 2, 3]))
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="one backward pass"):
        loss.backward()
