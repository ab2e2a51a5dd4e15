"""Building an index of texts from blocks of documents, in memory bounded by the vocabulary and a block.

Documents pass by once. Their terms go to a spool in text order, and run by run sorted by term; at the end the runs are
merged, range by range of terms, straight into the files of the store.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr import _io
from kgr._io import Pieces
from kgr._ragged import offsets_of
from kgr.index.analysis import Analyzer
from kgr.index.blocks import Block
from kgr.index.keys import Keys
from kgr.index.store import Section
from kgr.index.terms import key_arrays, terms_name, tokens_name

RUN = 1 << 22
"""Tokens that are sorted at once."""

MERGED = 1 << 22
"""Postings that are merged at once; a single term may have more."""


def terms_sections(
    name: str,
    rows: NDArray[np.int32],
    blocks: Iterable[Block],
    analyzer: Analyzer,
    *,
    fields: Iterable[str],
    spool: Path,
    made_from: tuple[str, ...],
) -> dict[str, Section]:
    """Make the sections of an index from all its blocks: see :class:`TermsBuilder`."""
    builder = TermsBuilder(analyzer, spool)
    for block in blocks:
        builder.add(block)
    return builder.sections(name, rows, fields=fields, made_from=made_from)


class TermsBuilder:
    """Takes documents block by block, and makes the sections of an index.

    They do not depend on how the documents were cut into blocks.

    Parameters
    ----------
    analyzer : Analyzer
        By which the blocks are analysed.
    spool : path
        An empty folder for what does not fit into memory, at most 16 bytes a token.
    """

    def __init__(self, analyzer: Analyzer, spool: Path) -> None:
        self._analyzer = analyzer
        self._words = _Words(analyzer)
        self._runs = _Runs(spool)

    def add(self, block: Block) -> None:
        """Take the next documents."""
        self._runs.add(self._words.terms_of(block), np.diff(block.offsets).astype(np.int32))

    def sections(
        self, name: str, rows: NDArray[np.int32], *, fields: Iterable[str], made_from: tuple[str, ...]
    ) -> dict[str, Section]:
        """Return the sections, to be written while the spool is there.

        Parameters
        ----------
        name : str
            Of the index.
        rows : int32[n]
            The entries that the documents are, ascending.
        fields : names
            What the documents were joined from; recorded.
        made_from : names
            Sections that they come from.

        Returns
        -------
        dict of Section by name
            ``terms/<language>.<name>`` and ``tokens/<language>.<name>``.

        Raises
        ------
        ValueError
            There are more documents or fewer than rows.
        """
        lengths = self._runs.end()
        if len(lengths) != len(rows):
            raise ValueError(f"index {name!r}: {len(lengths)} documents for {len(rows)} rows")
        settings = json.dumps({**self._analyzer.settings, "fields": list(fields)}, sort_keys=True)
        counts, collection, postings = self._runs.postings(len(self._words.terms))
        arrays: dict[str, NDArray[Any]] = {
            "rows": np.asarray(rows, np.int32),
            "lengths": lengths,
            "offsets": offsets_of(counts),
            "collection": collection,
            "settings": np.frombuffer(settings.encode(), np.uint8),
            **self._words.arrays(),
        }
        starts = offsets_of(lengths)
        language = self._analyzer.config.language
        terms = terms_name(language, name)
        tokens = Section({"offsets": starts}, (terms,), {"ids": self._runs.tokens(int(starts[-1]))})
        return {terms: Section(arrays, made_from, postings), tokens_name(language, name): tokens}


class _Words:
    """The words and terms met so far, numbered by first appearance."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self._numbers: dict[str, int] = {}
        self.terms: dict[str, int] = {}
        self._term = np.empty(0, np.int32)  # of each word
        self._counts = np.empty(0, np.int64)

    def terms_of(self, block: Block) -> NDArray[np.int32]:
        """Return the term of each token of a block, int32[L]."""
        numbers, known = self._numbers, len(self._numbers)
        own = np.fromiter((numbers.setdefault(word, len(numbers)) for word in block.words), np.int64, len(block.words))
        new = [word for word, number in zip(block.words, own.tolist(), strict=True) if number >= known]
        terms = self.terms
        found = [terms.setdefault(term, len(terms)) for term in self._analyzer.stems(new)]
        if new:
            self._term = _long(self._term, len(numbers))
            self._counts = _long(self._counts, len(numbers))
            self._term[known : len(numbers)] = found
        self._counts[own] += np.bincount(block.ids, minlength=len(own))
        of: NDArray[np.int32] = self._term[own]
        return of[block.ids]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of terms and words."""
        count = len(self._numbers)
        order = np.argsort(self._term[:count], kind="stable")
        words = list(self._numbers)
        forms = np.zeros(len(self.terms) + 1, np.int64)
        np.cumsum(np.bincount(self._term[:count], minlength=len(self.terms)), out=forms[1:])
        return {
            **key_arrays(Keys.build(list(self.terms), what="term"), "term"),
            **key_arrays(Keys.build([words[at] for at in order.tolist()], what="word"), "word"),
            "word_counts": self._counts[:count][order],
            "forms": forms,
        }


@dataclasses.dataclass(frozen=True)
class _Run:
    """Where a run lies in the spool: ``postings`` of them from ``first`` on, of the terms below ``terms``."""

    terms: int
    first_count: int
    first: int


class _Runs:
    """Tokens as they come, and their postings in runs, each sorted by term, in files of int32."""

    def __init__(self, spool: Path) -> None:
        self._files = {what: spool / what for what in ("tokens", "counts", "documents", "frequencies")}
        for file in self._files.values():
            file.touch()
        self._waiting: list[tuple[NDArray[np.int32], NDArray[np.int32]]] = []
        self._held = 0
        self._lengths: list[NDArray[np.int32]] = [np.empty(0, np.int32)]
        self._documents = 0
        self._collection = np.zeros(0, np.int64)
        self._runs: list[_Run] = []
        self._postings = self._counts = self._largest = 0

    def add(self, tokens: NDArray[np.int32], lengths: NDArray[np.int32]) -> None:
        """Take documents: their terms in text order, and how many each has."""
        self._waiting.append((tokens, lengths))
        self._lengths.append(lengths)
        self._held += len(tokens)
        if self._held >= RUN:
            self._flush()

    def end(self) -> NDArray[np.int32]:
        """Return the lengths of all documents; none come after."""
        self._flush()
        return np.concatenate(self._lengths)

    def tokens(self, count: int) -> Pieces:
        """Return the terms of all documents in text order."""
        return Pieces(np.dtype(np.int32), (count,), lambda: _read(self._files["tokens"]))

    def postings(self, terms: int) -> tuple[NDArray[np.int64], NDArray[np.int64], dict[str, Pieces]]:
        """Return how many documents each term has, how often it occurs, and its postings."""
        counts = np.zeros(terms, np.int64)
        for run in self._runs:
            counts[: run.terms] += self._counts_of(run, 0, run.terms)
        small = np.dtype(np.uint16 if self._largest < 1 << 16 else np.int32)
        types = {"documents": np.dtype(np.int32), "frequencies": small}
        total = int(counts.sum())
        pieces = {
            what: Pieces(dtype, (total,), lambda what=what, dtype=dtype: self._merged(what, counts, dtype))  # type: ignore[misc]
            for what, dtype in types.items()
        }
        return counts, _long(self._collection, terms)[:terms], pieces

    def _flush(self) -> None:
        """Sort the postings of what waits by term, and put them and the tokens on the disk."""
        from kgr.index import _kernels

        if not self._waiting:
            return
        tokens, lengths = (np.concatenate(parts) for parts in zip(*self._waiting, strict=True))
        terms = int(tokens.max(initial=-1)) + 1
        self._collection = _long(self._collection, terms)
        last, counts = np.full(terms, -1, np.int32), np.zeros(terms, np.int32)
        _kernels._count_postings(tokens, lengths, last, counts, self._collection)
        next_, total = offsets_of(counts), int(counts.sum(dtype=np.int64))
        documents, frequencies = np.empty(total, np.int32), np.empty(total, np.int32)
        last.fill(-1)
        _kernels._post(tokens, lengths, self._documents, next_, last, documents, frequencies)
        self._runs.append(_Run(terms, self._counts, self._postings))
        for what, array in (
            ("tokens", tokens),
            ("counts", counts),
            ("documents", documents),
            ("frequencies", frequencies),
        ):
            _append(self._files[what], array)
        self._largest = max(self._largest, int(frequencies.max(initial=0)))
        self._documents += len(lengths)
        self._postings += total
        self._counts += terms
        self._waiting, self._held = [], 0

    def _counts_of(self, run: _Run, first: int, last: int) -> NDArray[np.int32]:
        """Return the documents in a run of the terms [first, last)."""
        last = min(last, run.terms)
        return _read_part(self._files["counts"], run.first_count + first, max(0, last - first))

    def _merged(self, what: str, counts: NDArray[np.int64], dtype: np.dtype[Any]) -> Iterator[NDArray[Any]]:
        """Yield an array of the postings, by ranges of terms."""
        from kgr.index import _kernels

        offsets = offsets_of(counts)
        places = [run.first for run in self._runs]
        for first, last in _ranges(offsets):
            next_ = offsets[first:last] - offsets[first]
            out = np.empty(int(offsets[last] - offsets[first]), np.int32)
            for number, run in enumerate(self._runs):
                own = self._counts_of(run, first, last)
                size = int(own.sum(dtype=np.int64))
                _kernels._place(_read_part(self._files[what], places[number], size), own, next_, out)
                places[number] += size
            yield out.astype(dtype, copy=False)


def _ranges(offsets: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield ranges of terms that have about ``MERGED`` postings, or one term that has more."""
    first, terms = 0, len(offsets) - 1
    while first < terms:
        last = int(np.searchsorted(offsets, offsets[first] + MERGED, side="right")) - 1
        last = max(last, first + 1)
        yield first, last
        first = last


def _long(array: NDArray[Any], size: int) -> NDArray[Any]:
    """Return an array with zeros after its numbers, so that there are at least ``size``; it grows by doubling."""
    if len(array) >= size:
        return array
    longer = np.zeros(max(size, 2 * len(array)), array.dtype)
    longer[: len(array)] = array
    return longer


def _append(file: Path, array: NDArray[np.int32]) -> None:
    with _io.naming(file), file.open("ab") as opened:
        opened.write(array.data)


def _read(file: Path) -> Iterator[NDArray[np.int32]]:
    size = file.stat().st_size // 4
    for first in range(0, size, MERGED):
        yield _read_part(file, first, min(MERGED, size - first))


def _read_part(file: Path, first: int, count: int) -> NDArray[np.int32]:
    return np.fromfile(file, np.int32, count, offset=4 * first)
