"""ogbl-wikikg2 as the Open Graph Benchmark packs it: splits are saved arrays of ids, CSV files give their keys."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr.data.archives import extracted
from kgr.data.build import Material
from kgr.data.id_lines import read_id_lines
from kgr.data.lines import Numbering
from kgr.data.manifest import Manifest
from kgr.data.splits import SPLITS, Triples
from kgr.data.tables import KeyTable
from kgr.errors import DataError

COLUMNS = ("head", "relation", "tail")


def read_wikikg2(manifest: Manifest, paths: Mapping[str, Path]) -> Material:
    """Read the archive: ids are the source's, keys those of Wikidata.

    The 500 corrupted heads and tails that go with each triple of valid and test are no triples: they are left out,
    which is said.

    Raises
    ------
    DataError
        A member is missing, or is not of that form; its place is named.
    """
    with extracted(paths["archive"], manifest.files["archive"].members) as found:
        entities, relations = (read_mapping(found[of]) for of in ("entities", "relations"))
        read = {split: read_split(found[split], len(entities), len(relations)) for split in SPLITS}
    splits = {split: triples for split, (triples, _) in read.items()}
    places = {split: f"{paths['archive']}/{manifest.files['archive'].members[split]}" for split in SPLITS}
    remarks = [f"{places[split]}: {', '.join(rest)} left out: no triples" for split, (_, rest) in read.items() if rest]
    none = KeyTable(manifest.title)
    return Material(entities, relations, splits, places, none, none, none, remarks=remarks)


def read_mapping(path: Path) -> Numbering:
    """Read CSV lines of id and key; the ids are 0, 1, … in any order."""
    numbering = Numbering()
    numbering.number(read_id_lines(path, separator=",", id_first=True, header=True))
    return numbering


def read_split(path: Path, entities: int, relations: int) -> tuple[Triples, list[str]]:
    """Read one split from a saved dict of arrays ``head``, ``relation`` and ``tail``.

    Returns
    -------
    int32[E, 3]
        Its triples.
    list of str
        What else the dict has.

    Raises
    ------
    DataError
        The file holds or asks for anything but arrays of integers; ids are out of range.
    """
    arrays, rest = _load(path)
    columns = []
    for name, limit in zip(COLUMNS, (entities, relations, entities), strict=True):
        column = arrays[name]
        if column.ndim != 1 or column.dtype.kind not in "iu" or len(column) != arrays[COLUMNS[0]].size:
            raise DataError(
                f"{path}: {name} is {column.dtype}{list(column.shape)}, expected one integer of each triple"
            )
        if len(wrong := np.flatnonzero((column < 0) | (column >= limit))):
            row = int(wrong[0])
            raise DataError(
                f"{path}: {name} of triple {row:,} is {column[row]}, expected an id from 0 to {limit - 1:,}"
            )
        columns.append(column.astype(np.int32))
    return np.stack(columns, axis=1), rest


def _load(path: Path) -> tuple[Mapping[str, NDArray[Any]], list[str]]:
    """Let torch read the columns from a dict, and the names of what else it has.

    What the file names is called only if it makes arrays of integers.
    """
    import torch

    try:
        with torch.serialization.safe_globals(_array_makers()):
            content = torch.load(path, map_location="cpu", weights_only=True)
        if isinstance(content, dict) and set(COLUMNS) <= set(content):
            columns = {name: np.asarray(content[name]) for name in COLUMNS}
            return columns, sorted(str(name) for name in content if name not in COLUMNS)
    except Exception as error:  # a damaged file may raise anything
        why = _reason(error)
        raise DataError(f"{path}: cannot be read as arrays of ids, nothing in it was executed: {why}") from error
    raise DataError(f"{path}: found no dict of arrays, expected {', '.join(COLUMNS)}")


def _reason(error: Exception) -> str:
    """Say in one line why torch did not read a file, without its advice to read it with less care."""
    text = str(error).rpartition("WeightsUnpickler error: ")[2].rpartition("trusted source.")[2]
    line = text.strip().partition("\n")[0].partition(". Please")[0]
    return "it was not written by torch.save" if isinstance(error, KeyError) or not line else line


def _array_makers() -> list[Any]:
    """Return what NumPy pickles integer arrays by, under the names that its versions gave it."""
    rebuild = np.empty(0).__reduce__()[0]
    names = [f"numpy.{core}.multiarray._reconstruct" for core in ("core", "_core")]
    types = {type(np.dtype(code)) for code in np.typecodes["AllInteger"]}
    return [*((rebuild, name) for name in names), np.ndarray, np.dtype, codecs.encode, *types]
