"""What a store holds out for evaluation, and a run's way back to its store."""

from __future__ import annotations

from kgr.data.known import open_store
from kgr.engine.run import Run
from kgr.errors import ConfigError, FormatError
from kgr.index.store import Store

EVALUATED = ("test", "valid")
"""The splits that a training is evaluated on, the first that there is."""


def holds_out(store: Store, split: str) -> bool:
    """Whether a store has triples of a split."""
    return split in store.splits and len(store.triples(split)) > 0


def evaluated_split(store: Store) -> str | None:
    """Return the split that a training is evaluated on: test, else valid, else None."""
    return next((split for split in EVALUATED if holds_out(store, split)), None)


def store_of(run: Run, task: str) -> Store:
    """Open the store that a run of a task was trained from.

    Raises
    ------
    ConfigError
        It is a run of another task.
    FormatError
        The store is not where it was.
    """
    if run.task != task:
        raise ConfigError(f"{run.path}: holds a run of {run.task!r}, not {task!r}")
    try:
        return open_store(run.store)
    except FormatError as error:
        raise FormatError(
            f"{error}; the run {run.path} was trained from that store: if it was moved, "
            "write its place into the run's config.toml"
        ) from error
