"""Queries of one directed relation side by side: what models with matrices multiply at once."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class ByRelation(NamedTuple):
    """An order of queries by directed relation.

    ``order`` int64[B] sorts them and keeps the order of equals; ``distinct`` int[U] are the directed relations,
    ascending; ``places`` int64[B] says which of them a sorted query has, ``sizes`` how many queries each has.
    """

    order: NDArray[np.int64]
    distinct: NDArray[np.integer[Any]]
    places: NDArray[np.int64]
    sizes: tuple[int, ...]


def by_relation(directed: NDArray[np.integer[Any]]) -> ByRelation:
    """Sort queries by their directed relation int[B]."""
    order = np.argsort(directed, kind="stable")
    distinct, places, sizes = np.unique(directed[order], return_inverse=True, return_counts=True)
    return ByRelation(order, distinct, places.astype(np.int64, copy=False), tuple(map(int, sizes)))
