"""BEIR's form of a collection: a corpus and queries in JSON lines, judgements in tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from kgr.data.archives import member_blocks
from kgr.data.collection import DOCUMENT_FIELDS, Collection, write_collection
from kgr.data.keyed_texts import Source, file_source, read_keyed_texts
from kgr.data.manifest import Manifest
from kgr.data.qrels import read_qrels
from kgr.data.splits import Message
from kgr.data.tables import check_language
from kgr.data.triples import find_files
from kgr.errors import DataError
from kgr.index.store import Store

QUERIES = "beir"
"""The name that the queries of a folder get in a store."""

DEFAULT = "test"
"""The judgements that come first, and the name of those that have none."""

FILES = {"corpus": "corpus.jsonl", "queries": "queries.jsonl"}
"""The files of a folder beside its judgements; each may be packed by gzip."""

_QRELS = re.compile(r"qrels(?:[/-](?P<name>[^/]+?))?\.(?:tsv|txt)(?:\.gz)?")


def build_beir(
    folder: str | Path, out: str | Path, *, language: str = "en", name: str = "", message: Message | None = None
) -> Store:
    """Build a store from a folder in BEIR's form.

    Wanted are ``corpus.jsonl`` (``{"_id", "title", "text"}``), ``queries.jsonl`` (``{"_id", "text"}``) and judgements:
    ``qrels/<name>.tsv`` with BEIR's header, ``qrels-<name>.txt`` or ``qrels.txt`` as TREC has them; each also with
    ``.gz``. A ``qrels.txt`` beside named ones is not read, which is said: it may hold raw codes. ``test`` is the
    default of the judgements, else the first by name. Other fields of the lines, such as ``metadata``, are ignored.

    Parameters
    ----------
    language : str
        Of the documents' texts.

    Raises
    ------
    DataError
        A file is missing or malformed, its place is named. Nothing is left at ``out``.
    ConfigError
        ``language`` is none.
    FormatError
        There is a store at ``out`` already.
    """
    check_language(language)
    paths, remarks = _files_of(Path(folder))
    collection = read_beir({what: file_source(path) for what, path in paths.items()}, QUERIES, remarks)
    sources = {"files": {what: str(path) for what, path in paths.items()}}
    return write_collection(out, collection, language=language, name=name, sources=sources, message=message)


def _files_of(folder: Path) -> tuple[dict[str, Path], list[str]]:
    found = find_files(folder, FILES, FILES, "a collection in BEIR's form")
    qrels: dict[str, Path] = {}
    for path in sorted([*folder.glob("qrels*"), *folder.glob("qrels/*")]):
        match = _QRELS.fullmatch(path.relative_to(folder).as_posix())
        if match and path.is_file():
            qrels.setdefault(match["name"] or "", path)
    plain, remarks = qrels.pop("", None), []
    if plain and qrels:
        remarks.append(f"{plain}: not read: judgements with names lie beside it: {', '.join(sorted(qrels))}")
    elif plain:
        qrels[DEFAULT] = plain
    if not qrels:
        raise DataError(f"{folder}: no judgements: expected qrels/<name>.tsv, qrels-<name>.txt or qrels.txt")
    names = sorted(qrels, key=lambda name: (name != DEFAULT, name))
    return {**found, **{f"qrels.{name}": qrels[name] for name in names}}, remarks


def read_beir(sources: Mapping[str, Source], name: str, remarks: list[str] | None = None) -> Collection:
    """Read a collection from ``corpus``, ``queries`` and any ``qrels.<name>``."""
    documents = read_keyed_texts([sources["corpus"]], DOCUMENT_FIELDS)
    queries = read_keyed_texts([sources["queries"]], {"text": "text"})
    qrels = {
        what.removeprefix("qrels."): read_qrels(source, queries.rows, documents.rows)
        for what, source in sources.items()
        if what.startswith("qrels.")
    }
    return Collection(documents, name, queries, qrels, remarks or ())


def read_known_beir(manifest: Manifest, paths: Mapping[str, Path]) -> Collection:
    """Read a known collection from the files of its manifest, or all of it from members of its ``archive``."""
    if "archive" in paths:
        archive = paths["archive"]
        inside = manifest.files["archive"].members
        sources = {what: _member_source(archive, member) for what, member in inside.items()}
    else:
        sources = {what: file_source(path) for what, path in paths.items()}
    return read_beir(sources, manifest.name)


def _member_source(archive: Path, member: str) -> Source:
    return f"{archive}/{member}", member_blocks(archive, member)
