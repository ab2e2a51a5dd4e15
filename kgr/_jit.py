"""How kernels are compiled: the two decorators that every ``_kernels`` module uses."""

from __future__ import annotations

from typing import Any

from numba import njit

# ``_nrt=False``: a kernel never allocates, so arrays need no reference counts; with them, a small
# function that takes arrays costs more than its loop (one-hop sampling is 11 times slower).
OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy", "_nrt": False}

kernel = njit(**OPTIONS)
inlined = njit(inline="always", **OPTIONS)
