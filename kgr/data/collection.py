"""Collections of documents, with queries and judgements where there are any, as stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kgr.data.build import Paths, as_paths, check_counts
from kgr.data.judgements import qrels_section, topics_section
from kgr.data.keyed_texts import KeyedTexts, file_source, read_keyed_texts
from kgr.data.qrels import Qrels
from kgr.data.splits import Message
from kgr.data.tables import check_language
from kgr.errors import DataError
from kgr.index.keys import Keys
from kgr.index.kinds import DOCUMENT
from kgr.index.store import Section, Store, create_store

DOCUMENT_FIELDS = {"title": "title", "body": "text"}
"""Our fields of a document, and what JSON lines call them."""


@dataclass(frozen=True)
class Collection:
    """Documents, and what they are searched with.

    Attributes
    ----------
    documents : KeyedTexts
        With the fields ``title`` and ``body``.
    name : str
        What the store calls the queries, if there are any.
    queries : KeyedTexts or None
        With the field ``text``.
    qrels : by name
        Judgements of them; the first are the default.
    remarks : lines
        What the reader found unusual.
    """

    documents: KeyedTexts
    name: str = ""
    queries: KeyedTexts | None = None
    qrels: Mapping[str, Qrels] = field(default_factory=dict)
    remarks: Sequence[str] = ()


def build_corpus(
    files: Paths, out: str | Path, *, language: str = "en", name: str = "", message: Message | None = None
) -> Store:
    """Build a store of documents from JSON lines ``{"id" or "_id", "title", "text"}``.

    ``title`` may be missing; other fields are ignored. Files whose name ends in ``.gz`` are unpacked. Documents are
    numbered in the order of their lines. A document without text is kept and counted.

    Parameters
    ----------
    language : str
        Of the texts: they become ``text/entries/<language>.title`` and ``<language>.body``.
    message : callable, optional
        Called with a line for everything unusual.

    Raises
    ------
    DataError
        Names file and line, see :func:`kgr.data.keyed_texts.read_keyed_texts`; or there are no documents. Nothing is
        left at ``out``.
    ConfigError
        ``language`` is none.
    FormatError
        There is a store at ``out`` already.
    """
    check_language(language)
    paths = as_paths(files)
    documents = read_keyed_texts(map(file_source, paths), DOCUMENT_FIELDS)
    sources = {"files": [str(path) for path in paths]}
    return write_collection(out, Collection(documents), language=language, name=name, sources=sources, message=message)


def write_collection(
    out: str | Path,
    collection: Collection,
    *,
    language: str = "en",
    name: str = "",
    sources: Mapping[str, Any] | None = None,
    message: Message | None = None,
    expected: Mapping[str, int] | None = None,
    replace: bool = False,
) -> Store:
    """Write a collection as a store at ``out``, atomically; the other arguments as for a graph's store.

    Raises
    ------
    DataError
        No documents; ``expected`` counts that differ from the found ones.
    """
    say = message or (lambda line: None)
    documents, queries = collection.documents, collection.queries
    if not documents.rows:
        raise DataError(f"{name or out}: found no documents, expected at least one")
    for line in (*collection.remarks, *_oddities(collection)):
        say(line)
    counts = _counts(collection)
    check_counts(name, counts, expected)
    kinds = np.full(len(documents.rows), DOCUMENT, np.uint8)
    sections = {
        "entries": Section({**Keys.build(list(documents.rows), what="document").arrays(), "kinds": kinds}),
        **{f"text/entries/{language}.{part}": Section(t.arrays()) for part, t in documents.texts.items() if len(t)},
    }
    if queries is not None:
        sections[f"queries/{collection.name}/topics"] = topics_section(queries)
    for qrels, judged in collection.qrels.items():
        sections[f"queries/{collection.name}/qrels/{qrels}"] = qrels_section(judged)
    return create_store(
        Path(out), sections, name=name, entities=0, counts=counts, sources=sources or {}, replace=replace
    )


def _counts(collection: Collection) -> dict[str, int]:
    counts = {"documents": len(collection.documents.rows), "documents_without_text": len(collection.documents.empty)}
    if collection.queries is not None:
        counts["queries"] = len(collection.queries.rows)
    for name, qrels in collection.qrels.items():
        counts[f"{name}_queries"] = len(np.unique(qrels.query))
        counts[f"{name}_judgements"] = len(qrels.query)
    return counts


def _oddities(collection: Collection) -> list[str]:
    said = []
    for what, rows in (("documents", collection.documents), ("queries", collection.queries)):
        if rows is not None and rows.empty:
            some = ", ".join(rows.empty[:3]) + (", …" if len(rows.empty) > 3 else "")
            said.append(f"{len(rows.empty):,} {what} have no text: kept: {some}")
    for name, qrels in collection.qrels.items():
        if qrels.repeated:
            said.append(f"qrels {name}: {qrels.repeated:,} lines that repeat an earlier one removed")
    return said
