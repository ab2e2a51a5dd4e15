"""Evaluation: hard answers ranked among all entities or a sample of them, filtered of all other answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kgr.graph.graph import Graph
from kgr.multihop.popularity import Popularity
from kgr.multihop.sampled import draw_candidates
from kgr.multihop.scorer import Scorer
from kgr.query.sets import HARD_LIMIT, Queries, QuerySet, Ragged
from kgr.query.words import STRUCTURES, parse
from kgr.rank.metrics import query_metrics
from kgr.rank.ranks import filtered_ranks

Progress = Callable[[str, int, int], None]
"""Called with the structure, the queries done since the last call, and the queries of the whole evaluation."""

Narrowing = Callable[[QuerySet], QuerySet]
"""Returns a set that ranks fewer of the hard answers; queries without any are left out of it."""


def evaluate(
    scorer: Scorer,
    queries: QuerySet,
    *,
    train: Graph | None,
    narrowing: Mapping[str, Narrowing] | None = None,
    candidates: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Rank the hard answers of every query among the entities that are no answers: all, or some drawn for it.

    Ties count as their mean rank. Metrics are averaged over the hard answers of a query, then over
    queries, as BetaE does.

    Parameters
    ----------
    train : Graph or None
        For the popularity baseline beside the model; None leaves it out.
    narrowing : by name, optional
        Applied one after the other to the structures that the model can do, such as
        :func:`kgr.query.inference.full_inference` and :func:`kgr.query.unseen.without_unseen`.
    candidates : int, optional
        Rank among so many entities, drawn as :func:`kgr.multihop.sampled.draw_candidates` does, and not among all.
        The ranks are then lower and the figures higher: they are biased, and say little beside others.
    progress : Progress, optional

    Returns
    -------
    dict
        ``{"split", "queries_fingerprint", "drawn", "structures": {"2i": {"queries", "mrr", "hits@1",
        "hits@3", "hits@10", "popularity_mrr"}}, "avg_p", "avg_n", "popularity_avg_p", "popularity_avg_n"}``;
        a structure that the model cannot do is None, and so is a mean that lacks a structure. The fingerprint
        is that of ``queries`` as they were given. Where they are narrowed, also
        ``"skipped": {name: {"queries", "answers"}}``: the queries that each left out, and the pairs. Where
        candidates are drawn, also ``"candidates"``: how many.
    """
    popularity = Popularity(train) if train is not None else None
    able = {name: own for name, own in queries.queries.items() if scorer.model.negates or not own.word.negates}
    ranked, skipped = _narrow(dataclasses.replace(queries, queries=able), narrowing or {})
    total = sum(len(own) for own in ranked.queries.values())
    structures: dict[str, dict[str, Any] | None] = dict.fromkeys(queries.queries)
    for name, own in ranked.queries.items():
        told = _teller(progress, name, total)
        structures[name] = _evaluate_structure(_Ranking(scorer, popularity, candidates), own, told)
    return {
        "split": queries.split,
        "queries_fingerprint": queries.fingerprint,
        "drawn": queries.drawn,
        **({"candidates": candidates} if candidates else {}),
        "structures": structures,
        **({"skipped": skipped} if skipped else {}),
        **_means(structures, "mrr", ""),
        **(_means(structures, "popularity_mrr", "popularity_") if popularity else {}),
    }


def _narrow(queries: QuerySet, narrowing: Mapping[str, Narrowing]) -> tuple[QuerySet, dict[str, dict[str, int]]]:
    """Return what is left of a set, and what each narrowing left out of what it was given."""
    skipped = {}
    for name, narrow in narrowing.items():
        before, queries = _sizes(queries), narrow(queries)
        skipped[name] = {what: before[what] - size for what, size in _sizes(queries).items()}
    return queries, skipped


def _sizes(queries: QuerySet) -> dict[str, int]:
    every = queries.queries.values()
    return {"queries": sum(map(len, every)), "answers": sum(len(own.hard.values) for own in every)}


def _teller(progress: Progress | None, structure: str, total: int) -> Callable[[int], None]:
    return (lambda done: progress(structure, done, total)) if progress else (lambda done: None)


@dataclasses.dataclass(frozen=True)
class _Ranking:
    """Who ranks, beside the model popularity if it is given, and among how many drawn candidates, if not among all."""

    scorer: Scorer
    popularity: Popularity | None
    candidates: int | None

    @property
    def batch(self) -> int:
        if self.candidates is None:
            return self.scorer.batch
        return self.scorer.batch_of(min(self.candidates, self.scorer.entities) + HARD_LIMIT)

    def ranks(self, part: Queries) -> list[NDArray[np.float64]]:
        """Rank the hard answers of queries, by the model and by popularity."""
        excluded = part.easy.union(part.hard, part.unranked)  # all answers
        asked = part.word, part.arguments
        rankers: list[Scorer | Popularity] = [self.scorer, *([self.popularity] if self.popularity else [])]
        if self.candidates is None:
            return [_ranks(ranker.scores(*asked), part.hard, excluded) for ranker in rankers]
        drawn = draw_candidates(part, excluded, self.scorer.entities, self.candidates)
        scores = (ranker.candidate_scores(*asked, drawn.ids) for ranker in rankers)
        return [_ranks(own, drawn.hard, drawn.excluded) for own in scores]


def _evaluate_structure(ranking: _Ranking, queries: Queries, tell: Callable[[int], None]) -> dict[str, Any]:
    if not len(queries):
        names = ["mrr", "hits@1", "hits@3", "hits@10"] + ["popularity_mrr"] * (ranking.popularity is not None)
        return {"queries": 0, **dict.fromkeys(names)}
    found = []
    for part in queries.parts(ranking.batch):
        found.append(ranking.ranks(part))
        tell(len(part))
    ranks = [np.concatenate(own) for own in zip(*found, strict=True)]
    metrics: dict[str, Any] = query_metrics(ranks[0], queries.hard.offsets)
    if ranking.popularity:
        metrics["popularity_mrr"] = query_metrics(ranks[1], queries.hard.offsets)["mrr"]
    return metrics


def _ranks(scores: NDArray[np.float32], hard: Ragged, excluded: Ragged) -> NDArray[np.float64]:
    threads = torch.get_num_threads()
    return filtered_ranks(scores, hard.values, hard.offsets, excluded.values, excluded.offsets, threads=threads)


def _means(structures: Mapping[str, dict[str, Any] | None], metric: str, prefix: str) -> dict[str, float | None]:
    """Mean over the nine structures without negation and over the five with it; None where one of them is missing."""
    means: dict[str, float | None] = {}
    for kind, negates in (("avg_p", False), ("avg_n", True)):
        own = [structures.get(name) for name in STRUCTURES if parse(name).negates == negates]
        values = [each[metric] for each in own if each and each["queries"]]
        means[prefix + kind] = float(np.mean(values)) if len(values) == len(own) else None
    return means
