"""What a model is: rows of tables that it does not hold, queries made of them, and scores of entities against those."""

from __future__ import annotations

import abc
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional

from kgr.errors import QueryError
from kgr.models.fields import NEGATING

_COLUMNS = 16
"""Products are made of multiples of so many columns: the last of others may come by another routine of the processor's
library, where equal rows may differ in the last bit."""

PRODUCT_RANGE = 0.05
"""Of the initial rows where relations multiply: so large that a path of three of them still pulls."""


class Model(nn.Module, abc.ABC):
    """Scores entities, rows [K, We] of a table, against queries [B, Wq] of a width of the model's own."""

    def candidates(self, rows: Tensor) -> Tensor:
        """Return what :meth:`candidate_scores` needs of entities' rows [K, We]: compute it once, use it often."""
        return rows

    @abc.abstractmethod
    def candidate_scores(self, query: Tensor, candidates: Tensor) -> Tensor:
        """Return the scores [B, K] of all :meth:`candidates` for every query [B, Wq]; higher is better.

        Equal rows get equal scores. Nothing of size B x K x D is made.
        """

    @abc.abstractmethod
    def pair_scores(self, query: Tensor, rows: Tensor) -> Tensor:
        """Return the score [B] of each entity's row [B, We] for its own query [B, Wq]."""

    def scores(self, query: Tensor, rows: Tensor) -> Tensor:
        """Return the scores [B, K] of entities' rows [K, We] for every query [B, Wq]; higher is better."""
        return self.candidate_scores(query, self.candidates(rows))

    def moduli(self, rows: Tensor) -> Tensor:
        """Return the absolute values of a row's numbers [n, W], of complex ones [n, W / 2]."""
        return rows.abs()


class ProductScores(Model):
    """Scores by the inner product of a query with an entity's row."""

    def candidate_scores(self, query: Tensor, candidates: Tensor) -> Tensor:
        if (
            len(query) == 1
        ):  # the product with one vector is another routine, where equal rows may differ in the last bit
            return self.candidate_scores(query.repeat(2, 1), candidates)[:1]
        short = -len(candidates) % _COLUMNS
        if not short:
            return query @ candidates.t()
        return (query @ functional.pad(candidates, (0, 0, 0, short)).t())[:, : len(candidates)]

    def pair_scores(self, query: Tensor, rows: Tensor) -> Tensor:
        return (query * rows).sum(-1)


class QueryModel(Model):
    """Embeds queries and scores entities against them.

    Entities and relations are rows of tables that the model does not hold, ``entity_width(dim)``
    and ``relation_width(dim)`` numbers each, drawn uniformly from ``[-entity_range, entity_range]``
    and ``[-relation_range, relation_range]``. The embedding of a query is one row of a width Wq of
    the model's own. The model itself holds the operators' weights only.

    Parameters
    ----------
    dim : int
        The dimension D.
    gamma : float, optional
        What a score has at distance 0; None is the model's published value, 0 where a score is no distance.
    init_range : float, optional
        The range of the tables' initial values; None is the published ``(gamma + 2) / dim``.
    seed : int
        Of the weights' initial values; the same arguments make the same model.
    """

    negates: ClassVar[bool] = False
    """Whether :meth:`negate` exists."""
    published_gamma: ClassVar[float] = 0.0

    def __init__(self, dim: int, gamma: float | None, init_range: float | None) -> None:
        super().__init__()
        self.dim = dim
        self.gamma = self.published_gamma if gamma is None else gamma
        self.entity_range = self.relation_range = (self.gamma + 2) / dim if init_range is None else init_range

    @staticmethod
    def entity_width(dim: int) -> int:
        """Return We, the numbers in an entity's row."""
        return dim

    @staticmethod
    def relation_width(dim: int) -> int:
        """Return Wr, the numbers in a relation's row."""
        return dim

    def anchor(self, rows: Tensor) -> Tensor:
        """Return the queries [B, Wq] that entities' rows [B, We] are."""
        return rows

    @abc.abstractmethod
    def project(self, query: Tensor, relation: Tensor) -> Tensor:
        """Follow relations, rows [B, Wr], from queries [B, Wq]."""

    @abc.abstractmethod
    def intersect(self, queries: Tensor) -> Tensor:
        """Intersect n branches [n, B, Wq] into [B, Wq]; their order does not matter."""

    def negate(self, query: Tensor) -> Tensor:
        """Return the complements [B, Wq].

        Raises
        ------
        QueryError
            The model has no negation.
        """
        raise QueryError(
            f"{type(self).__name__} has no negation: use a structure without N, or {' or '.join(NEGATING)}"
        )
