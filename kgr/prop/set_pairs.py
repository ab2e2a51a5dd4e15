"""Pairs of word sets as arrays, the documents that they are drawn from, and their number of words."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from kgr._rng import key
from kgr.errors import DataError
from kgr.prop import _kernels
from kgr.prop.sets_config import SetsConfig

PAIRS, CANDIDATES, SHORT = 0x5E75, 0x5E76, 0x5E77
"""Streams of draws: one for each purpose, so that none changes another."""


@dataclasses.dataclass(frozen=True)
class SetPairs:
    """Pairs of word sets of B documents, P each.

    Set ``(b, p, side)`` is ``offsets[i]:offsets[i + 1]`` with ``i = (b * P + p) * 2 + side``. Both sets of a pair have
    the same number of words; a word may be there more than once unless the law is B-PROP's.

    Attributes
    ----------
    terms : int32[S]
        Term ids of the words drawn.
    words : int32[S]
        A surface form of each: ids of ``Terms.words``.
    offsets : int64[2 * B * P + 1]
    scores : float64[B, P, 2]
        Of each set; the higher one is of the set that represents the document better.
    kept : bool[B, P]
        Whether a pair can be used: its scores differ. The words of another one mean nothing. Sets of documents that are
        not drawn from are empty.
    redrawn : int
        Pairs that were drawn again since their scores were equal.
    """

    terms: NDArray[np.int32]
    words: NDArray[np.int32]
    offsets: NDArray[np.int64]
    scores: NDArray[np.float64]
    kept: NDArray[np.bool_]
    redrawn: int

    @property
    def dropped(self) -> int:
        """Pairs that were given up: all draws had equal scores, or there were fewer different words than they need."""
        used = np.diff(self.offsets).reshape(*self.kept.shape, 2)[..., 0] > 0
        return int((used & ~self.kept).sum())

    def usable(self, pair: int) -> list[tuple[int, int]]:
        """Return each document that has a pair which can be used, and that pair: the first from ``pair`` on, around."""
        count = self.kept.shape[1]
        chosen = (np.roll(self.kept, -pair, axis=1).argmax(axis=1) + pair) % count
        rows = np.flatnonzero(self.kept.any(axis=1))
        return list(zip(rows.tolist(), chosen[rows].tolist(), strict=True))

    def set(self, document: int, pair: int, side: int) -> slice:
        """Return where in ``terms`` and ``words`` a set is."""
        at = (document * self.kept.shape[1] + pair) * 2 + side
        return slice(int(self.offsets[at]), int(self.offsets[at + 1]))


@dataclasses.dataclass(frozen=True)
class Eligible:
    """Which of n documents sets are drawn from.

    Attributes
    ----------
    sizes : int64[n]
        Words of each, 0 where none can be drawn.
    least : int
        A document with fewer is short.
    share : float
        Of the short documents, that is drawn from in an epoch.
    """

    sizes: NDArray[np.int64]
    least: int
    share: float

    @property
    def documents(self) -> NDArray[np.int32]:
        """Documents from which sets are drawn in some epoch, ascending: int32[m]."""
        least = 1 if self.share else self.least
        return np.flatnonzero(self.sizes >= least).astype(np.int32)

    @property
    def short(self) -> int:
        """Documents that are short but not without a word."""
        return int(((self.sizes > 0) & (self.sizes < self.least)).sum())

    @property
    def empty(self) -> int:
        """Documents without any word that can be drawn."""
        return int((self.sizes == 0).sum())

    def expected(self, documents: NDArray[np.int32]) -> int:
        """Return how many of some documents, none of them empty, are drawn from in an epoch, on average."""
        short = int((self.sizes[documents] < self.least).sum())
        return len(documents) - short + int(self.share * short)

    def check(self, where: str) -> None:
        """Refuse a corpus none of whose documents can be drawn from.

        Raises
        ------
        DataError
        """
        if not len(self.documents):
            raise DataError(
                f"{where}: of {len(self.sizes)} documents {self.empty} have no usable word and {self.short} have fewer "
                f"than {self.least}: expected longer ones, or a smaller min_length"
            )

    def drawn(self, documents: NDArray[np.int32], seed: int, epoch: int) -> NDArray[np.bool_]:
        """Return which of some documents are drawn from in an epoch: bool[B].

        Raises
        ------
        ValueError
            A document that is not there.
        """
        if len(documents) and not 0 <= int(documents.min()) <= int(documents.max()) < len(self.sizes):
            raise ValueError(f"documents are in [{documents.min()}, {documents.max()}], there are {len(self.sizes)}")
        out = np.empty(len(documents), np.bool_)
        own = np.uint64(key(seed, SHORT, epoch))
        _kernels._choose(own, documents, self.sizes, self.least, self.share, out)
        return out


def empty_pairs(
    config: SetsConfig, documents: NDArray[np.int32], drawn: NDArray[np.bool_], chances: NDArray[np.float64], own: int
) -> _kernels.Pairs:
    """Draw how many words each set has, and return arrays for them; ``own`` is the key of the pairs."""
    rows = len(documents)
    offsets = np.zeros(2 * rows * config.pairs + 1, np.int64)
    _kernels._set_lengths(np.uint64(own), documents, drawn, chances, config.pairs, offsets[1:])
    np.cumsum(offsets, out=offsets)
    shape = rows, config.pairs
    return _kernels.Pairs(
        offsets,
        np.empty(offsets[-1], np.int32),
        np.empty(offsets[-1], np.int32),
        np.zeros((*shape, 2)),
        np.zeros(shape, np.bool_),
        np.zeros(rows, np.int64),
    )


def filled(out: _kernels.Pairs) -> SetPairs:
    """Return pairs that a kernel has drawn."""
    return SetPairs(out.terms, out.words, out.offsets, out.scores, out.kept, int(out.redrawn.sum()))


def length_chances(mean: float) -> NDArray[np.float64]:
    """Return the chances that a set has at most 1, 2, … words: Poisson's law given that there are any, float64[k]."""
    chances: list[float] = []
    none = math.exp(-mean)
    term, below = none, 0.0
    while not chances or len(chances) < mean or term > 1e-18:
        term *= mean / (len(chances) + 1)
        below += term
        chances.append(below / -math.expm1(-mean))
    return np.array(chances)
