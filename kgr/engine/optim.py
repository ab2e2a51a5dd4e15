"""Optimisers of rows: plain torch operations in place over the rows that a step touched.

They are lazy. A row that a step does not touch stays as it is, and so do its moments: they do not
decay while the row waits. Adam's bias correction counts the steps of the whole table. Where every
step touches every row they equal ``torch.optim.Adam`` and ``torch.optim.Adagrad``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import ClassVar, Protocol

from torch import Tensor


class RowOptimizer(Protocol):
    """How touched rows move."""

    @property
    def moments(self) -> tuple[str, ...]:
        """Names of the tensors, shaped as the rows and 0 at first, that it keeps beside them."""
        ...

    def update(self, rows: Tensor, grad: Tensor, moments: Mapping[str, Tensor], lr: float, step: int) -> None:
        """Move ``rows`` and ``moments``, float32[U, width] each, in place; ``step`` counts from 1."""
        ...


@dataclasses.dataclass(frozen=True)
class RowAdam:
    """Adam (Kingma and Ba 2015) over touched rows."""

    moments: ClassVar[tuple[str, ...]] = ("mean", "square")
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def update(self, rows: Tensor, grad: Tensor, moments: Mapping[str, Tensor], lr: float, step: int) -> None:
        """Move ``rows`` and ``moments`` in place."""
        mean = moments["mean"].lerp_(grad, 1 - self.beta1)
        square = moments["square"].mul_(self.beta2).addcmul_(grad, grad, value=1 - self.beta2)
        spread = square.sqrt().div_(math.sqrt(1 - self.beta2**step)).add_(self.eps)
        rows.addcdiv_(mean, spread, value=-lr / (1 - self.beta1**step))


@dataclasses.dataclass(frozen=True)
class RowAdagrad:
    """Adagrad (Duchi et al. 2011) over touched rows."""

    moments: ClassVar[tuple[str, ...]] = ("sum",)
    eps: float = 1e-10

    def update(self, rows: Tensor, grad: Tensor, moments: Mapping[str, Tensor], lr: float, step: int) -> None:
        """Move ``rows`` and ``moments`` in place."""
        total = moments["sum"].addcmul_(grad, grad, value=1.0)
        rows.addcdiv_(grad, total.sqrt().add_(self.eps), value=-lr)


ROW_OPTIMIZERS: dict[str, type[RowAdam] | type[RowAdagrad]] = {"adam": RowAdam, "adagrad": RowAdagrad}
