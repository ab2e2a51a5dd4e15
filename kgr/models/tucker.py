"""TuckER (arXiv 1901.09590) as LibKGE's relational Tucker 3: RESCAL whose matrices come of a core tensor."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kgr.models.link import Groups, ProductModel, grouped_product, turned


class TuckER(ProductModel):
    """A relation's row [relation_dim] times the core [relation_dim, D * D] is its matrix; the rest is RESCAL.

    Parameters
    ----------
    relation_dim : int, optional
        The numbers in a relation's row; None is ``dim``.
    """

    has_matrices = True

    def __init__(
        self,
        dim: int,
        *,
        relation_dim: int | None = None,
        entity_dropout: float = 0.0,
        relation_dropout: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(dim, entity_dropout=entity_dropout, relation_dropout=relation_dropout, seed=seed)
        self.relation_width = dim if relation_dim is None else relation_dim
        self.core = nn.Parameter(torch.empty(self.relation_width, dim * dim))
        nn.init.xavier_normal_(self.core, generator=torch.Generator().manual_seed(seed))

    def operators(self, relations: Tensor, inverse: Tensor | None) -> Tensor:
        return turned(relations @ self.core, inverse)

    def query(self, entities: Tensor, operators: Tensor, groups: Groups) -> Tensor:
        return grouped_product(entities, operators, groups)
