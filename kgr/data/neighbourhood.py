"""What lies round an entity: a part of the graph small enough to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kgr.data.known import open_store
from kgr.errors import ConfigError
from kgr.graph.graph import Graph, load_graph
from kgr.index.store import Store
from kgr.query.keyed import entity_id

if TYPE_CHECKING:
    from networkx import MultiDiGraph


@dataclass(frozen=True)
class Reached:
    """An entity of a neighbourhood.

    Attributes
    ----------
    key, label : str
    hops : int
        Edges from the entity in the middle, in either direction.
    left_out : int
        Edges that it has in the graph beyond those of the neighbourhood; those ``hops`` away from the middle, whose
        other edges lead farther, are not asked for more and have 0.
    """

    key: str
    label: str
    hops: int
    left_out: int


@dataclass(frozen=True)
class Link:
    """An edge, its ends by key; ``held_out`` says that train does not have it."""

    head: str
    relation: str
    tail: str
    label: str
    held_out: bool


@dataclass(frozen=True)
class Neighbourhood:
    """The entities round one, the nearest first, and all edges among them.

    Attributes
    ----------
    key : str
        Of the entity in the middle.
    entities : tuple of Reached
        It comes first.
    links : tuple of Link
    """

    key: str
    entities: tuple[Reached, ...]
    links: tuple[Link, ...]

    @property
    def left_out(self) -> int:
        """The edges that the cap on size left out; 0 where everything within the hops is there."""
        return sum(entity.left_out for entity in self.entities)

    def to_networkx(self) -> MultiDiGraph:
        """Return it as :meth:`kgr.Store.to_networkx` returns a graph, nodes with ``hops`` and ``left_out`` too."""
        import networkx

        graph = networkx.MultiDiGraph(name=self.key)
        for entity in self.entities:
            graph.add_node(entity.key, label=entity.label, hops=entity.hops, left_out=entity.left_out)
        for link in self.links:
            more = {"relation": link.relation, "label": link.label, "held_out": link.held_out}
            graph.add_edge(link.head, link.tail, link.relation, **more)
        return graph


def neighbourhood(
    store: Store | str | Path,
    key: str,
    hops: int = 2,
    *,
    size: int = 100,
    splits: Sequence[str] | None = None,
    language: str = "en",
) -> Neighbourhood:
    """Return what lies at most ``hops`` edges from an entity, whichever way these lead.

    Where there is more than ``size`` allows, the hops share it: each has as many as those after it, and what those
    before it did not need. Of a hub's neighbours every relation gives one in turn, the better linked first. What is
    left out is counted.

    Parameters
    ----------
    size : int
        Entities, at most.
    splits : sequence of str
        By default train, valid and test.

    Raises
    ------
    UnknownKey
        No entity has the key, or there is no such split; the nearest are named.
    QueryError
        The key is a document's.
    ConfigError
        ``hops`` or ``size`` is below 1.
    DataError
        The store has no graph.
    """
    for name, value in (("hops", hops), ("size", size)):
        if value < 1:
            raise ConfigError(f"{name} is {value}, expected at least 1")
    store = open_store(store)
    graph = load_graph(store, store.facts(splits))
    entities, distances = _reach(graph, entity_id(store, key), hops, size)
    triples = np.array(list(_induced(graph, entities)), np.int32).reshape(-1, 3)
    held_out = ~load_graph(store).holds(triples)
    shown = {int(entity): 0 for entity in entities}
    for end in triples[:, ::2].reshape(-1).tolist():
        shown[end] += 1
    reached = (
        Reached(
            store.entries.key(entity),
            store.label("entries", entity, language),
            distance,
            int(_degrees(graph, np.array([entity]))[0]) - shown[entity] if distance < hops else 0,
        )
        for entity, distance in zip(entities.tolist(), distances.tolist(), strict=True)
    )
    return Neighbourhood(key, tuple(reached), tuple(named_links(store, triples, held_out, language)))


def named_links(store: Store, triples: NDArray[np.int32], held_out: NDArray[np.bool_], language: str) -> Iterator[Link]:
    """Yield triples by key, with labels."""
    for (head, relation, tail), new in zip(triples.tolist(), held_out.tolist(), strict=True):
        ends = store.entries.key(head), store.relations.key(relation), store.entries.key(tail)
        yield Link(*ends, store.label("relations", relation, language), new)


def _reach(graph: Graph, middle: int, hops: int, size: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return entities and their distances: int32[n], int32[n]."""
    found, distances = np.array([middle], np.int32), np.zeros(1, np.int32)
    frontier = found
    for hop in range(1, hops + 1):
        room = -(-(size - len(found)) // (hops - hop + 1))
        frontier = _next(graph, frontier, found, room)
        if not len(frontier):
            break
        found = np.concatenate([found, frontier])
        distances = np.concatenate([distances, np.full(len(frontier), hop, np.int32)])
    return found, distances


def _next(graph: Graph, frontier: NDArray[np.int32], found: NDArray[np.int32], room: int) -> NDArray[np.int32]:
    """Return at most ``room`` new neighbours of a few entities: of each fragment the best linked first, in turn."""
    parts: list[NDArray[np.int32]] = [np.empty(0, np.int32)]
    turns: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    for entity in frontier.tolist():
        for fragment in range(graph.fragments[entity], graph.fragments[entity + 1]):
            tails = graph.tail[graph.offsets[fragment] : graph.offsets[fragment + 1]]
            tails = tails[~np.isin(tails, found)]
            best = tails[np.argsort(-_degrees(graph, tails), kind="stable")[:room]]
            parts.append(best)
            turns.append(np.arange(len(best)))
    ordered = np.concatenate(parts)[np.argsort(np.concatenate(turns), kind="stable")]
    firsts = np.unique(ordered, return_index=True)[1]
    return ordered[np.sort(firsts)[:room]]


def _degrees(graph: Graph, entities: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the number of edges of entities, in both directions: int64[n]."""
    first, last = (graph.offsets[graph.fragments[entities + shift]] for shift in (0, 1))
    degrees: NDArray[np.int64] = np.subtract(last, first, dtype=np.int64)
    return degrees


def _induced(graph: Graph, entities: NDArray[np.int32]) -> Iterator[tuple[int, int, int]]:
    """Yield the triples whose two ends are among a few entities."""
    wanted = np.sort(entities)
    for head in entities.tolist():
        for fragment in range(graph.fragments[head], graph.fragments[head + 1]):
            relation, inverse = divmod(int(graph.relation[fragment]), 2)
            if not inverse:
                tails = graph.tail[graph.offsets[fragment] : graph.offsets[fragment + 1]]
                places = np.minimum(np.searchsorted(tails, wanted), len(tails) - 1)
                yield from ((head, relation, tail) for tail in wanted[tails[places] == wanted].tolist())
