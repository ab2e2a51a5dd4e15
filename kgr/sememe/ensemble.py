"""Scores of several methods together: the published ensemble of two, and a pool with weights tuned on valid."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kgr.errors import ConfigError
from kgr.sememe.descriptions import Descriptions
from kgr.sememe.measure import average_precisions
from kgr.sememe.scorer import Evidence, Explainer, Scorer

ALPHA = 0.55
"""Weight of the first method, as published."""

DEPTHS = (100, 301)
"""How many of the best sememes of each method have a rank, as published."""

_FLOOR = 1e-4  # added to a share before its logarithm is taken
_STEPS = 20  # of weights from 0 to 1
_SHOWN = 20  # pieces of evidence


@dataclasses.dataclass(frozen=True)
class Ensemble:
    """The published ensemble of SPBS-SR and SPBS-RR: ``alpha / rank`` of one and ``(1 - alpha) / rank`` of the other.

    Ranks are counted from 1; a sememe beyond a method's depth, or that it gives its lowest score, has none there.
    """

    one: Scorer
    other: Scorer
    alpha: float = ALPHA
    depths: tuple[int, int] = DEPTHS
    name: str = "ensemble"

    def scores(self, asked: Descriptions) -> NDArray[np.float32]:
        """Return float32[B, C]."""
        one, other = self.one.scores(asked), self.other.scores(asked)
        found = self.alpha * inverse_ranks(one, self.depths[0])
        found += (1 - self.alpha) * inverse_ranks(other, self.depths[1])
        return found.astype(np.float32)

    def knows(self, asked: Descriptions) -> bool:
        """Whether one of both does."""
        return self.one.knows(asked) or self.other.knows(asked)

    def why(self, asked: Descriptions, columns: Sequence[int]) -> list[list[Evidence]]:
        """Return the evidence of both, each weighed as its method is."""
        return _evidence(((self.one, self.alpha), (self.other, 1 - self.alpha)), asked, columns)


def inverse_ranks(scores: NDArray[np.float32], depth: int) -> NDArray[np.float32]:
    """Return ``1 / rank`` of the best ``depth`` of each row, 0 of all others: float32[B, C]; ties go by column."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
    found = np.zeros(scores.shape, np.float32)
    inverse = np.broadcast_to(1 / np.arange(1, order.shape[1] + 1, dtype=np.float32), order.shape)
    np.put_along_axis(found, order, inverse, axis=1)
    return np.where(scores > scores.min(1, keepdims=True), found, 0)


@dataclasses.dataclass(frozen=True)
class Blend:
    """A weighted geometric mean of what several methods say (a logarithmic opinion pool), scaled to a sum of 1.

    A method's share of a sememe is its score over the sum of its scores of all, of which none may be negative. To
    each share a ten-thousandth is added, so that no method alone can rule a sememe out.
    """

    scorers: tuple[Scorer, ...]
    weights: tuple[float, ...]
    name: str = "blend"

    def scores(self, asked: Descriptions) -> NDArray[np.float32]:
        """Return float32[B, C], of each synset a distribution."""
        return _pooled([_logarithms(each.scores(asked)) for each in self.scorers], self.weights)

    def knows(self, asked: Descriptions) -> bool:
        """Whether a method that counts does."""
        pairs = zip(self.scorers, self.weights, strict=True)
        return any(scorer.knows(asked) for scorer, weight in pairs if weight)

    def why(self, asked: Descriptions, columns: Sequence[int]) -> list[list[Evidence]]:
        """Return the evidence of all that can say why, each weighed as its method is."""
        return _evidence(zip(self.scorers, self.weights, strict=True), asked, columns)


def tune_blend(scorers: Sequence[Scorer], asked: Descriptions, gold: csr_array, *, name: str = "blend") -> Blend:
    """Return the blend of the highest mean average precision, weights in twentieths that add up to 1.

    Parameters
    ----------
    asked, gold
        The synsets of the valid split and what they have, csr[B, C]. Of equal weights the first in order counts, so a
        method that adds nothing has none.

    Raises
    ------
    ConfigError
        No method, or one with negative scores.
    """
    if not scorers:
        raise ConfigError("a blend of no methods: give at least one")
    parts = [_logarithms(each.scores(asked)) for each in scorers]
    tried = list(_weights(len(parts)))
    figures = [float(average_precisions(_pooled(parts, weights), gold).mean()) for weights in tried]
    return Blend(tuple(scorers), tried[int(np.argmax(figures))], name)


def shares(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return each row over its sum, float32[B, C]; a row of zeros as even shares.

    Raises
    ------
    ConfigError
        A score is negative.
    """
    if (scores < 0).any():
        raise ConfigError("a method with negative scores has no shares: blend others, or give its exponentials")
    sums = scores.sum(1, keepdims=True)
    return np.where(sums > 0, scores / np.where(sums > 0, sums, 1), 1 / scores.shape[1]).astype(np.float32)


def _logarithms(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = np.log(shares(scores) + np.float32(_FLOOR))
    return found


def _pooled(parts: Sequence[NDArray[np.float32]], weights: Sequence[float]) -> NDArray[np.float32]:
    found = np.zeros_like(parts[0])
    for part, weight in zip(parts, weights, strict=True):
        found += np.float32(weight) * part
    return shares(np.exp(found))


def _weights(count: int) -> Iterator[tuple[float, ...]]:
    """Yield all weights in twentieths that add up to 1."""
    for some in itertools.product(range(_STEPS + 1), repeat=count - 1):
        if sum(some) <= _STEPS:
            yield tuple(part / _STEPS for part in (*some, _STEPS - sum(some)))


def _evidence(
    weighed: Iterable[tuple[Scorer, float]], asked: Descriptions, columns: Sequence[int]
) -> list[list[Evidence]]:
    told = [
        [[dataclasses.replace(each, weight=weight * each.weight) for each in own] for own in scorer.why(asked, columns)]
        for scorer, weight in weighed
        if weight and isinstance(scorer, Explainer)
    ]
    merged = ([each for own in told for each in own[place]] for place in range(len(columns)))
    return [sorted(found, key=lambda each: -each.weight)[:_SHOWN] for found in merged]
