"""Queries and judgements of a store that may be given by name."""

from __future__ import annotations

from pathlib import Path

from kgr.data.judgements import Judgements, kept_judgements
from kgr.data.known import open_store
from kgr.index.store import Store


def load_judgements(store: Store | str | Path, qrels: str | None = None) -> Judgements:
    """Return queries and judgements that a store, folder or known name keeps.

    Parameters
    ----------
    qrels : str, optional
        The name of the judgements, such as ``test``; ``<collection>/<name>`` where several collections have it. By
        default the store's first, which the README of a known data set names.

    Raises
    ------
    UnknownKey
        There are none of that name.
    ConfigError
        There are several.
    DataError
        The store keeps no judgements.
    """
    return kept_judgements(open_store(store), qrels)
