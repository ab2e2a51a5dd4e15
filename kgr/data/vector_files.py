"""Vectors from files, matched by key: folders as ``kgr export-vectors`` writes them, arrays with keys, text files.

What is read: a folder with ``entities.npy`` and ``entities.txt`` (a key per line), perhaps ``relations.npy`` and
``relations.txt`` (``^`` before a relation: its inverse); any ``NAME.npy`` with ``NAME.txt`` beside it; or a text
file, packed by gzip or not, whose lines are a key and its numbers, as word2vec, fastText and GloVe write them, the
first line perhaps being their count and width, or with a tab after the key.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr import _io
from kgr._io import Pieces
from kgr.data.lines import file_blocks, numbered_lines
from kgr.data.number_files import map_numbers
from kgr.errors import DataError, FormatError
from kgr.index.store import Store
from kgr.index.vectors import BLOCK_BYTES, Vectors

FORMAT, VERSION = "kgr-vectors", 1
MANIFEST = "manifest.json"

_EXAMPLES = 3
_COUNT = re.compile("[0-9]{1,10}")

Find = Callable[[Sequence[str]], NDArray[np.int32]]
"""The ids of keys, -1 for each that is unknown."""


@dataclasses.dataclass(frozen=True)
class Matched:
    """Vectors of a file whose keys a store has, and how many it has not, with the first of them."""

    vectors: Vectors
    unknown: int
    examples: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class VectorFiles:
    """Vectors of a store's entries and perhaps relations, and the manifest that came with them, empty if none did."""

    entries: Matched
    relations: Matched | None
    manifest: dict[str, Any]


def read_vectors(path: str | Path, store: Store) -> VectorFiles:
    """Read vectors of what a store has; see the module for the forms.

    Rows of ``.npy`` files stay where they are, and are read when they are written.

    Raises
    ------
    DataError
        There is nothing of these forms; a file is not as expected; a key is there twice; no key is one of the store.
    FormatError
        The folder's manifest says otherwise.
    """
    path = Path(path)
    manifest: dict[str, Any] = {}
    relations = None
    if path.is_dir():
        manifest = _read_manifest(path)
        entries = _read_arrays(path / "entities.npy", store.entries.find)
        if (path / "relations.npy").exists():
            relations = _read_arrays(path / "relations.npy", lambda keys: find_directed(store, keys))
    elif path.suffix == ".bin":
        raise DataError(
            f"{path}: word2vec's binary form is not read, expected its text form "
            "(in gensim: save_word2vec_format(path, binary=False))"
        )
    elif path.suffix == ".npy":
        entries = _read_arrays(path, store.entries.find)
    else:
        entries = _read_lines(path, store.entries.find)
    if not len(entries.vectors.ids):
        there = ", ".join(map(repr, entries.examples)) or "none"
        raise DataError(f"{path}: no key of it is an entry of {store.path}; the first are {there}")
    return VectorFiles(entries, relations, manifest)


def find_directed(store: Store, keys: Sequence[str]) -> NDArray[np.int32]:
    """Return the directed relations of keys, ``^`` before an inverse: int32[n], -1 for each that is unknown."""
    base = store.relations.find([key.removeprefix("^") for key in keys])
    inverse = np.array([key.startswith("^") for key in keys], np.int32)
    return np.where(base < 0, -1, 2 * base + inverse).astype(np.int32)


def _read_manifest(folder: Path) -> dict[str, Any]:
    """Read and verify a folder's manifest; without one there is nothing to verify."""
    where = folder / MANIFEST
    if not where.exists():
        return {}
    try:
        manifest: dict[str, Any] = json.loads(where.read_text(encoding="utf-8"))
        found, files = (manifest["format"], manifest["version"]), dict(manifest["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{where}: not the manifest of vectors: {error!r}; export them anew") from error
    if found != (FORMAT, VERSION):
        raise FormatError(f"{where}: format {found[0]} {found[1]}, expected {FORMAT} {VERSION}; export them anew")
    for name, checksum in files.items():
        file = folder / Path(name).name
        if not file.is_file() or _io.digest(file) != checksum:
            raise FormatError(
                f"{file}: missing, or its checksum is not the manifest's; export it anew, or delete {MANIFEST} "
                "if it was changed on purpose"
            )
    return manifest


def _read_arrays(path: Path, find: Find) -> Matched:
    """Match the rows of ``NAME.npy`` by the keys of ``NAME.txt``."""
    rows = map_numbers(path)
    if rows.ndim != 2 or rows.dtype.kind != "f" or not rows.shape[1]:
        found = f"{rows.dtype}{list(rows.shape)}"
        raise DataError(f"{path}: found {found}, expected floating-point numbers, a row per key")
    listed = path.with_suffix(".txt")
    keys = [key for _, key in numbered_lines(file_blocks(listed), str(listed))]
    if len(keys) != len(rows):
        raise DataError(f"{listed}: {len(keys):,} keys, but {path} has {len(rows):,} rows; one per row is wanted")
    ids = find(keys)
    order = _ordered(ids, lambda place: f"{listed}:{place + 1}: key {keys[place]!r}")
    unknown = np.flatnonzero(ids < 0)
    vectors = Vectors(ids[order], _gathered(rows, order, path))
    return Matched(vectors, len(unknown), tuple(keys[i] for i in unknown[:_EXAMPLES]))


def _ordered(ids: NDArray[np.int32], where: Callable[[int], str]) -> NDArray[np.int64]:
    """Return the places of the known ids by id; one that is there twice is an error."""
    known = np.flatnonzero(ids >= 0)
    order = known[np.argsort(ids[known], kind="stable")]
    again = np.flatnonzero(np.diff(ids[order]) == 0)
    if len(again):
        raise DataError(f"{where(int(order[again + 1].min()))} is there twice, expected each once")
    return order


def _gathered(rows: NDArray[Any], order: NDArray[np.int64], path: Path) -> Pieces:
    """Rows in an order, float32, that are read when they are written."""
    width = rows.shape[1]
    each = max(1, BLOCK_BYTES // (4 * width))

    def make() -> Iterator[NDArray[np.float32]]:
        for first in range(0, len(order), each):
            places = order[first : first + each]
            block = _narrow(np.asarray(rows[places]))
            finite = np.isfinite(block).all(axis=1)
            if not finite.all():
                place = int(places[np.argmin(finite)])
                raise DataError(f"{path}: row {place} is not finite in 32 bits, expected numbers")
            yield block

    return Pieces(np.dtype(np.float32), (len(order), width), make)


def _narrow(numbers: Any) -> NDArray[np.float32]:
    """Return numbers in 32 bits; what does not fit becomes infinite, and is refused as such."""
    with np.errstate(over="ignore"):
        return np.asarray(numbers, np.float64).astype(np.float32)


def _read_lines(path: Path, find: Find) -> Matched:
    """Match the lines of a text file; only those of known keys are held."""
    ids: list[int] = []
    lines: list[int] = []
    rows: list[NDArray[np.float32]] = []
    unknown = 0
    examples: list[str] = []
    for number, key, row in _parsed(path):
        if (id := int(find([key])[0])) >= 0:
            ids.append(id)
            lines.append(number)
            rows.append(row)
            continue
        unknown += 1
        if len(examples) < _EXAMPLES:
            examples.append(key)
    found = np.array(ids, np.int32)
    order = _ordered(found, lambda place: f"{path}:{lines[place]}: its key")
    held = np.stack([rows[i] for i in order]) if rows else np.empty((0, 0), np.float32)
    return Matched(Vectors(found[order], held), unknown, tuple(examples))


def _parsed(path: Path) -> Iterator[tuple[int, str, NDArray[np.float32]]]:
    """Yield line number, key and numbers of each line of a text file of vectors."""
    promised = width = None
    count = 0
    for number, line in numbered_lines(file_blocks(path), str(path)):
        fields = line.split()
        if number == 1 and len(fields) == 2 and all(map(_COUNT.fullmatch, fields)):
            promised, width = map(int, fields)
            continue
        key, numbers = _split(line, width)
        width = len(numbers) if width is None else width
        row = _numbers(numbers)
        if not key or row is None or len(row) != width or not width:
            raise DataError(f"{path}:{number}: found {line!r:.60}, expected a key and {width or 'its'} finite numbers")
        count += 1
        yield number, key, row
    if promised is not None and count != promised:
        raise DataError(f"{path}:1: promises {promised:,} vectors, found {count:,}: the file was cut short or changed")


def _split(line: str, width: int | None) -> tuple[str, list[str]]:
    """Split a line: the key is before a tab; else it is what the numbers leave, which may have spaces itself."""
    if "\t" in line:
        key, _, rest = line.partition("\t")
        return key, rest.split()
    fields = line.rstrip(" ").rsplit(" ", width) if width else line.split()
    return fields[0] if fields else "", fields[1:]


def _numbers(fields: list[str]) -> NDArray[np.float32] | None:
    """Return fields as numbers, None where one is none."""
    try:
        row = _narrow([float(field) for field in fields])
    except ValueError:
        return None
    return row if np.isfinite(row).all() else None
