"""Evaluation: tails and heads of held-out triples ranked among all entities, filtered of all known answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from kgr.completion.popularity import popularity_ranks
from kgr.completion.queries import SplitQueries, split_queries
from kgr.completion.subsets import CATEGORIES, Compositional, categories, compositional, symmetric_relations
from kgr.graph.graph import Graph, load_graph
from kgr.index.store import Store
from kgr.rank.metrics import rank_metrics
from kgr.rank.ranks import filtered_ranks

Progress = Callable[[str, int, int], None]
"""Called with the split, the queries done since the last call, and the queries of the whole evaluation."""

Places = NDArray[Any] | slice
"""Some of the triples: by place or mask."""

SIDES = ("tail", "head")
"""What is ranked, in the order of the rows of ranks."""


class Scorer(Protocol):
    """What is evaluated; see :class:`kgr.completion.scorer.LinkScorer`."""

    @property
    def batch(self) -> int:
        """Queries to score at once."""

    def scores(self, entities: NDArray[np.int32], directed: NDArray[np.int32], /) -> NDArray[np.float32]:
        """Return the scores of all entities, float32[B, G], as answers of B queries; higher is better."""


def evaluate(
    scorer: Scorer,
    store: Store,
    split: str,
    *,
    tables: bool = True,
    limit: int | None = None,
    rule_length: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Rank the tail and the head of every triple of a split among all entities that are no known answers.

    Known are train, valid and test together; ties count as their mean rank; each triple weighs the same,
    and so do its two sides.

    Parameters
    ----------
    split : "valid", "test" or "train"
    tables : bool
        False leaves out the popularity baseline and the tables of kinds of triples.
    limit : int, optional
        At most so many triples, drawn uniformly, always the same ones.
    rule_length : int, optional
        Of the rules by which triples are compositional: see :func:`kgr.completion.subsets.compositional`.
    progress : Progress, optional

    Returns
    -------
    dict
        ``{"split", "limit", "triples", "mrr", "head_mrr", "tail_mrr", "mr", "adjusted_mean_rank",
        "adjusted_mean_rank_index", "hits@1", "hits@3", "hits@10", "popularity_mrr", "sides", "relations",
        "categories", "patterns", "unseen"}``. The figures are those of :func:`kgr.rank.metrics.rank_metrics`;
        every entry of the tables has them too, None where it has no triples; ``limit`` is None where all are ranked.

        - ``sides``: ``"tail"`` and ``"head"``, each ranked alone.
        - ``relations``: by key, those of the split; also ``label`` and ``category``.
        - ``categories``: 1-1, 1-N, N-1, N-N, by train: see :func:`kgr.completion.subsets.categories`.
        - ``patterns``: ``symmetric``, of relations that mostly have their reverse in train, and ``compositional``,
          which follow from train's path rules, with ``rule_length``; None where no rules are searched.
        - ``unseen``: ``entities`` and ``relations``: the triple has one that train does not have.

    Raises
    ------
    UnknownKey, DataError, ConfigError
        No such split, or one without triples; a limit or rule length out of range.
    """
    queries = split_queries(store, split, limit=limit)
    composed = compositional(store, split, rule_length) if tables else None
    train = load_graph(store) if tables else None
    ranks = rank_answers(scorer, queries, split, progress)
    found = _Ranked(ranks, queries.candidates, popularity_ranks(train, queries) if train else None)
    drawn = len(queries.triples) < len(store.triples(split))
    metrics = {"split": split, "limit": limit if drawn else None, **found.figures(), "sides": found.sides()}
    return {**metrics, **_tables(found, store, train, queries, composed)} if train else metrics


def rank_answers(
    scorer: Scorer, queries: SplitQueries, split: str, progress: Progress | None = None
) -> NDArray[np.float64]:
    """Return the filtered ranks of each triple's tail (0) and head (1): float64[2, E]."""
    ranks = np.empty(len(queries.answers.values))
    threads = torch.get_num_threads()
    for first in range(0, len(queries), scorer.batch):
        last = min(first + scorer.batch, len(queries))
        scores = scorer.scores(queries.entities[first:last], queries.directed[first:last])
        own, known = queries.answers.cut(first, last), queries.known.cut(first, last)
        begin, end = queries.answers.offsets[[first, last]]
        ranks[begin:end] = filtered_ranks(scores, own.values, own.offsets, known.values, known.offsets, threads=threads)
        if progress:
            progress(split, last - first, len(queries))
    return ranks[queries.places]


@dataclasses.dataclass(frozen=True)
class _Ranked:
    """Ranks of tails (0) and heads (1), the model's and popularity's, averaged over any triples."""

    ranks: NDArray[np.float64]
    candidates: NDArray[np.int64]
    popular: NDArray[np.float64] | None

    def figures(self, triples: Places = slice(None)) -> dict[str, Any]:
        """Average both sides of some triples, by place or mask."""
        sides = {f"{name}_mrr": self._mean([side], triples)["mrr"] for side, name in enumerate(SIDES)}
        return {**self._mean([0, 1], triples), **sides}

    def sides(self) -> dict[str, dict[str, Any]]:
        """Average each side of all triples."""
        return {name: self._mean([side], slice(None)) for side, name in enumerate(SIDES)}

    def _mean(self, sides: list[int], triples: Places) -> dict[str, Any]:
        ranks = self.ranks[sides][:, triples]
        candidates = self.candidates[sides][:, triples].ravel()
        found: dict[str, Any] = {"triples": ranks.shape[1], **rank_metrics(ranks.ravel(), candidates)}
        if self.popular is not None:
            popular = self.popular[sides][:, triples].ravel()
            found["popularity_mrr"] = rank_metrics(popular, candidates)["mrr"]
        return found


def _tables(
    found: _Ranked, store: Store, train: Graph, queries: SplitQueries, composed: Compositional | None
) -> dict[str, Any]:
    """Average what is of a kind."""
    heads, relations, tails = queries.triples.T
    category_of = categories(train)
    of_triple = np.array([category_of[r] or "" for r in relations])
    patterns: dict[str, Any] = {"symmetric": found.figures(symmetric_relations(store, train)[relations])}
    patterns["compositional"] = composed and {
        **found.figures(composed.follows[queries.rows]),
        "rule_length": composed.rule_length,
    }
    return {
        "relations": _relations(found, store, relations, category_of),
        "categories": {name: found.figures(of_triple == name) for name in CATEGORIES},
        "patterns": patterns,
        "unseen": {
            "entities": found.figures(~(train.seen[heads] & train.seen[tails])),
            "relations": found.figures(of_triple == ""),
        },
    }


def _relations(
    found: _Ranked, store: Store, relations: NDArray[np.int32], category_of: list[str | None]
) -> dict[str, dict[str, Any]]:
    order = np.argsort(relations, kind="stable")
    distinct, starts = np.unique(relations[order], return_index=True)
    return {
        store.relations.key(r): {
            "label": store.label("relations", r),
            "category": category_of[r],
            **found.figures(triples),
        }
        for r, triples in zip(distinct.tolist(), np.split(order, starts[1:]), strict=True)
    }
