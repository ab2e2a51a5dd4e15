"""The splits of a graph: duplicates found, what is unusual counted and said."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from kgr.graph import graph as graphs
from kgr.graph.graph import Graph, build_graph, columns_of
from kgr.index.store import SPLITS as SPLITS

Message = Callable[[str], None]
"""Takes one line for the user."""

Triples = NDArray[np.int32]

NEGATIVES = ("valid_negatives", "test_negatives")


@dataclasses.dataclass(frozen=True)
class Examined:
    """What is in the splits of a graph.

    Attributes
    ----------
    keep : by split, bool[E] or None
        The triples that are the first of their kind in the split; None where all are.
    graph : Graph
        Of train.
    counts : by name
        The size of each split without duplicates; ``duplicates``; ``repeated``: triples of valid and test that an
        earlier split has too; ``true_negatives``: negatives that are triples of a split.
    """

    keep: Mapping[str, NDArray[np.bool_] | None]
    graph: Graph
    counts: Mapping[str, int]


def examine_splits(
    splits: Mapping[str, graphs.Triples],
    places: Mapping[str, str],
    entities: int,
    relations: int,
    say: Message,
) -> Examined:
    """Find what a split holds twice, and what two splits share, and say so.

    Beside the splits and the graph of train, this needs the graphs of the other splits, and a byte for each triple of
    a split with duplicates.

    Parameters
    ----------
    splits : by name
        Rows or columns of ids, of which ``entities`` and ``relations`` tell how many there are.
    places : by name, what messages call the split
    """
    index: dict[str, Graph] = {}
    keep: dict[str, NDArray[np.bool_] | None] = {}
    counts: dict[str, int] = {}
    duplicates = repeated = true_negatives = 0
    for name, triples in splits.items():
        graph = build_graph(triples, entities, relations)
        counts[name] = graph.edges // 2
        removed = len(columns_of(triples)[0]) - counts[name]
        keep[name] = graph.firsts(triples) if removed else None
        duplicates += removed
        if removed:
            say(f"{places[name]}: {removed:,} duplicate triples removed")
        if name in SPLITS:
            repeated += _among(triples, keep[name], index.values())
            index[name] = graph
    if repeated:
        say(f"{repeated:,} triples occur in more than one of {', '.join(SPLITS)}: kept as they are")
    for name in NEGATIVES:
        found = _among(splits[name], keep[name], index.values()) if name in splits else 0
        true_negatives += found
        if found:
            say(f"{places[name]}: {found:,} negatives are triples of the graph: kept as they are")
    more = {"duplicates": duplicates, "repeated": repeated, "true_negatives": true_negatives}
    return Examined(keep, index["train"], {**counts, **more})


def _among(triples: graphs.Triples, keep: NDArray[np.bool_] | None, others: Iterable[Graph]) -> int:
    """Count the triples, of those to keep, that some other graph has."""
    held = [graph.holds(triples) for graph in others]
    if not held:
        return 0
    return int(np.count_nonzero(np.logical_or.reduce(held) & (True if keep is None else keep)))


def count_unseen(train: Graph, say: Message) -> dict[str, int]:
    """Count entities and relations that do not occur in train; nothing is learnt about them."""
    from kgr.graph.pairs import Paths  # loads the compiler

    counts = {
        "unseen_entities": int(np.count_nonzero(~train.seen)),
        "unseen_relations": int(np.count_nonzero(Paths(train).sizes[::2] == 0)),
    }
    for name, count in counts.items():
        if count:
            say(f"{count:,} {name.removeprefix('unseen_')} do not occur in train: kept, nothing is learnt about them")
    return counts


def first_occurrences(triples: Triples) -> NDArray[np.bool_]:
    """Return bool[E]: whether the row is the first of its kind."""
    order = np.lexsort(triples.T[::-1])  # stable: equal rows stay in their order
    ordered = triples[order]
    first = np.ones(len(triples), bool)
    first[order[1:]] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return first
