"""Run folders: what a training was told, what it reported, and its checkpoints.

::

    config.toml          [run] format, task, store; [settings] complete and effective
    metrics.jsonl        one JSON object per line, by step
    tensorboard/         the same for TensorBoard, where it is asked for
    environment.json     versions, threads, device, seed, commit: of the process that wrote last
    checkpoints/<step>/
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from kgr import _config, _io
from kgr.engine import checkpoint
from kgr.engine.board import Board
from kgr.engine.checkpoint import Checkpoint
from kgr.engine.config import TrainConfig, check_steering, differences
from kgr.engine.environment import Told, environment
from kgr.engine.processes import ALONE, Processes, check_alone
from kgr.engine.steering import best
from kgr.engine.table import Table
from kgr.errors import ConfigError, FormatError

VERSION = 1

Config = TypeVar("Config")


@dataclasses.dataclass(frozen=True)
class Run:
    """A run folder.

    Attributes
    ----------
    path
        The folder.
    task
        Which kind of training it holds, for instance "multihop".
    store
        The store as it was named.
    settings
        As they stand in ``config.toml``.
    sections
        Fingerprints of the store's sections that it is trained from; empty unless it was begun.
    """

    path: Path
    task: str
    store: str
    settings: dict[str, Any]
    sections: Mapping[str, str] = dataclasses.field(default_factory=dict)
    _unwritten: list[str] = dataclasses.field(default_factory=list, repr=False)
    _board: Board | None = dataclasses.field(default=None, repr=False)

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """Open a run folder to read it.

        Raises
        ------
        FormatError
            It is none, or of another version.
        """
        where = Path(path) / "config.toml"
        if not where.is_file():
            inside = sorted(own.parent.name for own in Path(path).glob("*/config.toml"))[:5]
            hint = f"; it holds the runs {', '.join(inside)}: give one of them" if inside else ""
            raise FormatError(f"{path}: not a run folder: it has no config.toml{hint}")
        tables = _config.read_toml(where)
        head = tables.get("run")
        if not isinstance(head, dict) or not isinstance(tables.get("settings", {}), dict):
            raise FormatError(f"{where}: expected the tables [run] and [settings]")
        if head.get("format") != VERSION:
            raise FormatError(f"{where}: format {head.get('format')} of a run, expected {VERSION}")
        return cls(Path(path).absolute(), head.get("task", ""), head.get("store", ""), tables.get("settings", {}))

    def config(self, kind: type[Config]) -> Config:
        """Return the settings as an instance of their class."""
        return _config.make(kind, self.settings, where=str(self.path / "config.toml"))

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.path / "checkpoints"

    def checkpoint(self) -> Checkpoint | None:
        """Open the newest checkpoint, None if there is none yet."""
        return checkpoint.newest(self.checkpoints)

    def chosen(self) -> Checkpoint:
        """Open the checkpoint that has the run's weights: the newest, or with ``keep_best`` the best one so far.

        Raises
        ------
        FormatError
            There is none yet, or it is damaged.
        """
        found = self.checkpoint()
        if found is None:
            raise FormatError(f"{self.path}: has no checkpoint yet; the command that made it goes on with training")
        step = best(found.manifest.get("history", ())) if self.settings.get("keep_best") else None
        return found if step in (None, found.step) else Checkpoint.open(self.checkpoints / str(step))

    def restore(self, module: nn.Module, tables: Mapping[str, Table], sections: Mapping[str, str]) -> int:
        """Write the run's weights (see :meth:`chosen`) into a module and tables; return their step.

        Raises
        ------
        FormatError
            There is no checkpoint; it is damaged, of another model, or trained from other sections.
        """
        found = self.chosen()
        found.check_sections(sections)
        found.restore_weights(module, tables)
        return found.step

    def metrics(self) -> list[dict[str, Any]]:
        """Read the lines of ``metrics.jsonl``; a last line cut short by a crash is left out."""
        where = self.path / "metrics.jsonl"
        lines = where.read_bytes().split(b"\n")[:-1] if where.exists() else []
        return [_metrics_line(where, number, line) for number, line in enumerate(lines, 1)]

    def evaluations(self) -> dict[str, dict[str, Any]]:
        """Return the metrics of the last evaluation of the trained weights, by split."""
        return {line["split"]: line["metrics"] for line in self.metrics() if line.get("whole")}

    def evaluations_of(self, step: int) -> list[dict[str, Any]]:
        """Return the metrics of each evaluation of the trained weights, where these are of a step."""
        return [line["metrics"] for line in self.metrics() if line.get("whole") and line["step"] == step]

    def record_evaluation(self, step: int, split: str, metrics: Mapping[str, Any]) -> None:
        """Append an evaluation of the trained weights, which are of a step, and sync it: it may have taken long."""
        self.record({"step": step, "split": split, "whole": True, "metrics": metrics})
        self.sync()

    def record(self, line: Mapping[str, Any]) -> None:
        """Append a line to ``metrics.jsonl``.

        Where the disk is full it is kept in memory, with a warning, and written with the next one.
        """
        if self._board:
            self._board.add(line)
        self._unwritten.append(json.dumps(line) + "\n")
        with (self.path / "metrics.jsonl").open("ab", buffering=0) as file:
            end = file.tell()
            try:
                _append(file, "".join(self._unwritten).encode())
                self._unwritten.clear()
            except OSError as error:
                file.truncate(end)
                warnings.warn(f"{self.path / 'metrics.jsonl'}: {error}; will be tried again", stacklevel=2)

    def sync(self) -> None:
        """Bring the lines of ``metrics.jsonl`` to the disk, before what says that they are there."""
        _io.sync(self.path / "metrics.jsonl")

    def rewind(self, step: int) -> None:
        """Drop the lines of ``metrics.jsonl`` after a step, from which training goes on."""
        if self._board:
            self._board.rewind(step)
        kept = [line for line in self.metrics() if line["step"] <= step]
        _io.replace_text(self.path / "metrics.jsonl", "".join(json.dumps(line) + "\n" for line in kept))


@contextlib.contextmanager
def begin(
    path: str | Path,
    *,
    task: str,
    store: str,
    config: TrainConfig,
    sections: Mapping[str, str],
    processes: Processes = ALONE,
) -> Iterator[Run]:
    """Make a run folder, or take one up again, and hold it: nobody else can write it meanwhile.

    A run is taken up with the settings that it was made with; those of ``RESUMABLE`` may differ,
    and ``steps`` may grow. Of several processes the first holds the folder for all, and each calls this.

    Parameters
    ----------
    task
        Kind of training.
    store
        Name or folder of the store, to find it again.
    sections
        Fingerprints of the sections that the task reads.

    Raises
    ------
    ConfigError
        The folder holds something else, a run of another task, or one with other settings, each named;
        settings that need evaluations where there are none, or a package that is not there; processes with other
        folders or stores, or several of a task that one trains.
    FormatError
        Its newest checkpoint is damaged or trained from other sections; another process holds it.
    """
    path = Path(path).absolute()  # a program may go to another folder
    if processes.size == 1:
        check_alone(f"a {task} run")
    check_steering(config)
    settings = dataclasses.asdict(config)
    board = Board(path / "tensorboard") if config.tensorboard and processes.first else None
    with contextlib.ExitStack() as held:

        def hold() -> None:
            held.enter_context(_held(path))
            if board:
                held.callback(board.close)
            if (path / "config.toml").exists():
                _check_resumable(Run.open(path), task, config, sections)
            _headed(path, task, store, config, settings, sections)

        processes.led(hold)
        _check_seen(path, processes.together(lambda: _seen(path, sections)))
        yield Run(path, task, store, settings, dict(sections), _board=board)


@contextlib.contextmanager
def begin_fit(
    path: str | Path, *, task: str, store: str, config: Told, settings: Mapping[str, Any], sections: Mapping[str, str]
) -> Iterator[Run]:
    """Make the folder of a run that is fitted at once, without steps and checkpoints, and hold it.

    ``settings`` are those of ``config`` by name; the rest is as for :func:`begin`. A fit that was not finished begins
    anew, and its lines of metrics are gone.

    Raises
    ------
    ConfigError
        The folder holds something else, or a run of another task.
    FormatError
        Another process holds it.
    """
    path = Path(path).absolute()
    check_alone(f"a {task} run")
    with _held(path):
        if (path / "config.toml").exists():
            _check_task(Run.open(path), task)
        (path / "metrics.jsonl").unlink(missing_ok=True)
        yield _headed(path, task, store, config, settings, sections)


@contextlib.contextmanager
def _held(path: Path) -> Iterator[None]:
    _refuse_other(path)
    path.mkdir(parents=True, exist_ok=True)
    with _io.only_writer(path):
        yield


def _headed(
    path: Path, task: str, store: str, config: Told, settings: Mapping[str, Any], sections: Mapping[str, str]
) -> Run:
    head = {"format": VERSION, "task": task, "store": store}
    _io.replace_text(path / "config.toml", _config.to_toml({"run": head, "settings": settings}))
    _io.replace_text(path / "environment.json", json.dumps(environment(config), indent=1) + "\n")
    return Run(path, task, store, dict(settings), dict(sections))


def _refuse_other(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise ConfigError(f"{path}: is a file; a run needs a folder")
    if not path.exists() or (path / "config.toml").exists():
        return
    other = next((found.name for found in path.iterdir() if not found.name.startswith(".")), None)
    if other is not None:
        raise ConfigError(f"{path}: is no run folder and holds {other!r}; give a new or an empty folder")


def _seen(path: Path, sections: Mapping[str, str]) -> dict[str, str]:
    """Return what one process sees of the folder, and its store."""
    where, found = path / "config.toml", checkpoint.newest(path / "checkpoints")
    return {
        **sections,
        "config.toml": _io.digest(where) if where.exists() else "absent",
        "checkpoint": str(found.step if found else None),
    }


def _check_seen(path: Path, every: list[dict[str, str]]) -> None:
    for rank, own in enumerate(every):
        if own != every[0]:
            raise ConfigError(
                f"{path}: process {rank} does not see this folder, or has another store: processes that train "
                "together need one folder on a file system that they share, and the same store"
            )


def _check_task(run: Run, task: str) -> None:
    if run.task != task:
        raise ConfigError(f"{run.path}: holds a run of {run.task!r}, not {task!r}; give another folder")


def _check_resumable(run: Run, task: str, config: TrainConfig, sections: Mapping[str, str]) -> None:
    _check_task(run, task)
    found = run.checkpoint()
    if found is None:  # nothing was trained yet: the folder takes the new settings
        return
    found.check_sections(sections)
    for settings in (run.settings, found.manifest["settings"]):
        differ = differences(settings, config)
        if differ:
            raise ConfigError(
                f"{run.path}: this run has other settings: {'; '.join(differ)}; "
                "give the same to go on with it, or another folder"
            )


def _metrics_line(where: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line.decode())
        whole = isinstance(found, dict) and isinstance(found.get("step"), int)
        if whole and (not found.get("whole") or (isinstance(found.get("split"), str) and "metrics" in found)):
            return found  # type: ignore[no-any-return]
    except (ValueError, RecursionError):
        pass
    raise FormatError(
        f"{where}:{number}: not a line of metrics: {line[:60].decode(errors='replace')!r}; delete the line to go on"
    )


def _append(file: Any, data: bytes) -> None:
    """Write all of ``data``; a disk that fills takes a part of it and refuses the rest."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
