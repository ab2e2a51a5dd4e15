"""Query sets of a store that may be given by name: what the package offers of :mod:`kgr.query`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kgr.data.known import open_store
from kgr.index.store import Store
from kgr.query import keyed, sets
from kgr.query.sets import QuerySet
from kgr.query.words import STRUCTURES


def sample_queries(
    store: Store | str | Path, structures: Sequence[str] = tuple(STRUCTURES), **settings: Any
) -> QuerySet:
    """Draw queries of a store, folder or known name: see :func:`kgr.query.sets.draw_queries`."""
    return sets.draw_queries(open_store(store), structures, **settings)


def read_queries(path: str | Path, store: Store | str | Path, *, split: str = "test") -> QuerySet:
    """Read queries of a store, folder or known name: see :func:`kgr.query.keyed.read_queries`."""
    return keyed.read_queries(path, open_store(store), split=split)


def write_queries(path: str | Path, store: Store | str | Path, queries: QuerySet) -> None:
    """Write queries of a store, folder or known name: see :func:`kgr.query.keyed.write_queries`."""
    keyed.write_queries(path, open_store(store), queries)
