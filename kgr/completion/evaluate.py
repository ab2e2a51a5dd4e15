"""Evaluation: tails and heads of held-out triples ranked among all entities, filtered of all known answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from kgr.completion.popularity import popularity_ranks
from kgr.completion.queries import SplitQueries, split_queries
from kgr.graph.graph import load_graph
from kgr.index.store import Store
from kgr.rank.metrics import rank_metrics
from kgr.rank.ranks import filtered_ranks

Progress = Callable[[str, int, int], None]
"""Called with the split, the queries done since the last call, and the queries of the whole evaluation."""

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
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Rank the tail and the head of every triple of a split among all entities that are no known answers.

    Known are train, valid and test together; ties count as their mean rank; each triple weighs the same,
    and so do its two sides.

    Parameters
    ----------
    split : "valid", "test" or "train"
    tables : bool
        False leaves out what compares and explains, and keeps the figures of all triples and of the two sides.
    limit : int, optional
        At most so many triples, drawn uniformly, always the same ones.
    progress : Progress, optional
    """
    queries = split_queries(store, split, limit=limit)
    found = _Ranked(queries, rank_answers(scorer, queries, split, progress))
    if tables:
        found.popular = popularity_ranks(load_graph(store), queries)
    return {"split": split, **found.of(), "sides": found.sides()}


def rank_answers(
    scorer: Scorer, queries: SplitQueries, split: str, progress: Progress | None = None
) -> NDArray[np.float64]:
    """Return the filtered ranks of each triple's tail (0) and head (1): float64[2, E]."""
    parts, known = [], queries.known
    for first in range(0, len(queries), scorer.batch):
        last = min(first + scorer.batch, len(queries))
        scores = scorer.scores(queries.entities[first:last], queries.directed[first:last])
        own, hidden = queries.answers.cut(first, last), known.cut(first, last)
        parts.append(
            filtered_ranks(
                scores, own.values, own.offsets, hidden.values, hidden.offsets, threads=torch.get_num_threads()
            )
        )
        if progress:
            progress(split, last - first, len(queries))
    return np.concatenate(parts)[queries.places]


class _Ranked:
    """Averages ranks over any triples."""

    def __init__(self, queries: SplitQueries, ranks: NDArray[np.float64]) -> None:
        self.ranks, self.candidates = ranks, queries.candidates
        self.popular: NDArray[np.float64] | None = None

    def of(self, triples: Any = slice(None), sides: slice = slice(None)) -> dict[str, Any]:
        ranks = self.ranks[sides, triples]
        figures: dict[str, Any] = {"triples": ranks.shape[1]}
        figures.update(rank_metrics(ranks.ravel(), self.candidates[sides, triples].ravel()))
        if self.popular is not None:
            popular = self.popular[sides, triples].ravel()
            figures["popularity_mrr"] = float((1 / popular).mean()) if len(popular) else None
        return figures

    def sides(self) -> dict[str, dict[str, Any]]:
        return {name: self.of(sides=slice(i, i + 1)) for i, name in enumerate(SIDES)}
