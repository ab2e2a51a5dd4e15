"""Penalties by their formula, and finite gradients at zero."""

from __future__ import annotations

import pytest
import torch

from kgr.models.complex import moduli
from kgr.models.regularizers import lp_penalty

ROWS = torch.tensor([[3.0, -1.0, -4.0, 2.0], [0.0, 0.0, 0.0, 1.0]], dtype=torch.float64)


@pytest.mark.parametrize("p", [1, 2, 3])
def test_penalties_are_sums_of_powers(p: int) -> None:
    rows = ROWS.clone().requires_grad_()
    found = lp_penalty(rows, p)
    torch.testing.assert_close(found, ROWS.abs().pow(p).sum(1))
    (gradient,) = torch.autograd.grad(found.sum(), rows)
    torch.testing.assert_close(gradient, p * ROWS.abs().pow(p - 1) * ROWS.sign())


def test_n3_of_complex_rows() -> None:
    rows = ROWS.clone().requires_grad_()
    found = lp_penalty(moduli(rows), 3)
    torch.testing.assert_close(found, torch.tensor([5**3 + 5**1.5, 1.0], dtype=torch.float64))
    (gradient,) = torch.autograd.grad(found.sum(), rows)
    torch.testing.assert_close(gradient[1], torch.tensor([0, 0, 0, 3.0], dtype=torch.float64))
    torch.testing.assert_close(gradient[0, [0, 2]], 3 * 5 * ROWS[0, [0, 2]])
