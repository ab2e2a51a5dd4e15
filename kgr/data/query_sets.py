"""The query sets that a store is built with: compared with its graph, kept as sections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from kgr.data.splits import SPLITS, Message, Triples
from kgr.errors import DataError
from kgr.graph.graph import join_graph
from kgr.index.store import Section

if TYPE_CHECKING:
    from kgr.query.kept import StoredSet

StoredSets = Mapping[str, Mapping[str, "StoredSet"]]
"""Query sets by name and split."""


def query_sections(
    sets: StoredSets, splits: Mapping[str, Triples], entities: int, relations: int, say: Message
) -> tuple[dict[str, Section], dict[str, Any], dict[str, int]]:
    """Compare the query sets with the graph of these splits, and say what was found.

    Returns
    -------
    sections : by name
    recorded : by ``name/split``
        For the manifest: queries by structure, and those whose stored answers are not the executed ones;
        ``repeats``, where queries are there more than once: all but the first of each.
    counts : dict of int
        ``valid_queries``, ``test_queries``.

    Raises
    ------
    DataError
        A set is of a split that the graph does not have.
    """
    sections: dict[str, Section] = {}
    recorded: dict[str, Any] = {}
    counts: dict[str, int] = {}
    if not sets:
        return sections, recorded, counts
    from kgr.query.kept import in_words, record, section_name, section_of, settle  # loads the compiler

    for name, by_split in sets.items():
        for split, stored in by_split.items():
            if split not in splits:
                raise DataError(f"query set {name}: it has {split} queries, but there are no {split} triples")
            before = [splits[own] for own in SPLITS[: SPLITS.index(split)] if own in splits]
            graphs = (join_graph(part, entities, relations) for part in (before, [*before, splits[split]]))
            settled, different = settle(stored, *graphs)
            repeats = _repeats(stored)
            if repeats:
                say(f"query set {name}: {repeats:,} {split} queries are there before: kept, and counted each time")
            say(f"query set {name}: {in_words(stored, different)}")
            own = tuple(one for one in SPLITS[: SPLITS.index(split) + 1] if one in splits)
            sections[section_name(name, split)] = section_of(settled, own)
            recorded[f"{name}/{split}"] = record(stored, different) | ({"repeats": repeats} if repeats else {})
            counts[f"{split}_queries"] = counts.get(f"{split}_queries", 0) + sum(map(len, settled.queries.values()))
    return sections, recorded, counts


def _repeats(stored: StoredSet) -> int:
    """Count the queries that an earlier one of the set is equal to, arguments in the same order."""
    return sum(len(own) - len(np.unique(own.arguments, axis=0)) for own in stored.queries.values())
