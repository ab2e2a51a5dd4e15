"""Query sets of others, kept in a store: their stored answers compared with the executed ones."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr.errors import UnknownKey
from kgr.graph.graph import Graph
from kgr.index.store import Section, Store
from kgr.query.keyed import read_queries
from kgr.query.sets import Queries, QuerySet, Ragged, execute, from_arrays, to_arrays

NOT_STORED = -1


@dataclasses.dataclass(frozen=True)
class StoredSet:
    """A query set as its files have it.

    Attributes
    ----------
    split : str
    queries : by structure
    easy_counts : by structure, int64[n], or None
        Where the files do not name the easy answers: how many they say there are, -1 where not even
        that. ``queries`` then have none. None: they are named.
    """

    split: str
    queries: Mapping[str, Queries]
    easy_counts: Mapping[str, NDArray[np.int64]] | None = None


def settle(stored: StoredSet, small: Graph, large: Graph) -> tuple[QuerySet, dict[str, int]]:
    """Compare stored answers with those executed on the graphs of the split.

    Returns
    -------
    QuerySet
        With the stored answers, by which published figures are made; easy ones that are not named by
        the files are the executed ones.
    dict of int
        By structure, the queries whose easy or hard answers differ.
    """
    settled, different = {}, {}
    for name, own in stored.queries.items():
        executed = execute(small, large, own.word, own.arguments)
        differs = unequal(own.hard, executed.hard)
        if stored.easy_counts is None:
            settled[name] = own
            differs |= unequal(own.easy, executed.easy)
        else:
            settled[name] = dataclasses.replace(own, easy=executed.easy)
            counts = stored.easy_counts[name]
            differs |= (counts != NOT_STORED) & (counts != np.diff(executed.easy.offsets))
        different[name] = int(differs.sum())
    return QuerySet(stored.split, False, settled), different


def unequal(some: Ragged, others: Ragged) -> NDArray[np.bool_]:
    """Return bool[n]: whether row ``i`` of one is not that of the other."""
    return np.array([not np.array_equal(some[i], others[i]) for i in range(len(some))], np.bool_)


def section_name(name: str, split: str) -> str:
    """Return the section of a store that keeps a split of a named query set."""
    return f"queries/{name}/{split}"


def section_of(queries: QuerySet, splits: tuple[str, ...]) -> Section:
    """Return the section that keeps a query set of a store with these splits of triples."""
    sources = ("entities", "relations", *(f"triples/{name}" for name in splits))
    return Section(to_arrays(queries), sources)


def kept_names(store: Store) -> dict[str, tuple[str, ...]]:
    """Return the names of the query sets that a store keeps, with the splits of each.

    What else lies below ``queries/`` are the queries and judgements of collections of documents.
    """
    found: dict[str, tuple[str, ...]] = {}
    for section in store.sections:
        parts = section.split("/")
        if len(parts) == 3 and parts[0] == "queries" and parts[2] in ("valid", "test"):
            found[parts[1]] = (*found.get(parts[1], ()), parts[2])
    return found


def kept_set(store: Store, name: str, split: str) -> QuerySet:
    """Return a split of a query set that a store keeps by name.

    Raises
    ------
    UnknownKey
        The store keeps no such set, or not that split of it.
    """
    known = kept_names(store)
    if name not in known:
        there = f"the store keeps {', '.join(known)}" if known else "the store keeps none by name"
        raise UnknownKey(f"{UnknownKey.of('query set', name, known)}; {there}, and there is no file {name}")
    if split not in known[name]:
        raise UnknownKey(f"query set {name!r} has no split {split!r}, it has {', '.join(known[name])}")
    return from_arrays(store.section(section_name(name, split)), split, drawn=False)


def named_or_read(store: Store, queries: str | Path, split: str) -> QuerySet:
    """Return a query set that a store keeps by name, or that of a file of JSON lines.

    A text without separator is the name of a kept set if there is one of that name or no such file.

    Raises
    ------
    UnknownKey, DataError
        Neither a name nor a file; a file that :func:`kgr.query.keyed.read_queries` refuses.
    """
    is_name = isinstance(queries, str) and not set(queries) & {"/", os.sep}
    if is_name and (queries in kept_names(store) or not Path(queries).exists()):
        return kept_set(store, str(queries), split)
    return read_queries(queries, store, split=split)


def in_words(stored: StoredSet, different: Mapping[str, int]) -> str:
    """Say how many queries there are, and how many have other answers than the graph gives."""
    total, wrong = sum(map(len, stored.queries.values())), sum(different.values())
    easy = "" if stored.easy_counts is None else ", easy answers computed from the graph"
    found = [f"{count:,} of {name}" for name, count in different.items() if count]
    differ = f"{wrong:,} differ ({', '.join(found)})" if wrong else "none differs"
    return (
        f"{total:,} {stored.split} queries of {len(stored.queries)} structures{easy}; "
        f"stored answers against executed ones: {differ}"
    )


def record(stored: StoredSet, different: Mapping[str, int]) -> dict[str, Any]:
    """Return what a store's manifest says of a query set."""
    return {
        "queries": {name: len(own) for name, own in stored.queries.items()},
        "easy": "stored" if stored.easy_counts is None else "executed",
        "different": {name: count for name, count in different.items() if count},
    }
