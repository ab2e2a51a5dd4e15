"""MRR and Hits@k, averaged over the answers of a query first, then over queries, as BetaE does."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr.errors import FormatError

HITS = (1, 3, 10)


def query_metrics(ranks: NDArray[np.float64], offsets: NDArray[np.integer[Any]]) -> dict[str, float]:
    """Average the ranks of answers.

    Parameters
    ----------
    ranks : float64[n]
        Ranks of the answers of B queries, at least 1; half ranks come from ties.
    offsets : int[B + 1]
        Those of query b are ``ranks[offsets[b] : offsets[b + 1]]``.

    Returns
    -------
    dict
        ``queries``, ``mrr``, ``hits@1``, ``hits@3``, ``hits@10``; fractions, each query weighing the same.

    Raises
    ------
    FormatError
        There are no queries, or one has no answers: its average does not exist.
    """
    lengths = np.diff(offsets)
    if not len(lengths):
        raise FormatError("no queries to average over, expected at least one")
    if (lengths <= 0).any() or offsets[-1] != len(ranks):
        raise FormatError(f"query {int((lengths <= 0).argmax())} has no ranked answers, expected at least one")

    def mean(values: NDArray[np.float64]) -> float:
        return float((np.add.reduceat(values, offsets[:-1]) / lengths).mean())

    hits = {f"hits@{k}": mean((ranks <= k).astype(np.float64)) for k in HITS}
    return {"queries": len(lengths), "mrr": mean(1 / ranks), **hits}
