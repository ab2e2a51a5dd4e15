"""The queries that the triples of a split ask, each once, with its answers to rank and all that are known."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from kgr._ragged import offsets_of
from kgr.data.splits import SPLITS
from kgr.errors import ConfigError, DataError, UnknownKey
from kgr.graph.graph import Graph, load_graph
from kgr.index.store import Store
from kgr.query.sets import Ragged


@dataclasses.dataclass(frozen=True)
class SplitQueries:
    """Q distinct queries (entity, directed relation) of E triples: of each triple one for its tail, one for its head.

    Attributes
    ----------
    triples : int32[E, 3]
        Those to rank, in the order of the split.
    rows : int64[E]
        Which they are of the split.
    entities, directed : int32[Q]
        The queries, by relation, then entity.
    answers : Ragged
        What each query is to rank: 2E values in all.
    known : Ragged
        All that answer it in train, valid and test: what is filtered.
    places : int64[2, E]
        Where in ``answers.values`` each triple's tail (0) and head (1) is.
    size : int
        Number of entities, G.
    """

    triples: NDArray[np.int32]
    rows: NDArray[np.int64]
    entities: NDArray[np.int32]
    directed: NDArray[np.int32]
    answers: Ragged
    known: Ragged
    places: NDArray[np.int64]
    size: int

    def __len__(self) -> int:
        return len(self.entities)

    @property
    def query_of(self) -> NDArray[np.int64]:
        """The query of each of ``answers.values``: int64[2E]."""
        return np.repeat(np.arange(len(self)), np.diff(self.answers.offsets))

    @property
    def candidates(self) -> NDArray[np.int64]:
        """Among how many each triple's tail and head are ranked: int64[2, E]."""
        each: NDArray[np.int64] = self.size - np.diff(self.known.offsets) + 1
        return each[self.query_of][self.places]


def split_queries(store: Store, split: str, *, limit: int | None = None) -> SplitQueries:
    """Return the queries of a split's triples.

    Parameters
    ----------
    split : "valid", "test" or "train"
    limit : int, optional
        At most so many triples, drawn uniformly, always the same ones.

    Raises
    ------
    UnknownKey, DataError, ConfigError
        No such split; one without triples; a limit below 1.
    """
    if limit is not None and limit < 1:
        raise ConfigError(f"limit is {limit}, expected at least 1")
    splits = [name for name in SPLITS if name in store.splits]
    if split not in splits:
        raise UnknownKey.of("split", split, splits)
    every = store.triples(split)
    if not len(every):
        raise DataError(f"{store.path}: split {split!r} has no triples, so there is nothing to rank")
    rows = np.arange(len(every), dtype=np.int64)
    if limit is not None and limit < len(every):
        rows = np.sort(np.random.default_rng(0).choice(len(every), limit, replace=False))
    return queries_of(every[rows], rows, load_graph(store, splits))


def queries_of(triples: NDArray[np.int32], rows: NDArray[np.int64], known: Graph) -> SplitQueries:
    """Return the queries of triples, int32[E, 3], that ``known`` has, and that are these rows of a split."""
    heads, relations, tails = triples.T.astype(np.int64)
    asked = np.concatenate([2 * relations * known.entities + heads, (2 * relations + 1) * known.entities + tails])
    distinct, query_of, sizes = np.unique(asked, return_inverse=True, return_counts=True)
    order = np.argsort(query_of, kind="stable")
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    answers = Ragged(np.concatenate([tails, heads])[order].astype(np.int32), offsets_of(sizes))
    entities, directed = ((distinct % known.entities).astype(np.int32), (distinct // known.entities).astype(np.int32))
    filtered = _tails(known, entities, directed)
    return SplitQueries(triples, rows, entities, directed, answers, filtered, places.reshape(2, -1), known.entities)


def _tails(graph: Graph, entities: NDArray[np.int32], directed: NDArray[np.int32]) -> Ragged:
    """Return the tails of each query."""
    begin, end = graph.spans(entities, directed)
    offsets = offsets_of(end - begin)
    at = np.repeat(begin - offsets[:-1], end - begin) + np.arange(offsets[-1])
    return Ragged(graph.tail[at], offsets)
