"""Word sets of B-PROP: drawn from weights of each document's words, without replacement.

A document's words are drawn by the softmax of weight / temperature, and a set's score is the sum of its words' weights.
Sets of words are drawn one after the other, each by its share of those left. As in Ma et al., SIGIR 2021, whose
temperature of 1 draws nearly uniformly: the weights differ by little. Here it is the largest one that lets the mean of
the documents' normalised entropies be 0.9, unless another is given.
"""

from __future__ import annotations

import dataclasses
import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kgr._rng import key
from kgr._threads import share_rows
from kgr.errors import DataError
from kgr.prop import _kernels
from kgr.prop.set_pairs import PAIRS, Eligible, SetPairs, empty_pairs, filled, length_chances
from kgr.prop.sets_config import SetsConfig, checked_law

MEASURED = 2000
"""Documents, evenly spread, by whose entropies a temperature is chosen."""


@dataclasses.dataclass(frozen=True)
class TermWeights:
    """Weights of the different words of n documents.

    Attributes
    ----------
    terms : int32[m]
        Term ids.
    words : int32[m]
        The surface forms: ids of ``Terms.words``, different in a document.
    weights : float64[m]
    offsets : int64[n + 1]
        Document ``i`` has ``offsets[i]:offsets[i + 1]``.
    """

    terms: NDArray[np.int32]
    words: NDArray[np.int32]
    weights: NDArray[np.float64]
    offsets: NDArray[np.int64]

    def shares(self, temperature: float) -> NDArray[np.float64]:
        """Return each document's softmax of weight / temperature: float64[m]."""
        shares = np.empty(len(self.weights))
        _kernels._softmax(self.weights, self.offsets, temperature, shares)
        return shares

    def entropy(self, temperature: float) -> float:
        """Return the mean of the documents' entropies at a temperature, each over that of equal shares.

        It is nan where no document has two words.
        """
        entropies = np.empty(len(self.offsets) - 1)
        _kernels._entropies(self.shares(temperature), self.offsets, entropies)
        found = entropies[~np.isnan(entropies)]
        return float(found.mean()) if len(found) else math.nan

    def some(self, documents: NDArray[np.int64]) -> TermWeights:
        """Return those of some documents."""
        sizes = np.diff(self.offsets)[documents]
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        places = np.repeat(self.offsets[documents] - offsets[:-1], sizes) + np.arange(offsets[-1])
        return TermWeights(self.terms[places], self.words[places], self.weights[places], offsets)


def temperature_for(weights: TermWeights, most: float) -> float:
    """Return the largest temperature at which the mean normalised entropy is at most ``most``.

    Raises
    ------
    DataError
        There is none: the weights of most documents' words are equal.
    """
    n = len(weights.offsets) - 1
    some = weights.some(np.unique(np.linspace(0, n - 1, min(n, MEASURED)).astype(np.int64)))
    spread = float(np.ptp(some.weights)) if len(some.weights) else 0.0
    low, high = math.log(max(spread, 1e-12) * 1e-6), math.log(max(spread, 1e-12) * 1e6)
    if not some.entropy(math.exp(low)) <= most:
        raise DataError(
            f"word sets: no temperature lets the mean normalised entropy of documents' words be {most}: their weights "
            "are equal, or no document has two words; expected weights that tell words apart, or give a temperature"
        )
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if some.entropy(math.exp(middle)) <= most else (low, middle)
    return math.exp(low)


class WeightedSets:
    """Draws pairs of word sets by weights of documents' words; as :class:`kgr.prop.word_sets.WordSets` does.

    Parameters
    ----------
    weights : TermWeights
    config : SetsConfig, optional
        Of the law ``attention``.

    Attributes
    ----------
    config : SetsConfig
        With everything said, the temperature among it.
    eligible : Eligible
        The documents that are drawn from; a document's size is the number of its different words.
    entropy : float
        The mean of the documents' normalised entropies.

    Raises
    ------
    DataError
        No document has enough words, or no temperature fits.
    ConfigError
        The law is another.
    """

    def __init__(self, weights: TermWeights, config: SetsConfig | None = None) -> None:
        config = checked_law(config or SetsConfig(law="attention"), "attention")
        self.weights = weights
        self.eligible = Eligible(np.diff(weights.offsets), config.min_length or 1, config.short_share or 0.0)
        self.eligible.check("word sets")
        temperature = config.temperature or temperature_for(weights, config.max_entropy)
        self.config = dataclasses.replace(config, temperature=temperature)
        self.entropy = weights.entropy(temperature)
        self._shares = weights.shares(temperature)
        self._lengths = length_chances(config.set_length)

    @cached_property
    def documents(self) -> NDArray[np.int32]:
        """Documents that are drawn from, ascending: int32[m]."""
        return self.eligible.documents

    def draw(self, documents: NDArray[np.int32], *, epoch: int, seed: int, threads: int = 1) -> SetPairs:
        """Draw the pairs of documents: int32[B].

        A pair whose sets need as many words as the document has, or more, is given up and counted.

        Raises
        ------
        ValueError
            A document that is not there.
        """
        drawn = self.eligible.drawn(documents, seed, epoch)
        own, weights = key(seed, PAIRS, epoch), self.weights
        out = empty_pairs(self.config, documents, drawn, self._lengths, own)

        def work(first: int, last: int) -> None:
            part = documents[first:last]
            left = np.empty(int(self.eligible.sizes[part].max(initial=0)))
            _kernels._draw_weighted(
                np.uint64(own), part, first, drawn[first:last], self._lengths, weights.terms, weights.words,
                weights.weights, self._shares, weights.offsets, left, out,
            )  # fmt: skip

        share_rows(work, len(documents), threads)
        return filled(out)
