"""Ragged rows: flat arrays, and offsets that say where each row begins."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def offsets_of(counts: ArrayLike) -> NDArray[np.int64]:
    """Return where rows of so many things begin and end, int64[n + 1]: row i is ``offsets[i]:offsets[i + 1]``."""
    sizes = np.asarray(counts, np.int64)
    offsets = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return offsets
