"""What the queries are like that a law draws from a graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from kgr.errors import ConfigError
from kgr.graph.graph import Graph
from kgr.query.answers import Evaluator
from kgr.query.program import LAWS, ROOTS
from kgr.query.sampler import Batch, Sampler
from kgr.query.words import STRUCTURES, Word, parse

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)

_BATCH = 512
_NEGATIVES = 64  # so that only a query that nearly every entity answers is drawn again


@dataclasses.dataclass(frozen=True)
class Statistics:
    """Queries of one structure, as they are trained on.

    Attributes
    ----------
    queries : int
        How many were drawn.
    back_steps : float or None
        The share with a step back: a relation and then its inverse in one chain. None where no chain has two.
    idle_negations : float or None
        The share whose negated parts take no answer away. None without negation.
    crowded : int
        Queries drawn again since nearly every entity answers them.
    answers : float64[6]
        The number of answers at :data:`QUANTILES`.
    mean_answers : float
    """

    queries: int
    back_steps: float | None
    idle_negations: float | None
    crowded: int
    answers: NDArray[np.float64]
    mean_answers: float


def sampling_statistics(
    graph: Graph,
    structures: Sequence[str] = tuple(STRUCTURES),
    *,
    count: int = 1000,
    law: str = LAWS[0],
    roots: str = ROOTS[0],
    seed: int = 0,
    progress: Callable[[str, int], None] | None = None,
) -> dict[str, Statistics]:
    """Draw ``count`` training queries of each structure and say what they are like, by structure.

    ``law`` and ``roots`` as :class:`kgr.query.sampler.Sampler` takes them; every answer is counted. ``progress``
    is called with (structure, queries) after each.

    Raises
    ------
    ConfigError
        A count below 1, or a law that is not allowed.
    SamplerError
        The graph cannot host a structure.
    """
    if count < 1:
        raise ConfigError(f"count is {count}, expected at least 1")
    found = {}
    for word in map(parse, structures):
        sampler = Sampler(graph, word, negatives=_NEGATIVES, law=law, roots=roots, exact_counts=True, seed=seed)
        firsts = range(0, count, _BATCH)
        batches = [sampler.draw(first // _BATCH, min(_BATCH, count - first)) for first in firsts]
        found[word.name] = _statistics(graph, word, batches)
        if progress:
            progress(word.name, count)
    return found


def _statistics(graph: Graph, word: Word, batches: Sequence[Batch]) -> Statistics:
    arguments = np.concatenate([batch.arguments for batch in batches])
    answers = np.concatenate([batch.counts for batch in batches])
    back: float | None = None
    if word.steps:
        before, after = np.array(word.steps).T
        back = float((arguments[:, before] == arguments[:, after] ^ 1).any(axis=1).mean())
    idle: float | None = None
    if word.negates:
        evaluator = Evaluator(graph, word.positive.word)
        without = [len(evaluator.answers(row)) for row in arguments[:, word.positive.slots]]
        idle = float((np.array(without) == answers).mean())
    crowded = sum(int(batch.crowded.sum()) for batch in batches)
    return Statistics(len(arguments), back, idle, crowded, np.quantile(answers, QUANTILES), float(answers.mean()))
