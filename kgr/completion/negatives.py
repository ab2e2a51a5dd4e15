"""Triples that are no facts as far as is known: those that a store keeps, or drawn ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kgr._rng import key
from kgr.data.splits import SPLITS
from kgr.errors import DataError
from kgr.graph.graph import Graph, load_graph
from kgr.index.store import Store
from kgr.query.sets import Ragged

NEGATIVES = ("stored", "uniform", "relation")

_TRIES = 64


def stored_negatives(store: Store, split: str) -> NDArray[np.int32]:
    """Return the negatives of a split that a store keeps: int32[n, 3].

    Raises
    ------
    DataError
        It keeps none; the message says how to make them.
    """
    name = f"{split}_negatives"
    if name not in store.splits or not len(store.triples(name)):
        raise DataError(
            f"{store.path}: has no {name}, from which facts are to be told; build the store with "
            f"--{split}-negatives FILE (lines of head, relation, tail that are no facts), or have them drawn: "
            "--negatives relation, or --negatives uniform for easier ones"
        )
    return store.triples(name)


def draw_negatives(store: Store, split: str, kind: str = "uniform", *, seed: int = 0) -> NDArray[np.int32]:
    """Draw one negative for each triple of a split: its head and relation with another tail.

    No negative is a triple of train, valid or test. A head that has every entity as a tail is refused.

    Parameters
    ----------
    kind : "uniform" or "relation"
        Tails are uniform among all entities, or among those that train has as tails of the relation, as Socher et
        al. (NIPS 2013) drew them. Where every such tail gives a fact, they are uniform among all entities.
    seed : int

    Returns
    -------
    int32[n, 3]

    Raises
    ------
    DataError
        No tail was found that gives no fact.
    """
    whole = load_graph(store, [name for name in SPLITS if name in store.splits])
    negatives = store.triples(split).copy()
    draw = np.random.default_rng(key(seed, SPLITS.index(split)))
    left = np.arange(len(negatives))
    if kind == "relation":
        pool = _seen_tails(load_graph(store))
        sizes = np.diff(pool.offsets)[negatives[:, 1]]
        left = np.concatenate(
            [_redraw(whole, negatives, np.flatnonzero(sizes > 0), pool, draw), np.flatnonzero(sizes == 0)]
        )
    left = _redraw(whole, negatives, left, None, draw)
    if len(left):
        head, relation, _ = negatives[left[0]].tolist()
        raise DataError(
            f"{store.path}: no negative found for {store.entries.key(head)!r} under {store.relations.key(relation)!r}: "
            "nearly every entity is its tail"
        )
    return negatives


def _seen_tails(graph: Graph) -> Ragged:
    """Return the tails that a graph has of each base relation."""
    seen = (np.flatnonzero(graph.in_degrees(relation)) for relation in range(0, graph.directed, 2))
    return Ragged.of([tails.astype(np.int32) for tails in seen])


def _redraw(
    whole: Graph, triples: NDArray[np.int32], rows: NDArray[np.int64], pool: Ragged | None, draw: np.random.Generator
) -> NDArray[np.int64]:
    """Draw the tails of some rows in place until none gives a fact; return the rows where that failed."""
    for _ in range(_TRIES):
        if not len(rows):
            break
        if pool is None:
            triples[rows, 2] = draw.integers(whole.entities, size=len(rows))
        else:
            begin, end = (pool.offsets[triples[rows, 1] + side] for side in (0, 1))
            triples[rows, 2] = pool.values[draw.integers(begin, end)]
        rows = rows[whole.holds(triples[rows])]
    return rows
