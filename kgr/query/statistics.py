"""What the queries are like that a law draws from a graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr.errors import ConfigError, SamplerError
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

    def as_json(self) -> dict[str, Any]:
        """Return what ``--json`` prints of them."""
        quantiles = {f"{q:g}": number for q, number in zip(QUANTILES, self.answers.tolist(), strict=True)}
        return {
            "queries": self.queries,
            "back_steps": self.back_steps,
            "idle_negations": self.idle_negations,
            "crowded": self.crowded,
            "answers": {"mean": self.mean_answers, "quantiles": quantiles},
        }


def sampling_statistics(
    graph: Graph,
    structures: Sequence[str] | None = None,
    *,
    count: int = 1000,
    law: str = LAWS[0],
    roots: str = ROOTS[0],
    seed: int = 0,
    progress: Callable[[str, int], None] | None = None,
) -> dict[str, Statistics | None]:
    """Draw ``count`` training queries of each structure and say what they are like, by structure.

    Where no structures are given these are the fourteen, with None for those that the graph cannot host. ``law``
    and ``roots`` as :class:`kgr.query.sampler.Sampler` takes them; every answer is counted. ``progress`` is called
    with (structure, queries) after each.

    Raises
    ------
    ConfigError
        A count below 1, or a law that is not allowed.
    SamplerError
        The graph cannot host a structure that was given.
    """
    if count < 1:
        raise ConfigError(f"count is {count}, expected at least 1")
    found: dict[str, Statistics | None] = {}
    for word in map(parse, STRUCTURES if structures is None else structures):
        sampler = Sampler(graph, word, negatives=_NEGATIVES, law=law, roots=roots, exact_counts=True, seed=seed)
        try:
            found[word.name] = _statistics(graph, word, _draw(sampler, count))
        except SamplerError:
            if structures is not None:
                raise
            found[word.name] = None
        if progress:
            progress(word.name, count if found[word.name] else 0)
    return found


def _draw(sampler: Sampler, count: int) -> list[Batch]:
    firsts = range(0, count, _BATCH)
    return [sampler.draw(first // _BATCH, min(_BATCH, count - first)) for first in firsts]


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
