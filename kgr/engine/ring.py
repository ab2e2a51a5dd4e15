"""Batches made in advance: slots of fixed arrays that go free -> ready -> free."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor

from kgr.engine.room import free_at, in_words
from kgr.engine.stages import Stages
from kgr.errors import ConfigError

Layout = Mapping[str, tuple[DTypeLike, tuple[int, ...]]]
Fill = Callable[[dict[str, NDArray[Any]], int], None]


class Slot:
    """One batch in fixed arrays.

    Attributes
    ----------
    host
        The fields as numpy arrays; read counts from here, never from the device.
    tensors
        The fields on the device: on the CPU the same memory, else copies made by a side stream.
    step
        The step whose batch it holds.
    """

    def __init__(self, layout: Layout, device: torch.device, stream: torch.cuda.Stream | None = None) -> None:
        memory = {name: _memory(dtype, shape, stream is not None) for name, (dtype, shape) in layout.items()}
        self.host: dict[str, NDArray[Any]] = {name: tensor.numpy() for name, tensor in memory.items()}
        self.tensors = memory
        self.step = 0
        self._memory = memory
        self._device = device
        self._stream = stream
        if stream is not None:
            self.tensors = {name: torch.empty_like(tensor, device=device) for name, tensor in memory.items()}
            # blocking: a producer that waits for the device sleeps and does not spin
            self._copied = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
            self._used = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
            # memory just allocated may still be in use by what the compute stream has queued
            self.leave()

    def fill(self, fill: Fill, step: int) -> None:
        """Make the batch of a step; by a producer. Waits until the device has done with the last one."""
        if self._stream is not None:
            self._used.synchronize()
        fill(self.host, step)
        self.step = step
        if self._stream is not None:
            with torch.cuda.stream(self._stream):
                for name, pinned in self._memory.items():
                    self.tensors[name].copy_(pinned, non_blocking=True)
            self._copied.record(self._stream)

    def arrive(self) -> None:
        """Let what the trainer queues from now on wait for the copies; by the trainer."""
        if self._stream is not None:
            torch.cuda.current_stream(self._device).wait_event(self._copied)

    def leave(self) -> None:
        """Mark the place in the trainer's queue after which the slot is free; by the trainer."""
        if self._stream is not None:
            self._used.record(torch.cuda.current_stream(self._device))


def _memory(dtype: DTypeLike, shape: tuple[int, ...], pinned: bool) -> Tensor:
    kind = torch.from_numpy(np.empty(0, dtype)).dtype
    return torch.zeros(shape, dtype=kind, pin_memory=pinned)


def check_slots(layout: Layout, *, slots: int, batch: int, beside: int = 1) -> None:
    """Refuse slots that the host's memory has no room for, before any is made.

    ``batch`` is what the settings say, ``beside`` the processes of this machine, each of which makes as many.

    Raises
    ------
    ConfigError
        It says how much they need, and how much there is.
    """
    size = sum(np.dtype(dtype).itemsize * math.prod(map(int, shape)) for dtype, shape in layout.values())
    need, free = slots * size * beside, free_at("host", torch.device("cpu"), Path())
    if free is not None and free < need:
        room = f"need {in_words(need)}, but this machine's memory has {in_words(free)} free"
        raise ConfigError(f"slots {slots} of batch {batch} {room}: give a smaller batch, or fewer slots")


class Ring:
    """Slots in step order, filled by producer threads.

    Use it as a context, which starts the threads and, however it is left, joins them; iterate over
    it once. A slot is free again when the next one is asked for. What comes out does not depend on
    the number of slots and threads.

    Parameters
    ----------
    layout
        Fields of a slot: name -> (dtype, shape).
    fill
        ``fill(fields, step)`` makes the batch of a step; called from several threads at once.
    slots, threads
        Batches in memory; threads that make them.
    device
        Where the batches are used.
    first, last
        The steps, both included.
    stages
        Where the time of "sample" is added, and what "compute" waits for batches.

    Raises
    ------
    BaseException
        What ``fill`` raised, with its traceback, when its step is due; the steps before come out.
    """

    def __init__(
        self,
        layout: Layout,
        fill: Fill,
        *,
        slots: int,
        threads: int,
        device: torch.device,
        first: int,
        last: int,
        stages: Stages | None = None,
    ) -> None:
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._free = [Slot(layout, device, self._stream) for _ in range(slots)]
        self._fill, self._slots = fill, slots
        self._stages = stages or Stages()
        self._next, self._due, self._last = first, first, last
        self._ready: dict[int, Slot | BaseException] = {}
        self._current: Slot | None = None
        self._stopped = False
        # reentrant: a signal handler may call stop() while this very thread holds the lock
        lock = threading.RLock()
        self._freed, self._filled = threading.Condition(lock), threading.Condition(lock)
        self._threads = [threading.Thread(target=self._produce, name=f"kgr-fill-{n}") for n in range(threads)]

    def __enter__(self) -> Ring:
        started: list[threading.Thread] = []
        try:
            for thread in self._threads:
                thread.start()
                started.append(thread)
        except BaseException:
            self._threads = started
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Ring:
        return self

    def __next__(self) -> Slot:
        self._release()
        with self._stages.timed("compute", "wait"), self._filled:
            while not self._arrived():
                self._filled.wait()
            if self._stopped or self._due > self._last:
                raise StopIteration
            got = self._ready.pop(self._due)
            self._due += 1
        if isinstance(got, BaseException):
            self.stop()
            raise got
        self._current = got
        got.arrive()
        return got

    def ahead(self, *, wait: bool = False) -> Slot | None:
        """Return the batch after the present one if it is made already; its host fields may be read, it stays here.

        With ``wait`` it is waited for, where there is one and a slot for it; what ``fill`` raised is raised now.
        """
        with self._stages.timed("compute", "wait"), self._filled:
            while wait and self._slots > 1 and not self._arrived():
                self._filled.wait()
            got = self._ready.get(self._due)
        if wait and isinstance(got, BaseException):
            self.stop()
            raise got
        return got if isinstance(got, Slot) else None

    def stop(self) -> None:
        """End the iteration at the next slot; may be called from anywhere, a signal handler too."""
        with self._freed:
            self._stopped = True
            self._freed.notify_all()
            self._filled.notify_all()

    def close(self) -> None:
        """Stop, and return when every thread has ended and the device no longer reads the slots."""
        self.stop()
        for thread in self._threads:
            thread.join()
        if self._stream is not None:
            self._stream.synchronize()

    def _arrived(self) -> bool:
        """Whether the batch that is due is made, or none will come."""
        return self._stopped or self._due in self._ready or self._due > self._last

    def _release(self) -> None:
        slot, self._current = self._current, None
        if slot is not None:
            slot.leave()
            with self._freed:
                self._free.append(slot)
                self._freed.notify()

    def _take(self) -> tuple[int, Slot] | None:
        """Wait for a free slot; return it with the step it is for, or None when there is no more to do."""
        with self._stages.timed("sample", "wait"), self._freed:
            while not (self._stopped or self._next > self._last or self._free):
                self._freed.wait()
            if self._stopped or self._next > self._last:
                # a stop() by a signal handler may have come between the trainer's look and its wait
                self._filled.notify()
                return None
            step = self._next
            self._next += 1
            return step, self._free.pop()

    def _produce(self) -> None:
        while (taken := self._take()) is not None:
            step, slot = taken
            got: Slot | BaseException = slot
            try:
                with self._stages.timed("sample"):
                    slot.fill(self._fill, step)
            except BaseException as error:
                got = error
            with self._filled:
                self._ready[step] = got
                self._filled.notify()
            if got is not slot:
                return
