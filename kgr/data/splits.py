"""The splits of a graph: duplicates removed, what is unusual counted and said."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Message = Callable[[str], None]
"""Takes one line for the user."""

Triples = NDArray[np.int32]

SPLITS = ("train", "valid", "test")
NEGATIVES = ("valid_negatives", "test_negatives")


def clean_splits(
    splits: Mapping[str, Triples], places: Mapping[str, str], say: Message
) -> tuple[dict[str, Triples], dict[str, int]]:
    """Remove what a split holds twice, keeping the first; keep and count what two splits share.

    Parameters
    ----------
    splits : by name, int32[E, 3]
    places : by name, what messages call the split

    Returns
    -------
    splits : by name, int32[E', 3]
    counts : by name
        The size of each split; ``duplicates`` removed; ``repeated``: triples of valid and test that an
        earlier split has too; ``true_negatives``: negatives that are triples of a split.
    """
    clean, duplicates = {}, 0
    for name, triples in splits.items():
        clean[name] = triples[first_occurrences(triples)]
        removed = len(triples) - len(clean[name])
        duplicates += removed
        if removed:
            say(f"{places[name]}: {removed:,} duplicate triples removed")
    positives = [clean[name] for name in SPLITS if name in clean]
    everything = np.concatenate(positives)
    repeated = len(everything) - int(first_occurrences(everything).sum())
    if repeated:
        say(f"{repeated:,} triples occur in more than one of {', '.join(SPLITS)}: kept as they are")
    true_negatives = 0
    for name in NEGATIVES:
        found = _among(clean[name], everything) if name in clean else 0
        true_negatives += found
        if found:
            say(f"{places[name]}: {found:,} negatives are triples of the graph: kept as they are")
    counts = {name: len(triples) for name, triples in clean.items()}
    return clean, {**counts, "duplicates": duplicates, "repeated": repeated, "true_negatives": true_negatives}


def count_unseen(train: Triples, entities: int, relations: int, say: Message) -> dict[str, int]:
    """Count entities and relations that do not occur in train; nothing is learnt about them."""
    ends = np.zeros(entities, bool)
    ends[train[:, ::2]] = True
    links = np.zeros(relations, bool)
    links[train[:, 1]] = True
    counts = {"unseen_entities": entities - int(ends.sum()), "unseen_relations": relations - int(links.sum())}
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


def _among(some: Triples, others: Triples) -> int:
    """Count the rows of ``some``, which are distinct, that are rows of ``others``."""
    return len(some) - int(first_occurrences(np.concatenate([others, some]))[len(others) :].sum())
