"""Query2Box (arXiv 2002.05969): a query is a box, its answers are the points near or in it."""

from __future__ import annotations

import torch
from torch import Tensor

from kgr.models.distance import box_distances, box_pair_distances
from kgr.models.model import QueryModel
from kgr.models.operators import Attention, SetGate


class Query2Box(QueryModel):
    """A query [B, 2D] is a centre and an offset, of which none is negative.

    A relation moves the centre and widens the box by the absolute value of its second half. At the
    start that is what the reference code does with its offsets, drawn from ``[0, relation_range]``
    and added as they are; unlike there, none can become negative.

    Parameters
    ----------
    inside : float, optional
        What the distance counts within the box, where 1 is what it counts outside; None is the published 0.02.
    """

    published_gamma = 24.0

    def __init__(
        self,
        dim: int,
        *,
        gamma: float | None = None,
        init_range: float | None = None,
        inside: float | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(dim, gamma, init_range)
        generator = torch.Generator().manual_seed(seed)
        self.inside = 0.02 if inside is None else inside
        self.attention = Attention(dim, dim, generator)
        self.gate = SetGate(dim, dim, generator)

    @staticmethod
    def relation_width(dim: int) -> int:
        return 2 * dim

    def anchor(self, rows: Tensor) -> Tensor:
        return torch.cat([rows, torch.zeros_like(rows)], dim=-1)

    def project(self, query: Tensor, relation: Tensor) -> Tensor:
        move, widen = relation.chunk(2, dim=-1)
        return query + torch.cat([move, widen.abs()], dim=-1)

    def intersect(self, queries: Tensor) -> Tensor:
        center, offset = queries.chunk(2, dim=-1)
        return torch.cat([self.attention.mean(center), self.gate(offset) * offset.amin(dim=0)], dim=-1)

    def candidate_scores(self, query: Tensor, candidates: Tensor) -> Tensor:
        return self.gamma - box_distances(query, candidates, self.inside)

    def pair_scores(self, query: Tensor, rows: Tensor) -> Tensor:
        return self.gamma - box_pair_distances(query, rows, self.inside)
