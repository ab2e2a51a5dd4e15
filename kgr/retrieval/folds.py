"""Folds of queries for cross-validation: what is fitted on some is measured on the others."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kgr.errors import ConfigError


def shuffled(keys: Sequence[str], seed: int) -> NDArray[np.int64]:
    """Return the places of distinct keys, int64[n], in an order that depends on them and the seed alone."""
    draws = [hashlib.blake2b(f"{seed}\0{key}".encode(), digest_size=16).digest() for key in keys]
    return np.array(sorted(range(len(keys)), key=draws.__getitem__), np.int64)


def folds_of(keys: Sequence[str], folds: int, seed: int) -> NDArray[np.int32]:
    """Return the fold of each query, int32[n] from 0; folds differ by one query at most.

    Raises
    ------
    ConfigError
        Fewer than two folds, or fewer queries than folds.
    """
    if not 2 <= folds <= len(keys):
        raise ConfigError(f"folds is {folds}, expected from 2 to {len(keys):,}, the queries that are judged")
    fold = np.empty(len(keys), np.int32)
    fold[shuffled(keys, seed)] = np.arange(len(keys)) % folds
    return fold
