"""A graph as four flat arrays, and its way into and out of a store."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kgr.errors import DataError
from kgr.index.cache import cached
from kgr.index.kinds import DOCUMENT

if TYPE_CHECKING:
    from kgr.index.store import Store

Columns = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
"""Heads, base relations and tails: int[E] each."""

Triples = NDArray[Any] | Sequence[NDArray[Any]]
"""Head, base relation and tail: int[E, 3], or three columns; of any integer dtype, perhaps memory-mapped."""


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
        return self.fragments[1:] > self.fragments[:-1]

    def tails(self, entity: int, relation: int) -> NDArray[np.int32]:
        """Return the sorted tails of an entity under a directed relation: int32[n], a view."""
        a, b = int(self.fragments[entity]), int(self.fragments[entity + 1])
        f = a + int(np.searchsorted(self.relation[a:b], relation))
        if f == b or self.relation[f] != relation:
            return self.tail[:0]
        return self.tail[int(self.offsets[f]) : int(self.offsets[f + 1])]

    def holds(self, triples: Triples) -> NDArray[np.bool_]:
        """Return whether each triple is in the graph: bool[E]; one with an id out of range is not."""
        from kgr.graph import _kernels

        columns = columns_of(triples)
        held = np.empty(len(columns[0]), np.bool_)
        _kernels._hold(self.arrays, *columns, held)
        return held

    def firsts(self, triples: Triples) -> NDArray[np.bool_]:
        """Return whether each triple is in the graph and the first of its kind: bool[E]."""
        from kgr.graph import _kernels

        columns = columns_of(triples)
        first, seen = np.empty(len(columns[0]), np.bool_), np.zeros((self.edges >> 5) + 1, np.uint32)
        _kernels._mark_firsts(self.arrays, *columns, seen, first)
        return first

    def spans(
        self, entities: NDArray[np.integer[Any]], directed: NDArray[np.integer[Any]]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where in ``tail`` the tails of entities under directed relations begin and end: int64[n], int64[n].

        The two are equal where there are none.
        """
        from kgr.graph import _kernels

        begin, end = np.empty((2, len(entities)), np.int64)
        _kernels._find_spans(self.arrays, entities, directed, begin, end)
        return begin, end

    def in_degrees(self, relation: int) -> NDArray[np.int32]:
        """Return the number of edges into each entity under a directed relation: int32[G]."""
        from kgr.graph import _kernels

        counts = np.empty(self.entities, np.int32)
        _kernels._in_degrees(self.fragments, self.relation, self.offsets, relation, counts)
        return counts


_INT32 = 1 << 31
_PASSES = 8  # over the triples, each for an eighth of the edges: they bound memory, and it is faster than one
_LEAST = 1 << 22  # edges for which more than one pass is made
_KEPT = 4_000_000  # triples from which a cumulative graph is kept: to verify it then takes a third of building it


def build_graph(triples: Triples, entities: int, relations: int) -> Graph:
    """Index triples in both directions, by counting and sorting within heads; repeated ones count once.

    The triples are read where they are, two to some ten times. Beside them the peak is the graph itself and 8 bytes
    per entity and 1 per directed edge: at most 11 bytes per directed edge, 13 with more than 32,768 relations, and
    12 per entity. An entity that has more than an eighth of all edges makes it 8 per edge of its own instead of that 1.

    Parameters
    ----------
    triples : int[E, 3], or three int[E]
        Head, base relation, tail: see :data:`Triples`.
    entities, relations : int
        G and R: ids are below them.

    Returns
    -------
    Graph
        With M = 2E directed edges, twice the distinct triples.

    Raises
    ------
    DataError
        Arrays of another kind, or an id that is not in range.
    """
    return join_graph([triples], entities, relations)


def join_graph(splits: Sequence[Triples], entities: int, relations: int) -> Graph:
    """Return the graph of several sets of triples together, as :func:`build_graph` makes it of one."""
    parts = [columns_of(triples) for triples in splits]
    first = _first_edges(parts, entities, relations)
    most = int(first[-1])
    fragments = np.empty(entities + 1, _smallest(most))
    # of the largest size that there may be: what is cut off in the end was never backed by memory
    relation = np.empty(most, np.uint16 if 2 * relations <= 1 << 16 else np.int32)
    offsets, tail = np.empty(most + 1, _smallest(most)), np.empty(most, np.int32)
    done = np.zeros(2, np.int64)
    _fill(parts, first, Arrays(fragments, relation, offsets, tail), done)
    count, edges = map(int, done)
    fragments[entities], offsets[count] = count, edges
    for array, size in ((relation, count), (offsets, count + 1), (tail, edges)):
        array.resize(size, refcheck=False)
    fragments = fragments.astype(_smallest(count), copy=False)
    return Graph(fragments, relation, offsets.astype(_smallest(edges), copy=False), tail, 2 * relations)


def columns_of(triples: Triples) -> Columns:
    """Return heads, relations and tails: views.

    Raises
    ------
    DataError
        Neither int[E, 3] nor three int[E].
    """
    if isinstance(triples, np.ndarray) and not (triples.ndim == 2 and triples.shape[1] == 3):
        raise DataError(f"triples are of shape {triples.shape}, expected [E, 3] or three columns")
    columns = triples.T if isinstance(triples, np.ndarray) else triples
    if not all(isinstance(column, np.ndarray) for column in columns):
        raise DataError(f"triples are a {type(triples).__name__}, expected an array [E, 3] or three arrays")
    shapes = [column.shape for column in columns]
    if len(columns) != 3 or len(shapes[0]) != 1 or len(set(shapes)) != 1:
        raise DataError(
            f"columns of triples are of shapes {shapes}, expected three of one length: head, relation, tail"
        )
    if any(column.dtype.kind not in "iu" or not column.dtype.isnative for column in columns):
        found = ", ".join(str(column.dtype) for column in columns)
        raise DataError(f"columns of triples are of {found}, expected integers in the machine's byte order")
    head, relation, tail = map(np.asarray, columns)  # also memory maps are plain arrays then
    return head, relation, tail


def _first_edges(parts: Sequence[Columns], entities: int, relations: int) -> NDArray[np.int64]:
    """Return where the edges of each head begin, int64[G + 2]: those of ``e`` at ``first[e + 1]``.

    That is one place later than usual. Whoever puts the edges in place moves it on with each, and when all are
    there, those of ``e`` are ``first[e]:first[e + 1]``, as usual.
    """
    from kgr.graph import _kernels

    first = np.zeros(entities + 2, np.int64)
    for part, columns in enumerate(parts):
        wrong = _kernels._count_edges(*columns, entities, relations, first)
        if wrong >= 0:
            found = tuple(int(column[wrong]) for column in columns)
            where = f"triple {wrong}" + (f" of part {part}" if len(parts) > 1 else "")
            raise DataError(
                f"{where} is {found}, expected ids of {entities} entities and {relations} relations, from 0"
            )
    return np.cumsum(first, out=first)


def _fill(parts: Sequence[Columns], first: NDArray[np.int64], graph: Arrays, done: NDArray[np.int64]) -> None:
    """Sort and append the edges of a few heads at a time; ``done`` counts fragments and edges."""
    from kgr.graph import _kernels

    place = first[1:]
    runs = list(_runs(place, max(_LEAST, int(place[-1]) // _PASSES)))
    edges = np.empty(max((int(place[end] - place[begin]) for begin, end in runs), default=0), np.uint64)
    for begin, end in runs:
        base = int(place[begin])
        for columns in parts:
            _kernels._scatter_edges(*columns, begin, end, base, place, edges)
        head = begin
        while (head := _kernels._sort_heads(first, head, end, base, edges)) < end:
            edges[first[head] - base : first[head + 1] - base].sort()
            head += 1
        _kernels._append_heads(first, begin, end, base, edges, *graph, done)


def _runs(place: NDArray[np.int64], most: int) -> Iterator[tuple[int, int]]:
    """Cut the heads into runs of at most ``most`` edges, or of one head."""
    begin = 0
    while begin < len(place) - 1:
        end = max(begin + 1, int(np.searchsorted(place, place[begin] + most, "right")) - 1)
        yield begin, end
        begin = end


def _smallest(largest: int) -> type[np.signedinteger[Any]]:
    return np.int32 if largest < _INT32 else np.int64


def graph_section(graph: Graph) -> dict[str, NDArray[Any]]:
    """Return the arrays of the store section ``graph``."""
    return dict(graph.arrays._asdict())


def load_graph(store: Store, splits: Sequence[str] = ("train",)) -> Graph:
    """Return the graph of the given splits of a store together.

    ``("train",)`` is the store's own section, memory-mapped. Cumulative graphs, such as
    ``("train", "valid")`` against which easy answers are told from hard ones, are built here; those of four million
    triples or more once, and then memory-mapped from the store's cache.

    Raises
    ------
    DataError
        The store has no graph.
    """
    require_graph(store)
    relations = len(store.relations)
    if tuple(splits) == ("train",):
        return _graph_of(store.section("graph"), relations)
    triples = [store.triples(split) for split in splits]
    if sum(map(len, triples)) < _KEPT:
        return join_graph(triples, store.entities, relations)
    sections = [*(f"triples/{split}" for split in splits), "entities", "relations"]
    arrays = cached(store, "graph", sections, lambda: graph_section(join_graph(triples, store.entities, relations)))
    return _graph_of(arrays, relations)


def require_graph(store: Store) -> None:
    """Refuse a store of documents alone, where a graph is asked for, with a DataError."""
    if not store.has("graph"):
        what = "documents" if (np.asarray(store.kinds) & DOCUMENT).all() else "entries in no triple"
        raise DataError(f"{store.path}: has no graph, only {len(store.entries):,} {what}; give a store with triples")


def _graph_of(arrays: Mapping[str, NDArray[Any]], relations: int) -> Graph:
    return Graph(arrays["fragments"], arrays["relation"], arrays["offsets"], arrays["tail"], 2 * relations)
