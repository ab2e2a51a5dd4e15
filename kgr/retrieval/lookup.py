"""Look-up of entries by name: labels, aliases and titles in all languages, forgiving slips of the pen."""

from __future__ import annotations

import array
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kgr._ragged import offsets_of
from kgr.index.boundaries import folded
from kgr.index.cache import Arrays, cached
from kgr.index.store import Store

FIELDS = ("label", "title", "alias")
"""The text fields that are names."""

KEY = "key"
"""What stands for the field where a store has no names: its keys are looked up, unless there are too many."""

MOST_KEYS = 2_000_000
"""Keys that are taken for names at most: a graph of numbers needs no look-up of 86 million."""

EDITS = (0, 0, 0, 1, 1, 1, 2)
"""How many edits are forgiven a name of so many letters; the last also one of more."""

_ACCENTS = re.compile("[\u0300-\u036f]+")
_BETWEEN = re.compile("[\\s!-/:-@\\[-`{-¿×÷\u2010-\u205e\u3000-\u3004\u3008-\u3020\u30fb\uff5f-\uff65]+")
_KIND = "names"


@dataclass(frozen=True)
class Matches:
    """Names near a text: m of them, some perhaps of one entry.

    Attributes
    ----------
    entries : int32[m]
    sources : int32[m]
        Which of ``Names.sources`` the name is from.
    edits : int32[m]
        What it takes to make the name of the text; 0 where they are the same but for case, accents and punctuation.
    """

    entries: NDArray[np.int32]
    sources: NDArray[np.int32]
    edits: NDArray[np.int32]


@dataclass(frozen=True)
class Names:
    """The distinct names of entries in one form, by length: n names, m uses of them.

    Attributes
    ----------
    sources : tuple of str
        Where names are from: ``<language>.<field>``, or ``key``.
    letters : int32[...]
        The code points of the names, one name after another.
    offsets : int64[n + 1]
    lengths : int64[longest + 2]
        The names of l letters are ``lengths[l]:lengths[l + 1]``.
    marks : uint64[n]
        Which letters a name has, a bit for all of the same rest by 64.
    uses : int64[n + 1]
        Uses of each name.
    entries, used : int32[m]
        The entry and the source of each use.
    """

    sources: tuple[str, ...]
    letters: NDArray[np.int32]
    offsets: NDArray[np.int64]
    lengths: NDArray[np.int64]
    marks: NDArray[np.uint64]
    uses: NDArray[np.int64]
    entries: NDArray[np.int32]
    used: NDArray[np.int32]

    def find(self, text: str, edits: int | None = None) -> Matches:
        """Return all uses of the names that some edits make of a text, by length of name.

        Put in, dropped and replaced letters are edits, and two neighbours that change places.

        Parameters
        ----------
        edits : int, optional
            At most so many; by default 0 for up to 2 letters, 1 for up to 5, 2 for more.
        """
        from kgr.retrieval import _name_kernels

        query = _points(name_form(text))
        if len(query) == 0:
            return Matches(*(np.empty(0, np.int32) for _ in range(3)))
        most = EDITS[min(len(query), len(EDITS) - 1)] if edits is None else edits
        begin, end = (
            int(self.lengths[np.clip(length, 0, len(self.lengths) - 1)])
            for length in (len(query) - most, len(query) + most + 1)
        )
        mark = np.zeros(1, np.uint64)
        _name_kernels._mark(query, np.array([0, len(query)], np.int64), mark)
        found, taken = np.empty(end - begin, np.int64), np.empty(end - begin, np.int32)
        rows = np.empty((3, len(query) + 1), np.int32)
        arrays = self.letters, self.offsets, self.marks
        count = _name_kernels._scan(*arrays, begin, end, query, mark[0], most, rows, found, taken)
        return self._matches(found[:count], taken[:count])

    def _matches(self, names: NDArray[np.int64], edits: NDArray[np.int32]) -> Matches:
        """Return the uses of some names."""
        counts = self.uses[names + 1] - self.uses[names]
        ends = np.cumsum(counts)
        uses = np.arange(ends[-1] if len(ends) else 0) + np.repeat(self.uses[names] - (ends - counts), counts)
        return Matches(self.entries[uses], self.used[uses], np.repeat(edits, counts))


@lru_cache(maxsize=4)
def load_names(store: Store) -> Names:
    """Return the names of a store's entries, from its cache or made now; where there are none, the keys are names.

    That is of a store of up to :data:`MOST_KEYS` entries; one of more without names has none.
    Those of a few opened stores are held: all bytes of a cache are read when it is opened.
    """
    sources = _sources(store)
    made_from = [f"text/entries/{source}" for source in sources] or ["entries"]
    arrays = cached(store, _KIND, made_from, lambda: _make(store, sources))
    return Names(sources or (KEY,), **arrays)


def name_form(text: str) -> str:
    """Return the one form of a name: words as an index has them, without accents, one blank between."""
    plain = _BETWEEN.sub(" ", folded(text)).strip()
    if plain.isascii():
        return plain
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", plain)))


def _sources(store: Store) -> tuple[str, ...]:
    return tuple(f"{language}.{field}" for field in FIELDS for language in sorted(store.languages("entries", field)))


def _make(store: Store, sources: tuple[str, ...]) -> Arrays:
    """Make the arrays of :class:`Names`."""
    from kgr.retrieval import _name_kernels

    numbers: dict[str, int] = {}
    name, entry, used = array.array("i"), array.array("i"), array.array("i")
    for source, row, text in _texts(store, sources):
        if form := name_form(text):
            name.append(numbers.setdefault(form, len(numbers)))
            entry.append(row)
            used.append(source)
    lengths = np.fromiter(map(len, numbers), np.int64, len(numbers))
    by_length = np.argsort(lengths, kind="stable")
    forms = list(numbers)
    letters = _points("".join(forms[i] for i in by_length.tolist()))
    place = np.empty(len(forms), np.int64)
    place[by_length] = np.arange(len(forms))
    owner = place[np.frombuffer(name, np.int32)]
    order = np.argsort(owner, kind="stable")
    offsets, marks = offsets_of(lengths[by_length]), np.zeros(len(forms), np.uint64)
    _name_kernels._mark(letters, offsets, marks)
    return {
        "letters": letters,
        "offsets": offsets,
        "lengths": offsets_of(np.bincount(lengths)),
        "marks": marks,
        "uses": offsets_of(np.bincount(owner, minlength=len(forms))),
        "entries": np.frombuffer(entry, np.int32)[order],
        "used": np.frombuffer(used, np.int32)[order],
    }


def _texts(store: Store, sources: tuple[str, ...]) -> Iterator[tuple[int, int, str]]:
    """Yield number of source, entry and text of each name."""
    if not sources and len(store.entries) <= MOST_KEYS:
        yield from ((0, id, store.entries.key(id)) for id in range(len(store.entries)))
    for number, source in enumerate(sources):
        language, _, field = source.rpartition(".")
        texts = store.texts("entries", field, language)
        assert texts is not None  # a source is a section
        bounds, stored = texts.offsets.tolist(), texts.bytes.tobytes()
        for at, row in enumerate(texts.rows.tolist()):
            yield number, row, stored[bounds[at] : bounds[at + 1]].decode()


def _points(text: str) -> NDArray[np.int32]:
    """Return the code points of a text, int32[n]."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.int32)
