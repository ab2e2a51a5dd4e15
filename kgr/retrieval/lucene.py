"""Search by Lucene: in an index of the store's texts, kept in its cache, or in one that was made elsewhere.

Words, stop words and stems are as Lucene's analyser of the language has them, which is the one that pyserini takes.
Query likelihood is Lucene's too: by Dirichlet's prior a word that is rarer in a document than in the collection adds
nothing, where the method ``ql`` takes something off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr import _io
from kgr._threads import share_rows
from kgr.errors import ConfigError, UnknownKey
from kgr.index.cache import cached_folder
from kgr.index.store import Store
from kgr.index.text_index import ROWS, indexed_rows, joined_text, text_fields, text_languages
from kgr.retrieval._jvm import java_class, java_lock, lucene_jar
from kgr.retrieval.config import RetrieveConfig
from kgr.retrieval.lexical import text_language
from kgr.retrieval.lucene_index import CONTENTS, LuceneIndex, analyzer_name, write_index
from kgr.retrieval.retrieve import Asked, Found, Message, Progress, joined

Find = Callable[[str, int], tuple[NDArray[np.int32], NDArray[np.float32]]]
"""Return entries and scores of the best for one query; of equal scores the lower entry first."""

_BLOCK = 64  # queries of a thread between two reports of progress, and two looks at Ctrl-C
_LAYOUT = 1  # raised when the fields of a document change
_UNSEEN, _UNKNOWN = -2, -1


def search(asked: Asked) -> Found:
    """Find the ``k`` best entries of each text, see :class:`kgr.retrieval.retrieve.Search`.

    One search at a time: others of this process wait.

    Raises
    ------
    ConfigError
        Lucene or Java is not installed; the message says what to install. The store has no texts in the language.
    FormatError
        The index that ``config`` names is none that this Lucene reads.
    """
    if asked.config.index is None:
        with java_lock, closing(_Own(asked)) as own:
            return joined(_each(own, asked))
    with java_lock, closing(_Other(asked, asked.config.index)) as other:
        found = joined(_each(other, asked))
    if other.unknown:
        left_out = f"left out {other.unknown:,} documents found there that are no entries of {asked.store.path}"
        asked.message(f"{asked.config.index}: {left_out}")
    return found


def _similarity(config: RetrieveConfig) -> Any:
    part = "org.apache.lucene.search.similarities"
    if config.similarity == "bm25":
        return java_class(f"{part}.BM25Similarity")(config.k1, config.b)
    if config.smoothing == "dirichlet":
        return java_class(f"{part}.LMDirichletSimilarity")(config.mu)
    return java_class(f"{part}.LMJelinekMercerSimilarity")(config.jm_lambda)


def _each(find: Find, asked: Asked) -> list[Found]:
    """Return the results of each query. Threads pay: Java runs outside the interpreter's lock."""
    texts, threads = asked.texts, asked.threads
    found = [joined([])] * len(texts)

    def work(start: int, first: int, last: int) -> None:
        for q in range(start + first, start + last):
            entries, scores = find(texts[q], asked.k)
            found[q] = np.array([0, len(entries)]), entries, scores

    for start in range(0, len(texts), _BLOCK * threads):
        end = min(start + _BLOCK * threads, len(texts))
        share_rows(partial(work, start), end - start, threads)
        if asked.progress:
            asked.progress(end, len(texts))
    return found


class _Own:
    """Search in the index of the store's texts, which is made first where it is not there."""

    def __init__(self, asked: Asked) -> None:
        language, fields, allowed = asked.language or text_language(asked.store), asked.fields, asked.allowed
        folder = lucene_folder(asked.store, language, fields, message=asked.message, progress=asked.progress)
        self._rows = _io.read_array(folder / "rows.npy")
        own = self._rows if allowed is None else self._rows[allowed[self._rows]]
        only = own if len(own) < len(self._rows) else None
        self._there = len(own)
        self._index = LuceneIndex(folder / "index", language, _similarity(asked.config), fields, only)

    def close(self) -> None:
        self._index.close()

    def __call__(self, text: str, k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Find the best entries: documents are numbered as entries are, so ties come as they shall."""
        if not self._there:
            return np.empty(0, np.int32), np.empty(0, np.float32)
        documents, scores = self._index.search(text, min(k, self._there))
        return self._rows[documents], scores


class _Other:
    """Search in an index that was made elsewhere, whose documents are entries of the store by key."""

    def __init__(self, asked: Asked, index: str) -> None:
        language = asked.language or text_language(asked.store)
        self._keys, self._allowed = asked.store.entries, asked.allowed
        self._index = LuceneIndex(Path(index), language, _similarity(asked.config), asked.fields)
        self._entry = np.full(len(self._index), _UNSEEN, np.int32)
        self._one = Lock()

    def close(self) -> None:
        self._index.close()

    @property
    def unknown(self) -> int:
        """Documents that were found and are no entries."""
        return int((self._entry == _UNKNOWN).sum())

    def __call__(self, text: str, k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Find the best entries; what may not be found makes place for what is below it."""
        there = len(self._index)
        wanted = min(k, there)
        while wanted:
            documents, scores = self._index.search(text, wanted)
            entries = self._entries(documents)
            fits = self._fitting(entries)
            if len(fits) >= k or len(documents) < wanted or wanted == there:
                best = fits[np.lexsort((entries[fits], -scores[fits]))][:k]
                return entries[best], scores[best]
            wanted = min(2 * wanted, there)
        return np.empty(0, np.int32), np.empty(0, np.float32)

    def _entries(self, documents: NDArray[np.int32]) -> NDArray[np.int32]:
        with self._one:
            unseen = documents[self._entry[documents] == _UNSEEN]
            if len(unseen):
                self._entry[unseen] = self._keys.find(self._index.keys(unseen.tolist()))
            return self._entry[documents]

    def _fitting(self, entries: NDArray[np.int32]) -> NDArray[np.intp]:
        """Return the places of entries that may be found, each where it is first."""
        _, first = np.unique(entries, return_index=True)
        first = np.sort(first[entries[first] >= 0])
        return first if self._allowed is None else first[self._allowed[entries[first]]]


def lucene_folder(
    store: Store,
    language: str,
    fields: Sequence[str] | Mapping[str, float] | None = None,
    *,
    message: Message | None = None,
    progress: Progress | None = None,
) -> Path:
    """Return the folder of the Lucene index of a store's texts; it is made first where it is not in the cache.

    ``rows.npy`` holds the entries of its documents, int32[n] ascending; ``index`` is Lucene's own, for pyserini too.

    Parameters
    ----------
    fields : names, optional
        Indexed each by itself, for weights; by default all texts of an entry are one, ``contents``.

    Raises
    ------
    ConfigError
        The store has no texts in the language.
    UnknownKey
        It has no such field.
    """
    columns = _columns(store, language, fields)
    joined = [field for column in columns.values() for field in column]
    rows = indexed_rows(store, joined, language)

    def make(folder: Path) -> None:
        if message:
            message(f"{store.path}: indexing {len(rows):,} texts in {language} by Lucene first")
        _io.write_array(folder / "rows.npy", rows)
        documents = _documents(store, rows, columns, language, progress)
        write_index(folder / "index", documents, tuple(columns), language)

    settings = {
        "layout": _LAYOUT,
        "jar": lucene_jar().name,
        "analyzer": analyzer_name(language),
        "fields": [list(column) for column in columns.items()],
    }
    made_from = ("entries", *(f"text/entries/{language}.{field}" for field in joined))
    return cached_folder(store, "lucene", made_from, make, settings=settings)


def _columns(
    store: Store, language: str, fields: Sequence[str] | Mapping[str, float] | None
) -> dict[str, tuple[str, ...]]:
    """Return the texts that each field of the index joins."""
    for field in fields or ():
        if not store.has(f"text/entries/{language}.{field}"):
            raise UnknownKey.of(f"text in {language!r}", field, text_fields(store, language))
    columns: dict[str, tuple[str, ...]] = {field: (field,) for field in sorted(fields or ())}
    columns = columns or {CONTENTS: text_fields(store, language)}
    if not any(columns.values()):
        there = ", ".join(text_languages(store)) or "none"
        raise ConfigError(f"language is {language!r}: {store.path} has no texts of entries in it; languages: {there}")
    return columns


def _documents(
    store: Store,
    rows: NDArray[np.int32],
    columns: Mapping[str, Sequence[str]],
    language: str,
    progress: Progress | None,
) -> Iterator[tuple[int, str, list[str]]]:
    """Yield entry, key and texts of each document."""
    texts = [joined_text(store, column, language, rows) for column in columns.values()]
    for first in range(0, len(rows), ROWS):
        part = rows[first : first + ROWS]
        for row, key in zip(part.tolist(), store.entries.keys_of(part), strict=True):
            yield row, key, [next(own)[1] for own in texts]
        if progress:
            progress(first + len(part), len(rows))
