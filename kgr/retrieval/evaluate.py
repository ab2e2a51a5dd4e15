"""Rankings compared with judgements, and with each other, as trec_eval does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr.data.known import open_store
from kgr.data.qrels import KeyedQrels
from kgr.errors import ConfigError, DataError
from kgr.index.store import Store
from kgr.rank.significance import paired_t_test, randomisation_test
from kgr.rank.trec import DEFAULT, Values, check_measures, measure
from kgr.retrieval.judged import AnyQrels, as_qrels, graded, with_results
from kgr.retrieval.ranking import AnyRanking, Ranking, as_ranking

SAME = 1e-12
"""Values of a measure that differ by no more are a tie."""


def evaluate_ranking(
    qrels: AnyQrels,
    ranking: AnyRanking,
    *,
    against: AnyRanking | None = None,
    measures: Sequence[str] | None = None,
    name: str | None = None,
    store: Store | str | Path | None = None,
    only_retrieved: bool = False,
    relevance_level: int = 1,
    per_query: bool = False,
    seed: int = 0,
    message: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Measure how well a ranking finds what is judged relevant, as trec_eval does.

    Documents are ordered by score, in float32, and those of one score by key, the last first; ranks in a file mean
    nothing. A query that is not judged is left out, and one that is judged and has no results counts 0.

    Parameters
    ----------
    qrels
        A file of TREC's or BEIR's, judgements, a store (a folder or a known name too) that keeps some, or grades by
        query and document.
    ranking
        One, a run file, or scores by query and document.
    against : optional
        Another ranking, with which this one is compared query by query.
    measures : sequence of str, optional
        Of ``map``, ``map@k``, ``ndcg``, ``ndcg@k``, ``p@k``, ``recall@k``, ``mrr``, ``mrr@k``, ``rprec``, ``bpref``,
        ``judged@k`` with any k; by default :data:`kgr.rank.trec.DEFAULT`.
    name : str, optional
        Which judgements of a store; by default its first.
    store : optional
        Judged documents that are none of its entries are counted; by default the ranking's.
    only_retrieved : bool
        Leave out queries without results; with ``against`` those that either ranking has none for.
    relevance_level : int
        The lowest grade that is relevant; nDCG takes every positive grade as a gain.
    per_query : bool
        Give the values of each query too.
    seed : int
        Of the randomisation test.
    message : callable, optional
        Called with a line for everything unusual; the counts are in the result too.

    Returns
    -------
    dict
        ``queries``, over which each measure is averaged; the measures by name; ``queries_without_results``,
        ``queries_without_judgements``, ``negative_grades``, ``repeated_judgements``, and ``unknown_documents``, None
        where no store is known. With ``per_query`` that: the measures by query. With ``against`` that: for each
        measure ``other``, the mean of the other ranking, ``difference``, ``t_test`` and ``randomisation``, p-values
        of two-sided paired tests (None of fewer than two queries), and ``wins``, ``ties`` and ``losses`` in queries.

    Raises
    ------
    DataError
        A file is malformed, its line is named; or no judged query has results.
    ConfigError
        A measure that there is not, or a setting that is not allowed.
    """
    names = check_measures(DEFAULT if measures is None else measures)
    if relevance_level < 1:
        raise ConfigError(f"relevance_level is {relevance_level}, expected at least 1")
    judged, own = as_qrels(qrels, name), as_ranking(ranking)
    rankings = [own] if against is None else [own, as_ranking(against)]
    queries = _shared(judged, rankings, only_retrieved)
    values = [_values(judged, one, queries, names, relevance_level) for one in rankings]
    counts = _counts(judged, own, store)
    if message is not None:
        for line in _remarks(counts, only_retrieved):
            message(line)
    result: dict[str, Any] = {"queries": len(queries), **{one: float(values[0][one].mean()) for one in names}, **counts}
    if per_query:
        keys = [judged.queries[query] for query in queries]
        result["per_query"] = {key: {one: float(values[0][one][row]) for one in names} for row, key in enumerate(keys)}
    if against is not None:
        result["against"] = {one: _compare(values[0][one], values[1][one], seed) for one in names}
    return result


def _shared(judged: KeyedQrels, rankings: Sequence[Ranking], only_retrieved: bool) -> NDArray[np.int64]:
    """Return the numbers of the judged queries to evaluate, ascending."""
    found = np.stack([with_results(judged, one) for one in rankings])
    for one, has in zip(rankings, found, strict=True):
        if len(one.document) and not has.any():
            some = f"the ranking has {next(iter(one))!r}, the judgements have {judged.queries[0]!r}"
            raise DataError(f"no query of the ranking is judged: {some}; expected the same keys in both")
    queries = np.flatnonzero(found.all(0)) if only_retrieved else np.arange(found.shape[1])
    if not len(queries):
        raise DataError("no judged query has results, expected at least one where only such are evaluated")
    return queries


def _values(
    judged: KeyedQrels, ranking: Ranking, queries: NDArray[np.int64], names: Sequence[str], level: int
) -> dict[str, Values]:
    grades = graded(judged, ranking, queries, level)
    return {name: measure(name, grades) for name in names}


def _counts(judged: KeyedQrels, ranking: Ranking, store: Store | str | Path | None) -> dict[str, int | None]:
    opened = ranking.store if store is None else open_store(store)
    return {
        "queries_without_results": int((~with_results(judged, ranking)).sum()),
        "queries_without_judgements": len(set(ranking) - set(judged.queries)),
        "negative_grades": int((judged.qrels.grade < 0).sum()),
        "repeated_judgements": judged.qrels.repeated,
        "unknown_documents": None if opened is None else int((opened.entries.find(judged.documents) < 0).sum()),
    }


def _remarks(counts: Mapping[str, int | None], only_retrieved: bool) -> list[str]:
    fate = "left out" if only_retrieved else "they count 0"
    words = {
        "queries_without_results": f"judged queries without results: {{}}, {fate}",
        "queries_without_judgements": "queries of the ranking without judgements: {}, left out",
        "negative_grades": "judgements with a negative grade: {}, not relevant, as in trec_eval: raw codes are none",
        "repeated_judgements": "lines of the judgements that repeat an earlier one: {}, left out",
        "unknown_documents": "judged documents that are no entries of the store: {}, they count as not found",
    }
    return [line.format(f"{counts[name]:,}") for name, line in words.items() if counts[name]]


def _compare(own: Values, other: Values, seed: int) -> dict[str, Any]:
    differences = np.where(np.abs(own - other) > SAME, own - other, 0.0)
    return {
        "other": float(other.mean()),
        "difference": float(differences.mean()),
        "t_test": paired_t_test(differences),
        "randomisation": randomisation_test(differences, seed=seed) if len(differences) > 1 else None,
        "wins": int((differences > 0).sum()),
        "ties": int((differences == 0).sum()),
        "losses": int((differences < 0).sum()),
    }
