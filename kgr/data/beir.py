"""BEIR's form of a collection: a corpus and queries in JSON lines, judgements in tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kgr.data.archives import member_blocks
from kgr.data.collection import Collection, write_collection
from kgr.data.document_shards import Progress, file_sources
from kgr.data.documents import Documents, judged_config, named_fields
from kgr.data.keyed_texts import Source, file_source
from kgr.data.lines import find_files
from kgr.data.manifest import Manifest
from kgr.data.splits import Message
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
    folder: str | Path,
    out: str | Path,
    *,
    fields: Mapping[str, str] | Sequence[str] = (),
    name: str = "",
    message: Message | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Store:
    """Build a store from a folder in BEIR's form.

    Wanted are ``corpus.jsonl`` (``{"_id", "title", "text"}``), ``queries.jsonl`` (``{"_id", "text"}``) and judgements:
    ``qrels/<name>.tsv`` with BEIR's header, ``qrels-<name>.txt`` or ``qrels.txt`` as TREC has them; each also with
    ``.gz``. A ``qrels.txt`` beside named ones is not read, which is said: it may hold raw codes. ``test`` is the
    default of the judgements, else the first by name. Other fields of the lines, such as ``metadata``, are ignored.

    The rest is as for :func:`kgr.data.collection.build_corpus`; there is no ``prefix``, since judgements name documents
    by their own keys.

    Raises
    ------
    DataError
        A file is missing or malformed, its place is named. Nothing is left at ``out``.
    ConfigError
        A setting that is none.
    FormatError
        There is a store at ``out`` already.
    """
    config = judged_config(settings)
    paths, remarks = _files_of(Path(folder))
    read = {what: file_source(path) for what, path in paths.items()}
    read["corpus"] = file_sources([paths["corpus"]], progress)[0]
    collection = read_beir(read, QUERIES, remarks, named_fields(fields))
    sources = {"files": {what: str(path) for what, path in paths.items()}}
    return write_collection(out, collection, config, name=name, sources=sources, message=message)


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


def read_beir(
    sources: Mapping[str, Source], name: str, remarks: Sequence[str] = (), fields: Mapping[str, str] | None = None
) -> Collection:
    """Return the collection of ``corpus``, ``queries`` and any ``qrels.<name>``."""
    judged = {what: source for what, source in sources.items() if what != "corpus"}
    return Collection(Documents([sources["corpus"]], fields=fields or {}), name, judged, remarks)


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
