"""TransE (Bordes et al. 2013): a relation is a translation, a score gamma less a distance."""

from __future__ import annotations

import torch
from torch import Tensor

from kgr.errors import ConfigError
from kgr.models.distance import l1_distances, l2_distances
from kgr.models.link import Groups, LinkModel


class TransE(LinkModel):
    """A query [B, D] is the entity's row plus the relation's, or less it.

    Parameters
    ----------
    gamma : float, optional
        What a score has at distance 0; None is 12, RotatE's authors' for TransE. A softmax does not see it.
    norm : int, optional
        1 for the L1 distance, 2 for the L2 distance; None is 2.

    Raises
    ------
    ConfigError
        Another norm.
    """

    def __init__(
        self,
        dim: int,
        *,
        gamma: float | None = None,
        norm: int | None = None,
        entity_dropout: float = 0.0,
        relation_dropout: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(dim, entity_dropout=entity_dropout, relation_dropout=relation_dropout, seed=seed)
        self.gamma = 12.0 if gamma is None else gamma
        self.norm = 2 if norm is None else norm
        if self.norm not in (1, 2):
            raise ConfigError(f"norm is {norm}, expected 1 or 2")

    def operators(self, relations: Tensor, inverse: Tensor | None) -> Tensor:
        return relations if inverse is None else torch.where(inverse.unsqueeze(1), -relations, relations)

    def query(self, entities: Tensor, operators: Tensor, groups: Groups) -> Tensor:
        return entities + operators.index_select(0, groups.places)

    def candidate_scores(self, query: Tensor, candidates: Tensor) -> Tensor:
        distances = l1_distances if self.norm == 1 else l2_distances
        return self.gamma - distances(query, candidates)

    def pair_scores(self, query: Tensor, rows: Tensor) -> Tensor:
        distances: Tensor = torch.linalg.vector_norm(query - rows, ord=self.norm, dim=-1)
        return self.gamma - distances

    def relation_scores(self, heads: Tensor, tails: Tensor, operators: Tensor) -> Tensor:
        return self.candidate_scores(tails - heads, operators)
