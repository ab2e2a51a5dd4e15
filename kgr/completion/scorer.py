"""A link model and its tables as they are now, to score entities, triples and relations."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kgr.completion.groups import by_relation
from kgr.models.link import Groups, LinkModel

_SCORES = 1 << 24  # scores held at once, 64 MiB
_NUMBERS = 1 << 24  # numbers of gathered rows held at once

Ids = NDArray[np.integer[Any]]
Side = Literal["tail", "head"]


class LinkScorer:
    """Scores with a link model and its tables.

    Parameters
    ----------
    model : LinkModel
        In evaluation mode.
    entities : float32[G, We]
        The entity table.
    relations : float32[2R, Wr] or float32[R, Wr]
        The relation table: a row for each directed relation where ``reciprocal``, else one for each relation.
    reciprocal : bool
        Whether an inverse has a row of its own.

    A directed relation ``2r`` asks for tails of relation ``r``, ``2r + 1`` for its heads.
    """

    @torch.no_grad()
    def __init__(self, model: LinkModel, entities: Tensor, relations: Tensor, reciprocal: bool) -> None:
        self.model, self.entities, self.relations, self.reciprocal = model, entities, relations, reciprocal
        self._candidates = model.candidates(entities)

    @property
    def batch(self) -> int:
        """Queries to score at once, where all entities are scored."""
        return max(1, min(1024, _SCORES // len(self.entities)))

    @property
    def directed(self) -> int:
        """Number of directed relations, 2R."""
        return len(self.relations) * (1 if self.reciprocal else 2)

    @torch.no_grad()
    def scores(self, entities: Ids, directed: Ids) -> NDArray[np.float32]:
        """Score all entities as answers.

        Parameters
        ----------
        entities, directed : int[B]
            The queries, in any order: entity and directed relation.

        Returns
        -------
        float32[B, G]
            Higher is better.
        """
        scores: NDArray[np.float32] = self._all(self._queries(entities, directed)).cpu().numpy()
        return scores

    @torch.no_grad()
    def triples(self, triples: Ids, side: Side = "tail") -> NDArray[np.float32]:
        """Score triples ``int[n, 3]``, each as an answer to one of its two queries: float32[n].

        ``side`` says which: the tail as answer to (head, relation), or the head as answer to (tail, inverse).
        Without reciprocal relations both are the same number.
        """
        heads, relations, tails = np.asarray(triples, np.int64).reshape(-1, 3).T
        if side == "tail":
            return self._answers(heads, 2 * relations, tails)
        return self._answers(tails, 2 * relations + 1, heads)

    @torch.no_grad()
    def relation_scores(self, heads: Ids, tails: Ids) -> NDArray[np.float32]:
        """Score every relation ``r`` from ``heads`` to ``tails``, int[B] each, by the tail's side: float32[B, R]."""
        directed = np.arange(0, self.directed, 2)
        if not self.model.ranks_relations:
            columns = [self._answers(heads, np.full(len(heads), relation), tails) for relation in directed]
            return np.stack(columns, axis=1) if columns else np.empty((len(heads), 0), np.float32)
        operators = table_operators(self.model, self.relations, self._ids(directed), self.reciprocal)
        of_heads, of_tails = self.entities[self._ids(heads)], self.entities[self._ids(tails)]
        scores: NDArray[np.float32] = self.model.relation_scores(of_heads, of_tails, operators).cpu().numpy()
        return scores

    def _answers(self, entities: Ids, directed: Ids, answers: Ids) -> NDArray[np.float32]:
        """Score one answer of each query: float32[n], in blocks."""
        out = np.empty(len(entities), np.float32)
        block = max(1, _NUMBERS // self.entities.shape[1])
        for first in range(0, len(out), block):
            part = slice(first, first + block)
            queries = self._queries(entities[part], directed[part])
            scores = self.model.pair_scores(queries, self.entities[self._ids(answers[part])])
            out[part] = scores.cpu().numpy()
        return out

    def _queries(self, entities: Ids, directed: Ids) -> Tensor:
        """Embed queries, in their own order."""
        grouped = by_relation(np.asarray(directed))
        operators = table_operators(self.model, self.relations, self._ids(grouped.distinct), self.reciprocal)
        rows = self.entities[self._ids(np.asarray(entities)[grouped.order])]
        queries = self.model.query(rows, operators, Groups(self._ids(grouped.places), grouped.sizes))
        back = np.empty(len(grouped.order), np.int64)
        back[grouped.order] = np.arange(len(back))
        return queries[self._ids(back)]

    def _all(self, queries: Tensor) -> Tensor:
        return self.model.candidate_scores(queries, self._candidates)

    def _ids(self, ids: Ids) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(ids, np.int64)).to(self.entities.device)


def table_operators(model: LinkModel, relations: Tensor, directed: Tensor, reciprocal: bool) -> Tensor:
    """Return the operators [U, Wo] of directed relations, int64[U], from the whole relation table."""
    if reciprocal:
        return model.operators(relations[directed], None)
    return model.operators(relations[directed >> 1], (directed & 1).bool())
