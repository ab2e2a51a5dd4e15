"""Time spent on training, over all sessions of a run."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator


class Clock:
    """Wall and CPU seconds (of all threads of this process), going on from what was spent before."""

    def __init__(self, seconds: float = 0.0, cpu_seconds: float = 0.0) -> None:
        self._wall = time.perf_counter() - seconds
        self._cpu = time.process_time() - cpu_seconds

    @property
    def seconds(self) -> float:
        """Wall seconds spent."""
        return time.perf_counter() - self._wall

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds spent."""
        return time.process_time() - self._cpu

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out the time that the block takes."""
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self._wall += time.perf_counter() - wall
            self._cpu += time.process_time() - cpu
