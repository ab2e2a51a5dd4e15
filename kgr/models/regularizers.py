"""Penalties of embedding rows."""

from __future__ import annotations

from torch import Tensor


def lp_penalty(rows: Tensor, p: int) -> Tensor:
    """Return [n]: the sum of ``|x|^p`` over each row [n, W], for p of 1, 2 or 3.

    Of a model's ``moduli`` and p = 3 it is the nuclear 3-norm (N3) of Lacroix et al. 2018.
    """
    size = rows.abs() if p % 2 else rows
    return (size if p == 1 else rows.square() if p == 2 else rows.square() * size).sum(-1)
