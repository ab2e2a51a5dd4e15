"""Optimisers of rows: plain torch operations in place over the rows that a step touched.

They are lazy. A row that a step does not touch stays as it is, and so do its moments: they do not
decay while the row waits. Adam's bias correction counts the steps of the whole table. Where every
step touches every row they equal ``torch.optim.Adam`` and ``torch.optim.Adagrad``. ``rate`` is how many times the
learning rate they move rows by.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Protocol

from torch import Tensor


class RowOptimizer(Protocol):
    """How touched rows move."""

    def widths(self, width: int) -> dict[str, int]:
        """Return the widths of the tensors, 0 at first, that it keeps beside rows of a width, by name."""
        ...

    def update(self, rows: Tensor, grad: Tensor, moments: Mapping[str, Tensor], lr: float, step: int) -> None:
        """Move ``rows`` float32[U, width] and ``moments`` in place; ``step`` counts from 1."""
        ...


@dataclasses.dataclass(frozen=True)
class RowAdam:
    """Adam (Kingma and Ba 2015) over touched rows."""

    rate: float = 1.0
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def widths(self, width: int) -> dict[str, int]:
        """Return the widths of the moments."""
        return {"mean": width, "square": width}

    def update(self, rows: Tensor, grad: Tensor, moments: Mapping[str, Tensor], lr: float, step: int) -> None:
        """Move ``rows`` and ``moments`` in place."""
        mean = moments["mean"].lerp_(grad, 1 - self.beta1)
        square = moments["square"].mul_(self.beta2).addcmul_(grad, grad, value=1 - self.beta2)
        spread = square.sqrt().div_(math.sqrt(1 - self.beta2**step)).add_(self.eps)
        rows.addcdiv_(mean, spread, value=-lr * self.rate / (1 - self.beta1**step))


@dataclasses.dataclass(frozen=True)
class RowAdagrad:
    """Adagrad (Duchi et al. 2011) over touched rows."""

    rate: float = 1.0
    eps: float = 1e-10

    def widths(self, width: int) -> dict[str, int]:
        """Return the width of the sum of squares."""
        return {"sum": width}

    def update(self, rows: Tensor, grad: Tensor, moments: Mapping[str, Tensor], lr: float, step: int) -> None:
        """Move ``rows`` and ``moments`` in place."""
        total = moments["sum"].addcmul_(grad, grad, value=1.0)
        rows.addcdiv_(grad, total.sqrt().add_(self.eps), value=-lr * self.rate)


@dataclasses.dataclass(frozen=True)
class RowScalarAdagrad:
    """Adagrad with one number for each row, the sum of its gradients' mean squares, as PyTorch-BigGraph has it.

    See arXiv 1903.12287; beside the rows it keeps their ``width``-th part.
    """

    rate: float = 1.0
    eps: float = 1e-10

    def widths(self, width: int) -> dict[str, int]:
        """Return the width of the sum."""
        return {"sum": 1}

    def update(self, rows: Tensor, grad: Tensor, moments: Mapping[str, Tensor], lr: float, step: int) -> None:
        """Move ``rows`` and ``moments`` in place."""
        total = moments["sum"].add_(grad.square().mean(dim=1, keepdim=True))
        rows.addcdiv_(grad, total.sqrt().add_(self.eps), value=-lr * self.rate)


@dataclasses.dataclass(frozen=True)
class Unmoved:
    """Rows that are only read: nothing is kept beside them."""

    def widths(self, width: int) -> dict[str, int]:
        """Return none."""
        return {}

    def update(self, rows: Tensor, grad: Tensor, moments: Mapping[str, Tensor], lr: float, step: int) -> None:
        """Raise a RuntimeError."""
        raise RuntimeError("the rows of this table are only read")


ROW_OPTIMIZERS: dict[str, type[RowAdam] | type[RowAdagrad] | type[RowScalarAdagrad]] = {
    "adam": RowAdam,
    "adagrad": RowAdagrad,
    "row-adagrad": RowScalarAdagrad,
}
