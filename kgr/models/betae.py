"""BetaE (arXiv 2010.11465): queries and entities are Beta distributions, so negation exists."""

from __future__ import annotations

import torch
from torch import Tensor

from kgr.models.beta import divergence_terms, divergences, pair_divergences
from kgr.models.model import QueryModel
from kgr.models.operators import Attention, Perceptron


class BetaE(QueryModel):
    """A query [B, 2D] is D Beta distributions; a score is gamma less the sum of KL(entity || query).

    Parameters
    ----------
    hidden : int, optional
        The width of the projection network; None is the published 1600.
    layers : int, optional
        Its hidden layers; None is the published 2.
    """

    negates = True
    published_gamma = 60.0

    def __init__(
        self,
        dim: int,
        *,
        gamma: float | None = None,
        init_range: float | None = None,
        hidden: int | None = None,
        layers: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(dim, gamma, init_range)
        generator = torch.Generator().manual_seed(seed)
        between = [1600 if hidden is None else hidden] * (2 if layers is None else layers)
        widths = [self.entity_width(dim) + self.relation_width(dim), *between, 2 * dim]
        self.projection = Perceptron(widths, generator)
        self.attention = Attention(2 * dim, dim, generator)

    @staticmethod
    def entity_width(dim: int) -> int:
        return 2 * dim

    def anchor(self, rows: Tensor) -> Tensor:
        return _positive(rows)

    def project(self, query: Tensor, relation: Tensor) -> Tensor:
        return _positive(self.projection(torch.cat([query, relation], dim=-1)))

    def intersect(self, queries: Tensor) -> Tensor:
        return self.attention.mean(queries)

    def negate(self, query: Tensor) -> Tensor:
        return query.reciprocal()

    def candidates(self, rows: Tensor) -> Tensor:
        return divergence_terms(_positive(rows))

    def candidate_scores(self, query: Tensor, candidates: Tensor) -> Tensor:
        return self.gamma - divergences(query, candidates)

    def pair_scores(self, query: Tensor, rows: Tensor) -> Tensor:
        return self.gamma - pair_divergences(query, _positive(rows))


def _positive(x: Tensor) -> Tensor:
    """Make parameters of Beta distributions, as published."""
    return (x + 1).clamp(0.05, 1e9)
