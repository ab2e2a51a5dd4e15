"""Copies between the host and a device, beside what the device computes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Event = torch.cuda.Event | None
"""A place in a stream's queue; None where the device is the CPU, and nothing is copied."""


class Lane:
    """A stream of its own for the copies of one thread; where the device is the CPU it hands tensors on as they are.

    Parameters
    ----------
    device
        Where the trainer computes.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def empty(self, *shape: int) -> Tensor:
        """Return float32 memory of the host that copies can start from, or end in, without a pause."""
        return torch.empty(shape, pin_memory=self._stream is not None)

    def up(self, tensors: Sequence[Tensor]) -> tuple[list[Tensor], Event]:
        """Begin to copy tensors to the device; by the lane's thread."""
        if self._stream is None:
            return list(tensors), None
        with torch.cuda.stream(self._stream):
            there = [tensor.to(self._device, non_blocking=True) for tensor in tensors]
        return there, self._mark(self._stream)

    def arrive(self, tensors: Sequence[Tensor], copied: Event) -> None:
        """Let what the trainer queues from now on wait for the copies; by the trainer."""
        if copied is None:
            return
        compute = torch.cuda.current_stream(self._device)
        compute.wait_event(copied)
        for tensor in tensors:
            tensor.record_stream(compute)  # its memory is the lane's: not free before the trainer has done with it

    def mark(self) -> Event:
        """Mark the place in the trainer's queue after which tensors may be copied to the host; by the trainer."""
        return None if self._stream is None else self._mark(torch.cuda.current_stream(self._device))

    def down(self, tensors: Sequence[Tensor], marked: Event) -> list[Tensor]:
        """Return tensors on the host, as they are at a mark; waits for them; by the lane's thread."""
        if self._stream is None or marked is None:
            return list(tensors)
        here = [self.empty(*tensor.shape) for tensor in tensors]
        self._stream.wait_event(marked)
        with torch.cuda.stream(self._stream):
            for tensor, memory in zip(tensors, here, strict=True):
                memory.copy_(tensor, non_blocking=True)
        self._mark(self._stream).synchronize()
        return here

    @staticmethod
    def _mark(stream: torch.cuda.Stream) -> torch.cuda.Event:
        event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        event.record(stream)
        return event
