"""DistMult (arXiv 1412.6575): a relation is a diagonal matrix, so every relation scores as a symmetric one."""

from __future__ import annotations

from torch import Tensor

from kgr.models.link import DiagonalModel, Groups


class DistMult(DiagonalModel):
    """A query [B, D] is the entity's row times the relation's, number by number."""

    init = ("normal", 1e-3)

    def operators(self, relations: Tensor, inverse: Tensor | None) -> Tensor:
        return relations

    def query(self, entities: Tensor, operators: Tensor, groups: Groups) -> Tensor:
        return entities * operators.index_select(0, groups.places)

    def relation_scores(self, heads: Tensor, tails: Tensor, operators: Tensor) -> Tensor:
        return (heads * tails) @ operators.t()
