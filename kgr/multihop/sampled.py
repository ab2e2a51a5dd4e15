"""Candidates drawn for queries, where all entities are too many to rank."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from kgr._rng import key
from kgr.query.sets import Queries, Ragged

_CANDIDATES = 0x63616E64
"""Stream of the draws."""


@dataclasses.dataclass(frozen=True)
class Candidates:
    """What the hard answers of each query are ranked among.

    Attributes
    ----------
    ids : int32[B, W]
        In each row the query's hard answers, then the entities drawn for it; what follows is of no account.
    hard, excluded : Ragged
        Places in a row: of the hard answers, and of what is no rival.
    """

    ids: NDArray[np.int32]
    hard: Ragged
    excluded: Ragged


def draw_candidates(queries: Queries, answers: Ragged, entities: int, count: int) -> Candidates:
    """Draw ``count`` different entities that are no answers for each query, or all of them where they are fewer.

    Each such entity is as likely as any other. What is drawn depends on a query's arguments and answers alone.

    Parameters
    ----------
    answers : Ragged
        All answers of each query, sorted.
    entities : int
        Number of all entities.
    """
    drawn = [_draw(queries.arguments[i], answers[i], entities, count) for i in range(len(queries))]
    rows = [np.concatenate([queries.hard[i], own]) for i, own in enumerate(drawn)]
    ids = np.zeros((len(rows), max(map(len, rows))), np.int32)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
    hard = [np.arange(len(queries.hard[i]), dtype=np.int32) for i in range(len(rows))]
    unused = [np.arange(len(row), ids.shape[1], dtype=np.int32) for row in rows]
    return Candidates(ids, Ragged.of(hard), Ragged.of(hard).union(Ragged.of(unused)))


def _draw(arguments: NDArray[np.int32], answers: NDArray[np.int32], entities: int, count: int) -> NDArray[np.int32]:
    draw = np.random.default_rng(key(_CANDIDATES, *arguments.tolist()))
    others = entities - len(answers)
    places = draw.choice(others, min(count, others), replace=False, shuffle=False)  # among those that are no answers
    before = np.searchsorted(answers - np.arange(len(answers)), places, side="right")  # the answers that are smaller
    return (places + before).astype(np.int32)
