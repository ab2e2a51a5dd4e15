"""What a store holds out for evaluation, and a run's way back to its store."""

from __future__ import annotations

from pathlib import Path

from kgr.data.known import open_store
from kgr.engine.config import TrainConfig
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


def place_of(given: Store | str | Path, opened: Store) -> str:
    """Return how a run finds its store again: the known name that was given, else the folder."""
    return str(given) if opened.name == given else str(opened.path.resolve())


def check_evaluations(store: Store, config: TrainConfig) -> None:
    """Refuse evaluations during training with a ConfigError where a store has no valid triples."""
    if config.eval_every and not holds_out(store, "valid"):
        raise ConfigError(
            f"evaluations every {config.eval_every} steps are asked for, but {store.path} has no valid triples: leave "
            "them out"
        )


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
