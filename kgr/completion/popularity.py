"""The honest baseline: entities ranked by how often training triples of a relation have them on that side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kgr.completion.queries import SplitQueries
from kgr.graph.graph import Graph


def popularity_ranks(train: Graph, queries: SplitQueries) -> NDArray[np.float64]:
    """Rank by training counts as :func:`kgr.rank.ranks.filtered_ranks` does, but from the sorted counts alone.

    The score of an entity is the number of training triples of the query's relation that have it on the
    answer's side. No score of an entity that no triple has there is ever made.

    Returns
    -------
    float64[2, E]
        Of each triple's tail (0) and head (1).
    """
    width = int(np.diff(train.offsets).max(initial=0)) + 1  # counts are below it
    query_of = queries.query_of
    directed = queries.directed[query_of].astype(np.int64)
    level = _counts(train, queries.answers.values, directed)
    above, equal = _among_all(train, directed, level, width)
    hidden = _among_known(train, queries, query_of * width + level, width)
    ranks = 1 + (above - hidden[0]) + (equal - hidden[1]) / 2
    return ranks[queries.places]


def _counts(train: Graph, entities: NDArray[np.int32], directed: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the edges into each entity under its directed relation: the size of its fragment of the inverse."""
    begin, end = train.spans(entities, directed ^ 1)
    return end - begin


def _among_all(
    train: Graph, directed: NDArray[np.int64], level: NDArray[np.int64], width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count, of all entities, those with more edges under a relation than ``level``, and with as many."""
    wanted = np.zeros(train.directed, bool)
    wanted[directed ^ 1] = True
    into = wanted[train.relation]
    keys = (train.relation[into].astype(np.int64) ^ 1) * width + np.diff(train.offsets)[into]
    keys.sort()
    first, left = np.searchsorted(keys, directed * width), np.searchsorted(keys, directed * width + level)
    right = np.searchsorted(keys, directed * width + level, "right")
    last = np.searchsorted(keys, (directed + 1) * width)
    without = np.where(level == 0, train.entities - (last - first), 0)
    return last - right, right - left + without


def _among_known(
    train: Graph, queries: SplitQueries, levels: NDArray[np.int64], width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count the same among the known answers of each query, by ``levels``: query * width + level."""
    row_of = np.repeat(np.arange(len(queries)), np.diff(queries.known.offsets))
    keys = row_of * width + _counts(train, queries.known.values, queries.directed[row_of].astype(np.int64))
    keys.sort()
    left, right = np.searchsorted(keys, levels), np.searchsorted(keys, levels, "right")
    return queries.known.offsets[levels // width + 1] - right, right - left
