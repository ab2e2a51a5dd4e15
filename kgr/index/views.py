"""A store as a graph of networkx or rdflib, for what those do; small ones, unless more is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kgr.errors import ConfigError
from kgr.index.iris import FIELDS, PREFIXES, TEXT
from kgr.index.statements import OF, fields, instances, links, literals
from kgr.index.store import LARGE, Of, Store

if TYPE_CHECKING:
    from networkx import MultiDiGraph
    from rdflib import Graph as RdfGraph


def to_networkx(
    store: Store,
    splits: Sequence[str] | None = None,
    *,
    language: str = "en",
    entities: Sequence[str] | None = None,
    most: int = LARGE,
) -> MultiDiGraph:
    """Return the graph for networkx, entities by key.

    Parameters
    ----------
    splits : sequence of str
        By default train, valid and test. A triple that is in several is an edge of the first.
    language : str
        Of the labels, else English, else any, else the key.
    entities : sequence of str
        Keys: only these, and the edges among them.
    most : int
        Triples and entities that the graph may have.

    Returns
    -------
    MultiDiGraph
        A node is a key, with ``label``; an edge has the relation's key as its own, with ``relation`` (the key),
        ``label`` and ``split``.

    Raises
    ------
    UnknownKey
        No such split or entity.
    ConfigError
        The graph is larger than ``most``.
    """
    import networkx

    chosen = _chosen(store, entities)
    triples = {split: store.triples(split) for split in store.facts(splits)}
    if entities is not None:
        triples = {split: own[np.isin(own[:, ::2], chosen).all(axis=1)] for split, own in triples.items()}
    edges, nodes = sum(map(len, triples.values())), len(chosen)
    found = f"{edges:,} triples and {nodes:,} entities"
    _check_size(store, found, max(edges, nodes), most, "networkx", "choose splits, or entities, ")
    graph = networkx.MultiDiGraph(name=store.name)
    if entities is None:
        labels = store.labels("entries", 0, store.entities, language)
    else:
        labels = [store.label("entries", id, language) for id in chosen.tolist()]
    keys = store.entries.keys_of(chosen)
    for key, label in zip(keys, labels, strict=True):
        graph.add_node(key, label=label)
    relations = store.relations.keys_of(range(len(store.relations)))
    names = store.labels("relations", 0, len(relations), language)
    for split, own in triples.items():
        places = np.searchsorted(chosen, own[:, ::2])
        for (head, tail), relation in zip(places.tolist(), own[:, 1].tolist(), strict=True):
            ends, key = (keys[head], keys[tail]), relations[relation]
            if not graph.has_edge(*ends, key):
                graph.add_edge(*ends, key, relation=key, label=names[relation], split=split)
    return graph


def _chosen(store: Store, entities: Sequence[str] | None) -> NDArray[np.int32]:
    """Return the ids of entities, ascending."""
    if entities is None:
        return np.arange(store.entities, dtype=np.int32)
    return np.unique(store.entries.ids(list(entities))).astype(np.int32)


def to_rdflib(store: Store, splits: Sequence[str] | None = None, *, texts: bool = True, most: int = LARGE) -> RdfGraph:
    """Return triples, types and texts as a graph of rdflib, which answers SPARQL.

    Keys and fields of texts stand as :mod:`kgr.index.iris` has them; prefixes ``entity``, ``relation``, ``type`` and
    ``text`` are bound for keys that are no IRIs.

    Parameters
    ----------
    splits : sequence of str
        By default train, valid and test.
    texts : bool
        With labels, aliases, descriptions and what other texts there are.
    most : int
        Statements, which are triples of the splits, types and texts, that the graph may have.

    Raises
    ------
    UnknownKey
        No such split.
    ConfigError
        There are more statements than ``most``.
    """
    import rdflib

    chosen = store.facts(splits)
    sizes = [len(store.triples(split)) for split in chosen]
    sizes += [] if store.types is None else [int(store.types.offsets[-1])]
    sizes += [_texts(store, of) for of in OF] if texts else []
    leave = "choose splits, leave texts out by texts=False, " if texts else "choose splits, "
    _check_size(store, f"{sum(sizes):,} statements", sum(sizes), most, "rdflib", leave)
    graph = rdflib.Graph()
    for prefix, iri in (*zip(("entity", "relation", "type"), PREFIXES.values(), strict=True), ("text", TEXT)):
        graph.bind(prefix, iri)
    graph.bind("schema", FIELDS["description"].removesuffix("description"), replace=True)
    for source in (links(store, chosen), instances(store)):
        for subject, predicate, other in source:
            graph.add((rdflib.URIRef(subject), rdflib.URIRef(predicate), rdflib.URIRef(other)))
    for of in OF if texts else ():
        for subject, predicate, text, language in literals(store, of):
            literal = rdflib.Literal(text, lang=language)
            graph.add((rdflib.URIRef(subject), rdflib.URIRef(predicate), literal))
    return graph


def _texts(store: Store, of: Of) -> int:
    found = (store.texts(of, field, language) for field, language in fields(store, of))
    return sum(len(texts.rows) for texts in found if texts is not None)


def _check_size(store: Store, found: str, size: int, most: int, library: str, choices: str) -> None:
    if size > most:
        raise ConfigError(
            f"{store.path}: {found}, but {library} holds every one as objects, so no more than {most:,} go there "
            f"unasked: {choices}take kgr.neighbourhood or kgr.export, or ask for it by most={size}"
        )
