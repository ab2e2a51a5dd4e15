"""How kernels are compiled: the decorators that every ``_kernels`` module uses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit

# ``_nrt=False``: a kernel never allocates, so arrays need no reference counts; with them, a small
# function that takes arrays costs more than its loop (one-hop sampling is 11 times slower).
OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy", "_nrt": False}

kernel = njit(**OPTIONS)
inlined = njit(inline="always", **OPTIONS)
forced = njit(forceinline=True, **OPTIONS)
"""Inlined by LLVM, for functions too large for ``inlined``: a call with many arrays passes a hundred words."""


def is_compiled(function: Any) -> bool:
    """Whether a kernel has been compiled before and kept in numba's cache."""
    module = function.py_func.__module__.rpartition(".")[2]
    return any(Path(function.stats.cache_path).glob(f"{module}.{function.py_func.__name__}-*.nbi"))


def tell_compiling(function: Any, message: Callable[[str], None]) -> None:
    """Say what the wait is for, where a kernel that runs next is not compiled yet."""
    if not is_compiled(function):
        message("compiling kernels: once after an installation, about 20 seconds")
