"""When checkpoints are written, and what becomes of those that cannot be: training goes on meanwhile, where it may."""

from __future__ import annotations

import dataclasses
import errno
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Any

import torch

from kgr.engine import checkpoint
from kgr.engine.checkpoint import Tensors
from kgr.engine.config import TrainConfig
from kgr.engine.device import out_of_memory
from kgr.engine.memory import free_memory, hand_back
from kgr.engine.processes import ALONE, Processes
from kgr.engine.room import in_words
from kgr.engine.run import Run
from kgr.engine.task import Task
from kgr.errors import TrainingError

_CHECKED_ROWS = 1 << 16
_SHARE = 0.8
"""Of the free memory that a copy may take; the rest is for what others do meanwhile."""


class Saver:
    """Writes the checkpoints of a training in a thread of its own, at most one at a time.

    Where memory has room for a copy of tables, module and optimiser, training goes on while that is written; else
    it waits, and a warning says so once. What goes wrong while one is written is raised in the trainer by the
    next :meth:`check`, :meth:`wait` or :meth:`save`. It is a context, and ends when nothing is being written any more.

    Attributes
    ----------
    step
        Of the newest checkpoint that is written.
    """

    def __init__(
        self,
        run: Run,
        config: TrainConfig,
        task: Task,
        optimizer: torch.optim.Optimizer | None,
        processes: Processes = ALONE,
    ) -> None:
        self.step = 0
        self._processes, self._writing = processes, processes.apart()
        self._run, self._config, self._task = run, config, task
        self._live = task.module if processes.first else None, task.tables, optimizer
        self._changing: Mapping[str, Any] = {}
        self._pool = ThreadPoolExecutor(1, "kgr-checkpoint")
        self._written: Future[None] | None = None
        self._coming: tuple[int, Mapping[str, Any]] = 0, {}
        self._needed = False
        self._given_up = self._told = False

    def __enter__(self) -> Saver:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            self.wait()
        except Exception as failure:
            if error is None:
                raise
            warnings.warn(str(failure), stacklevel=2)
        finally:
            self._pool.shutdown()

    def resumed(self, step: int, changing: Mapping[str, Any]) -> None:
        """Know what is written already: the newest checkpoint, or before the first one the initial state."""
        self.step, self._changing = step, changing

    def save(
        self,
        step: int,
        changing: Mapping[str, Any],
        spent: Mapping[str, float],
        *,
        best: int | None,
        needed: bool,
        last: bool,
    ) -> None:
        """Write a checkpoint of the present step, or what has changed of it since it was written.

        Parameters
        ----------
        changing
            Entries of the manifest that may change after the step, while nothing else does.
        best
            The step whose checkpoint is kept, however old.
        needed
            Whether a full disk is an error and not a warning.
        last
            Whether training ends, so that it is returned when it is written.

        Raises
        ------
        TrainingError
            A parameter or a row is not finite; a full disk has no room for a checkpoint that is needed.
        """
        self.wait()
        if step == self.step:
            if changing == self._changing:
                return
            amend = partial(checkpoint.amend, self._run.checkpoints / str(step), changing)
            files, write = None, partial(self._writing.led, amend)
        else:
            self._processes.together(partial(self._check_finite, step))
            files = None if last else self._copied()
            (waits,) = self._processes.any(files is None)  # where one does, all do
            files = None if waits else files
            write = partial(self._write, files, self._manifest(step, changing, spent), best)
        self._coming, self._needed = (step, changing), needed
        self._written = self._pool.submit(write)
        if files is None:
            self.wait()

    def check(self) -> None:
        """Raise what went wrong with a checkpoint, if that is known by now."""
        if self._written is not None and self._written.done():
            self.wait()

    def wait(self) -> None:
        """Return when no checkpoint is being written; a warning says where one could be done without."""
        if self._written is None:
            return
        try:
            error = self._written.exception()
        except BaseException:  # Ctrl-C in this thread
            self._given_up = True
            raise
        self._written = None
        if error is None:
            self.step, self._changing = self._coming
        elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            self._tell_full(error)
        else:
            raise error

    def _tell_full(self, error: OSError) -> None:
        message = f"{self._run.checkpoints}: the disk is full, no checkpoint of step {self._coming[0]}"
        if self._needed:
            raise TrainingError(f"{message}; make room and give the same command again") from error
        warnings.warn(f"{message}; the newest is of step {self.step}", stacklevel=2)

    def _manifest(self, step: int, changing: Mapping[str, Any], spent: Mapping[str, float]) -> dict[str, Any]:
        return {
            "step": step,
            "settings": dataclasses.asdict(self._config),
            "sections": dict(self._run.sections),
            "spent": dict(spent),
            "tables": checkpoint.shapes_of(self._task.tables),
            **changing,
        }

    def _copied(self) -> list[tuple[str, Tensors]] | None:
        """Copy all that a checkpoint holds; None where memory has no room for that and twice its largest file."""
        size, free = checkpoint.size_of(*self._live), free_memory()
        needed = size + 2 * min(size, checkpoint.PART_BYTES)
        needed *= self._processes.local_size  # which copy at the same time, into the same memory
        if needed <= _SHARE * free:
            try:
                return list(checkpoint.files_of(*self._live))
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise
        if not self._told:
            self._told = True
            sizes = f"its copy needs {in_words(needed)} of memory, {in_words(free)} are free"
            warnings.warn(f"training waits while a checkpoint is written: {sizes}", stacklevel=2)
        return None

    def _write(self, copied: list[tuple[str, Tensors]] | None, manifest: dict[str, Any], best: int | None) -> None:
        """Write what was copied, or what is there now, each file copied when it is written."""
        if self._processes.first:
            self._run.sync()
        files = self._unless_given_up(checkpoint.files_of(*self._live) if copied is None else _emptied(copied))
        keep, others = self._config.keep_checkpoints, self._writing
        checkpoint.save(self._run.checkpoints, files, manifest, keep=keep, best=best, processes=others)
        hand_back()

    def _unless_given_up(self, files: Iterator[tuple[str, Tensors]]) -> Iterator[tuple[str, Tensors]]:
        for each in files:
            if self._given_up:
                raise TrainingError("a checkpoint was given up")
            yield each

    def _check_finite(self, step: int) -> None:
        """A finite loss may have moved parameters or rows to what is not; that must not be the newest checkpoint."""
        named: list[tuple[str, torch.Tensor]] = [*self._task.module.named_parameters()]
        named += [(f"table {name}", table.weight) for name, table in self._task.tables.items()]
        for name, tensor in named:
            if not all(_finite(part) for part in torch.split(tensor.detach(), _CHECKED_ROWS)):
                raise TrainingError(
                    f"step {step}: {name} is not finite; a lower learning rate or a warm-up may help; "
                    f"the newest checkpoint is of step {self.step}"
                )


def _emptied(files: list[tuple[str, Tensors]]) -> Iterator[tuple[str, Tensors]]:
    """Yield each, and forget it then."""
    files.reverse()
    while files:
        yield files.pop()


def _finite(tensor: torch.Tensor) -> bool:
    """Whether all numbers are; the extremes are not where any is not, and are found 30 times as fast."""
    return not tensor.numel() or all(bool(end.isfinite()) for end in torch.aminmax(tensor))
