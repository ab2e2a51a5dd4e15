"""Judgements and rankings brought together: the grade of everything that was found, in trec_eval's order."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kgr._ragged import offsets_of
from kgr.data.judgements import Judgements, kept_judgements
from kgr.data.keyed_texts import file_source
from kgr.data.known import open_store
from kgr.data.qrels import KeyedQrels, Qrels, read_keyed_qrels
from kgr.errors import ConfigError, DataError
from kgr.index.store import Store
from kgr.rank.trec import UNJUDGED, Graded
from kgr.retrieval.ranking import Ranking

AnyQrels = Judgements | Store | str | Path | Mapping[str, Mapping[str, int]]
"""Judgements, a store that keeps some (a folder or a known name too), a file, or grades by query and document."""


def as_qrels(qrels: AnyQrels, name: str | None = None) -> KeyedQrels:
    """Return judgements by key; ``name`` chooses among those of a store.

    Raises
    ------
    ConfigError
        ``name`` is given, and no store.
    DataError, UnknownKey
        See :func:`kgr.data.qrels.read_qrels` and :func:`kgr.data.collection_view.load_judgements`.
    """
    a_file = isinstance(qrels, str | Path) and Path(qrels).is_file()
    if isinstance(qrels, Store) or (isinstance(qrels, str | Path) and not a_file):
        return _of_judgements(kept_judgements(open_store(qrels), name))
    if name is not None:
        raise ConfigError(f"name is {name!r}: only a store keeps judgements by name; leave it out")
    if isinstance(qrels, Judgements):
        return _of_judgements(qrels)
    return _of_mapping(qrels) if isinstance(qrels, Mapping) else read_keyed_qrels(file_source(Path(qrels)))


def _of_judgements(judged: Judgements) -> KeyedQrels:
    queries, query = np.unique(judged.query, return_inverse=True)
    documents, document = np.unique(judged.document, return_inverse=True)
    keys = judged.queries.keys_of(queries), judged.documents.keys_of(documents)
    return KeyedQrels(*keys, Qrels(query.astype(np.int32), document.astype(np.int32), judged.grade))


def _of_mapping(grades: Mapping[str, Mapping[str, int]]) -> KeyedQrels:
    judged = {query: own for query, own in grades.items() if own}
    if not judged:
        raise DataError("found no judgements, expected at least one")
    numbers = {key: number for number, key in enumerate(dict.fromkeys(key for own in judged.values() for key in own))}
    rows = [(q, numbers[key], grade) for q, own in enumerate(judged.values()) for key, grade in own.items()]
    for q, document, grade in rows:
        if not isinstance(grade, Integral) or abs(grade) >= 10**9:
            where = f"query {list(judged)[q]!r}, document {list(numbers)[document]!r}"
            raise DataError(f"judgements: {where}: found grade {grade!r}, expected a whole number below 10^9")
    query, document, grade = np.array(rows, np.int32).T
    return KeyedQrels(list(judged), list(numbers), Qrels(query, document, grade))


def with_results(judged: KeyedQrels, ranking: Ranking) -> NDArray[np.bool_]:
    """Whether the ranking has results for each judged query: bool[Q]."""
    rows = ranking.queries.find(judged.queries)
    return np.append(np.diff(ranking.offsets) > 0, False)[rows]  # -1, not there, is the last


def graded(judged: KeyedQrels, ranking: Ranking, queries: NDArray[np.int64], level: int = 1) -> Graded:
    """Return the grades of what a ranking has for some judged queries, as trec_eval orders it.

    That is by score, the highest first, and among equal ones by key, the last first.

    Parameters
    ----------
    queries : int64[Q]
        Numbers of judged queries, ascending.
    level : int
        The lowest grade that is relevant.
    """
    query, rows = _rows_of(ranking, ranking.queries.find([judged.queries[q] for q in queries]))
    document, score = ranking.document[rows], ranking.score[rows]
    order = np.lexsort((-_key_ranks(ranking, query, document, score), -score, query))
    own = np.isin(judged.qrels.query, queries)
    judged_query = np.searchsorted(queries, judged.qrels.query[own])
    found = ranking.documents.find(judged.documents)[judged.qrels.document[own]]
    grade = _look_up(judged_query, found, judged.qrels.grade[own], query, document)[order]
    offsets, judged_offsets = (offsets_of(np.bincount(rows, minlength=len(queries))) for rows in (query, judged_query))
    return Graded(offsets, grade, judged_offsets, judged.qrels.grade[own], level)


def _rows_of(ranking: Ranking, queries: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the place in ``queries`` and the row of each result; a query of -1 has none."""
    starts = np.append(ranking.offsets[:-1], 0)[queries]
    counts = np.append(np.diff(ranking.offsets), 0)[queries]
    query = np.repeat(np.arange(len(queries)), counts)
    before = np.cumsum(counts) - counts
    return query, np.arange(len(query)) + np.repeat(starts - before, counts)


def _key_ranks(
    ranking: Ranking, query: NDArray[np.int64], document: NDArray[np.int32], score: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Return the place of each row's key among the keys of rows that tie; 0 for those that do not."""
    same = (query[1:] == query[:-1]) & (score[1:] == score[:-1])
    tied = np.zeros(len(document), np.bool_)
    tied[1:] |= same
    tied[:-1] |= same
    documents, place = np.unique(document[tied], return_inverse=True)
    keys = ranking.documents.keys_of(documents)
    ranks = np.empty(len(keys), np.int64)
    ranks[sorted(range(len(keys)), key=keys.__getitem__)] = np.arange(len(keys))
    out = np.zeros(len(document), np.int64)
    out[tied] = ranks[place]
    return out


def _look_up(
    judged_query: NDArray[np.int64],
    judged_document: NDArray[np.int32],
    grades: NDArray[np.int32],
    query: NDArray[np.int64],
    document: NDArray[np.int32],
) -> NDArray[np.int32]:
    """Return the grade of each pair of query and document, UNJUDGED where it has none."""
    known = judged_document >= 0
    pairs, grades = judged_query[known] << 32 | judged_document[known], grades[known]
    order = np.argsort(pairs)
    wanted = query << 32 | document
    places = np.searchsorted(pairs[order], wanted)
    there = np.append(pairs[order], -1)[places] == wanted
    return np.where(there, np.append(grades[order], UNJUDGED)[places], UNJUDGED).astype(np.int32)
