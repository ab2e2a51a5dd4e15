"""A table whose rows are shared out among processes."""

from __future__ import annotations

import contextlib
import dataclasses
from collections import deque
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kgr.engine.memory import free_memory
from kgr.engine.processes import Processes
from kgr.engine.room import in_words
from kgr.engine.shares import Share
from kgr.engine.table import Table
from kgr.errors import TrainingError

COLLECTED = 1 << 16
"""Rows of the whole table that are collected at once."""


@dataclasses.dataclass(frozen=True)
class _Asked:
    """The rows of one batch: what this process asks of the others, and they of it.

    Its ids by owner are those at ``order`` int64[U]; ``sent`` and ``received`` are the numbers of rows asked of each
    process, and by each. The latter are rows ``own`` of the local table, which ``places`` says for each in turn.
    """

    order: Tensor
    sent: list[int]
    received: list[int]
    own: Tensor
    places: Tensor

    def on(self, device: torch.device) -> _Asked:
        """Return it with its tensors on a device, where they arrive without a pause."""
        if device.type == "cpu":
            return self
        tensors = {name: getattr(self, name).pin_memory() for name in ("order", "own", "places")}
        there = {name: tensor.to(device, non_blocking=True) for name, tensor in tensors.items()}
        return dataclasses.replace(self, **there)


class ShardedTable:
    """A table of which every process holds a share of the rows, in a local table of whatever kind.

    What is asked of it is asked by every process in the same order, each with ids of its own. A row moves by the sum of
    the gradients that processes have for it, summed by rank. Its staleness is that of the local table.

    Parameters
    ----------
    local
        A table of this process's share of the rows.
    """

    def __init__(self, local: Table, processes: Processes) -> None:
        self.stages = local.stages  # waiting for rows of other processes is waiting for rows
        self._local, self._processes = local, processes
        self._expected: deque[_Asked] = deque()
        self._gathered: tuple[_Asked, Tensor, Tensor] | None = None
        self._whole: Tensor | None = None

    @property
    def share(self) -> Share:
        """Which rows this process holds."""
        return self._local.share

    @property
    def weight(self) -> Tensor:
        """The rows of this process's share."""
        return self._local.weight

    @property
    def moments(self) -> Mapping[str, Tensor]:
        """What the optimiser keeps beside these rows."""
        return self._local.moments

    @property
    def steps(self) -> int:
        """Steps that moved rows, of whatever process."""
        return self._local.steps

    @steps.setter
    def steps(self, steps: int) -> None:
        self._local.steps = steps

    def prefetch(self, ids: NDArray[np.int64]) -> None:
        """Ask the others for the rows of a batch that is to be gathered, and have the local table read what they ask.

        Every process announces as many batches before it gathers the next.
        """
        asked = self._ask(torch.from_numpy(ids))
        self._expected.append(asked)
        self._local.prefetch(asked.own.numpy())

    def gather(self, ids: Tensor | None) -> Tensor:
        """Return the rows of distinct ``ids`` int64[U] as a leaf [U, width] that takes a gradient.

        Where batches were announced these are the next one's ids. Under ``torch.no_grad`` the rows are returned and
        nothing is remembered.

        Raises
        ------
        RuntimeError
            A second gather in one step; other ids than were announced.
        ValueError
            All rows were asked for, which no process holds.
        """
        if ids is None:
            raise ValueError("all rows were asked for, which processes share")
        if not torch.is_grad_enabled():
            return self._fetch(self._ask(ids.cpu()).on(ids.device))[0]
        if self._gathered is not None:
            raise RuntimeError("rows of this table were gathered twice in one step: gather their union once")
        if not self._expected:
            self.prefetch(ids.cpu().numpy())
        asked = self._expected.popleft()
        if len(ids) != len(asked.order):
            raise RuntimeError(f"{len(ids)} rows are gathered that are not the {len(asked.order)} announced ones")
        asked = asked.on(ids.device)
        rows, own = self._fetch(asked)
        self._gathered = asked, rows.requires_grad_(), own
        return rows

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Apply the gradients of the rows gathered since the last step, by all processes; no other row moves."""
        gathered, self._gathered = self._gathered, None
        if gathered is not None and gathered[1].grad is not None:
            asked, rows, own = gathered
            grad = rows.grad.index_select(0, asked.order)  # type: ignore[union-attr]
            grads = self._processes.exchange(grad, asked.sent, asked.received)
            own.grad = torch.zeros_like(own)
            each = torch.split(asked.places, asked.received), torch.split(grads, asked.received)
            for into, part in zip(*each, strict=True):
                own.grad.index_add_(0, into, part)  # distinct places: the order of the sum is that of ranks
        self._local.step(lr)

    def flush(self) -> None:
        """Return when this process's rows hold every step applied so far."""
        self._local.flush()

    def collect(self) -> None:
        """Bring all rows into the first process's memory, until :meth:`release`; every process calls it.

        Raises
        ------
        TrainingError
            They do not fit there.
        """
        self.flush()
        self._processes.together(self._check_room)
        whole = torch.empty(self.share.rows, self.weight.shape[1]) if self._processes.first else None
        shares = [Share(self.share.rows, part, self.share.parts) for part in range(self.share.parts)]
        for first in range(0, self.share.rows, COLLECTED):
            last = min(first + COLLECTED, self.share.rows)
            rows = self.weight[self.share.below(first) : self.share.below(last)]
            counts = [share.below(last) - share.below(first) for share in shares]
            none = [0] * len(shares)
            sent = [len(rows), *none[1:]]
            got = self._processes.exchange(rows, sent, none if whole is None else counts)
            if whole is not None:
                for share, own in zip(shares, torch.split(got, counts), strict=True):
                    whole[first:last][(share.part - first) % share.parts :: share.parts] = own
        self._whole = whole

    def _check_room(self) -> None:
        need, free = 4 * self.share.rows * self.weight.shape[1], free_memory()
        if self._processes.first and need > free:
            raise TrainingError(
                f"an evaluation needs all rows in one process's memory, {in_words(need)}, but there are "
                f"{in_words(free)} free: leave eval_every out"
            )

    def release(self) -> None:
        """Let go of the rows of the others."""
        self._whole = None

    @property
    def whole(self) -> Tensor:
        """All rows, on the host; of the first process, while they are collected."""
        if self._whole is None:
            raise RuntimeError("the rows of a table that processes share are not collected here")
        return self._whole

    def _ask(self, ids: Tensor) -> _Asked:
        """Tell every process which of its rows this one wants, and learn which of its own they want."""
        owners = self.share.owners(ids)
        order = torch.argsort(owners, stable=True)
        sent = torch.bincount(owners, minlength=self.share.parts).tolist()
        received = self._processes.exchange_counts(sent)
        wanted = self._processes.exchange(ids.index_select(0, order), sent, received)
        own, places = torch.unique(self.share.places(wanted), return_inverse=True)
        return _Asked(order, sent, received, own, places)

    def _fetch(self, asked: _Asked) -> tuple[Tensor, Tensor]:
        """Return the rows that this process wants, and those of the local table that it gave to any."""
        own = self._local.gather(asked.own)
        with self.stages.timed("gather", "wait"):
            given = own.detach().index_select(0, asked.places)
            got = self._processes.exchange(given, asked.received, asked.sent)
        return torch.empty_like(got).index_copy_(0, asked.order, got), own


@contextlib.contextmanager
def collected(tables: Mapping[str, Table]) -> Iterator[None]:
    """Within the block the first process can see :func:`all_rows` of every table; every process enters it."""
    shared = [table for table in tables.values() if isinstance(table, ShardedTable)]
    try:
        for table in shared:
            table.collect()
        yield
    finally:
        for table in shared:
            table.release()


def all_rows(table: Table) -> Tensor:
    """Return all rows of a table; of one that processes share in the first of them, while they are collected."""
    return table.whole if isinstance(table, ShardedTable) else table.weight
