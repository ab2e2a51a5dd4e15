"""Documents and texts into a store that is there: its next version, indexed anew as it was."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from kgr import _io
from kgr._config import make
from kgr._config import settings as settings_of
from kgr.data.added_texts import line_texts, merged_texts, table_texts
from kgr.data.build import Paths, as_paths
from kgr.data.collection import document_files
from kgr.data.document_forms import TEXTS
from kgr.data.document_shards import Progress, file_sources
from kgr.data.documents import DocumentReader, Documents, ReadingConfig, named_fields, text_name
from kgr.data.known import open_store
from kgr.data.splits import Message
from kgr.data.tables import check_language, read_table
from kgr.errors import DataError
from kgr.index.analysis import AnalyzerConfig
from kgr.index.kinds import DOCUMENT
from kgr.index.store import Section, Store, extend_store, preview_store, stale_sections
from kgr.index.terms import DEFAULT, kept_indexes, terms_name
from kgr.index.text_index import FIELDS, index_sections, text_fields


def add_documents(
    store: Store | str | Path,
    files: Paths,
    *,
    form: str = "corpus",
    fields: Mapping[str, str] | Sequence[str] = (),
    message: Message | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Store:
    """Add documents to a store, as its next version; their ids come after those of the present entries.

    A graph in the store stays as it is, and so do runs that were trained on it. Indexes of texts are made anew with
    their own settings; with ``index`` there is one of all texts in the documents' language afterwards. Documents
    that repeat another's contents are counted among the added ones alone.

    Parameters
    ----------
    store : Store, folder or known name
        One under a known name keeps the documents until it is built anew.

    The rest is as for :func:`kgr.data.collection.build_corpus`.

    Raises
    ------
    DataError
        A key that the store has already, or what :func:`kgr.data.collection.build_corpus` refuses; the store stays as
        it is.
    ConfigError
        A setting that is none.
    """
    opened, paths = Store(open_store(store, message=message).path), as_paths(files)
    config, documents = make(ReadingConfig, settings), document_files(paths, form, fields, progress)
    check_language(config.language)
    say = message or (lambda line: None)
    with _io.temporary_folder(spool_of(opened)) as spool:
        reader = DocumentReader(documents, config, spool, opened.entries)
        deque(reader.read(), maxlen=0)
        for line in reader.remarks():
            say(line)
        kinds = np.concatenate([opened.kinds, np.full(len(reader.rows), DOCUMENT, np.uint8)])
        sections = {
            "entries": Section({**opened.entries.extended(list(reader.rows)).arrays(), "kinds": kinds}),
            **{
                text_name(name, config.language): texts.section(opened.texts("entries", name, config.language))
                for name, texts in reader.texts.items()
                if len(texts.rows)
            },
        }
        before = opened.manifest["counts"]
        counts = {what: before.get(what, 0) + count for what, count in reader.counts().items()}
        found = commit_indexed(opened, sections, config, spool, counts, added_sources(opened, form, paths))
        for line in reader.quarantine.keep(opened.path, more=True):
            say(line)
    return found


def add_texts(
    store: Store | str | Path,
    files: Paths,
    *,
    fields: Mapping[str, str] | Sequence[str] = (),
    replace: bool = False,
    message: Message | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Store:
    """Add texts to entries that a store has, by key, as its next version; indexes are made anew as they were.

    Files are JSON lines ``{"id" or "_id", "title", "text", …}``, of which any text may be missing; those whose name
    ends in ``.tsv`` are tables with the columns ``key``, ``label.en``, ``description.de`` … Keys that the store does
    not have are counted and said.

    Parameters
    ----------
    fields : names, or our name and the source's
        More texts of the JSON lines: ``["description"]``, ``{"extract": "summary"}``; ``title`` and ``text``, the body,
        are read without.
    replace : bool
        Put texts in place of those of the same entry, field and language, which are refused otherwise.

    The rest is as for :func:`add_documents`.

    Raises
    ------
    DataError
        No text for any entry; a text that is there already; a key again; with ``strict`` a malformed line.
    ConfigError
        A setting that is none.
    """
    opened, paths = Store(open_store(store, message=message).path), as_paths(files)
    config, own = make(ReadingConfig, settings), named_fields(fields)
    check_language(config.language)
    say = message or (lambda line: None)
    tables = [path for path in paths if path.name.removesuffix(".gz").endswith(".tsv")]
    lines = [path for path in paths if path not in tables]
    with _io.temporary_folder(spool_of(opened)) as spool:
        found = [part for path in tables for part in table_texts(opened, read_table(path), config.prefix, say)]
        reader = None
        if lines:
            reader = DocumentReader(Documents(file_sources(lines, progress), TEXTS, own), config, spool)
            deque(reader.read(), maxlen=0)
            found += line_texts(opened, reader, ", ".join(map(str, lines)), config.language, say)
        if not found:
            raise DataError(f"{', '.join(map(str, paths))}: found no text of an entry of {opened.path}")
        sections = merged_texts(opened, found, replace)
        extended = commit_indexed(opened, sections, config, spool, {}, added_sources(opened, TEXTS, paths))
        for line in reader.quarantine.keep(opened.path, more=True) if reader else ():
            say(line)
    return extended


def spool_of(store: Store) -> Path:
    """Return where a folder for what is read may lie, beside the store."""
    return _io.beside(store.path, ".spool")


def added_sources(store: Store, form: str, paths: Sequence[Path]) -> dict[str, Any]:
    """Return what the manifest says of files that were added, after those that it names already."""
    earlier = store.manifest["sources"].get("added", [])
    return {"added": [*earlier, {"form": form, "files": [str(path) for path in paths]}]}


def commit_indexed(
    store: Store,
    sections: Mapping[str, Section],
    config: ReadingConfig,
    spool: Path,
    counts: Mapping[str, int],
    sources: Mapping[str, Any],
) -> Store:
    """Write the next version, with every index made anew whose texts change, and one more if there is to be one."""
    indexes = list(_indexes(store, sections, config))
    with ExitStack() as stack:
        made = dict(sections)
        preview = preview_store(store, sections, spool / "preview") if indexes else store
        for number, (analysis, fields, name) in enumerate(indexes):
            place = spool / f"index-{number}"
            place.mkdir()
            made |= stack.enter_context(
                index_sections(
                    preview,
                    analysis,
                    fields=fields,
                    name=name,
                    spool=place,
                    workers=config.workers,
                    engine=config.engine,
                )
            )
        return extend_store(store, made, counts=counts, sources=sources)


def _indexes(
    store: Store, changed: Mapping[str, Section], config: ReadingConfig
) -> Iterator[tuple[AnalyzerConfig, tuple[str, ...] | None, str]]:
    """Yield settings, fields and name of each index to be made; no fields where it is that of all texts."""
    stale, there = stale_sections(store, changed), kept_indexes(store)
    for language, name in there:
        section = terms_name(language, name)
        recorded = json.loads(store.section(section)["settings"].tobytes())
        whole = name == DEFAULT and tuple(recorded["fields"]) == text_fields(store, language)
        joins = whole and any(text_name(field, language) in changed for field in FIELDS)
        if section in stale or joins:
            known = {field: recorded[field] for field in settings_of(AnalyzerConfig) if field in recorded}
            fields = None if whole else tuple(recorded["fields"])
            yield make(AnalyzerConfig, known, where=f"{store.path}: {section}"), fields, name
    texts = any(text_name(field, config.language) in changed for field in FIELDS)
    if config.index and texts and (config.language, DEFAULT) not in there:
        yield make(AnalyzerConfig, {"language": config.language}), None, DEFAULT
