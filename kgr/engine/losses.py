"""The losses of the steps since the last report, on the device until they are read."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from kgr.errors import TrainingError

HELD = 1024
"""Losses that the device holds; they are read when it is full, whatever the cadences."""


class Losses:
    """Collects losses without waiting for the device.

    ``total`` and ``count`` are of the steps read since the last :meth:`mean`; they are summed one
    by one in float64, so that reading at other moments, or in two sessions, gives the same mean.
    ``describe`` says what a step trains, see :meth:`kgr.engine.task.Task.describe`.
    """

    def __init__(
        self, device: torch.device, describe: Callable[[int], str], total: float = 0.0, count: int = 0
    ) -> None:
        self._describe = describe
        self.total = total
        self.count = count
        self._held = torch.zeros(HELD, device=device)
        self._first = 0
        self._length = 0

    def add(self, step: int, loss: Tensor) -> None:
        """Keep the loss of a step; steps follow each other."""
        if self._length == HELD:
            self.read()
        if self._length == 0:
            self._first = step
        self._held[self._length] = loss.detach()
        self._length += 1

    def read(self) -> None:
        """Fetch what the device holds.

        Raises
        ------
        TrainingError
            A loss is not finite; the first such step is named, with what it trains.
        """
        values = self._held[: self._length].tolist()
        self._length = 0
        for step, value in enumerate(values, self._first):
            if not math.isfinite(value):
                where = ", ".join(filter(None, (f"step {step}", self._describe(step))))
                help = "a lower learning rate or a warm-up may help, in a new run; the last checkpoint is kept"
                raise TrainingError(f"{where}: the loss is {value}; {help}")
            self.total += value
        self.count += len(values)

    def mean(self) -> float | None:
        """Return the mean since the last call, None where there was no step, and start anew."""
        self.read()
        mean = self.total / self.count if self.count else None
        self.total, self.count = 0.0, 0
        return mean
