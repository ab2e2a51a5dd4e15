"""Collections of documents, with queries and judgements where there are any, as stores."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kgr import _io
from kgr._config import make
from kgr.data.build import Paths, as_paths, check_counts
from kgr.data.document_forms import DOCUMENT_FORMS
from kgr.data.document_shards import Progress, file_sources
from kgr.data.documents import DocumentReader, Documents, ReadingConfig, named_fields, text_name
from kgr.data.judgements import judged_counts, judged_sections, read_judged
from kgr.data.keyed_texts import KeyedTexts, Source
from kgr.data.qrels import Qrels
from kgr.data.splits import Message
from kgr.data.tables import check_language
from kgr.errors import ConfigError, DataError
from kgr.index.analysis import Analyzer, AnalyzerConfig
from kgr.index.keys import Keys
from kgr.index.kinds import DOCUMENT
from kgr.index.store import Section, Store, check_place, create_store
from kgr.index.terms import DEFAULT
from kgr.index.terms_build import TermsBuilder
from kgr.index.text_index import FIELDS


@dataclass(frozen=True)
class Collection:
    """Documents, and what they are searched with; nothing of it is read yet.

    Attributes
    ----------
    documents : Documents
    name : str
        What the store calls the queries, if there are any.
    judged : by name, Source
        ``queries``, JSON lines with the text ``text``, and judgements of them, ``qrels.<name>``; the first are the
        default.
    remarks : lines
        What is unusual.
    """

    documents: Documents
    name: str = ""
    judged: Mapping[str, Source] = field(default_factory=dict)
    remarks: Sequence[str] = ()


def build_corpus(
    files: Paths,
    out: str | Path,
    *,
    form: str = "corpus",
    fields: Mapping[str, str] | Sequence[str] = (),
    name: str = "",
    message: Message | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Store:
    """Build a store of documents from files, and index their texts.

    Files whose name ends in ``.gz`` are unpacked; of a folder all files are read. Documents are numbered in the order
    of their files and lines; one without text is kept and counted. What is no document is set aside in
    ``<out>.quarantine.jsonl``, with its place, and counted. Files are read as a stream: memory holds keys, vocabulary
    and a few shards, texts wait in a temporary folder beside ``out``.

    Parameters
    ----------
    form : str
        ``corpus``: JSON lines ``{"id" or "_id", "title", "text"}``, of which the title may be missing. ``trec``: TREC's
        SGML, ``<DOC>`` with ``<DOCNO>``; the texts of all text tags. ``msmarco``: lines of docid, url, title and body,
        or of pid and passage, with tabs between. ``wikiextractor``: its folders, of ``<doc id="…" title="…">`` or of
        JSON lines.
    fields : names, or our name and the source's
        More texts to keep: ``["url"]``, ``{"body": "abstract"}``; for TREC one or more tags with spaces between.
    message : callable, optional
        Called with a line for everything unusual.
    progress : callable, optional
        Called with ``"documents"``, the bytes that were read and how many there are.
    **settings
        The fields of :class:`kgr.data.documents.ReadingConfig`: ``language``: the texts become
        ``text/entries/<language>.title`` and ``<language>.body``; ``prefix``; ``strict``; ``index``: the index is
        ``terms/<language>.text``, by the default analysis; ``workers`` and ``engine``, by which nothing changes but the
        time.

    Raises
    ------
    DataError
        A key again, with both places; no documents; with ``strict`` the first record that is none. The message names
        file and line, and nothing is left at ``out``.
    ConfigError
        A setting that is none.
    FormatError
        There is a store at ``out`` already.
    """
    paths = as_paths(files)
    documents = document_files(paths, form, fields, progress)
    config = make(ReadingConfig, settings)
    sources = {"files": [str(path) for path in paths]}
    return write_collection(out, Collection(documents), config, name=name, sources=sources, message=message)


def document_files(
    paths: Sequence[Path], form: str, fields: Mapping[str, str] | Sequence[str], progress: Progress | None
) -> Documents:
    """Return the documents of files, not read yet; the arguments are those of :func:`build_corpus`."""
    if form not in DOCUMENT_FORMS:
        raise ConfigError(f"form is {form!r}, expected one of {', '.join(DOCUMENT_FORMS)}")
    return Documents(file_sources(paths, progress), form, named_fields(fields))


def write_collection(
    out: str | Path,
    collection: Collection,
    config: ReadingConfig,
    *,
    name: str = "",
    sources: Mapping[str, Any] | None = None,
    message: Message | None = None,
    expected: Mapping[str, int] | None = None,
    replace: bool = False,
) -> Store:
    """Read a collection and write it as a store at ``out``, atomically; the other arguments as for a graph's store.

    Raises
    ------
    DataError
        No documents; ``expected`` counts that differ from the found ones; see :func:`build_corpus`.
    """
    out, say = Path(out), message or (lambda line: None)
    check_language(config.language)
    check_place(out, replace=replace)  # before hours of reading
    with read_documents(collection.documents, config, out) as (reader, indexed):
        try:
            queries, qrels = (
                read_judged(collection.judged, reader.rows, lenient=not config.strict)
                if collection.judged
                else (None, {})
            )
        except DataError as error:  # perhaps of a document that was set aside
            raise DataError(f"{error}{reader.quarantine.said}") from error
        for line in (*collection.remarks, *reader.remarks(), *_oddities(queries, qrels)):
            say(line)
        counts = {**reader.counts(), **judged_counts(queries, qrels)}
        check_counts(name, counts, expected)
        kinds = np.full(len(reader.rows), DOCUMENT, np.uint8)
        sections = {
            "entries": Section({**Keys.build(list(reader.rows), what="document").arrays(), "kinds": kinds}),
            **{name: texts.section() for name, texts in reader.sections(config.language).items()},
            **judged_sections(collection.name, queries, qrels),
            **indexed,
        }
        for line in reader.quarantine.keep(out, more=False):
            say(line)
        return create_store(out, sections, name=name, entities=0, counts=counts, sources=sources or {}, replace=replace)


@contextmanager
def read_documents(
    documents: Documents, config: ReadingConfig, out: Path
) -> Iterator[tuple[DocumentReader, dict[str, Section]]]:
    """Read documents; yield them, and the sections of their index if there is to be one, to be written within."""
    with _io.temporary_folder(_io.beside(out, ".spool")) as spool:
        reader = DocumentReader(documents, config, spool)
        if not config.index:
            deque(reader.read(), maxlen=0)
            yield reader, {}
            return
        analyzer = Analyzer(make(AnalyzerConfig, {"language": config.language}))
        (spool / "index").mkdir()
        builder = TermsBuilder(analyzer, spool / "index")
        for block in reader.read(analyzer):
            builder.add(block)
        rows = np.arange(len(reader.rows), dtype=np.int32)
        fields = [name for name in FIELDS if name in reader.texts and len(reader.texts[name].rows)]
        made_from = ("entries", *(text_name(name, config.language) for name in fields))
        yield reader, builder.sections(DEFAULT, rows, fields=fields, made_from=made_from)


def _oddities(queries: KeyedTexts | None, qrels: Mapping[str, Qrels]) -> Iterable[str]:
    if queries is not None and queries.empty:
        some = ", ".join(queries.empty[:3]) + (", …" if len(queries.empty) > 3 else "")
        yield f"{len(queries.empty):,} queries have no text: kept: {some}"
    for name, rows in qrels.items():
        if rows.repeated:
            yield f"qrels {name}: {rows.repeated:,} lines that repeat an earlier one removed"
        if rows.unknown:
            yield f"qrels {name}: {rows.unknown:,} lines of what is not here left out; the first: {rows.first_unknown}"
