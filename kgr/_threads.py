"""Rows shared among threads, for kernels that release the interpreter lock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache


def share_rows(work: Callable[[int, int], object], rows: int, threads: int) -> None:
    """Call ``work(first, last)`` on ranges that together cover ``[0, rows)``, one per thread, and wait for all.

    What ``work`` writes for a row must depend on that row alone; then the number of threads changes
    nothing. The first error of any range is raised.
    """
    parts = max(1, min(threads, rows))
    bounds = [rows * i // parts for i in range(parts + 1)]
    others = [_pool(parts).submit(work, bounds[i], bounds[i + 1]) for i in range(1, parts)]
    try:
        work(bounds[0], bounds[1])
    finally:
        wait(others)  # they write into the caller's arrays
    for other in others:
        other.result()


@lru_cache(maxsize=4)
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that stay: starting one costs as much as a small kernel."""
    return ThreadPoolExecutor(threads, thread_name_prefix="kgr-rows")
