"""Losses of pairs of scores, and of masked words."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn import functional

from kgr.prop.config import PropConfig


def pair_loss(better: Tensor, worse: Tensor, config: PropConfig) -> Tensor:
    """Return the mean loss of pairs, of scores float32[B] each.

    With s the difference of the scores: hinge ``max(0, margin - s)``; on their softmax, whose difference is
    ``tanh(s / 2)``, the same; RankNet ``log(1 + exp(-s))``.
    """
    difference = better - worse
    if config.loss == "ranknet":
        return functional.softplus(-difference).mean()
    if config.loss == "softmax":
        difference = (difference / 2).tanh()
    return functional.relu(config.margin - difference).mean()


def pieces_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean cross-entropy of masked pieces: logits float32[M, V], labels int64[M]."""
    loss: Any = functional.cross_entropy(logits, labels)
    return loss  # type: ignore[no-any-return]
