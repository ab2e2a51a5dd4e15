"""Exact search over vectors: the entries nearest to queries, scored by torch block by block.

The score of a query and a row is computed in 64 bits and rounded to 32: it depends on these two alone, never on blocks,
batches or threads. Products in 32 bits only say which rows can be among the nearest, by bounds of their rounding.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kgr.engine.device import products
from kgr.errors import ConfigError, DataError
from kgr.index.vectors import BLOCK_BYTES, METRICS, Vectors
from kgr.models.distance import l1_distances
from kgr.retrieval.retrieve import Found, Progress, joined

_BATCH = 256  # queries that meet a block at once
_PAIRS = 1 << 22  # most pairs of query and id that are wanted at once
_RESCORED = 1 << 22  # numbers that are held in 64 bits at once
_EPSILON = float(np.finfo(np.float32).eps)


def exact_search(
    vectors: Vectors,
    queries: NDArray[np.float32],
    k: int,
    *,
    metric: str = "dot",
    allowed: NDArray[np.bool_] | None = None,
    device: torch.device | None = None,
    progress: Progress | None = None,
) -> Found:
    """Find the ids whose rows are nearest to each query.

    Of an id with several rows the nearest counts (MaxP).

    Parameters
    ----------
    vectors : Vectors
        Rows in memory or in a memory map.
    queries : float32[Q, W]
        Finite.
    k : int
        Ids wanted for each query.
    metric : str
        One of :data:`kgr.index.vectors.METRICS`.
    allowed : bool[N], optional
        Ids that may be found; by default all.
    device : torch.device, optional
        Where the products are made; by default the CPU.
    progress : callable, optional
        Called with the queries done, and how many there are.

    Returns
    -------
    int64[Q + 1], int32[n], float32[n]
        Offsets, ids and scores of each query's results, fewer than ``k`` where there are fewer: the inner product, the
        cosine (0 for a row of zeros), or minus the distance. Among equal scores the lower id is first.

    Raises
    ------
    ConfigError
        An unknown metric, ``k`` below 1, or queries of another width.
    DataError
        Numbers too large for products in 32 bits.
    """
    check_search(vectors, queries, k, metric)
    k = min(k, len(vectors.ids))
    each = max(1, min(_BATCH, _PAIRS // max(1, k)))
    device, found = device or torch.device("cpu"), []
    with torch.inference_mode(), products("highest"):
        for first in range(0, len(queries), each):
            batch = queries[first : first + each]
            found.append(_search(vectors, batch, k, metric, allowed, device))
            if progress:
                progress(first + len(batch), len(queries))
    return joined(found)


def check_search(vectors: Vectors, queries: NDArray[np.float32], k: int, metric: str) -> None:
    """Refuse what cannot be searched for, with a ConfigError."""
    if metric not in METRICS:
        raise ConfigError(f"metric is {metric!r}, expected one of {', '.join(METRICS)}")
    if k < 1:
        raise ConfigError(f"k is {k}, expected at least 1")
    width = vectors.rows.shape[1]
    if queries.ndim != 2 or queries.shape[1] != width or queries.dtype != np.float32:
        found = f"{queries.dtype}{list(queries.shape)}"
        raise ConfigError(f"queries are {found}, expected float32[Q, {width}], as wide as the vectors")
    if not np.isfinite(queries).all():
        row = int(np.argmin(np.isfinite(queries).all(axis=1)))
        raise ConfigError(f"query {row} has a number that is not finite")


def rescored(
    vectors: Vectors,
    queries: NDArray[np.float32],
    query: NDArray[np.int64],
    row: NDArray[np.int64],
    k: int,
    metric: str,
) -> Found:
    """Return the best ``k`` ids of each query among candidates: ``row[i]`` of the vectors for query ``query[i]``."""
    scores = _pair_scores(vectors, queries, query, row, metric)
    return _by_query(_best((query, vectors.ids[row], scores), k), len(queries))


_Pairs = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]  # query, id, score


def _best(pairs: _Pairs, k: int) -> _Pairs:
    """Return the best ``k`` ids of each query, each once, in order."""
    query, ids, scores = pairs
    order = np.lexsort((ids, -scores, query))
    query, ids, scores = query[order], ids[order], scores[order]
    _, highest = np.unique(query << 32 | ids, return_index=True)  # of rows of one id the first is the best
    highest.sort()
    own = query[highest]
    kept = highest[np.arange(len(own)) - np.searchsorted(own, own) < k]
    return query[kept], ids[kept], scores[kept]


def _after(one: _Pairs, other: _Pairs) -> _Pairs:
    return np.concatenate([one[0], other[0]]), np.concatenate([one[1], other[1]]), np.concatenate([one[2], other[2]])


def _by_query(pairs: _Pairs, queries: int) -> Found:
    query, ids, scores = pairs
    return np.searchsorted(query, np.arange(queries + 1)).astype(np.int64), ids, scores


def _search(
    vectors: Vectors,
    queries: NDArray[np.float32],
    k: int,
    metric: str,
    allowed: NDArray[np.bool_] | None,
    device: torch.device,
) -> Found:
    wanted = torch.tensor(queries, device=device)
    floor = torch.full((len(queries), k), -torch.inf, device=device)  # lower bounds of the nearest ids' scores
    found: _Pairs = (np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))
    for places in _blocks(vectors, allowed):
        low, high = _bounds(wanted, torch.from_numpy(vectors.array[places]).to(device), metric)
        if not torch.isfinite(low).all():
            raise DataError("vectors or queries have numbers too large for products in 32 bits: scale them")
        by_id = _highest(low, vectors.ids[places])
        floor = torch.cat([floor, by_id.topk(min(k, by_id.shape[1])).values], dim=1).topk(k).values
        near = torch.nonzero(high >= floor[:, -1:]).cpu().numpy()
        query, row = near[:, 0], places[near[:, 1]]
        pairs = query, vectors.ids[row], _pair_scores(vectors, queries, query, row, metric)
        found = _best(_after(found, pairs), k)
    return _by_query(found, len(queries))


def _blocks(vectors: Vectors, allowed: NDArray[np.bool_] | None) -> Iterator[NDArray[np.int64]]:
    """Yield the places of rows block by block; all rows of an id are in one."""
    each = max(1, BLOCK_BYTES // max(1, vectors.rows.shape[1] * 4))
    first, count = 0, len(vectors.ids)
    while first < count:
        last = min(first + each, count) - 1
        end = int(np.searchsorted(vectors.ids, vectors.ids[last], "right"))
        places = np.arange(first, end)
        if allowed is not None:
            places = places[allowed[vectors.ids[first:end]]]
        if len(places):
            yield places
        first = end


def _bounds(query: Tensor, rows: Tensor, metric: str) -> tuple[Tensor, Tensor]:
    """Return ``float32[Q, r]`` twice: what orders the rows as their scores do, rounded down and up."""
    rounding = (rows.shape[1] + 16) * _EPSILON
    if metric == "l1":
        scores = -l1_distances(query, rows)
        return scores * (1 + rounding), scores * (1 - rounding)
    if metric == "cosine":
        scores = _unit(query) @ _unit(rows).T
        return scores - rounding, scores + rounding
    longest, lengths = query.norm(dim=1).max(), rows.norm(dim=1)
    if metric == "l2":  # half the squared distance, without the query's part
        scores, margin = torch.addmm(lengths.square() / -2, query, rows.T), rounding * (longest + lengths).square()
    else:
        scores, margin = query @ rows.T, rounding * longest * lengths
    return scores - margin, scores.add_(margin)


def _unit(rows: Tensor) -> Tensor:
    """Return rows at length 1, those of zeros as they are; no square of a long or short row is out of range."""
    tiny = torch.finfo(torch.float32).tiny
    scaled = rows / rows.abs().amax(dim=1, keepdim=True).clamp_min(tiny)
    unit: Tensor = scaled / scaled.norm(dim=1, keepdim=True).clamp_min(tiny)
    return unit


def _highest(scores: Tensor, ids: NDArray[np.int32]) -> Tensor:
    """Return the highest score of each id, ``float32[Q, distinct]``; ``ids`` ascend."""
    fresh = np.diff(ids) != 0
    if fresh.all():
        return scores
    group = torch.from_numpy(np.concatenate([[0], np.cumsum(fresh)])).to(scores.device)
    highest = scores.new_full((len(scores), int(group[-1]) + 1), -torch.inf)
    return highest.scatter_reduce_(1, group.expand(len(scores), -1), scores, "amax")


def _pair_scores(
    vectors: Vectors, queries: NDArray[np.float32], query: NDArray[np.int64], row: NDArray[np.int64], metric: str
) -> NDArray[np.float32]:
    """Return the score of each pair, part by part."""
    scores, each = np.empty(len(row), np.float32), max(1, _RESCORED // max(1, queries.shape[1]))
    for first in range(0, len(row), each):
        part = slice(first, first + each)
        left, right = (of.astype(np.float64) for of in (queries[query[part]], vectors.array[row[part]]))
        scores[part] = _plain_scores(left, right, metric)
    return scores


def _plain_scores(query: NDArray[np.float64], row: NDArray[np.float64], metric: str) -> NDArray[np.float64]:
    if metric in ("l1", "l2"):
        order = 1 if metric == "l1" else 2
        distances: NDArray[np.float64] = np.linalg.norm(query - row, ord=order, axis=1)
        return -distances
    scores: NDArray[np.float64] = np.einsum("ij,ij->i", query, row)
    if metric == "cosine":
        lengths = np.linalg.norm(query, axis=1) * np.linalg.norm(row, axis=1)
        np.divide(scores, lengths, out=scores, where=lengths > 0)
    return scores
