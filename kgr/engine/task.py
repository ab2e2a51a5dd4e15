"""What a system gives the engine; the loop knows nothing else of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from kgr.engine.ring import Layout, Slot
from kgr.engine.table import Table


class Task(Protocol):
    """A thing to train. One object serves one call of ``train``.

    Steps count from 1; where a step is made of several batches, what :meth:`fill` is given and ``slot.step`` count
    those. Between ``fill`` and ``step`` a batch may wait, so ``fill`` must not read
    what training changes.
    """

    @property
    def module(self) -> nn.Module:
        """Dense parameters and buffers, on the device; may have none. Buffers are kept in checkpoints."""
        ...

    @property
    def tables(self) -> Mapping[str, Table]:
        """Tables by name; the name is a folder of the checkpoint."""
        ...

    def layout(self) -> Layout:
        """Return the fields of a slot: name -> (numpy dtype, shape)."""
        ...

    def fill(self, fields: dict[str, NDArray[Any]], step: int) -> None:
        """Write the batch of a step into the arrays of a slot.

        Called from several threads at once. What it writes depends on the seed and the step only.
        The arrays hold an older batch: where fewer entries are used than there are, a field says
        how many, and nothing reads beyond.
        """
        ...

    def ids(self, slot: Slot) -> Mapping[str, NDArray[np.int64]]:
        """Return by table the rows that the step of a batch will gather, from ``slot.host``: int64[U], distinct.

        Asked in step order as soon as a batch is made, so that a table can fetch them; where every table lies on the
        device it may be empty.
        """
        ...

    def step(self, slot: Slot) -> Tensor:
        """Return the loss of a batch, a scalar with its graph; the loop does the rest.

        Shapes that vary come from ``slot.host``; ``slot.tensors`` are on the device. Nothing is
        kept of a slot when the step is over.
        """
        ...

    def describe(self, step: int) -> str:
        """Say what a step trains, for instance its structure, where an error names it; "" where all train alike."""
        ...

    def report(self) -> dict[str, float]:
        """Return figures of the task's own for a line of metrics; called at log steps, so it may wait for the device.

        What is counted over steps belongs in a buffer of the module, or a resumed run starts it anew.
        """
        ...

    def evaluate(self, split: str) -> dict[str, Any]:
        """Return metrics that JSON can hold. Called without gradients, the module in evaluation mode."""
        ...

    def figure(self, metrics: dict[str, Any]) -> float:
        """Return what is to grow from one evaluation to the next, for instance its MRR: finite and at least 0.

        ``metrics`` are as :meth:`evaluate` returned them.
        """
        ...
