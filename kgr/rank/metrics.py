"""Mean ranks, MRR and Hits@k: over ranks as they are, or over the answers of a query first, as BetaE does."""

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


def rank_metrics(ranks: NDArray[np.float64], candidates: NDArray[np.integer[Any]]) -> dict[str, float | None]:
    """Average ranks, each weighing the same.

    Parameters
    ----------
    ranks : float64[n]
        At least 1; half ranks come from ties.
    candidates : int[n]
        Among how many each was ranked, the answer itself counted and what was filtered not.

    Returns
    -------
    dict
        ``mrr``; ``mr``: the mean rank; ``adjusted_mean_rank``: that by its expectation under random order,
        mean((candidates + 1) / 2), 1 for chance and lower is better; ``adjusted_mean_rank_index``:
        1 - (mr - 1) / (expectation - 1), 0 for chance and 1 for the best; ``hits@1``, ``hits@3``, ``hits@10``:
        fractions. None where there are no ranks, and the index also where no answer has a rival. Both
        adjusted figures: Berrendorf et al., arXiv 2002.06914.
    """
    names = ("mrr", "mr", "adjusted_mean_rank", "adjusted_mean_rank_index", *(f"hits@{k}" for k in HITS))
    if not len(ranks):
        return dict.fromkeys(names)
    mean, chance = float(ranks.mean()), float((candidates.mean() + 1) / 2)
    index = 1 - (mean - 1) / (chance - 1) if chance > 1 else None
    hits = (float((ranks <= k).mean()) for k in HITS)
    return dict(zip(names, (float((1 / ranks).mean()), mean, mean / chance, index, *hits), strict=True))
