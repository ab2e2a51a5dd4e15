"""Losses of a positive against candidates, of which some are answers themselves and must not count.

A candidate that is not a negative leaves every sum and softmax: its score has no influence on the
loss or on any gradient. A row without negatives contributes its positive term alone. Losses of
scores of *all* entities are in :mod:`kgr.models.full_losses`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus


def softmax_loss(positive: Tensor, negatives: Tensor, is_negative: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy of each positive among itself and its negatives.

    Parameters
    ----------
    positive : [B]
        Scores of the answers.
    negatives : [B, K]
        Scores of the candidates.
    is_negative : bool[B, K]
        Which candidates are negatives of a row.
    weight : [B]
        Of the rows; their sum is scaled to 1.

    Returns
    -------
    loss, rows without negatives
        Two scalar tensors, so that nothing waits for the device.
    """
    rivals = negatives.masked_fill(~is_negative, -math.inf)
    total = torch.cat([positive.unsqueeze(1), rivals], dim=1).logsumexp(dim=1)
    return _mean(total - positive, weight), _without(is_negative)


def margin_loss(
    positive: Tensor,
    negatives: Tensor,
    is_negative: Tensor,
    weight: Tensor,
    *,
    temperature: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Negative sampling: positives above 0, negatives below it, each side half of the loss.

    The margin is the gamma that a model's scores hold.

    Parameters
    ----------
    positive, negatives, is_negative, weight
        As in :func:`softmax_loss`.
    temperature : float
        Of the softmax by which a row's negatives are weighted (self-adversarial); 0 weights them alike.

    Returns
    -------
    loss, rows without negatives
        Two scalar tensors.
    """
    scores = negatives.masked_fill(~is_negative, 0.0)
    share = (temperature * scores.detach()).masked_fill(~is_negative, -math.inf).softmax(dim=1)
    share = share.masked_fill(~is_negative, 0.0)
    rows = -logsigmoid(positive) - (share * logsigmoid(-scores)).sum(dim=1)
    return _mean(rows, weight) / 2, _without(is_negative)


def bce_loss(positive: Tensor, negatives: Tensor, is_negative: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Binary cross-entropy: each positive is true, each negative false, all of a row summed.

    Parameters
    ----------
    positive, negatives, is_negative, weight
        As in :func:`softmax_loss`.

    Returns
    -------
    loss, rows without negatives
        Two scalar tensors.
    """
    scores = negatives.masked_fill(~is_negative, 0.0)
    against = softplus(scores).masked_fill(~is_negative, 0.0).sum(dim=1)
    return _mean(softplus(-positive) + against, weight), _without(is_negative)


def sampled_loss(
    name: str,
    positive: Tensor,
    negatives: Tensor,
    is_negative: Tensor,
    weight: Tensor,
    *,
    adversarial: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the loss of a name, "softmax", "bce" or "margin", as its function does.

    ``adversarial`` is the temperature of the margin loss; None is 1.
    """
    scores = positive, negatives, is_negative, weight
    if name == "margin":
        return margin_loss(*scores, temperature=1.0 if adversarial is None else adversarial)
    return bce_loss(*scores) if name == "bce" else softmax_loss(*scores)


def _mean(rows: Tensor, weight: Tensor) -> Tensor:
    return (rows * weight).sum() / weight.sum()


def _without(is_negative: Tensor) -> Tensor:
    return (~is_negative.any(dim=1)).sum()
