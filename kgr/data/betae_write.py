"""Write a graph and queries in BetaE's form, which its program KGReasoning trains on."""

from __future__ import annotations

import pickle
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kgr import _io
from kgr.data.splits import SPLITS
from kgr.errors import FormatError, QueryError
from kgr.index.store import Store
from kgr.query.nested import nest, structure_of
from kgr.query.sets import QuerySet, draw_queries, draw_training
from kgr.query.words import STRUCTURES, parse

Answers = dict[Any, set[int]]


def sample_betae(
    folder: str | Path,
    store: Store,
    structures: tuple[str, ...] = tuple(STRUCTURES),
    *,
    count: int = 1000,
    train_count: int | None = None,
    **drawing: Any,
) -> dict[str, QuerySet]:
    """Draw training, valid and test queries of a store and write all in BetaE's form; return the queries by split.

    Parameters
    ----------
    folder : path
        New or empty.
    count, train_count : int
        Queries of each structure, held out and to train on; the second is the first by default.
    **drawing
        ``law``, ``seed``, ``progress`` of :func:`kgr.query.sets.draw_queries`.

    Raises
    ------
    QueryError
        A structure other than the fourteen, which that program does not know.
    DataError
        The store has no valid or no test triples.
    """
    _check_named(structures)
    held_out = {split: draw_queries(store, structures, count=count, split=split, **drawing) for split in SPLITS[1:]}
    train = draw_training(store, structures, count=train_count or count, **drawing)
    sets = {"train": train, **held_out}
    write_betae(folder, store, sets)
    return sets


def write_betae(folder: str | Path, store: Store, sets: Mapping[str, QuerySet]) -> None:
    """Write a store's triples, id maps and query sets by split, all of it or nothing.

    Ids are the store's; relation ``2r`` is ``+key`` of base relation ``r`` and ``2r + 1`` is ``-key``.

    Raises
    ------
    QueryError
        A structure other than the fourteen, or answers that are not to be ranked: that form has no place for them.
    FormatError
        ``folder`` is not empty.
    """
    for queries in sets.values():
        _check_named(tuple(queries.queries))
        _check_ranked(queries)
    try:
        with _io.atomic_folder(Path(folder)) as place:
            _write_graph(place, store)
            for split, queries in sets.items():
                _write_queries(place, split, queries)
    except FileExistsError:
        raise FormatError(f"{folder}: exists already; give a new or an empty folder") from None


def _check_named(structures: tuple[str, ...]) -> None:
    if others := [name for name in structures if parse(name).name not in STRUCTURES]:
        raise QueryError(f"structure {others[0]} has no place in BetaE's form, expected {', '.join(STRUCTURES)}")


def _check_ranked(queries: QuerySet) -> None:
    for name, own in queries.queries.items():
        if count := len(own.unranked.values):
            raise QueryError(
                f"structure {name} has {count} answers that are filtered but not ranked; BetaE's form has no place for "
                "them: write JSON lines, or a set that ranks all hard answers"
            )


def _write_graph(folder: Path, store: Store) -> None:
    entities = store.entries.keys_of(range(store.entities))
    relations = [sign + key for key in store.relations.keys_of(range(len(store.relations))) for sign in "+-"]
    for name, keys in (("ent", entities), ("rel", relations)):
        _dump(folder / f"id2{name}.pkl", dict(enumerate(keys)))
        _dump(folder / f"{name}2id.pkl", {key: id for id, key in enumerate(keys)})
    _io.write_text(folder / "stats.txt", f"numentity: {len(entities)}\nnumrelations: {len(relations)}\n")
    for split in SPLITS:
        if split in store.splits:
            _io.write_text(folder / f"{split}.txt", _edges(store, split))


def _edges(store: Store, split: str) -> str:
    """Return the lines of a split: each triple forward and then backward."""
    triples = store.triples(split)
    both = np.empty((len(triples), 2, 3), np.int32)
    both[:, 0] = triples * np.array([1, 2, 1], np.int32)
    both[:, 1] = both[:, 0, ::-1]
    both[:, 1, 1] += 1
    return "".join(f"{head}\t{relation}\t{tail}\n" for head, relation, tail in both.reshape(-1, 3).tolist())


def _write_queries(folder: Path, split: str, queries: QuerySet) -> None:
    by_structure: dict[Any, set[Any]] = defaultdict(set)
    easy: Answers = defaultdict(set)
    hard: Answers = defaultdict(set)
    for own in queries.queries.values():
        structure = structure_of(own.word)
        for i, row in enumerate(own.arguments.tolist()):
            query = nest(own.word, row)
            by_structure[structure].add(query)
            easy[query], hard[query] = set(own.easy[i].tolist()), set(own.hard[i].tolist())
    files = {"easy-answers": easy, "hard-answers": hard} if split != "train" else {"answers": hard}
    for name, content in {"queries": by_structure, **files}.items():
        _dump(folder / f"{split}-{name}.pkl", content)


def _dump(path: Path, content: Any) -> None:
    with path.open("wb") as file:
        pickle.dump(content, file, protocol=4)
