"""Where the time of a training goes: seconds that threads spent in its stages."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator

STAGES = ("sample", "gather", "compute", "write")
"""Batches are made; their rows are read; the trainer computes; moved rows are written back."""

Seconds = dict[str, dict[str, float]]
"""stage -> {"busy", "wait"}."""


class Stages:
    """Sums of seconds; any thread may add to them.

    What ``wait`` is depends on the stage: "sample" waits for a free slot, "compute" for a batch, "gather" is the
    trainer's wait for rows, "write" the table's for the device.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: dict[tuple[str, str], float] = {}

    @contextlib.contextmanager
    def timed(self, stage: str, kind: str = "busy") -> Iterator[None]:
        """Add the time that the block takes."""
        start = time.perf_counter()
        try:
            yield
        finally:
            taken = time.perf_counter() - start
            with self._lock:
                self._seconds[stage, kind] = self._seconds.get((stage, kind), 0.0) + taken

    def take(self) -> dict[tuple[str, str], float]:
        """Return the sums since the last call, and start anew."""
        with self._lock:
            taken, self._seconds = self._seconds, {}
        return taken


def by_stage(every: Iterable[Stages]) -> Seconds:
    """Take what several have summed, each stage whole; the trainer computes while it doesn't wait for rows."""
    sums = {stage: {"busy": 0.0, "wait": 0.0} for stage in STAGES}
    for stages in every:
        for (stage, kind), seconds in stages.take().items():
            sums[stage][kind] += seconds
    sums["compute"]["busy"] -= sums["gather"]["wait"]
    return sums
