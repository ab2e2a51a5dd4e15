"""Build a store from triples that are numbers already: arrays of any size, read where they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from kgr._io import Pieces
from kgr.data.build import Paths, as_paths, structure
from kgr.data.number_files import map_numbers
from kgr.data.splits import Message, count_unseen, examine_splits
from kgr.errors import DataError
from kgr.graph.graph import Columns, Triples, columns_of
from kgr.index.keys import Keys
from kgr.index.store import Section, Store, create_store

Given = Triples | Paths
"""Triples as arrays, as the path of one of rows, or as the paths of three columns: ``.npy`` files."""

SPARSE, ALLOWANCE = 100, 1 << 20
"""How many entities there may be for each triple, and how many however few triples there are."""

_BLOCK = 1 << 20


def build_numbered(
    out: str | Path,
    *,
    train: Given,
    valid: Given | None = None,
    test: Given | None = None,
    valid_negatives: Given | None = None,
    test_negatives: Given | None = None,
    name: str = "",
    message: Message | None = None,
) -> Store:
    """Build a store at ``out`` from triples of ids, which stay as they are.

    Each split is int[E, 3] (head, base relation, tail) or three such columns, of any integer dtype and perhaps
    memory-mapped, or the path of an ``.npy`` file of rows, or the paths of three of columns. There are as
    many entities and relations as the largest ids say; their keys are the ids in decimal digits. Duplicates
    within a split are removed and counted; what does not occur in train is kept and counted. ``message`` is
    called with a line for everything unusual.

    The triples are never copied as a whole: at the peak, the graph of train and what :func:`build_graph
    <kgr.graph.graph.build_graph>` says beside it are held, or the graph and some 20 bytes per entity for keys.

    Raises
    ------
    DataError
        Arrays or ids that are not as expected, or no triples to train on. Nothing is left at ``out``.
    FormatError
        There is a store at ``out`` already.
    """
    given = {
        "train": train,
        "valid": valid,
        "test": test,
        "valid_negatives": valid_negatives,
        "test_negatives": test_negatives,
    }
    say = message or (lambda line: None)
    read = {split: _read(value, split) for split, value in given.items() if value is not None}
    splits = {split: columns for split, (columns, _) in read.items()}
    files = {split: paths for split, (_, paths) in read.items() if paths}
    places = {split: _place(split, paths) for split, (_, paths) in read.items()}
    if not len(splits["train"][0]):
        raise DataError(f"{places['train']}: found no triples, expected at least one to train on")
    entities = 1 + max(_largest(columns[::2], places[split]) for split, columns in splits.items())
    relations = 1 + max(_largest(columns[1:2], places[split]) for split, columns in splits.items())
    _check_dense(splits, places, max(entities, relations))
    examined = examine_splits(splits, places, entities, relations, say)
    counts = {"entities": entities, "relations": relations, "types": 0, **examined.counts}
    counts |= count_unseen(examined.graph, say)
    sections = structure(
        {split: kept_section(columns, examined.keep[split]) for split, columns in splits.items()},
        examined.graph,
        Keys.numbers(entities, what="entity"),
        Keys.numbers(relations, what="relation"),
    )
    sources = {"files": {split: list(map(str, paths)) for split, paths in files.items()}}
    return create_store(Path(out), sections, name=name, entities=entities, counts=counts, sources=sources)


def _place(split: str, paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths)) or split


def _read(given: Given, split: str) -> tuple[Columns, list[Path]]:
    """Return the columns of a split and the files that they are in."""
    paths = [] if _is_arrays(given) else as_paths(cast(Paths, given))
    where = _place(split, paths)
    if len(paths) not in (0, 1, 3):
        raise DataError(f"{where}: found {len(paths)} files, expected one of rows or three of columns")
    arrays = tuple(map(map_numbers, paths)) or cast(Triples, given)
    try:
        return columns_of(arrays[0] if len(paths) == 1 else arrays), paths
    except DataError as error:
        raise DataError(f"{where}: {error}") from None


def _is_arrays(given: Given) -> bool:
    if isinstance(given, str | Path):
        return False
    return isinstance(given, np.ndarray) or any(isinstance(part, np.ndarray) for part in given)


def _largest(columns: Sequence[NDArray[Any]], where: str) -> int:
    """Return the largest id, -1 where there are none."""
    if not len(columns[0]):
        return -1
    least, largest = min(int(column.min()) for column in columns), max(int(column.max()) for column in columns)
    if least < 0 or largest >= (1 << 31) - 1:
        raise DataError(f"{where}: found ids from {least} to {largest}, expected 0 to 2^31 - 2")
    return largest


def _check_dense(splits: Mapping[str, Columns], places: Mapping[str, str], ids: int) -> None:
    """Refuse ids that nearly all name nothing, since each has a key and a place in the graph."""
    triples = sum(len(columns[0]) for columns in splits.values())
    if ids > ALLOWANCE + SPARSE * triples:
        raise DataError(
            f"{', '.join(places.values())}: found ids up to {ids - 1:,} in {triples:,} triples; an id that is not used "
            "takes as much room as others: number entities and relations from 0 without gaps"
        )


def kept_section(columns: Columns, keep: NDArray[np.bool_] | None) -> Section:
    """Return the section of the triples of a split that are to be kept, int32[E, 3], made a block at a time."""
    count = len(columns[0]) if keep is None else int(np.count_nonzero(keep))

    def make() -> Iterator[NDArray[np.int32]]:
        for first in range(0, len(columns[0]), _BLOCK):
            block = slice(first, first + _BLOCK)
            rows = np.stack([column[block] for column in columns], axis=1, dtype=np.int32, casting="unsafe")
            yield rows if keep is None else rows[keep[block]]

    return Section({}, pieces={"ids": Pieces(np.dtype(np.int32), (count, 3), make)})


def graph_sections(
    splits: Mapping[str, Triples],
    places: Mapping[str, str],
    entities: int,
    entries: Keys,
    relations: Keys,
    kinds: NDArray[np.uint8],
    say: Message,
) -> tuple[dict[str, Section], dict[str, int]]:
    """Return the sections of keys, triples and the graph of train, and what they count; duplicates are removed.

    Parameters
    ----------
    splits : by name, int32[E, 3]
        ``train``, which may be empty, and others.
    places : by name, what messages call the split
    entities : int
        The first entries, which alone triples have.
    """
    examined = examine_splits(splits, places, entities, len(relations), say)
    unseen = count_unseen(examined.graph, say) if len(splits["train"]) else {}
    kept = {split: kept_section(columns_of(triples), examined.keep[split]) for split, triples in splits.items()}
    return structure(kept, examined.graph, entries, relations, kinds), {**examined.counts, **unseen}
