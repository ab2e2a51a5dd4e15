"""Embedding tables: many rows, of which a step touches few."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kgr import _rng
from kgr.engine.optim import RowOptimizer
from kgr.engine.shares import Share, share_of
from kgr.engine.stages import Stages

INIT_ROWS = 16_384
"""Rows drawn from one key. Part of the law of initialisation: another number makes other rows."""

Init = Callable[[Tensor, torch.Generator], object]
"""Fills float32[n, width] in place with draws from the generator."""


class Table(Protocol):
    """Rows that a step gathers and moves, wherever they are kept.

    ``weight`` is float32[rows, width], ``moments`` are the optimiser's, float32[rows, .] by name, ``steps`` counts
    the steps that moved rows. Checkpoints read and write these three, after :meth:`flush` and by ranges
    of rows. Where rows are kept on the disk, ``weight`` is mapped from a file and has gaps between its rows.
    ``stages`` has the seconds that it spent beside the trainer, and that gathering waited for it. ``share`` says which
    rows of the whole table these are: all but where processes share them.
    """

    @property
    def weight(self) -> Tensor:
        """The rows."""
        ...

    @property
    def moments(self) -> Mapping[str, Tensor]:
        """What the optimiser keeps beside the rows."""
        ...

    steps: int
    stages: Stages

    @property
    def share(self) -> Share:
        """Which rows are held."""
        ...

    def prefetch(self, ids: NDArray[np.int64]) -> None:
        """Take notice of the rows that a batch made in advance will gather; batches are announced in step order.

        ``ids`` int64[U] are on the host, and may hold another batch after the return. A table that needs no
        look-ahead ignores it.
        """
        ...

    def gather(self, ids: Tensor | None) -> Tensor:
        """Return the rows of distinct ``ids`` int64[U], all rows for None, as a leaf that takes a gradient."""
        ...

    def step(self, lr: float) -> None:
        """Apply the gradient of the rows gathered since the last step; no other row moves."""
        ...

    def flush(self) -> None:
        """Return when ``weight`` and ``moments`` hold every step applied so far, and no thread of its own lives."""
        ...


class DeviceTable:
    """A table that lies on the device whole. Its staleness is 0.

    Parameters
    ----------
    rows, width
        Shape of the table; of ``rows`` that are a share, only those of this process are kept.
    optimizer
        For instance ``ROW_OPTIMIZERS[config.optimizer]()``.
    device
        Where the table lies. The initial rows do not depend on it.
    init
        For instance ``uniform(0.1)``. A row does not depend on the number of processes either.
    key
        Key of the initial draws, for instance ``_rng.key(seed, stream)`` with a stream for each table.
    """

    def __init__(
        self, rows: int | Share, width: int, *, optimizer: RowOptimizer, device: torch.device, init: Init, key: int
    ) -> None:
        self.share = share_of(rows)
        self.weight = torch.empty(len(self.share), width, device=device)
        moments = optimizer.widths(width).items()
        self.moments = {name: torch.zeros(len(self.share), own, device=device) for name, own in moments}
        self.steps = 0
        self.stages = Stages()
        self._optimizer = optimizer
        self._gathered: tuple[Tensor | None, Tensor] | None = None
        fill(self.weight, self.share, init, key)

    def prefetch(self, ids: NDArray[np.int64]) -> None:
        """Do nothing: every row is at hand."""

    def gather(self, ids: Tensor | None) -> Tensor:
        """Return the rows of distinct ``ids`` int64[U] as a leaf [U, width] that takes a gradient.

        All rows for None: the leaf is then the table's own memory, so nothing is copied, and the rows
        are not to be read after the step that moves them.

        One gather per step: gradients of a row that two of them shared would have to be merged
        first. Under ``torch.no_grad`` the rows are returned and nothing is remembered.

        Raises
        ------
        RuntimeError
            A second gather in one step.
        """
        rows = self.weight.detach() if ids is None else self.weight.index_select(0, ids)
        if torch.is_grad_enabled():
            if self._gathered is not None:
                raise RuntimeError("rows of this table were gathered twice in one step: gather their union once")
            rows.requires_grad_()
            self._gathered = ids, rows
        return rows

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Apply the gradient of the rows gathered since the last step; no other row moves."""
        gathered, self._gathered = self._gathered, None
        if gathered is None or gathered[1].grad is None:
            return
        self.steps += 1
        ids, rows = gathered[0], gathered[1].detach()
        if ids is None:
            self._optimizer.update(rows, gathered[1].grad, self.moments, lr, self.steps)
            return
        moments = {name: moment.index_select(0, ids) for name, moment in self.moments.items()}
        self._optimizer.update(rows, gathered[1].grad, moments, lr, self.steps)
        self.weight.index_copy_(0, ids, rows)
        for name, moment in moments.items():
            self.moments[name].index_copy_(0, ids, moment)

    def flush(self) -> None:
        """Return at once: nothing is ever under way."""


def fill(weight: Tensor, share: Share, init: Init, key: int) -> None:
    """Write the initial rows of a share, which depend on the key and the number of all rows alone."""
    for first in range(0, share.rows, INIT_ROWS):
        block = torch.empty(min(INIT_ROWS, share.rows - first), weight.shape[1])
        init(block, torch.Generator().manual_seed(_rng.key(key, first // INIT_ROWS)))
        own = block[(share.part - first) % share.parts :: share.parts]
        weight[share.below(first) :][: len(own)] = own


def uniform(bound: float) -> Init:
    """Return the initialisation that draws evenly from [-bound, bound)."""
    return lambda block, generator: block.uniform_(-bound, bound, generator=generator)


def normal(std: float) -> Init:
    """Return the initialisation that draws from the normal distribution of mean 0."""
    return lambda block, generator: block.normal_(0, std, generator=generator)
