"""Blocks: consecutive documents as words by number, what one worker makes of its share of the texts.

Texts are cut at everything in ASCII that is neither letter nor digit, where no word goes on and nothing composes. What
is between, a *run*, is numbered by compiled code; each different run is then cut into words once, most often one.
"""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kgr.index.analysis import Analyzer
from kgr.index.boundaries import LONGEST, words_of

CHUNK = 1 << 20
"""Bytes of texts that are numbered at once; one document may have more."""

_END = b"\xff"  # of a document: no byte of UTF-8


@dataclasses.dataclass(frozen=True)
class Block:
    """Consecutive documents, with a vocabulary of their own.

    Attributes
    ----------
    words : sequence of str
        Distinct normalised words that are no stop words, in the order of their first appearance.
    ids : int32[L]
        The words of all documents in text order, by their place in ``words``.
    offsets : int64[n + 1]
        Document ``i`` is ``ids[offsets[i]:offsets[i + 1]]``.
    """

    words: Sequence[str]
    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]


def analyze_block(texts: Iterable[str], analyzer: Analyzer) -> Block:
    """Analyse texts, a document each; they pass by once."""
    runs, words = _Runs(), _Words(analyzer)
    parts, lengths = [np.empty(0, np.int32)], [np.empty(0, np.int64)]
    for chunk in _chunks(texts, analyzer):
        found = runs.number(chunk)
        words.add(runs.new())
        ids, counts = words.of(found)
        before = np.zeros(len(counts) + 1, np.int64)
        np.cumsum(counts, out=before[1:])
        parts.append(ids)
        lengths.append(np.diff(before[np.flatnonzero(found == 0)], prepend=0))
    offsets = np.zeros(sum(map(len, lengths)) + 1, np.int64)
    np.cumsum(np.concatenate(lengths), out=offsets[1:])
    return Block(list(words.numbers), np.concatenate(parts), offsets)


def _chunks(texts: Iterable[str], analyzer: Analyzer) -> Iterator[bytes]:
    """Yield texts in UTF-8, each with its end, with ASCII letters small."""
    held: list[bytes] = []
    size = 0
    for text in texts:
        held.append(analyzer.cased(text).encode(errors="surrogatepass") + _END)
        size += len(held[-1])
        if size >= CHUNK:
            yield b"".join(held).lower()
            held, size = [], 0
    if held:
        yield b"".join(held).lower()


class _Runs:
    """Distinct runs, numbered 1, 2, … as they come; 0 is the end of a document."""

    def __init__(self) -> None:
        self._stored = np.empty(1 << 16, np.uint8)
        self._offsets = np.zeros(1 << 12, np.int64)
        self._table = np.full(2 * len(self._offsets), -1, np.int32)
        self._count = self._seen = 1

    def number(self, chunk: bytes) -> NDArray[np.int32]:
        """Return the runs of a chunk, and the ends of its documents, by number: int32[...]."""
        from kgr.index import _kernels

        text, place, parts = np.frombuffer(chunk, np.uint8), 0, [np.empty(0, np.int32)]
        while place < len(text):
            out = np.empty(min(len(text) - place, CHUNK), np.int32)
            place, self._count, filled = _kernels._number_runs(
                text, place, self._stored, self._offsets, self._table, self._count, out, 0
            )
            parts.append(out[:filled].copy())
            if filled < len(out) and place < len(text):
                self._grow(len(text) - place)
        return np.concatenate(parts)

    def new(self) -> list[bytes]:
        """Return the runs that are new since the last call."""
        bounds = self._offsets[self._seen : self._count + 1]
        text = self._stored[bounds[0] : bounds[-1]].tobytes()
        self._seen = self._count
        return [text[first:last] for first, last in pairwise((bounds - bounds[0]).tolist())]

    def _grow(self, most: int) -> None:
        """Make room for runs, the next of which has ``most`` bytes at most."""
        from kgr.index import _kernels

        if self._count + 1 == len(self._offsets):
            self._offsets = np.concatenate([self._offsets, np.zeros(len(self._offsets), np.int64)])
            self._table = np.full(2 * len(self._offsets), -1, np.int32)
            _kernels._fill(self._stored, self._offsets[: self._count + 1], self._table)
        else:
            room = np.empty(max(len(self._stored), most), np.uint8)
            self._stored = np.concatenate([self._stored, room])


class _Words:
    """The words of runs by number, those that are no stop words."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self.numbers: dict[str, int] = {}
        self._flat, self._starts = array("i"), array("q", [0, 0])  # run 0 has none

    def add(self, runs: Iterable[bytes]) -> None:
        """Take the next runs."""
        numbers, flat, stop_words = self.numbers, self._flat, self._analyzer.stop_words
        for run in runs:
            plain = run.isascii() and len(run) <= LONGEST
            for word in (run.decode(),) if plain else words_of(run.decode(errors="surrogatepass")):
                if word not in stop_words:
                    flat.append(numbers.setdefault(word, len(numbers)))
            self._starts.append(len(flat))

    def of(self, runs: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the words of runs, int32[...], and how many each run has."""
        starts, flat = np.frombuffer(self._starts, np.int64), np.frombuffer(self._flat, np.int32)
        first = starts[runs]
        counts = starts[runs + 1] - first
        ends = np.cumsum(counts)
        return flat[np.repeat(first - ends + counts, counts) + np.arange(ends[-1])], counts
