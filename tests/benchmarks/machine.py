"""What a figure was measured on, and how fast that machine was in that sitting.

Benchmark scripts print figures by :func:`figure`; rates from different sittings are compared by
the machine's own speed beside them. Run by itself, this prints that speed.
"""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def figure(name: str, value: float | dict[str, Any] | None, unit: str, **more: Any) -> None:
    """Print one figure as a line of JSON, with where it was measured; ``more`` adds to it or overrides."""
    line = {"name": name, "value": value, "unit": unit, **environment(), "machine": speed(), **more}
    print(json.dumps(line), flush=True)


def environment() -> dict[str, Any]:
    """Return commit, versions, threads and device."""
    return {
        "commit": _commit(),
        "python": platform.python_version(),
        **{name: _version(name) for name in ("numpy", "numba", "torch")},
        "threads": _threads(),
        "device": _device(),
    }


@functools.cache
def speed() -> dict[str, float]:
    """Return the speed of one thread: matrix products in float32 and copying, per CPU second.

    Measured in a process of its own, since threads are chosen when numpy is loaded.
    """
    alone = {**os.environ, **dict.fromkeys(ONE_THREAD, "1")}
    done = subprocess.run([sys.executable, __file__], env=alone, capture_output=True, text=True, check=True)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def _measure() -> dict[str, float]:
    import numpy as np

    n = 1024
    a = np.random.default_rng(0).random((n, n), np.float32)
    product, source = np.empty_like(a), np.ones(1 << 24, np.float32)
    copy = np.empty_like(source)
    return {
        "gflops": round(2 * n**3 / cpu_seconds(lambda: np.matmul(a, a, out=product), 10) / 1e9, 1),
        "copy_gb_per_s": round(source.nbytes / cpu_seconds(lambda: np.copyto(copy, source), 10) / 1e9, 2),
    }


def cpu_seconds(run: Callable[[], object], repeats: int) -> float:
    """Return the CPU seconds of the fastest run, after one that warms up."""
    run()
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        taken.append(time.process_time() - start)
    return min(taken)


@functools.cache
def _commit() -> str | None:
    here = Path(__file__).parent
    try:
        command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
        done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() or None


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _threads() -> int:
    torch = sys.modules.get("torch")
    if torch is not None:
        return int(torch.get_num_threads())
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _device() -> str:
    torch = sys.modules.get("torch")
    return torch.cuda.get_device_name() if torch is not None and torch.cuda.is_available() else "cpu"


if __name__ == "__main__":
    argparse.ArgumentParser(description="Print this machine's speed, one thread, as JSON.").parse_args()
    print(json.dumps(_measure()))
