"""Lucene indexes: written as Anserini and pyserini write and read them, and opened for searching.

A document has the fields ``id`` (its key, stored and for sorting), ``entry`` (its id in the store) and one or more
fields of text: ``contents`` alone unless fields are to be weighted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr.errors import FormatError
from kgr.retrieval._jvm import java_cast, java_class, java_errors
from kgr.retrieval._lucene_call import search_call

CONTENTS = "contents"
_LUCENE = "org.apache.lucene"
_BUFFER = 64.0  # MiB of postings that are gathered in memory
_HIT = re.compile(r"doc=(\d+) score=(\S+)")


def analyzer(language: str) -> Any:
    """Return Lucene's analyser of a language, the one that pyserini takes.

    A language that has none gets the standard one: words in lower case, unstemmed.
    """
    if language == "en":
        return java_class("io.anserini.analysis.DefaultEnglishAnalyzer").newDefaultInstance()
    known = java_class("io.anserini.analysis.AnalyzerMap")
    if known.analyzerMap.containsKey(language):
        return known.getLanguageSpecificAnalyzer(language)
    return java_class(f"{_LUCENE}.analysis.standard.StandardAnalyzer")()


def analyzer_name(language: str) -> str:
    """Return the Java class of the analyser of a language."""
    return str(analyzer(language).getClass().getName())


def write_index(
    folder: Path, documents: Iterable[tuple[int, str, Sequence[str]]], fields: Sequence[str], language: str
) -> None:
    """Write an index of documents: entry, key, and a text for each of ``fields``.

    They are numbered as they come, and merged into one segment.

    Raises
    ------
    FormatError
        Lucene refuses a document.
    OSError
        The disk is full.
    """
    with java_errors(str(folder)):
        writer = _writer(folder, language)
        try:
            document, number, keys, texts = _document(fields)
            for entry, key, values in documents:
                number.setLongValue(entry)
                keys[0].setStringValue(key)
                keys[1].setBytesValue(key.encode())
                for field, text in zip(texts, values, strict=True):
                    field.setStringValue(text)
                writer.addDocument(document)
            writer.forceMerge(1)
            writer.commit()
        finally:
            writer.rollback()  # closes it; what is committed stays


def _writer(folder: Path, language: str) -> Any:
    """Return a writer whose segments are merged in order, so that documents keep their numbers."""
    config = java_class(f"{_LUCENE}.index.IndexWriterConfig")(analyzer(language))
    config.setMergePolicy(java_class(f"{_LUCENE}.index.LogDocMergePolicy")())
    config.setRAMBufferSizeMB(_BUFFER)
    unlocked = java_class(f"{_LUCENE}.store.NoLockFactory").INSTANCE
    return java_class(f"{_LUCENE}.index.IndexWriter")(_directory(folder, unlocked), config)


def _directory(folder: Path, *lock: Any) -> Any:
    return java_class(f"{_LUCENE}.store.FSDirectory").open(java_class("java.nio.file.Paths").get(str(folder)), *lock)


def _document(fields: Sequence[str]) -> tuple[Any, Any, tuple[Any, Any], list[Any]]:
    """Return one document, filled anew for each that is written, and its fields: entry, key, key's bytes, texts."""
    part = f"{_LUCENE}.document"
    number = java_class(f"{part}.NumericDocValuesField")("entry", 0)
    key = java_class(f"{part}.StringField")("id", "", java_class(f"{part}.Field$Store").YES)
    value = java_class(f"{part}.BinaryDocValuesField")("id", java_class(f"{_LUCENE}.util.BytesRef")(b""))
    kind = java_class(f"{part}.FieldType")()
    kind.setIndexOptions(java_class(f"{_LUCENE}.index.IndexOptions").DOCS_AND_FREQS)
    empty = java_cast("java.lang.CharSequence", java_class("java.lang.String")(""))
    texts = [java_class(f"{part}.Field")(name, empty, kind) for name in fields]
    document = java_class(f"{part}.Document")()
    for field in (number, key, value, *texts):
        document.add(field)
    return document, number, (key, value), texts


class LuceneIndex:
    """An opened index.

    Parameters
    ----------
    folder : path
        Of Lucene's files.
    language : str
        Whose analyser reads the queries.
    similarity
        A Java object of Lucene's class Similarity.
    weights : mapping, optional
        Of the fields that are searched, by name: ``contents`` alone by default.
    only : int32[m], optional
        Find only documents of these entries, in an index that has their numbers.

    Raises
    ------
    FormatError
        There is no index, or it is damaged or of another Lucene.
    """

    def __init__(
        self,
        folder: Path,
        language: str,
        similarity: Any,
        weights: Mapping[str, float] | None = None,
        only: NDArray[np.int32] | None = None,
    ) -> None:
        self.folder = folder
        if not any(folder.glob("segments_*")):  # Lucene would make the folder
            raise FormatError(f"{folder}: no Lucene index there, expected a folder with a file segments_N")
        with java_errors(str(folder)):
            opened = java_class(f"{_LUCENE}.index.DirectoryReader").open(_directory(folder))
            self._reader = java_cast(f"{_LUCENE}.index.IndexReader", opened)
            searcher = java_class(f"{_LUCENE}.search.IndexSearcher")(self._reader)
            searcher.setSimilarity(similarity)
            boosts = _boosts(weights or {CONTENTS: 1.0})
            self._search = search_call(searcher, boosts, analyzer(language), None if only is None else _among(only))

    def close(self) -> None:
        """Unmap the files."""
        self._reader.close()

    def __len__(self) -> int:
        return int(self._reader.maxDoc())

    def search(self, text: str, k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the numbers of the at most ``k`` best documents of a query and their scores.

        Of equal scores the lower number comes first. Threads may search in one index at once, while nothing else calls
        Java.
        """
        with java_errors(str(self.folder)):
            hits = _HIT.findall(self._search.invokeWithArguments(text, str(k)))
        return np.array([doc for doc, _ in hits], np.int32), np.array([score for _, score in hits], np.float32)

    def keys(self, documents: Iterable[int]) -> list[str]:
        """Return the keys of documents.

        Raises
        ------
        FormatError
            A document has no stored field ``id``.
        """
        with java_errors(str(self.folder)):
            stored = self._reader.storedFields()
            found = [stored.document(number) for number in documents]
            keys = [document.get("id") for document in found]
        if None in keys:
            raise FormatError(f"{self.folder}: found a document without the stored field 'id', as pyserini writes it")
        return keys


def _among(entries: NDArray[np.int32]) -> Any:
    return java_class(f"{_LUCENE}.document.NumericDocValuesField").newSlowSetQuery("entry", *entries.tolist())


def _boosts(weights: Mapping[str, float]) -> Any:
    boosts = java_class("java.util.HashMap")()
    for field, weight in weights.items():
        boosts.put(field, java_class("java.lang.Float")(weight))
    return boosts
