"""GQE (arXiv 1806.01445) as BetaE's authors run it: points, translations, L1 distance."""

from __future__ import annotations

import torch
from torch import Tensor

from kgr.models.distance import l1_distances
from kgr.models.model import QueryModel
from kgr.models.operators import Attention


class GQE(QueryModel):
    """A query is a point [B, D], a relation a translation, an intersection a weighted mean."""

    published_gamma = 24.0

    def __init__(self, dim: int, *, gamma: float | None = None, init_range: float | None = None, seed: int = 0) -> None:
        super().__init__(dim, gamma, init_range)
        self.attention = Attention(dim, dim, torch.Generator().manual_seed(seed))

    def project(self, query: Tensor, relation: Tensor) -> Tensor:
        return query + relation

    def intersect(self, queries: Tensor) -> Tensor:
        return self.attention.mean(queries)

    def candidate_scores(self, query: Tensor, candidates: Tensor) -> Tensor:
        return self.gamma - l1_distances(query, candidates)

    def pair_scores(self, query: Tensor, rows: Tensor) -> Tensor:
        return self.gamma - (query - rows).abs().sum(-1)
