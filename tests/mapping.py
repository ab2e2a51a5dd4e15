"""Whether an array is memory that a file backs."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np


def is_mapped(array: Any) -> bool:
    """Follow an array to the memory that it is a view of."""
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array.obj if isinstance(array, memoryview) else array, mmap.mmap)
