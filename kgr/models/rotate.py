"""RotatE (arXiv 1902.10197): a relation turns every complex number of an entity by an angle of its own."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from kgr.models.complex import halved, moduli, multiply
from kgr.models.distance import modulus_distances, modulus_pair_distances
from kgr.models.link import Groups, LinkModel
from kgr.models.model import Model, QueryModel
from kgr.models.operators import Attention


class RotationScores(Model):
    """Scores by gamma less the sum of the moduli of the differences."""

    gamma: float

    def candidate_scores(self, query: Tensor, candidates: Tensor) -> Tensor:
        return self.gamma - modulus_distances(query, candidates)

    def pair_scores(self, query: Tensor, rows: Tensor) -> Tensor:
        return self.gamma - modulus_pair_distances(query, rows)


class RotatE(RotationScores, LinkModel):
    """A query [B, D] is the entity's row turned by the relation's phases, D / 2 angles, or turned back.

    The score is gamma less the sum of the moduli of the differences. A row is all real parts, then
    all imaginary parts.

    Parameters
    ----------
    gamma : float, optional
        What a score has at distance 0; None is 12, the authors' default. A softmax does not see it.

    Raises
    ------
    ConfigError
        The dimension is odd.
    """

    relation_init = ("uniform", math.pi)

    def __init__(
        self,
        dim: int,
        *,
        gamma: float | None = None,
        entity_dropout: float = 0.0,
        relation_dropout: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(dim, entity_dropout=entity_dropout, relation_dropout=relation_dropout, seed=seed)
        self.relation_width = halved(dim, "rotate")
        self.gamma = 12.0 if gamma is None else gamma
        self.init = ("uniform", (self.gamma + 2) / self.relation_width)  # as published

    def operators(self, relations: Tensor, inverse: Tensor | None) -> Tensor:
        return _turns(relations if inverse is None else torch.where(inverse.unsqueeze(1), -relations, relations))

    def query(self, entities: Tensor, operators: Tensor, groups: Groups) -> Tensor:
        return multiply(entities, operators.index_select(0, groups.places))

    def moduli(self, rows: Tensor) -> Tensor:
        # a relation's row has phases, which turn numbers of modulus 1
        return moduli(rows) if rows.shape[-1] == self.entity_width else torch.ones_like(rows)


class MultihopRotatE(RotationScores, QueryModel):
    """A query [B, D] is a complex row, a relation turns it, an intersection is a weighted mean (arXiv 2110.14890).

    Raises
    ------
    ConfigError
        The dimension is odd.
    """

    published_gamma = 12.0

    def __init__(self, dim: int, *, gamma: float | None = None, init_range: float | None = None, seed: int = 0) -> None:
        half = halved(dim, "rotate")
        super().__init__(dim, gamma, init_range)
        self.relation_range = math.pi
        self.attention = Attention(dim, half, torch.Generator().manual_seed(seed))

    @staticmethod
    def relation_width(dim: int) -> int:
        return dim // 2

    def project(self, query: Tensor, relation: Tensor) -> Tensor:
        return multiply(query, _turns(relation))

    def intersect(self, queries: Tensor) -> Tensor:
        return self.attention.mean(queries)

    def moduli(self, rows: Tensor) -> Tensor:
        return moduli(rows) if rows.shape[-1] == self.dim else torch.ones_like(rows)


def _turns(phases: Tensor) -> Tensor:
    """Return [n, D]: complex numbers of modulus 1."""
    return torch.cat([phases.cos(), phases.sin()], dim=-1)
