"""Words read forward over embeddings: every union-free branch of a word becomes one query."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor

from kgr.errors import QueryError
from kgr.models.fields import NEGATING
from kgr.models.model import QueryModel
from kgr.query.words import Branch, Node, Word


def embed(model: QueryModel, word: Word, anchors: Tensor, relations: Tensor) -> list[Tensor]:
    """Embed a batch of queries of one word.

    Parameters
    ----------
    anchors : [B, anchors of the word, We]
        Rows of the entity table, in word order.
    relations : [B, relations of the word, Wr]
        Rows of the relation table, in word order.

    Returns
    -------
    list of [B, Wq]
        One for each branch of the word's disjunctive normal form. An answer's score is the best of them.

    Raises
    ------
    QueryError
        The word negates and the model cannot.
    """
    if word.negates and not model.negates:
        raise QueryError(
            f"structure {word.name} has a negation, which {type(model).__name__} cannot do: "
            f"use a structure without N, or {' or '.join(NEGATING)}"
        )
    return [_Branch(model, word, branch, anchors, relations).embed(branch.word.tree) for branch in word.branches]


def word_scores(model: QueryModel, queries: Sequence[Tensor], rows: Tensor) -> Tensor:
    """Return [B, K]: the best score over the branches ``queries`` of entities' rows [K, We]."""
    return word_candidate_scores(model, queries, model.candidates(rows))


def word_candidate_scores(model: QueryModel, queries: Sequence[Tensor], candidates: Tensor) -> Tensor:
    """Return [B, K]: the best score over the branches of what ``model.candidates`` made of K rows."""
    return reduce(torch.maximum, [model.candidate_scores(query, candidates) for query in queries])


def word_own_scores(model: QueryModel, queries: Sequence[Tensor], rows: Tensor) -> Tensor:
    """Return [B, K]: the best score over the branches of K rows of each query's own, [B, K, We]."""
    own = rows.flatten(0, 1)
    every = [query.repeat_interleave(rows.shape[1], dim=0) for query in queries]
    return word_pair_scores(model, every, own).view(rows.shape[:2])


def word_pair_scores(model: QueryModel, queries: Sequence[Tensor], rows: Tensor) -> Tensor:
    """Return [B]: the best score over the branches of each entity's row [B, We] for its own query."""
    return reduce(torch.maximum, [model.pair_scores(query, rows) for query in queries])


class _Branch:
    """One branch of a word, walked from its anchors to its answers."""

    def __init__(self, model: QueryModel, word: Word, branch: Branch, anchors: Tensor, relations: Tensor) -> None:
        self.model, self.slots = model, branch.slots
        self.anchors, self.relations = anchors.unbind(1), relations.unbind(1)  # whose gradients meet in one array
        self.anchor_at = {slot: i for i, slot in enumerate(word.anchors)}
        self.relation_at = {slot: i for i, slot in enumerate(word.relations)}

    def embed(self, node: Node) -> Tensor:
        if node.op == "A":
            return self.model.anchor(self.anchors[self.anchor_at[self.slots[node.slot]]])
        parts = [self.embed(part) for part in node.parts]
        if node.op == "P":
            return self.model.project(parts[0], self.relations[self.relation_at[self.slots[node.slot]]])
        if node.op == "N":
            return self.model.negate(parts[0])
        return self.model.intersect(torch.stack(parts))
