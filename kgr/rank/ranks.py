"""Ranks of answers among all entities, other answers left out, ties counted as the mean rank."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kgr._threads import share_rows
from kgr.errors import FormatError
from kgr.rank._kernels import _count_rivals

Ids = NDArray[np.integer[Any]]


def filtered_ranks(
    scores: ArrayLike,
    answers: Ids,
    offsets: Ids,
    excluded: Ids,
    excluded_offsets: Ids,
    *,
    threads: int = 1,
) -> NDArray[np.float64]:
    """Rank answers of B queries among G entities: 1 + rivals above + half of the rivals that tie.

    Rivals of an answer are the entities that are neither excluded for its query nor among the
    answers to rank.

    Parameters
    ----------
    scores : float32 or float64 [B, G]
        Higher is better; a NumPy array or a CPU tensor without gradient.
    answers : int32[n], offsets : int[B + 1]
        The answers to rank; those of query b are ``answers[offsets[b] : offsets[b + 1]]``.
    excluded : int32[m], excluded_offsets : int[B + 1]
        What is left out, in the same form: all known answers. Order and repeats do not matter.
    threads : int
        Among which the queries are shared; the ranks do not depend on it.

    Returns
    -------
    float64[n]
        In the order of ``answers``.

    Raises
    ------
    FormatError
        A score is NaN, or an id, shape or offset does not fit; the message names the query's row.
    """
    matrix = np.ascontiguousarray(scores)
    if matrix.ndim != 2 or matrix.dtype not in (np.float32, np.float64):
        raise FormatError(
            f"scores are {matrix.dtype}{list(matrix.shape)}, expected float32 or float64 [queries, entities]"
        )
    entities = matrix.shape[1]
    row_of = _rows("answers", answers, offsets, matrix.shape)
    hidden_rows = _rows("excluded", excluded, excluded_offsets, matrix.shape)
    rows = np.concatenate([row_of, hidden_rows])
    hidden = np.concatenate([answers, excluded])[np.argsort(rows, kind="stable")]
    hidden_offsets = np.asarray(offsets, dtype=np.int64) + excluded_offsets

    levels = matrix[row_of, answers]
    order = np.lexsort((levels, row_of))
    counts = np.zeros((2, len(levels)), dtype=np.int64)
    bad: list[int] = []

    def count(first: int, last: int) -> None:
        marked = np.zeros(entities, dtype=np.uint8)
        args = (matrix, levels[order], np.asarray(offsets, dtype=np.int64), hidden, hidden_offsets)
        bad.append(_count_rivals(*args, first, last, marked, counts[0], counts[1]))

    share_rows(count, len(matrix), threads)
    if max(bad) >= 0:
        row = min(b for b in bad if b >= 0)
        entity = int(np.isnan(matrix[row]).argmax())
        raise FormatError(f"scores of query {row}: NaN for entity {entity}, expected numbers; the model has diverged")
    ranks = np.empty(len(levels))
    ranks[order] = 1 + counts[0] + counts[1] / 2
    return ranks


def _rows(what: str, ids: Ids, offsets: Ids, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Return each id's row, having checked ids and offsets."""
    lengths = np.diff(offsets)
    if len(offsets) != shape[0] + 1 or offsets[0] != 0 or offsets[-1] != len(ids) or (lengths < 0).any():
        raise FormatError(
            f"offsets of {what} do not fit: expected {shape[0] + 1} of them, ascending from 0 to {len(ids)}"
        )
    row_of = np.repeat(np.arange(shape[0], dtype=np.int64), lengths)
    wrong = np.flatnonzero((np.asarray(ids) < 0) | (np.asarray(ids) >= shape[1]))
    if len(wrong):
        i = wrong[0]
        raise FormatError(f"{what} of query {row_of[i]}: entity {ids[i]} is not in [0, {shape[1]})")
    return row_of
