"""Losses of the scores of all entities, against answers of queries one by one (1vsAll) or all together (KvsAll).

They are means over answers or over queries, a row's terms summed. The scores [B, G] are the largest array of a
step, so each loss works its gradient out in the forward pass, in the one array of that shape that
it keeps: its backward pass runs once. Labels come flat: ``rows`` int64[L] and ``columns`` int64[L],
each pair once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import softplus

_NOTHING = 1e-30  # smaller gradients count as 0: numbers near the smallest make products twenty times slower


def cross_entropy(scores: Tensor, rows: Tensor, answers: Tensor, smoothing: float = 0.0) -> Tensor:
    """Return the mean over ``answers`` int64[L] of the cross-entropy of the softmax of their queries' scores.

    ``rows`` int64[L] is the query of each, among ``scores`` [B, G]; every query has one. Of the target, ``smoothing``
    is spread evenly over all entities, as in ``torch.nn.functional``.
    """
    weight = _times(scores, rows)
    flat = weight * (smoothing / scores.shape[1]) if smoothing else None
    return _loss(_softmax, scores, rows, answers, _each(scores, rows) * (1 - smoothing), flat, weight)


def label_cross_entropy(
    scores: Tensor, rows: Tensor, columns: Tensor, smoothing: float = 0.0, *, by_label: bool = False
) -> Tensor:
    """Return the cross-entropy of the softmax of ``scores`` [B, G] with all of a row's labels alike.

    Smoothed labels are ``(1 - smoothing) y + 1 / G``, as ConvE's authors and LibKGE have it, and then
    scaled to a sum of 1. Every row has a label. With ``by_label`` the loss is the mean over labels: a row weighs as
    many as it has, and without smoothing it is :func:`cross_entropy`.
    """
    B, G = scores.shape
    counts = torch.bincount(rows, minlength=B).to(scores.dtype)
    weight = _times(scores, rows) if by_label else torch.ones_like(counts)
    scale = weight / ((1 - smoothing) * counts + (1 if smoothing else 0))
    flat = scale / G if smoothing else None
    return _loss(_softmax, scores, rows, columns, (1 - smoothing) * scale[rows], flat, weight if by_label else None)


def label_bce(
    scores: Tensor, rows: Tensor, columns: Tensor, smoothing: float = 0.0, *, by_label: bool = False
) -> Tensor:
    """Return the binary cross-entropy of ``scores`` [B, G], summed over entities, labels true and all others false.

    Labels are smoothed as in :func:`label_cross_entropy`, without the scaling. With ``by_label`` it is the mean over
    labels, each by itself the only true one of its row.
    """
    weight = _times(scores, rows) if by_label else None
    flat = (scores.new_ones(len(scores)) if weight is None else weight) / scores.shape[1] if smoothing else None
    label = _each(scores, rows) if by_label else scores.new_ones(len(rows))
    return _loss(_binary, scores, rows, columns, label * (1 - smoothing), flat, weight)


def _times(scores: Tensor, rows: Tensor) -> Tensor:
    """Return [B]: how many labels each row has, times B / L, so that a mean over rows is one over labels."""
    return torch.bincount(rows, minlength=len(scores)).to(scores.dtype) * (len(scores) / len(rows))


def _each(scores: Tensor, rows: Tensor) -> Tensor:
    """Return [L]: B / L."""
    return scores.new_full(rows.shape, len(scores) / len(rows))


_Law = Callable[[Tensor], tuple[Tensor, Tensor]]


def _softmax(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows' log-sum-exps [B] and, [B, G], their gradient: the softmax."""
    share = torch.softmax(scores, dim=1)
    # the largest share is at least 1 / G, so its logarithm is exact where an answer's would not be
    total = scores.amax(1) - share.amax(1).log()
    return total, share


def _binary(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows' sums of ``log(1 + exp(score))`` [B] and, [B, G], their gradient."""
    return softplus(scores).sum(1), torch.sigmoid(scores)


def _loss(
    law: _Law,
    scores: Tensor,
    rows: Tensor,
    columns: Tensor,
    label: Tensor,
    flat: Tensor | None,
    weight: Tensor | None = None,
) -> Tensor:
    """Return the rows' ``law``, times ``weight`` [B] where given, less the inner product of scores and target, over B.

    The target is ``label`` [L] at the labels and, where given, ``flat`` [B] everywhere besides.
    """
    return _Full.apply(law, scores, rows, columns, label, flat, weight)  # type: ignore[no-any-return, no-untyped-call]


class _Full(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        law: _Law,
        scores: Tensor,
        rows: Tensor,
        columns: Tensor,
        label: Tensor,
        flat: Tensor | None,
        weight: Tensor | None,
    ) -> Tensor:
        own, gradient = law(scores)
        torch.threshold_(gradient, _NOTHING, 0.0)
        if weight is not None:
            own = own * weight
            gradient *= weight.unsqueeze(1)
        loss = own.sum()
        loss -= (label * scores[rows, columns]).sum()
        gradient.index_put_((rows, columns), -label, accumulate=True)
        if flat is not None:
            loss -= (flat * scores.sum(1)).sum()
            gradient -= flat.unsqueeze(1)
        ctx.gradient = gradient
        return loss / len(scores)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor, None, None, None, None, None]:
        gradient, ctx.gradient = ctx.gradient, None
        if gradient is None:
            raise RuntimeError("this loss keeps its gradient for one backward pass: compute the loss anew")
        return None, gradient.mul_(grad / len(gradient)), None, None, None, None, None
