"""Scores made comparable among queries: a candidate's share among the candidates that train does not have.

A query is an entity and a directed relation; a link predictor scores all entities as its answers. How high these
scores are differs from query to query, and the answers that train has take much of what a softmax gives. The log of a
candidate's softmax among the *other* candidates has neither fault.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from kgr.errors import FormatError
from kgr.graph.graph import Graph
from kgr.query.sets import Ragged

if TYPE_CHECKING:
    from kgr.completion.scorer import LinkScorer

Side = Literal["tail", "head"]
SIDES: tuple[Side, ...] = ("tail", "head")

Progress = Callable[[int, int], None]
"""Called with how much was scored since the last call, and how much there is to score."""


@dataclasses.dataclass(frozen=True)
class Scored:
    """All candidates of B queries.

    Attributes
    ----------
    scores : float32[B, G]
    known : Ragged
        The answers that train has.
    level : float64[B]
        The log of the sum of exp(score) over the candidates that are not known; over all where all are.
    left : float64[B]
        The log of the share of a softmax over all candidates that goes to those not known; at most 0.
    """

    scores: NDArray[np.float32]
    known: Ragged
    level: NDArray[np.float64]
    left: NDArray[np.float64]

    @property
    def log_shares(self) -> NDArray[np.float64]:
        """The log of each candidate's share among those that are not known: float64[B, G]; of a known one what it
        would be beside them."""
        return self.scores - self.level[:, None]


def score_queries(scorer: LinkScorer, graph: Graph, queries: NDArray[np.int32]) -> Scored:
    """Score all entities as answers of queries.

    Parameters
    ----------
    graph : Graph
        Of train.
    queries : int32[B, 2]
        Entity and directed relation.

    Raises
    ------
    FormatError
        A score is not finite.
    """
    scores = scorer.scores(queries[:, 0], queries[:, 1])
    known = Ragged.of([graph.tails(entity, relation) for entity, relation in queries.tolist()])
    total = _log_sum_exp(scores)
    if len(wrong := np.flatnonzero(~np.isfinite(total))):
        entity, relation = queries[wrong[0]].tolist()
        raise FormatError(
            f"scores of entity {entity} under directed relation {relation}: not all finite, "
            "expected numbers; the model has diverged"
        )
    rest = scores.copy()
    rest[np.repeat(np.arange(len(queries)), np.diff(known.offsets)), known.values] = -np.inf
    level = _log_sum_exp(rest)
    level = np.where(np.isfinite(level), level, total)
    return Scored(scores, known, level, np.minimum(level - total, 0))


def _log_sum_exp(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    top = scores.max(axis=1)
    shift = np.where(np.isneginf(top), np.float32(0), top)
    with np.errstate(divide="ignore"):
        logs: NDArray[np.float64] = np.log(np.exp(scores - shift[:, None]).sum(axis=1, dtype=np.float64))
    return shift + logs


def queries_of(triples: NDArray[np.int32], side: Side) -> NDArray[np.int32]:
    """Return the queries that triples answer with their tails, or with their heads: int32[n, 2]."""
    entity, inverse = (0, 0) if side == "tail" else (2, 1)
    return np.stack([triples[:, entity], 2 * triples[:, 1] + inverse], axis=1)


def answers_of(triples: NDArray[np.int32], side: Side) -> NDArray[np.int32]:
    """Return the answers of :func:`queries_of`: int32[n]."""
    return triples[:, 2 if side == "tail" else 0]


def log_shares(
    scorer: LinkScorer, graph: Graph, triples: NDArray[np.int32], side: Side, tell: Callable[[int], None] | None = None
) -> NDArray[np.float64]:
    """Return the log share of each triple's tail (or head) among the candidates that train does not have: float64[n].

    Of a triple that train has it may be above 0. Equal queries are scored once; ``tell`` is called with how many
    triples are done.
    """
    distinct, place = np.unique(queries_of(triples, side), axis=0, return_inverse=True)
    order = np.argsort(place, kind="stable")
    bounds = np.searchsorted(place[order], np.arange(len(distinct) + 1))
    answers = answers_of(triples, side)
    shares = np.empty(len(triples))
    for first in range(0, len(distinct), scorer.batch):
        last = min(first + scorer.batch, len(distinct))
        scored = score_queries(scorer, graph, distinct[first:last])
        rows = order[bounds[first] : bounds[last]]
        at = place[rows] - first
        shares[rows] = scored.scores[at, answers[rows]] - scored.level[at]
        if tell:
            tell(len(rows))
    return shares


def best(values: NDArray[Any], k: int) -> NDArray[np.int64]:
    """Return the places of the ``k`` largest values, or of all, descending; equal ones in their order."""
    if 0 < k < len(values):
        least = np.partition(values, len(values) - k)[len(values) - k]
        places = np.flatnonzero(values >= least)
    else:
        places = np.arange(len(values))
    return places[np.argsort(-values[places], kind="stable")][:k]
