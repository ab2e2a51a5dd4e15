"""A training that starts from vectors: of another run, or brought by the user."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from kgr.data.vector_files import read_vectors
from kgr.engine.table import Table
from kgr.errors import ConfigError
from kgr.index.store import Store
from kgr.index.vectors import Vectors, kept_names, kept_vectors


def start_from(store: Store, start: str, tables: Mapping[str, Table], message: Callable[[str], None]) -> None:
    """Write vectors into the tables of a task, matched by key; rows without one stay as they were drawn.

    Vectors of a base relation are those of its forward direction; its inverse, where it has a row, starts from one
    only if there is one of its own. What starts from a vector, and what does not, is told to ``message``.

    Parameters
    ----------
    start : str
        The name of vectors that the store keeps, or else a path that :func:`read_vectors` takes.

    Raises
    ------
    ConfigError
        Neither a name nor a path; vectors of passages; entities' rows have another width than the vectors.
    DataError, FormatError
        See :func:`read_vectors`.
    """
    entities, relations = _vectors(store, start)
    if (np.diff(entities.ids) == 0).any():
        raise ConfigError(f"start is {start!r}, which has several vectors of an entity: expected those of whole texts")
    rows = tables["entities"].weight
    width = entities.rows.shape[1]
    if width != rows.shape[1]:
        raise ConfigError(
            f"start is {start!r}, whose vectors have {width} numbers, but an entity of this model has {rows.shape[1]}: "
            "give a dim that fits, or other vectors"
        )
    written = _write(rows, entities, 1)
    message(f"start: {written:,} of {len(rows):,} entities start from {start}")
    if relations is None:
        return
    rows = tables["relations"].weight
    width = relations.rows.shape[1]
    if width != rows.shape[1]:
        message(f"start: relations are left out: they have {width} numbers, but those of this model {rows.shape[1]}")
        return
    written = _write(rows, relations, 1 if len(rows) == 2 * len(store.relations) else 2)
    message(f"start: {written:,} of {len(rows):,} rows of relations start from {start}")


def _vectors(store: Store, start: str) -> tuple[Vectors, Vectors | None]:
    known = kept_names(store)
    if start in known:
        return kept_vectors(store, start)
    if not Path(start).exists():
        there = ", ".join(known) or "none"
        raise ConfigError(f"start is {start!r}: no such path, nor vectors that {store.path} keeps ({there})")
    found = read_vectors(start, store)
    return found.entries.vectors, found.relations.vectors if found.relations else None


def _write(rows: torch.Tensor, vectors: Vectors, step: int) -> int:
    """Write the vectors of ids that are multiples of ``step`` into the rows ``id / step`` there are; count them."""
    first = written = 0
    for block in vectors.blocks():
        ids = vectors.ids[first : first + len(block)]
        first += len(block)
        fits = (ids % step == 0) & (ids // step < len(rows))
        places = torch.tensor(ids[fits] // step, dtype=torch.int64)
        rows[places.to(rows.device)] = torch.tensor(block[fits]).to(rows.device)
        written += len(places)
    return written
