"""Fusion: one ranking made of several, by ranks or by scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from kgr._ragged import offsets_of
from kgr.data.lines import Numbering
from kgr.data.topics import Topics
from kgr.errors import ConfigError
from kgr.index.keys import Keys
from kgr.retrieval.ranking import AnyRanking, Ranking, as_ranking, sorted_rows

K = 60.0
"""The constant of reciprocal rank fusion by default: that of its authors."""

Weighing = Callable[[Ranking, float], NDArray[np.float64]]
"""Gives what each row of a ranking adds to its document's score."""


def fuse(
    rankings: Sequence[AnyRanking],
    *,
    method: str = "rrf",
    k: float | None = None,
    weights: Sequence[float] | None = None,
    depth: int = 1000,
    tag: str | None = None,
) -> Ranking:
    """Make one ranking of several.

    The score of a document is the weighted sum of what the rankings give it; one that does not have it gives 0. Equal
    scores are ordered by the documents' numbers.

    Parameters
    ----------
    rankings
        At least two: rankings, run files, or scores by query and document.
    method : str
        ``rrf``, reciprocal rank fusion (Cormack, Clarke and Büttcher 2009): 1 / (k + rank), the rank from 1 in the
        ranking's own order; or ``minmax``: (score - min) / (max - min) of the query in that ranking, 1 where all scores
        are the same.
    k : float, optional
        Of reciprocal ranks, at least 0, by default 60; ``minmax`` has none.
    weights : sequence of float, optional
        One for each ranking, above 0; by default all 1.
    depth : int
        At most so many documents for each query.
    tag : str, optional
        By default the method.

    Returns
    -------
    Ranking
        Of all queries of the rankings, by first appearance. Its documents are the entries of a store where all
        rankings are over that version of it; topics and store are kept where all share them.

    Raises
    ------
    ConfigError
        Fewer than two rankings, an unknown method, or a setting that is out of range or that the method has not.
    DataError
        A file is malformed.
    """
    if method not in METHODS:
        raise ConfigError(f"method is {method!r}, expected one of {', '.join(METHODS)}")
    if len(rankings) < 2:
        raise ConfigError(f"found {len(rankings)} ranking, expected at least two to fuse")
    if k is not None and (method != "rrf" or not 0 <= k < np.inf):
        raise ConfigError(f"k is {k:g} for method {method}, expected at least 0 for rrf and none for another")
    if depth < 1:
        raise ConfigError(f"depth is {depth}, expected at least 1")
    shares = [1.0] * len(rankings) if weights is None else list(weights)
    if len(shares) != len(rankings) or not all(0 < share < np.inf for share in shares):
        raise ConfigError(f"weights are {shares}, expected one above 0 for each of the {len(rankings)} rankings")
    made = [as_ranking(one) for one in rankings]
    added = [share * METHODS[method](one, K if k is None else k) for share, one in zip(shares, made, strict=True)]
    return _fused(made, np.concatenate(added), depth, tag or method)


def _fused(rankings: Sequence[Ranking], added: NDArray[np.float64], depth: int, tag: str) -> Ranking:
    numbering = Numbering()
    query = np.concatenate([numbering.number(list(one))[_query_of(one)] for one in rankings])
    documents, document = _documents(rankings)
    pairs, place = np.unique(query.astype(np.int64) << 32 | document, return_inverse=True)
    score = np.bincount(place, weights=added, minlength=len(pairs)).astype(np.float32)
    query, document = (pairs >> 32).astype(np.int32), (pairs & 0xFFFFFFFF).astype(np.int32)
    offsets, document, score = sorted_rows(query, document, score, len(numbering))
    kept = np.arange(len(score)) - np.repeat(offsets[:-1], np.diff(offsets)) < depth
    offsets = offsets_of(np.minimum(np.diff(offsets), depth))
    first = rankings[0]
    topics = first.topics if all(_same_topics(first.topics, one.topics) for one in rankings) else None
    store = first.store if documents is first.documents else None
    queries = Keys.build(numbering.keys, what="query")
    return Ranking(queries, documents, offsets, document[kept], score[kept], tag, topics, store)


def _documents(rankings: Sequence[Ranking]) -> tuple[Keys, NDArray[np.int32]]:
    """Return the documents of all rankings, and the number of each row's."""
    first = rankings[0]
    if first.store is not None and all(_of_one_store(first, one) for one in rankings):
        return first.documents, np.concatenate([one.document for one in rankings])
    numbering, parts = Numbering(), []
    for one in rankings:
        documents, place = np.unique(one.document, return_inverse=True)
        parts.append(numbering.number(one.documents.keys_of(documents))[place])
    return Keys.build(numbering.keys, what="document"), np.concatenate(parts)


def _of_one_store(first: Ranking, other: Ranking) -> bool:
    if first.store is None or other.store is None:
        return False
    return (first.store.path, first.store.version) == (other.store.path, other.store.version)


def _same_topics(first: Topics | None, other: Topics | None) -> bool:
    if first is None or other is None:
        return False
    same = np.array_equal(first.keys.bytes, other.keys.bytes) and np.array_equal(first.keys.offsets, other.keys.offsets)
    return same and list(first.texts) == list(other.texts)


def _reciprocal_ranks(ranking: Ranking, k: float) -> NDArray[np.float64]:
    ranks = np.arange(1, len(ranking.document) + 1) - ranking.offsets[_query_of(ranking)]
    return 1 / (k + ranks)


def _minmax(ranking: Ranking, _: float) -> NDArray[np.float64]:
    query, score = _query_of(ranking), ranking.score.astype(np.float64)
    low, high = score[ranking.offsets[1:][query] - 1], score[ranking.offsets[query]]
    spread = high - low
    return np.divide(score - low, spread, out=np.ones(len(score)), where=spread > 0)


def _query_of(ranking: Ranking) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(ranking)), np.diff(ranking.offsets))


METHODS: dict[str, Weighing] = {"rrf": _reciprocal_ranks, "minmax": _minmax}
