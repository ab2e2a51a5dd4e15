"""Evaluation: hard answers ranked among all entities, filtered of all other answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kgr.graph.graph import Graph
from kgr.models.embed import embed, word_candidate_scores
from kgr.models.model import QueryModel
from kgr.multihop.popularity import Popularity
from kgr.query.sets import Queries, QuerySet, Ragged
from kgr.query.words import STRUCTURES, Word, parse
from kgr.rank.metrics import query_metrics
from kgr.rank.ranks import filtered_ranks

_SCORES = 1 << 24  # scores held at once, 64 MiB

Progress = Callable[[str, int, int], None]
"""Called with the structure, the queries done since the last call, and the queries of the whole evaluation."""

Narrowing = Callable[[QuerySet], QuerySet]
"""Returns a set that ranks fewer of the hard answers; queries without any are left out of it."""


class Scorer:
    """Scores all entities for queries of any word, with a model and its tables as they are now.

    Parameters
    ----------
    model : QueryModel
    entities, relations : float32[G, .], float32[2R, .]
        The model's tables.
    """

    @torch.no_grad()
    def __init__(self, model: QueryModel, entities: Tensor, relations: Tensor) -> None:
        self.model = model
        self._entities, self._relations = entities, relations
        self._candidates = model.candidates(entities)

    @property
    def batch(self) -> int:
        """Queries to score at once."""
        return max(1, min(512, _SCORES // len(self._entities)))

    @torch.no_grad()
    def scores(self, word: Word, arguments: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return float32[B, G] for ``arguments`` int32[B, S]; higher is better."""
        ids = torch.from_numpy(np.ascontiguousarray(arguments, np.int64)).to(self._entities.device)
        anchors = self._entities[ids[:, list(word.anchors)]]
        branches = embed(self.model, word, anchors, self._relations[ids[:, list(word.relations)]])
        scores: NDArray[np.float32] = word_candidate_scores(self.model, branches, self._candidates).cpu().numpy()
        return scores


def evaluate(
    scorer: Scorer,
    queries: QuerySet,
    *,
    train: Graph | None,
    narrowing: Mapping[str, Narrowing] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Rank the hard answers of every query among all entities that are no answers.

    Ties count as their mean rank. Metrics are averaged over the hard answers of a query, then over
    queries, as BetaE does.

    Parameters
    ----------
    train : Graph or None
        For the popularity baseline beside the model; None leaves it out.
    narrowing : by name, optional
        Applied one after the other to the structures that the model can do, such as
        :func:`kgr.query.inference.full_inference` and :func:`kgr.query.unseen.without_unseen`.
    progress : Progress, optional

    Returns
    -------
    dict
        ``{"split", "queries_fingerprint", "drawn", "structures": {"2i": {"queries", "mrr", "hits@1",
        "hits@3", "hits@10", "popularity_mrr"}}, "avg_p", "avg_n", "popularity_avg_p", "popularity_avg_n"}``;
        a structure that the model cannot do is None, and so is a mean that lacks a structure. The fingerprint
        is that of ``queries`` as they were given. Where they are narrowed, also
        ``"skipped": {name: {"queries", "answers"}}``: the queries that each left out, and the pairs.
    """
    popularity = Popularity(train) if train is not None else None
    able = {name: own for name, own in queries.queries.items() if scorer.model.negates or not own.word.negates}
    ranked, skipped = _narrow(dataclasses.replace(queries, queries=able), narrowing or {})
    total = sum(len(own) for own in ranked.queries.values())
    structures: dict[str, dict[str, Any] | None] = dict.fromkeys(queries.queries)
    for name, own in ranked.queries.items():
        structures[name] = _evaluate_structure(scorer, own, popularity, _teller(progress, name, total))
    return {
        "split": queries.split,
        "queries_fingerprint": queries.fingerprint,
        "drawn": queries.drawn,
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


def _evaluate_structure(
    scorer: Scorer, queries: Queries, popularity: Popularity | None, tell: Callable[[int], None]
) -> dict[str, Any]:
    if not len(queries):
        names = ["mrr", "hits@1", "hits@3", "hits@10"] + ["popularity_mrr"] * (popularity is not None)
        return {"queries": 0, **dict.fromkeys(names)}
    ranks, popular = [np.empty(0)], [np.empty(0)]
    for part in queries.parts(scorer.batch):
        excluded = part.easy.union(part.hard, part.unranked)  # all answers
        ranks.append(_ranks(scorer.scores(part.word, part.arguments), part.hard, excluded))
        if popularity:
            popular.append(_ranks(popularity.scores(part.word, part.arguments), part.hard, excluded))
        tell(len(part))
    metrics: dict[str, Any] = query_metrics(np.concatenate(ranks), queries.hard.offsets)
    if popularity:
        metrics["popularity_mrr"] = query_metrics(np.concatenate(popular), queries.hard.offsets)["mrr"]
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
