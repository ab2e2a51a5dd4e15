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


def taken(offsets: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the offsets of some rows, int64[n + 1], and the places of what they hold, row after row."""
    counts = np.diff(offsets)[rows]
    own = offsets_of(counts)
    return own, np.repeat(offsets[rows] - own[:-1], counts) + np.arange(own[-1])
