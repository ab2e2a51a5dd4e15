"""Run folders of any task, each opened as what it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kgr.completion.run import TASK as COMPLETION
from kgr.completion.run import CompletionRun, load_completion
from kgr.data.run_vectors import RunVectors
from kgr.engine.run import Run
from kgr.errors import ConfigError, FormatError
from kgr.multihop.run import TASK as MULTIHOP
from kgr.multihop.run import MultihopRun, load_multihop
from kgr.prop.finetune import TASK as FINETUNE
from kgr.prop.finetune import FinetuneRun, load_finetune
from kgr.prop.run import TASK as PROP
from kgr.prop.run import PropRun, load_prop
from kgr.sememe.run import TASK as SEMEMES
from kgr.sememe.run import SememeRun, load_sememes

AnyRun = MultihopRun | CompletionRun | PropRun | FinetuneRun | SememeRun
"""A run of any task."""

LOADERS: dict[str, Callable[[Run], AnyRun]] = {
    MULTIHOP: load_multihop,
    COMPLETION: load_completion,
    PROP: load_prop,
    FINETUNE: load_finetune,
    SEMEMES: load_sememes,
}
"""What opens a run, by its task."""


def is_run(path: str | Path) -> bool:
    """Whether a path is that of a run folder, of whatever task."""
    return (Path(path) / "config.toml").is_file()


def load_run(path: str | Path) -> AnyRun:
    """Open a run folder: the right class by the run's task.

    Raises
    ------
    FormatError
        It is no run folder, or one of a task that this version does not know.
    """
    run = Run.open(path)
    if run.task not in LOADERS:
        raise FormatError(f"{path}: holds a run of task {run.task!r}, expected one of {', '.join(LOADERS)}")
    return LOADERS[run.task](run)


def vectors_of(run: AnyRun) -> RunVectors:
    """Return the vectors of a run's entities and relations.

    Raises
    ------
    ConfigError
        Runs of its task have none.
    """
    if isinstance(run, PropRun | FinetuneRun):
        raise ConfigError(f"{run.path}: a ranker has no vectors of entities: give a run of a graph")
    if isinstance(run, SememeRun):
        raise ConfigError(
            f"{run.path}: a predictor of sememes has none itself: give its link model's, {run.path}/graph"
        )
    return run.vectors()
