"""DistMult (arXiv 1412.6575): a relation is a diagonal matrix, so every relation scores as a symmetric one."""

from __future__ import annotations

import torch
from torch import Tensor

from kgr.models.link import DiagonalModel, Groups
from kgr.models.model import PRODUCT_RANGE, ProductScores, QueryModel
from kgr.models.operators import Attention


class DistMult(DiagonalModel):
    """A query [B, D] is the entity's row times the relation's, number by number."""

    init = ("normal", 1e-3)

    def operators(self, relations: Tensor, inverse: Tensor | None) -> Tensor:
        return relations

    def query(self, entities: Tensor, operators: Tensor, groups: Groups) -> Tensor:
        return entities * operators.index_select(0, groups.places)

    def pairs(self, heads: Tensor, tails: Tensor) -> Tensor:
        return heads * tails


class MultihopDistMult(ProductScores, QueryModel):
    """A query [B, D] is a row, a relation multiplies it, an intersection is a weighted mean (arXiv 2110.14890)."""

    def __init__(self, dim: int, *, init_range: float | None = None, seed: int = 0) -> None:
        super().__init__(dim, None, PRODUCT_RANGE if init_range is None else init_range)
        self.attention = Attention(dim, dim, torch.Generator().manual_seed(seed))

    def project(self, query: Tensor, relation: Tensor) -> Tensor:
        return query * relation

    def intersect(self, queries: Tensor) -> Tensor:
        return self.attention.mean(queries)
