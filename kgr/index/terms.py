"""Indexes of texts as a store keeps them: postings, surface forms, and terms in text order.

Section ``terms/<language>.<name>``, of n documents, V terms, P postings and W words::

    rows             int32[n]      the entry of each document, ascending
    lengths          int32[n]      terms of each
    term_*                         the terms as keys: bytes, offsets, table; numbered by first appearance
    offsets          int64[V + 1]  postings of each term, so the differences are document frequencies
    documents        int32[P]      documents that have it, by number, ascending in a term
    frequencies      uint16[P]     how often; int32 where one does not fit
    collection       int64[V]      how often in all documents
    word_*                         the words of which terms are stems, as keys, sorted by term, then by first appearance
    word_counts      int64[W]      how often each was met
    forms            int64[V + 1]  words of each term
    settings         uint8[...]    JSON: the analyser's settings, and the fields that were joined

Section ``tokens/<language>.<name>``::

    ids              int32[L]      the terms of each document in text order
    offsets          int64[n + 1]
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr.index.analysis import Analyzer
from kgr.index.keys import Keys
from kgr.index.store import Store

DEFAULT = "text"
"""The index of all text fields."""

Arrays = Mapping[str, NDArray[Any]]


@dataclasses.dataclass(frozen=True)
class Terms:
    """An index of texts: n documents, V terms, P postings, W words; memory maps, read-only.

    A *document* is a position in ``rows``, which are entries; a term's postings are ``offsets[t]:offsets[t + 1]``.

    Attributes
    ----------
    rows : int32[n]
        Entries, ascending.
    lengths : int32[n]
        Terms of each document.
    vocabulary : Keys
        The V terms.
    offsets : int64[V + 1]
    documents : int32[P]
        Document numbers, ascending in a term.
    frequencies : uint16[P] or int32[P]
        Occurrences in the document, at least 1.
    collection : int64[V]
        Occurrences in all documents.
    words : Keys
        The W surface forms, those of term t being ``forms[t]:forms[t + 1]``.
    word_counts : int64[W]
        Occurrences of each.
    forms : int64[V + 1]
    settings : dict
        The analyser's, and ``fields``: what was joined.
    """

    rows: NDArray[np.int32]
    lengths: NDArray[np.int32]
    vocabulary: Keys
    offsets: NDArray[np.int64]
    documents: NDArray[np.int32]
    frequencies: NDArray[Any]
    collection: NDArray[np.int64]
    words: Keys
    word_counts: NDArray[np.int64]
    forms: NDArray[np.int64]
    settings: dict[str, Any]

    @classmethod
    def from_arrays(cls, arrays: Arrays, *, where: str = "terms") -> Terms:
        """Take the arrays of a section.

        Raises
        ------
        FormatError
            It was analysed otherwise than this kgr would; starts with ``where``.
        """
        settings = json.loads(arrays["settings"].tobytes())
        Analyzer.of(settings, where=where)
        return cls(
            arrays["rows"],
            arrays["lengths"],
            _keys(arrays, "term"),
            arrays["offsets"],
            arrays["documents"],
            arrays["frequencies"],
            arrays["collection"],
            _keys(arrays, "word"),
            arrays["word_counts"],
            arrays["forms"],
            settings,
        )

    @cached_property
    def analyzer(self) -> Analyzer:
        """The analyser that it was made with; queries go through it too."""
        return Analyzer.of(self.settings, where="terms")

    def ids(self, terms: Sequence[str]) -> NDArray[np.int32]:
        """Return the ids of terms: int32[k], -1 for each that no document has."""
        return self.vocabulary.find(terms)


@dataclasses.dataclass(frozen=True)
class Tokens:
    """The terms of documents in text order, stop words left out.

    Attributes
    ----------
    ids : int32[L]
        Term ids.
    offsets : int64[n + 1]
        Document ``i`` is ``ids[offsets[i]:offsets[i + 1]]``.
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]


def terms_name(language: str, name: str = DEFAULT) -> str:
    """Return the section of an index."""
    return f"terms/{language}.{name}"


def tokens_name(language: str, name: str = DEFAULT) -> str:
    """Return the section of its terms in text order."""
    return f"tokens/{language}.{name}"


def open_terms(store: Store, language: str = "en", name: str = DEFAULT) -> Terms | None:
    """Open an index of a store's texts, None where there is none.

    Raises
    ------
    FormatError
        Another analyser made it: names both, and what to do.
    """
    section = terms_name(language, name)
    return Terms.from_arrays(store.section(section), where=f"{store.path}: {section}") if store.has(section) else None


def open_tokens(store: Store, language: str = "en", name: str = DEFAULT) -> Tokens | None:
    """Open the terms in text order of an index, None where there is none."""
    section = tokens_name(language, name)
    if not store.has(section):
        return None
    arrays = store.section(section)
    return Tokens(arrays["ids"], arrays["offsets"])


def kept_indexes(store: Store) -> tuple[tuple[str, str], ...]:
    """Return language and name of each index that a store has."""
    starts = (name.removeprefix("terms/") for name in store.sections if name.startswith("terms/"))
    return tuple((language, name) for language, _, name in (start.partition(".") for start in starts))


def settings_of(store: Store, language: str, name: str) -> dict[str, Any]:
    """Return what an index records: the analyser's settings, and ``fields``."""
    settings: dict[str, Any] = json.loads(store.section(terms_name(language, name))["settings"].tobytes())
    return settings


def summaries(store: Store) -> list[dict[str, Any]]:
    """Return of each index that a store has its language, name, fields and counts, as JSON has it."""
    found = []
    for language, name in kept_indexes(store):
        arrays = store.section(terms_name(language, name))
        counts = {"documents": "rows", "terms": "collection", "postings": "documents"}
        own = {what: len(arrays[array]) for what, array in counts.items()}
        fields = settings_of(store, language, name)["fields"]
        found.append({"language": language, "name": name, "fields": fields, **own})
    return found


def key_arrays(keys: Keys, of: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of keys as a section holds them beside others."""
    return {f"{of}_{name}": array for name, array in keys.arrays().items()}


def _keys(arrays: Arrays, of: str) -> Keys:
    start = f"{of}_"
    own = {name.removeprefix(start): arrays[name] for name in (f"{of}_bytes", f"{of}_offsets", f"{of}_table")}
    return Keys.from_arrays(own, what=of)
