"""Evaluation of a split: MAP and F1 of all synsets, and by part of speech, number of sememes and degree."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kgr.errors import DataError
from kgr.sememe.annotations import POS, Annotations
from kgr.sememe.calibration import Calibration, expected_error
from kgr.sememe.measure import Threshold, average_precisions, bootstrap_error, f1_scores

_MANY = 6  # sememes of a synset that are counted together with more
_QUARTERS = 4


@dataclasses.dataclass(frozen=True)
class Measured:
    """What an evaluation is of.

    Attributes
    ----------
    split : str
    rows : int32[B]
        Of the synsets, ascending.
    scores, popularity : float32[B, C]
        Of the method and of popularity; ``-inf`` of sememes that are never predicted.
    threshold, popularity_threshold : Threshold
        Tuned on valid.
    degrees : int64[B]
        Edges of each synset to others, in the training graph.
    seen : bool[C]
        Sememes that the method has met.
    """

    split: str
    rows: NDArray[np.int32]
    scores: NDArray[np.float32]
    popularity: NDArray[np.float32]
    threshold: Threshold
    popularity_threshold: Threshold
    degrees: NDArray[np.int64]
    seen: NDArray[np.bool_]


def evaluate(measured: Measured, annotations: Annotations, calibration: Calibration | None) -> dict[str, Any]:
    """Return the figures of a split, fractions all.

    ``map`` and ``f1`` are means over synsets, of the average precision of the full ranking and of what the threshold
    keeps; ``map_error`` and ``f1_error`` their bootstrap standard errors. ``by_pos``, ``by_sememes`` and ``by_degree``
    have the same of groups, the last by quarters of the synsets. ``unseen`` counts what can never be predicted: sememes
    that train does not have, and annotations with them, which count as misses.

    Raises
    ------
    DataError
        No synset is annotated in the split.
    """
    rows = measured.rows
    if not len(rows):
        raise DataError(f"no synset is annotated in {measured.split}, expected some to evaluate on")
    gold = annotations.of(measured.split)[rows]
    precisions = average_precisions(measured.scores, gold)
    f1 = f1_scores(measured.scores, gold, measured.threshold)
    unseen = ~measured.seen[gold.indices]
    return {
        "split": measured.split,
        **_summary(precisions, f1),
        "map_error": bootstrap_error(precisions),
        "f1_error": bootstrap_error(f1),
        "threshold": dataclasses.asdict(measured.threshold),
        "by_pos": _groups(precisions, f1, _by_pos(annotations, rows)),
        "by_sememes": _groups(precisions, f1, _by_sememes(np.diff(gold.indptr))),
        "by_degree": _groups(precisions, f1, _by_degree(measured.degrees)),
        "unseen": {"sememes": len(np.unique(gold.indices[unseen])), "annotations": int(unseen.sum())},
        "calibration_error": expected_error(calibration, measured.scores, gold) if calibration else None,
        "popularity": _summary(
            average_precisions(measured.popularity, gold),
            f1_scores(measured.popularity, gold, measured.popularity_threshold),
        ),
    }


def judged(
    scores: NDArray[np.float32], gold: csr_array, threshold: Threshold, calibration: Calibration
) -> dict[str, Any]:
    """Return ``map``, ``f1``, ``synsets`` and ``calibration_error`` of scores, float32[B, C]."""
    summary = _summary(average_precisions(scores, gold), f1_scores(scores, gold, threshold))
    return {**summary, "calibration_error": expected_error(calibration, scores, gold)}


def _summary(precisions: NDArray[np.float64], f1: NDArray[np.float64]) -> dict[str, Any]:
    return {"map": float(precisions.mean()), "f1": float(f1.mean()), "synsets": len(f1)}


def _groups(
    precisions: NDArray[np.float64], f1: NDArray[np.float64], groups: Mapping[str, NDArray[np.bool_]]
) -> dict[str, dict[str, Any]]:
    return {name: _summary(precisions[own], f1[own]) for name, own in groups.items() if own.any()}


def _by_pos(annotations: Annotations, rows: NDArray[np.int32]) -> dict[str, NDArray[np.bool_]]:
    return {letter: annotations.pos[rows] == ord(letter) for letter in POS}


def _by_sememes(counts: NDArray[np.integer[Any]]) -> dict[str, NDArray[np.bool_]]:
    few: dict[str, NDArray[np.bool_]] = {str(count): counts == count for count in range(1, _MANY)}
    return {**few, f"{_MANY} or more": counts >= _MANY}


def _by_degree(degrees: NDArray[np.int64]) -> dict[str, NDArray[np.bool_]]:
    """Return groups of about equally many synsets; those of one degree stay together."""
    bounds = np.unique(np.quantile(degrees, np.linspace(0, 1, _QUARTERS + 1), method="higher"))
    groups: dict[str, NDArray[np.bool_]] = {}
    low = int(bounds[0])
    for last in bounds[1:].tolist() or [low]:
        groups[str(low) if low == last else f"{low} to {last}"] = (degrees >= low) & (degrees <= last)
        low = int(last) + 1
    return groups
