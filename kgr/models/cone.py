"""ConE (arXiv 2110.13715): queries are products of cones, entities of angles, and a complement is a cone again."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from kgr.models.distance import cone_distances, cone_pair_distances, half_turns
from kgr.models.model import QueryModel
from kgr.models.operators import Attention, Perceptron, SetGate

_LEAST = 1e-3  # cosines of mean axes are held away from 0 by it, as published: else their pull has no bound


class ConE(QueryModel):
    """A query [B, 2D] is axes, in [-pi, pi], and apertures, in [0, pi], on both sides of the axes.

    A score is gamma less the sum of distances times a factor that is learned. A number x of a row stands for the
    angle pi tanh(x / init_range).

    Parameters
    ----------
    init_range : float, optional
        The range of initial rows: the smaller, the faster angles move. None is the published 0.04, at dimension 800.
    inside : float, optional
        What the distance counts within a cone, where 1 is what it counts outside; None is the published 0.02.
    hidden : int, optional
        The width of the projection network; None is twice the dimension, the published 1600 at the published 800.
    layers : int, optional
        Its hidden layers; None is the published 2.
    """

    negates = True
    published_gamma = 30.0

    def __init__(
        self,
        dim: int,
        *,
        gamma: float | None = None,
        init_range: float | None = None,
        inside: float | None = None,
        hidden: int | None = None,
        layers: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(dim, gamma, 0.04 if init_range is None else init_range)
        generator = torch.Generator().manual_seed(seed)
        self.inside = 0.02 if inside is None else inside
        between = [2 * dim if hidden is None else hidden] * (2 if layers is None else layers)
        self.projection = Perceptron([2 * dim, *between, 2 * dim], generator)
        self.attention = Attention(2 * dim, dim, generator, hidden=dim)
        self.gate = SetGate(2 * dim, dim, generator)
        self.factor = nn.Parameter(torch.full((1,), (self.gamma + 2) / dim / 2))

    @staticmethod
    def relation_width(dim: int) -> int:
        return 2 * dim

    def anchor(self, rows: Tensor) -> Tensor:
        return torch.cat([self._turned(rows), torch.zeros_like(rows)], dim=-1)

    def project(self, query: Tensor, relation: Tensor) -> Tensor:
        axis, aperture = self.projection(query + self._turned(relation)).chunk(2, dim=-1)
        return torch.cat([_angles(axis), (_angles(2 * aperture) + math.pi) / 2], dim=-1)

    def intersect(self, queries: Tensor) -> Tensor:
        axis, aperture = queries.chunk(2, dim=-1)
        borders = torch.cat([axis - aperture, axis + aperture], dim=-1)
        weights = self.attention(borders)
        cosine, sine = (weights * axis.cos()).sum(dim=0), (weights * axis.sin()).sum(dim=0)
        mean = torch.atan2(sine, cosine.masked_fill(cosine.abs() < _LEAST, _LEAST))
        return torch.cat([mean, self.gate(borders) * aperture.amin(dim=0)], dim=-1)

    def negate(self, query: Tensor) -> Tensor:
        axis, aperture = query.chunk(2, dim=-1)
        return torch.cat([torch.where(axis < 0, axis + math.pi, axis - math.pi), math.pi - aperture], dim=-1)

    def candidates(self, rows: Tensor) -> Tensor:
        return half_turns(self._turned(rows))

    def candidate_scores(self, query: Tensor, candidates: Tensor) -> Tensor:
        return self.gamma - self.factor * cone_distances(query, candidates, self.inside)

    def pair_scores(self, query: Tensor, rows: Tensor) -> Tensor:
        return self.gamma - self.factor * cone_pair_distances(query, half_turns(self._turned(rows)), self.inside)

    def _turned(self, rows: Tensor) -> Tensor:
        return _angles(rows / self.entity_range)


def _angles(x: Tensor) -> Tensor:
    return math.pi * torch.tanh(x)
