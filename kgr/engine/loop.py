"""The one training loop."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from kgr import _rng
from kgr.engine import steering
from kgr.engine.checkpoint import Checkpoint
from kgr.engine.clock import Clock
from kgr.engine.config import TrainConfig, dense_of, learning_rate
from kgr.engine.dense import Dense
from kgr.engine.interrupt import Interrupts
from kgr.engine.losses import Losses
from kgr.engine.memory import keep_freed
from kgr.engine.processes import ALONE, Processes
from kgr.engine.ring import Ring, Slot, check_slots
from kgr.engine.run import Run
from kgr.engine.saving import Saver
from kgr.engine.sharded import collected
from kgr.engine.stages import Stages, by_stage
from kgr.engine.task import Task
from kgr.errors import TrainingError

TICK = 1.0
"""Seconds between reports, beside those of log steps."""

DROPOUT = 0x64726F70
"""Stream of what a task's step draws from torch's own generators."""


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where a training stands.

    Attributes
    ----------
    step, steps
        The last step finished; the steps of the whole training.
    loss
        Mean of the steps since the last line of metrics, with a line; else None.
    rows
        Of one step's batches, in all.
    rate
        Steps per second since the last line of metrics, evaluations left out.
    seconds, cpu_seconds
        Spent on training over all sessions, evaluations left out.
    metrics
        Of an evaluation that has just been made, else None.
    best
        The step of the best evaluation so far, None before the first.
    ended
        Why the training is over, in the report that :func:`train` returns: "steps", "minutes" or
        "early stop"; else None.
    """

    step: int
    steps: int
    loss: float | None
    rows: int
    rate: float
    seconds: float
    cpu_seconds: float
    metrics: dict[str, Any] | None = None
    best: int | None = None
    ended: str | None = None


def train(
    task: Task,
    run: Run,
    config: TrainConfig,
    *,
    progress: Callable[[Progress], None] | None = None,
    processes: Processes = ALONE,
) -> Progress:
    """Train a task in a run folder that ``run.begin`` holds; go on from its newest checkpoint, if any.

    On the CPU a training that was interrupted and resumed equals an uninterrupted one bit for bit,
    whatever the numbers of slots and producer threads, given the same number of torch's threads.

    With ``keep_best`` the task holds the weights of the best evaluation in the end, as the run does.

    The first Ctrl-C ends the training after the present batch and a checkpoint, the second at once, but for a
    checkpoint that is being written. A step of several batches that is not whole by then is made anew when the
    training goes on. Checkpoints are written while training goes on, see :class:`kgr.engine.saving.Saver`; one that
    does not fit on the disk is a warning, except the last one and a best one that is to be kept.

    Parameters
    ----------
    task
        In its initial state; its module and tables are moved.
    progress
        Called at the start, about every second, with every line of metrics, after every evaluation and at the end.
        What it raises ends the training; a KeyboardInterrupt leaves a checkpoint. Of several processes only the first
        calls it.
    processes
        Those that train together, each of which calls this. Losses and gradients are summed over them: a task makes
        them of its share of the batch. They stop at the same step, whichever is told to; what one raises ends all.

    Returns
    -------
    Progress
        As it stands at the end.

    Raises
    ------
    ConfigError
        Memory has no room for the batches made in advance.
    TrainingError
        A loss or a figure is not finite, or a checkpoint that is needed could not be written. The newest one is whole.
    FormatError
        The newest checkpoint is damaged or of another model.
    KeyboardInterrupt
        After the checkpoint.
    BaseException
        What the task raised, in ``fill`` too. Training can go on from the newest checkpoint.
    """
    keep_freed()
    layout, memory = task.layout(), {"slots": config.slots, "batch": config.batch, "beside": processes.local_size}
    processes.together(lambda: check_slots(layout, **memory))
    session = _Session(task, run, config, progress or (lambda _: None), processes)
    session.resume()
    ring = Ring(
        layout,
        task.fill,
        slots=config.slots,
        threads=config.threads,
        device=session.device,
        first=session.step * session.accumulate + 1,
        last=(session.step if session.ended else config.steps) * session.accumulate,
        stages=session.stages,
    )
    # one of several processes does not stop by itself: they would wait for it
    stop = ring.stop if processes.size == 1 else (lambda: None)
    with (
        _own_draws(session.device),
        session.saver,
        Interrupts(stop) as interrupts,
        contextlib.ExitStack() as tables,
        ring,
    ):
        for table in task.tables.values():
            tables.callback(table.flush)
        try:
            session.begin(interrupts)
            if session.settle(interrupts):
                ring.stop()
            for slot in ring:
                session.announce(slot)
                session.announce(ring.ahead(wait=processes.size > 1))  # several announce the same batches
                if session.advance(slot) and session.settle(interrupts):
                    break
            session.drop()
            interrupts.check()
        except KeyboardInterrupt:
            if session.whole and interrupts.count < 2:
                session.save(last=True)
            raise
    return session.finish()


class _Session:
    """What lives from the start of ``train`` to its end."""

    def __init__(
        self,
        task: Task,
        run: Run,
        config: TrainConfig,
        progress: Callable[[Progress], None],
        processes: Processes,
    ) -> None:
        self.device = processes.device_of(config.device)
        self.step = 0
        self.whole = True
        """False within a step: some of its counts, parameters and rows are moved, some not yet."""
        self.accumulate = dense_of(config).accumulate
        self.stages = Stages()
        self._announced = 0
        self._task, self._run, self._config, self._progress = task, run, config, progress
        self._processes = processes
        self._dense = Dense(task.module, config, self.device)
        self._parts: list[torch.Tensor] = []
        self._buffers: list[torch.Tensor] = []
        self._history: list[tuple[int, float]] = []
        self._losses = Losses(self.device, task.describe)
        self._clock = Clock()
        self._spent = self._stopped = False
        self._reported = (0, 0.0)
        self._told = 0.0
        self.saver = Saver(run, config, task, self._dense.optimizer, processes)

    @property
    def ended(self) -> str | None:
        """Why the training is over after the present step, None where it goes on."""
        config = self._config
        if config.early_stop and steering.waited(self._history) >= config.early_stop:
            return "early stop"
        if self.step == config.steps:
            return "steps"
        return "minutes" if self.step and self._spent else None

    def resume(self) -> None:
        """Take up the newest checkpoint, or the initial state, and the metrics up to there."""
        found = self._run.checkpoint()
        if found is not None:
            self._processes.together(lambda: self._restore(found))
            self.step = found.step
            self._history = [(step, figure) for step, figure in found.manifest.get("history", ())]
            self._losses = Losses(self.device, self._task.describe, **found.manifest["losses"])
            self._clock = Clock(**found.manifest["spent"])
        self.saver.resumed(self.step, self._state())
        self._reported = self.step, self._clock.seconds
        if self._processes.first:
            self._run.rewind(self.step)
        self._task.module.train()
        self._agree(stopped=False)

    def _restore(self, found: Checkpoint) -> None:
        found.restore_weights(self._task.module, self._task.tables)
        found.restore_moments(self._task.module, self._task.tables, self._dense.optimizer)

    def begin(self, interrupts: Interrupts) -> None:
        """Report where the training starts."""

        def tell() -> None:
            with interrupts.raised():
                self.tell()

        self._processes.led(tell)

    def announce(self, slot: Slot | None) -> None:
        """Tell the tables, once, which rows a batch that is made will gather; they may begin to fetch them."""
        if slot is not None and slot.step > self._announced:
            for name, ids in self._task.ids(slot).items():
                self._task.tables[name].prefetch(ids)
            self._announced = slot.step

    def advance(self, slot: Slot) -> bool:
        """Make one batch of a step, forward and backward; with the last every parameter and row moves: return True."""
        with self.stages.timed("compute"):
            return self._advance(slot)

    def _advance(self, slot: Slot) -> bool:
        _seed(self.device, _rng.key(self._config.seed, DROPOUT, slot.step))
        if not self._parts and self.accumulate > 1:
            self._buffers = [buffer.clone() for buffer in self._task.module.buffers()]
        self.whole = False
        with self._dense.computing(slot.step):
            with self._dense.autocast():
                loss = self._task.step(slot)
            (loss / self.accumulate if self.accumulate > 1 else loss).backward()  # type: ignore[no-untyped-call]
        self._parts.append(loss.detach())
        if slot.step % self.accumulate:
            return False
        self._move(slot.step // self.accumulate)
        return True

    def _move(self, step: int) -> None:
        """Move every parameter and row by the gradients of a step."""
        rate = learning_rate(self._config, step, self._history)
        loss = self._parts[0] if self.accumulate == 1 else torch.stack(self._parts).mean()
        loss = self._dense.sum_over(self._processes, loss)
        self._dense.move(rate)
        for table in self._task.tables.values():
            table.step(rate)
        self._losses.add(step, loss)
        self._parts.clear()
        self.step = step
        self.whole = True

    def drop(self) -> None:
        """Forget the batches of a step that is not whole: back to the step before."""
        if self._parts:
            self._parts.clear()
            self._dense.forget()
            for buffer, before in zip(self._task.module.buffers(), self._buffers, strict=True):
                buffer.copy_(before)
            self.whole = True

    def settle(self, interrupts: Interrupts) -> bool:
        """Do what a step calls for beside itself: evaluate, log, save; return whether it is the last.

        Called again for the step from which training goes on, it makes up for what an interruption left out.
        """
        self.saver.check()
        if self._evaluation_due():
            self._evaluate(interrupts)
        stopped = self._agree(stopped=interrupts.count > 0)
        if stopped:
            interrupts.note()
        over = self.ended is not None
        if over or self.step % self._config.log_every == 0:
            self._log()
        elif self._clock.seconds >= self._told + TICK:
            self.tell()
        improved = self._config.keep_best and steering.best(self._history) == self.step
        if over or improved or self.step % self._config.checkpoint_every == 0:
            self.save(needed=over or improved, last=over)
        return over or stopped

    def _agree(self, *, stopped: bool) -> bool:
        """Learn whether the minutes are spent in some process, and return whether one is stopped."""
        minutes = self._config.minutes
        spent = minutes is not None and self._clock.seconds >= 60 * minutes
        self._spent, stopped = self._processes.any(spent, stopped or self._stopped)
        return stopped

    def _evaluation_due(self) -> bool:
        every = self._config.eval_every
        done = bool(self._history) and self._history[-1][0] == self.step
        return self.step > 0 and every > 0 and self.step % every == 0 and not done

    def _evaluate(self, interrupts: Interrupts) -> None:
        """Evaluate on the valid split, write a line of metrics and report."""

        def measured() -> dict[str, Any]:
            with interrupts.raised():
                return evaluate(self._task, "valid")

        try:
            with self._clock.paused(), collected(self._task.tables):
                metrics = self._processes.led(measured)
                figure = self._task.figure(metrics)
        except Exception:
            self.save()  # no step is lost
            raise
        if not math.isfinite(figure):
            raise TrainingError(f"step {self.step}: the evaluation's figure is {figure}, expected a finite number")
        self._history.append((self.step, figure))
        self._record({"step": self.step, "split": "valid", "metrics": metrics})
        self.tell(dataclasses.replace(self.report(), metrics=metrics))

    def _log(self) -> None:
        """Write a line of metrics and report, unless the last line is of this step."""
        loss = self._losses.mean()
        if loss is None:
            return
        report = dataclasses.replace(self.report(), loss=loss)
        self._record(
            {
                "step": report.step,
                "loss": loss,
                "lr": learning_rate(self._config, report.step, self._history),
                "rate": report.rate * report.rows,
                "seconds": report.seconds,
                "cpu_seconds": report.cpu_seconds,
                "stage_seconds": by_stage([self.stages, *(table.stages for table in self._task.tables.values())]),
                **self._task.report(),
            }
        )
        self._reported = report.step, report.seconds
        self.tell(report)

    def _record(self, line: Mapping[str, Any]) -> None:
        if self._processes.first:
            self._run.record(line)

    def tell(self, report: Progress | None = None) -> None:
        """Report; by default without a loss, and so without waiting for the device."""
        report = report or self.report()
        self._told = report.seconds
        if not self._processes.first:
            return
        try:
            self._progress(report)
        except KeyboardInterrupt:
            if self._processes.size == 1:
                raise
            self._stopped = True  # where the others stop too

    def finish(self) -> Progress:
        """Give the task the weights that are the run's, and report why the training is over."""
        if self._config.keep_best:
            with self._clock.paused():
                chosen = self._run.chosen()
                self._processes.together(lambda: chosen.restore_weights(self._task.module, self._task.tables))
        report = dataclasses.replace(self.report(), ended=self.ended)
        self.tell(report)
        return report

    def report(self) -> Progress:
        """Return where the training stands."""
        step, seconds = self._reported
        now = self._clock.seconds
        rate = (self.step - step) / (now - seconds) if self.step > step else 0.0
        best = steering.best(self._history)
        rows = self._config.batch * self.accumulate
        return Progress(self.step, self._config.steps, None, rows, rate, now, self._clock.cpu_seconds, best=best)

    def _state(self) -> dict[str, Any]:
        """What a checkpoint holds that changes after its step too: by an evaluation, and a line of metrics."""
        losses = {"total": self._losses.total, "count": self._losses.count}
        return {"losses": losses, "history": list(self._history)}

    def save(self, *, needed: bool = False, last: bool = False) -> None:
        """Write a checkpoint of the present step, or what has changed of it since it was written."""
        self._losses.read()
        for table in self._task.tables.values():
            table.flush()
        spent = {"seconds": self._clock.seconds, "cpu_seconds": self._clock.cpu_seconds}
        best = steering.best(self._history) if self._config.keep_best else None
        self.saver.save(self.step, self._state(), spent, best=best, needed=needed, last=last)


def evaluate(task: Task, split: str) -> dict[str, Any]:
    """Return ``task.evaluate(split)``, made without gradients and with the module in evaluation mode."""
    for table in task.tables.values():
        table.flush()
    training = task.module.training
    task.module.eval()
    try:
        with torch.no_grad():
            return task.evaluate(split)
    finally:
        task.module.train(training)


@contextlib.contextmanager
def _own_draws(device: torch.device) -> Iterator[None]:
    """Leave the caller's generators of torch as they were."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


def _seed(device: torch.device, key: int) -> None:
    torch.default_generator.manual_seed(key)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index].manual_seed(key)
