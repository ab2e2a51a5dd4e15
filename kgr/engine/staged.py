"""Tables off the device: their rows come and go by batches, beside what is computed."""

from __future__ import annotations

import dataclasses
import mmap
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kgr._threads import share_rows
from kgr.engine.lane import Event, Lane
from kgr.engine.mapped import MappedFile
from kgr.engine.optim import RowOptimizer
from kgr.engine.shares import Share, share_of
from kgr.engine.stages import Stages
from kgr.engine.table import Init, fill

READERS = 16
"""Threads that read rows from a disk at once, which have it answer many requests together."""

Got = TypeVar("Got")
Columns = dict[str, Tensor]
"""Tensors of the same rows: "weight", and the moments by name."""


@dataclasses.dataclass(eq=False)
class _Batch:
    """The rows of one batch.

    ``before`` are the batches that were not yet written back when the reading was asked for; where they move rows of
    this batch, their rows replace what was read.
    """

    ids: Tensor
    before: tuple[_Batch, ...] = ()
    reading: Future[tuple[list[Tensor], Event]] | None = None
    rows: Columns = dataclasses.field(default_factory=dict)
    moved: bool = False


class StagedTable:
    """A table whose rows lie off the device, which holds those of a few batches; its staleness is 0.

    One thread reads the rows of a batch that is announced (:meth:`prefetch`) and writes back those that a step
    moved, each in its turn. What a step moves after a batch's reading was asked for is taken over on the device. So
    every gather gives what a :class:`kgr.engine.table.DeviceTable` would, bit for bit.

    Parameters
    ----------
    columns
        Where rows are read and written by id; ``weight`` and ``moments`` are the same memory.
    share
        Which rows of the whole table these are.
    readers
        Threads that a reading is shared among.
    """

    def __init__(
        self, columns: Columns, share: Share, *, optimizer: RowOptimizer, device: torch.device, readers: int = 1
    ) -> None:
        self.share = share
        self.steps = 0
        self.stages = Stages()
        self._columns, self._readers = columns, readers
        self._optimizer, self._device = optimizer, device
        self._lane = Lane(device)
        self._worker: ThreadPoolExecutor | None = None
        self._error: BaseException | None = None
        self._expected: deque[_Batch] = deque()
        self._unmoved: list[_Batch] = []
        self._gathered: tuple[_Batch, Tensor] | None = None

    @property
    def weight(self) -> Tensor:
        """The rows, on the host."""
        return self._columns["weight"]

    @property
    def moments(self) -> Mapping[str, Tensor]:
        """What the optimiser keeps beside the rows, on the host."""
        return {name: column for name, column in self._columns.items() if name != "weight"}

    def prefetch(self, ids: NDArray[np.int64]) -> None:
        """Begin to read the rows of a batch that is to be gathered, in the order of the gathers."""
        batch = _Batch(torch.from_numpy(ids.copy()), tuple(self._unmoved))
        batch.reading = self._do(self._read, batch)
        self._expected.append(batch)
        self._unmoved.append(batch)

    def gather(self, ids: Tensor | None) -> Tensor:
        """Return the rows of distinct ``ids`` int64[U] as a leaf [U, width] on the device that takes a gradient.

        Where batches were announced these are the next one's ids; else they are fetched from the device first. Under
        ``torch.no_grad`` the rows are returned and nothing is remembered.

        Raises
        ------
        RuntimeError
            A second gather in one step; other ids than were announced.
        ValueError
            All rows were asked for.
        BaseException
            What reading or writing raised; the table is of no use then.
        """
        if ids is None:
            raise ValueError("all rows were asked for, which only a table on the device has at hand")
        if not torch.is_grad_enabled():
            self.flush()
            return self.weight.index_select(0, ids.cpu()).to(self._device)
        if self._gathered is not None:
            raise RuntimeError("rows of this table were gathered twice in one step: gather their union once")
        if not self._expected:
            self.prefetch(ids.cpu().numpy())
        batch = self._expected.popleft()
        if len(ids) != len(batch.ids) or (ids.device.type == "cpu" and not np.array_equal(ids, batch.ids)):
            raise RuntimeError(f"{len(ids)} rows are gathered that are not the {len(batch.ids)} announced ones")
        self._arrive(batch)
        leaf = batch.rows["weight"].detach().requires_grad_()
        self._gathered = batch, leaf
        return leaf

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Apply the gradient of the rows gathered since the last step, and have them written back."""
        if self._gathered is None:
            return
        (batch, leaf), self._gathered = self._gathered, None
        self._unmoved.remove(batch)
        if leaf.grad is None:
            return
        self.steps += 1
        moments = {name: rows for name, rows in batch.rows.items() if name != "weight"}
        self._optimizer.update(batch.rows["weight"], leaf.grad, moments, lr, self.steps)
        batch.moved = True
        self._do(self._write, batch, self._lane.mark())

    def flush(self) -> None:
        """Return when ``weight`` and ``moments`` hold every step applied so far; they may be written then.

        No thread of the table's lives until the next batch is announced.

        Raises
        ------
        BaseException
            What reading or writing raised.
        """
        if self._worker is not None:
            self._worker.shutdown()
            self._worker = None
        if self._error is not None:
            raise self._error
        for batch in self._expected:
            batch.before, batch.reading = (), None

    @torch.no_grad()
    def _arrive(self, batch: _Batch) -> None:
        """Have the rows of a batch on the device, as they are after every step so far."""
        reading = batch.reading or self._do(self._read, batch)
        with self.stages.timed("gather", "wait"):
            tensors, copied = reading.result()
        self._lane.arrive(tensors, copied)
        batch.rows = dict(zip(self._columns, tensors, strict=False))
        shared = iter(tensors[len(self._columns) :])
        for before, there, here in zip(batch.before, shared, shared, strict=True):
            for name, rows in batch.rows.items() if before.moved else ():
                rows.index_copy_(0, here, before.rows[name].index_select(0, there))
        batch.before, batch.reading = (), None

    def _read(self, batch: _Batch) -> tuple[list[Tensor], Event]:
        """Return the columns of a batch, then for each batch before it the places of shared rows in both."""
        with self.stages.timed("gather"):
            rows = [self._lane.empty(len(batch.ids), column.shape[1]) for column in self._columns.values()]

            def read(first: int, last: int) -> None:
                for column, into in zip(self._columns.values(), rows, strict=True):
                    torch.index_select(column, 0, batch.ids[first:last], out=into[first:last])

            share_rows(read, len(batch.ids), self._readers)
            shared = [torch.from_numpy(places) for before in batch.before for places in _shared(before, batch)]
            return self._lane.up([*rows, *shared])

    def _write(self, batch: _Batch, moved: Event) -> None:
        with self.stages.timed("write", "wait"):
            rows = self._lane.down(list(batch.rows.values()), moved)
        with self.stages.timed("write"):
            for column, own in zip(self._columns.values(), rows, strict=True):
                column.index_copy_(0, batch.ids, own)

    def _do(self, job: Callable[..., Got], *arguments: Any) -> Future[Got]:
        """Have the table's thread do a job after those before it."""
        if self._worker is None:
            self._worker = ThreadPoolExecutor(1, "kgr-table")
        return self._worker.submit(self._unless_failed, job, *arguments)

    def _unless_failed(self, job: Callable[..., Got], *arguments: Any) -> Got:
        if self._error is not None:
            raise self._error
        try:
            return job(*arguments)
        except BaseException as error:
            self._error = error
            raise


def _shared(before: _Batch, batch: _Batch) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places in both batches of the rows that they share."""
    _, there, here = np.intersect1d(before.ids.numpy(), batch.ids.numpy(), assume_unique=True, return_indices=True)
    return there, here


class HostTable(StagedTable):
    """A :class:`StagedTable` in the host's memory; parameters as for a ``DeviceTable``, whose bits it has."""

    def __init__(
        self, rows: int | Share, width: int, *, optimizer: RowOptimizer, device: torch.device, init: Init, key: int
    ) -> None:
        share = share_of(rows)
        columns = {name: torch.zeros(len(share), own) for name, own in optimizer.widths(width).items()}
        columns = {"weight": torch.empty(len(share), width), **columns}
        super().__init__(columns, share, optimizer=optimizer, device=device)
        fill(self.weight, share, init, key)


class DiskTable(StagedTable):
    """A :class:`StagedTable` in a file, a row and its moments side by side, that the system keeps in memory in part.

    The file is gone with the process, however that ends: what a run goes on from is its checkpoint.

    Parameters
    ----------
    folder
        Where the file lies; the rest as for a ``DeviceTable``, whose bits it has.

    Raises
    ------
    OSError
        The disk is full.
    """

    def __init__(
        self,
        rows: int | Share,
        width: int,
        *,
        optimizer: RowOptimizer,
        device: torch.device,
        init: Init,
        key: int,
        folder: Path,
    ) -> None:
        share, widths = share_of(rows), {"weight": width, **optimizer.widths(width)}
        self._file = MappedFile(folder, 4 * len(share) * sum(widths.values()))
        memories = self._file.passed, self._file.picked
        self._passed, picked = (_columns(memory, len(share), widths) for memory in memories)
        self._steady = False
        super().__init__(picked, share, optimizer=optimizer, device=device, readers=READERS)
        fill(self.weight, share, init, key)

    @property
    def weight(self) -> Tensor:
        """The rows, mapped from the file: to be read by ranges."""
        return self._passed["weight"]

    @property
    def moments(self) -> Mapping[str, Tensor]:
        """What the optimiser keeps beside the rows, mapped from the file."""
        return {name: column for name, column in self._passed.items() if name != "weight"}

    def flush(self) -> None:
        """Return when ``weight`` and ``moments`` hold every step applied so far; they may be written then."""
        super().flush()
        self._steady = False  # a pass is to come

    def _read(self, batch: _Batch) -> tuple[list[Tensor], Event]:
        if not self._steady:
            self._file.forget()
            self._steady = True
        return super()._read(batch)


def _columns(memory: mmap.mmap, rows: int, widths: Mapping[str, int]) -> Columns:
    records = torch.frombuffer(memory, dtype=torch.float32).view(rows, -1)
    return dict(zip(widths, torch.split(records, list(widths.values()), dim=1), strict=True))
