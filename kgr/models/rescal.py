"""RESCAL (Nickel et al. 2011): a relation is a matrix."""

from __future__ import annotations

from torch import Tensor

from kgr.models.link import Groups, ProductModel, grouped_product, turned


class RESCAL(ProductModel):
    """A query [B, D] is the entity's row times the relation's matrix, a row of D * D numbers, or its transpose."""

    has_matrices = True

    def __init__(self, dim: int, *, entity_dropout: float = 0.0, relation_dropout: float = 0.0, seed: int = 0) -> None:
        super().__init__(dim, entity_dropout=entity_dropout, relation_dropout=relation_dropout, seed=seed)
        self.relation_width = dim * dim

    def operators(self, relations: Tensor, inverse: Tensor | None) -> Tensor:
        return turned(relations, inverse)

    def query(self, entities: Tensor, operators: Tensor, groups: Groups) -> Tensor:
        return grouped_product(entities, operators, groups)
