"""ComplEx (arXiv 1606.06357): DistMult over complex numbers. A row is all real parts, then all imaginary parts."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from kgr.errors import ConfigError
from kgr.models.link import DiagonalModel, Groups
from kgr.models.model import PRODUCT_RANGE, ProductScores, QueryModel
from kgr.models.operators import Attention

_TINY = 1e-30  # below which the square of a modulus counts as 0 and pulls nothing


class ComplEx(DiagonalModel):
    """A query [B, D] is the complex product of entity and relation, or of entity and the relation's conjugate.

    The score is the real part of ``sum_d h_d r_d conj(t_d)``.

    Raises
    ------
    ConfigError
        The dimension is odd.
    """

    init = ("normal", 1e-3)
    blocks = 2

    def __init__(self, dim: int, **settings: Any) -> None:
        halved(dim, "complex")
        super().__init__(dim, **settings)

    def operators(self, relations: Tensor, inverse: Tensor | None) -> Tensor:
        return relations if inverse is None else conjugate(relations, inverse)

    def query(self, entities: Tensor, operators: Tensor, groups: Groups) -> Tensor:
        return multiply(entities, operators.index_select(0, groups.places))

    def pairs(self, heads: Tensor, tails: Tensor) -> Tensor:
        everywhere = torch.ones(len(heads), dtype=torch.bool, device=heads.device)
        return multiply(tails, conjugate(heads, everywhere))

    def moduli(self, rows: Tensor) -> Tensor:
        return moduli(rows)


class MultihopComplEx(ProductScores, QueryModel):
    """A query [B, D] is a complex row, a relation multiplies it, an intersection is a weighted mean (arXiv 2110.14890).

    Raises
    ------
    ConfigError
        The dimension is odd.
    """

    def __init__(self, dim: int, *, init_range: float | None = None, seed: int = 0) -> None:
        super().__init__(dim, None, PRODUCT_RANGE if init_range is None else init_range)
        self.attention = Attention(dim, halved(dim, "complex"), torch.Generator().manual_seed(seed))

    def project(self, query: Tensor, relation: Tensor) -> Tensor:
        return multiply(query, relation)

    def intersect(self, queries: Tensor) -> Tensor:
        return self.attention.mean(queries)

    def moduli(self, rows: Tensor) -> Tensor:
        return moduli(rows)


def halved(dim: int, model: str) -> int:
    """Return half of the numbers in a complex row.

    Raises
    ------
    ConfigError
        They have no half.
    """
    if dim % 2:
        raise ConfigError(
            f"dim is {dim}, but {model} needs an even number: a row is real parts and imaginary parts; use {dim + 1}"
        )
    return dim // 2


def multiply(one: Tensor, other: Tensor) -> Tensor:
    """Return the complex product of rows, [n, D] each."""
    (a, b), (c, d) = one.chunk(2, dim=-1), other.chunk(2, dim=-1)
    return torch.cat([a * c - b * d, a * d + b * c], dim=-1)


def conjugate(rows: Tensor, which: Tensor) -> Tensor:
    """Return the rows [n, D], those conjugated that ``which`` bool[n] marks."""
    real, imaginary = rows.chunk(2, dim=-1)
    return torch.cat([real, torch.where(which.unsqueeze(1), -imaginary, imaginary)], dim=-1)


def moduli(rows: Tensor) -> Tensor:
    """Return the moduli [n, D / 2] of complex rows; where one is 0 its gradient is too."""
    real, imaginary = rows.chunk(2, dim=-1)
    return (real.square() + imaginary.square()).clamp_min(_TINY).sqrt()
