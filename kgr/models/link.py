"""What a link predictor is: one step along a relation, from the row of an entity to a query that entities answer.

The tail side asks (h, r, ?), the head side (?, r, t). A model answers the second by an inverse form
of the relation's own row, so that both sides give one score to a triple; or, where relations are
*reciprocal*, by a row for the inverse, and no form is needed.
"""

from __future__ import annotations

import abc
import dataclasses
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from kgr.errors import ConfigError
from kgr.models.model import Model, ProductScores


@dataclasses.dataclass(frozen=True)
class Groups:
    """Queries in the order of their directed relations, of which a batch has U.

    ``places`` int64[B] is the place of each query's relation among the U, ascending; ``sizes`` the
    queries of each, on the host, so that nothing waits for the device.
    """

    places: Tensor
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, sizes: Sequence[int], device: torch.device | None = None) -> Groups:
        """Make the groups of so many queries each."""
        counts = torch.tensor(sizes, dtype=torch.int64)
        return cls(torch.arange(len(sizes)).repeat_interleave(counts).to(device), tuple(sizes))


class LinkModel(Model):
    """Scores entities as answers of one relation from one entity.

    Entities and relations are rows of tables that the model does not hold, ``entity_width`` and
    ``relation_width`` numbers each. The model holds weights of its own only, if it has any.

    Parameters
    ----------
    dim : int
        The dimension D, in real numbers.
    entity_dropout, relation_dropout : float
        Of the modules of these names, for rows on their way into :meth:`operators`, :meth:`query`
        and :meth:`candidates`: the caller applies them, who knows which rows are drawn anew.
    seed : int
        Of the initial values of the weights, where a model has any.

    Attributes
    ----------
    init : (str, float)
        The default law of initial rows: ("normal", standard deviation), ("uniform", bound),
        ("xavier-normal", gain) or ("xavier-uniform", gain).
    relation_init : (str, float) or None
        A law that relations' rows need whatever the entities' is, such as that of phases.
    """

    needs_reciprocal: ClassVar[bool] = False
    """Whether relations have no inverse form."""
    ranks_relations: ClassVar[bool] = True
    """Whether :meth:`relation_scores` is cheap enough, and sensible, to train by."""
    has_matrices: ClassVar[bool] = False
    """Whether an operator is a matrix: too large to have one for each query."""

    init: tuple[str, float] = ("xavier-normal", 1.0)
    relation_init: tuple[str, float] | None = None

    def __init__(self, dim: int, *, entity_dropout: float = 0.0, relation_dropout: float = 0.0, seed: int = 0) -> None:
        super().__init__()
        self.dim = self.entity_width = self.relation_width = dim
        self.entity_dropout = nn.Dropout(entity_dropout)
        self.relation_dropout = nn.Dropout(relation_dropout)

    @abc.abstractmethod
    def operators(self, relations: Tensor, inverse: Tensor | None) -> Tensor:
        """Return [U, Wo]: what :meth:`query` needs of each distinct directed relation.

        Parameters
        ----------
        relations : [U, Wr]
            Rows of the relation table.
        inverse : bool[U] or None
            Which stand for the inverse of their relation; None where relations are reciprocal and
            every row stands for itself.
        """

    @abc.abstractmethod
    def query(self, entities: Tensor, operators: Tensor, groups: Groups) -> Tensor:
        """Return the queries [B, Wq] from entities' rows [B, We] along operators [U, Wo]."""

    def relation_scores(self, heads: Tensor, tails: Tensor, operators: Tensor) -> Tensor:
        """Return the score [B, U] of each pair of rows [B, We] under every operator [U, Wo]."""
        one = Groups.of([len(heads)], heads.device)
        scores = [self.pair_scores(self.query(heads, own, one), tails) for own in torch.split(operators, 1)]
        return torch.stack(scores, dim=1)

    def part_scores(self, query: Tensor, rows: Tensor) -> list[Tensor]:
        """Return the scores [B, K] by each part of the vectors that learns by itself; they add up to the scores."""
        return [self.scores(query, rows)]

    def part_relation_scores(self, heads: Tensor, tails: Tensor, operators: Tensor) -> list[Tensor]:
        """Return the scores of relations [B, U] by each part of the vectors that learns by itself."""
        return [self.relation_scores(heads, tails, operators)]


class ProductModel(ProductScores, LinkModel):
    """A link predictor that scores by inner products."""


class DiagonalModel(ProductModel):
    """A relation multiplies number by number, so that equal parts of all rows are models of their own.

    Their scores add up to those of the whole.

    Parameters
    ----------
    parts : int, optional
        How many; None is 1.

    Raises
    ------
    ConfigError
        The dimension cannot be parted so.
    """

    blocks: ClassVar[int] = 1
    """Equal blocks of a row, of which the numbers at one place belong together."""

    def __init__(
        self,
        dim: int,
        *,
        parts: int | None = None,
        entity_dropout: float = 0.0,
        relation_dropout: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(dim, entity_dropout=entity_dropout, relation_dropout=relation_dropout, seed=seed)
        self.count = parts or 1
        whole = self.count * self.blocks
        if dim % whole:
            near = " or ".join(str(each) for each in (dim // whole * whole, (dim // whole + 1) * whole) if each)
            raise ConfigError(f"dim is {dim}, expected a multiple of {whole} for {self.count} parts: use {near}")

    @abc.abstractmethod
    def pairs(self, heads: Tensor, tails: Tensor) -> Tensor:
        """Return [B, D] of pairs of rows [B, We]: their products with operators are the scores of relations."""

    def relation_scores(self, heads: Tensor, tails: Tensor, operators: Tensor) -> Tensor:
        return self.pairs(heads, tails) @ operators.t()

    def part_scores(self, query: Tensor, rows: Tensor) -> list[Tensor]:
        if self.count == 1:
            return [self.scores(query, rows)]
        return [self.scores(*own) for own in zip(self._parts(query), self._parts(rows), strict=True)]

    def part_relation_scores(self, heads: Tensor, tails: Tensor, operators: Tensor) -> list[Tensor]:
        parts = zip(self._parts(self.pairs(heads, tails)), self._parts(operators), strict=True)
        return [pairs @ own.t() for pairs, own in parts]

    def _parts(self, rows: Tensor) -> list[Tensor]:
        """Return the parts [n, W / parts] of rows [n, W]."""
        blocked = rows.view(len(rows), self.blocks, self.count, -1)
        return [blocked[:, :, part].flatten(1) for part in range(self.count)]


def grouped_product(rows: Tensor, matrices: Tensor, groups: Groups) -> Tensor:
    """Return [B, D]: each row [B, D] times the matrix of its group, of [U, D * D].

    One product per group, forward and backward: no row gets a copy of its matrix.
    """
    return _GroupedProduct.apply(rows, matrices, groups.sizes)  # type: ignore[no-any-return, no-untyped-call]


def turned(matrices: Tensor, inverse: Tensor | None) -> Tensor:
    """Return the matrices [U, D * D], those transposed that ``inverse`` bool[U] marks."""
    if inverse is None:
        return matrices
    return _Turned.apply(matrices, inverse)  # type: ignore[no-any-return, no-untyped-call]


class _GroupedProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, matrices: Tensor, sizes: tuple[int, ...]) -> Tensor:
        ctx.save_for_backward(rows, matrices)
        ctx.sizes = sizes
        return _multiply(rows, _square(matrices), sizes)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        rows, matrices = ctx.saved_tensors
        into_rows = into_matrices = None
        if ctx.needs_input_grad[0]:
            into_rows = _multiply(grad, _square(matrices).mT, ctx.sizes)
        if ctx.needs_input_grad[1]:
            into_matrices = torch.empty_like(matrices)
            sizes = list(ctx.sizes)
            parts = zip(torch.split(rows, sizes), torch.split(grad, sizes), _square(into_matrices), strict=True)
            for own, pull, out in parts:
                torch.mm(own.t(), pull, out=out)
        return into_rows, into_matrices, None


def _multiply(rows: Tensor, matrices: Tensor, sizes: tuple[int, ...]) -> Tensor:
    product = rows.new_empty(rows.shape)
    parts = zip(torch.split(rows, list(sizes)), matrices, torch.split(product, list(sizes)), strict=True)
    for own, matrix, out in parts:
        torch.mm(own, matrix, out=out)
    return product


class _Turned(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, matrices: Tensor, inverse: Tensor) -> Tensor:
        ctx.save_for_backward(inverse)
        return _turn(matrices, inverse)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return _turn(grad, *ctx.saved_tensors), None


def _turn(matrices: Tensor, inverse: Tensor) -> Tensor:
    square = _square(matrices)
    return torch.where(inverse.view(-1, 1, 1), square.mT, square).flatten(1)


def _square(matrices: Tensor) -> Tensor:
    side = math.isqrt(matrices.shape[1])
    return matrices.view(len(matrices), side, side)
