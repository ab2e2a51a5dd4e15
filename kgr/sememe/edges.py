"""Edges between synsets as matrices, and how much those of a relation say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

if TYPE_CHECKING:
    from kgr.sememe.descriptions import Descriptions

_DOUBT = 5.0  # pairs of average agreement that every relation is given beside its own
_BLOCK = 1 << 20  # pairs at once


def agreement(descriptions: Descriptions, labels: csr_array) -> NDArray[np.float32]:
    """Return the mean cosine of the sememes of two ends of a relation's edges, over that of all edges: float32[R]."""
    offsets, others, directed = descriptions.edges
    heads = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    counts = np.diff(labels.indptr)
    both = np.flatnonzero((counts[heads] > 0) & (counts[others] > 0))
    heads, others, base = heads[both], others[both], directed >> 1
    shared = np.empty(len(both), np.float32)
    for first in range(0, len(both), _BLOCK):
        part = slice(first, first + _BLOCK)
        shared[part] = (labels[heads[part]] * labels[others[part]]).sum(1)
    cosines = shared / np.sqrt(counts[heads] * counts[others])
    kinds = int(base.max(initial=-1)) + 1
    pairs = np.bincount(base[both], minlength=kinds)
    average = cosines.mean() if len(cosines) and cosines.any() else 1.0
    found = np.bincount(base[both], cosines / average, minlength=kinds)
    return ((found + _DOUBT) / (pairs + _DOUBT)).astype(np.float32)


def adjacency(asked: Descriptions, weights: NDArray[np.float32], synsets: int) -> csr_array:
    """Return the summed weights of the edges from each that is asked to each synset: csr float32[B, S]."""
    offsets, others, directed = asked.edges
    base = directed >> 1
    known = np.append(weights, np.float32(1))  # a relation that the graph does not have says what an average one does
    arrays = known[np.minimum(base, len(weights))], others, offsets
    found = csr_array(arrays, shape=(len(offsets) - 1, synsets), copy=True)  # it is summed in place
    found.sum_duplicates()
    return found


def inverse_root(sums: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return one over the root of each, 0 of 0: float32[n]."""
    return np.where(sums > 0, 1 / np.sqrt(np.maximum(sums, np.finfo(np.float32).tiny)), 0).astype(np.float32)
