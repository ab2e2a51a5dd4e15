"""A graph as four flat arrays, and its way into and out of a store."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kgr.errors import DataError

if TYPE_CHECKING:
    from kgr.index.store import Store


class Arrays(NamedTuple):
    """The arrays of a graph as kernels take them."""

    fragments: NDArray[Any]
    relation: NDArray[Any]
    offsets: NDArray[Any]
    tail: NDArray[np.int32]


@dataclasses.dataclass(frozen=True)
class Graph:
    """Directed edges by fragments: the sorted tails of one (entity, directed relation).

    The directed relation of base relation ``r`` is ``2r`` and its inverse ``2r + 1``; every edge
    is stored both ways, so ``relation ^ 1`` turns in-neighbours into out-neighbours.

    Attributes
    ----------
    fragments : int32[G + 1] or int64
        The fragments of entity ``e`` are ``fragments[e]:fragments[e + 1]``.
    relation : uint16[F] or int32
        Directed relation of each fragment, ascending within an entity.
    offsets : int32[F + 1] or int64
        The tails of fragment ``f`` are ``tail[offsets[f]:offsets[f + 1]]``.
    tail : int32[M]
        Entity ids, ascending within a fragment.
    directed : int
        Number of directed relations, 2R.

    All arrays are read-only.
    """

    fragments: NDArray[Any]
    relation: NDArray[Any]
    offsets: NDArray[Any]
    tail: NDArray[np.int32]
    directed: int

    def __post_init__(self) -> None:
        for name, array in self.arrays._asdict().items():
            view = array.view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    @property
    def arrays(self) -> Arrays:
        """The four arrays."""
        return Arrays(self.fragments, self.relation, self.offsets, self.tail)

    @property
    def entities(self) -> int:
        """Number of entities, G."""
        return len(self.fragments) - 1

    @property
    def edges(self) -> int:
        """Number of directed edges, M: twice the triples."""
        return len(self.tail)

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Whether each entity has an edge: bool[G]."""
        return np.diff(self.fragments) > 0

    def tails(self, entity: int, relation: int) -> NDArray[np.int32]:
        """Return the sorted tails of an entity under a directed relation: int32[n], a view."""
        a, b = int(self.fragments[entity]), int(self.fragments[entity + 1])
        f = a + int(np.searchsorted(self.relation[a:b], relation))
        if f == b or self.relation[f] != relation:
            return self.tail[:0]
        return self.tail[int(self.offsets[f]) : int(self.offsets[f + 1])]

    def in_degrees(self, relation: int) -> NDArray[np.int32]:
        """Return the number of edges into each entity under a directed relation: int32[G]."""
        from kgr.graph import _kernels

        counts = np.empty(self.entities, np.int32)
        _kernels._in_degrees(self.fragments, self.relation, self.offsets, relation, counts)
        return counts


def build_graph(triples: NDArray[np.int32], entities: int, relations: int) -> Graph:
    """Index triples in both directions, by counting and sorting within heads.

    Parameters
    ----------
    triples : int32[E, 3]
        Head, base relation, tail; no duplicates.
    entities, relations : int
        G and R: ids are below them.

    Returns
    -------
    Graph
        With M = 2E directed edges; at the peak 16 bytes per directed edge are held beside it.
    """
    from kgr.graph import _kernels

    first = np.zeros(entities + 1, np.int64)
    _kernels._count_degrees(triples, first)
    np.cumsum(first, out=first)
    edges = np.empty(2 * len(triples), np.uint64)
    _kernels._scatter_edges(triples, first[:-1].copy(), edges)
    _kernels._sort_heads(edges, first)
    count = _kernels._count_fragments(edges, first)
    fragments = np.empty(entities + 1, _smallest(count))
    relation = np.empty(count, np.uint16 if 2 * relations <= 1 << 16 else np.int32)
    offsets = np.empty(count + 1, _smallest(len(edges)))
    tail = np.empty(len(edges), np.int32)
    _kernels._fill_fragments(edges, first, fragments, relation, offsets, tail)
    return Graph(fragments, relation, offsets, tail, 2 * relations)


def _smallest(largest: int) -> type[np.signedinteger[Any]]:
    return np.int32 if largest < 1 << 31 else np.int64


def graph_section(graph: Graph) -> dict[str, NDArray[Any]]:
    """Return the arrays of the store section ``graph``."""
    return dict(graph.arrays._asdict())


def load_graph(store: Store, splits: Sequence[str] = ("train",)) -> Graph:
    """Return the graph of the given splits of a store together.

    ``("train",)`` is the store's own section, memory-mapped. Cumulative graphs, such as
    ``("train", "valid")`` against which easy answers are told from hard ones, are built here.

    Raises
    ------
    DataError
        The store has no graph.
    """
    require_graph(store)
    directed = 2 * len(store.relations)
    if tuple(splits) == ("train",):
        arrays: Mapping[str, NDArray[Any]] = store.section("graph")
        return Graph(arrays["fragments"], arrays["relation"], arrays["offsets"], arrays["tail"], directed)
    return join_graph([store.triples(split) for split in splits], store.entities, len(store.relations))


def require_graph(store: Store) -> None:
    """Refuse a store of documents alone, where a graph is asked for, with a DataError."""
    if not store.has("graph"):
        raise DataError(f"{store.path}: has no graph, only {len(store.entries):,} documents; give a store with triples")


def join_graph(splits: Sequence[NDArray[np.int32]], entities: int, relations: int) -> Graph:
    """Return the graph of several sets of triples together; a triple that two of them hold counts once."""
    return build_graph(_distinct(np.concatenate(splits)), entities, relations)


def _distinct(triples: NDArray[np.int32]) -> NDArray[np.int32]:
    """Drop repeated triples: a published set may hold one triple in two splits."""
    order = np.lexsort((triples[:, 2], triples[:, 1], triples[:, 0]))
    ordered = triples[order]
    keep = np.ones(len(ordered), bool)
    keep[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return ordered[keep]
