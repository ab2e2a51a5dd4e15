"""A store taken out: N-Triples, Turtle, tables, JSON lines or GraphML; what a form cannot hold is said."""

from __future__ import annotations

import dataclasses
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from kgr import _io
from kgr.data.graphml_write import graphml
from kgr.data.json_write import json_lines
from kgr.data.known import open_store
from kgr.data.rdf_write import ntriples, turtle
from kgr.data.splits import Message
from kgr.data.tables_write import tables
from kgr.errors import ConfigError, FormatError
from kgr.graph.graph import require_graph
from kgr.index.kinds import ENTITY
from kgr.index.statements import fields
from kgr.index.store import Store

Format = Literal["nt", "ttl", "tsv", "jsonl", "graphml"]
FORMATS: tuple[Format, ...] = get_args(Format)

_CHUNK = 1 << 20
_GZIP = 31  # zlib's number for it
_WRITTEN = ("entries", "relations", "types", "graph", "triples", "text")
_MERGED = ("nt", "ttl")
_GRAPHS = ("tsv", "graphml")


@dataclasses.dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes
    ----------
    out, format : str
    triples : by split
    left_out : tuple of str
        What the format has no place for, a line each.
    """

    out: str
    format: str
    triples: dict[str, int]
    left_out: tuple[str, ...]


def export(
    store: Store | str | Path,
    out: str | Path,
    format: Format,
    *,
    splits: Sequence[str] | None = None,
    language: str | None = None,
    message: Message | None = None,
) -> Exported:
    """Write a store's triples, texts and types, all of it or nothing; memory holds a part at a time.

    ``nt`` and ``ttl`` name keys and texts as :mod:`kgr.index.iris` says; ``jsonl`` is told in
    :mod:`kgr.data.json_write` and read by :func:`kgr.build_json`, ``graphml`` has the attributes of
    :meth:`kgr.Store.to_networkx`. These are files, in place of the one that may be there, packed if
    the name ends in ``.gz``. ``tsv`` is a new folder with ``<split>.tsv``, ``entities.tsv``, ``relations.tsv`` and
    ``types.tsv``, which :func:`kgr.build_store` reads.

    Parameters
    ----------
    splits : sequence of str
        By default all that there are, and of ``nt``, ``ttl`` and ``graphml``, where what stands is held true, those of
        train, valid and test.
    language : str
        Of the labels of ``graphml``, by default English; other forms have texts of all languages.
    message : callable
        Is told what the form has no place for, line by line.

    Raises
    ------
    ConfigError
        Another format, or a language where none is chosen.
    UnknownKey
        No such split.
    DataError
        A form of graphs for a store that has none; a key that the form cannot hold.
    FormatError
        Something is at ``out`` already, and ``tsv`` is asked for, or it is a folder; ``out`` lies within a store.
    OSError
        The disk is full or refuses: nothing is left of the export, and a file that was there is as it was.
    """
    store, out = open_store(store), Path(out)
    _check(store, out, format, language)
    chosen = store.splits if splits is None and format in ("tsv", "jsonl") else store.facts(splits)
    lost: Counter[str] = Counter()
    if format == "tsv":
        _write_folder(out, tables(store, chosen, lost))
    else:
        writers: dict[str, Callable[[], Iterator[str]]] = {
            "nt": lambda: ntriples(store, chosen),
            "ttl": lambda: turtle(store, chosen),
            "jsonl": lambda: json_lines(store, chosen),
            "graphml": lambda: graphml(store, chosen, language or "en", lost),
        }
        _io.replace_chunks(out, _packed(out, writers[format]()))
    left_out = (*_left_out(store, format, chosen), *(f"{count:,} {what}" for what, count in lost.items() if count))
    for line in left_out:
        if message:
            message(f"{out}: {line}")
    return Exported(str(out), format, {split: len(store.triples(split)) for split in chosen}, left_out)


def _check(store: Store, out: Path, format: str, language: str | None) -> None:
    if format not in FORMATS:
        raise ConfigError(f"format is {format!r}, expected one of {', '.join(FORMATS)}")
    if language is not None and format != "graphml":
        raise ConfigError(f"language is {language!r}, but {format} has the texts of all languages; leave it out")
    if format != "tsv" and out.is_dir():
        raise FormatError(f"{out}: is a folder, but {format} is one file; give its name")
    if any((folder / "CURRENT").exists() for folder in out.resolve().parents):
        raise FormatError(f"{out}: lies within a store, which an export could damage; give another place")
    if format in _GRAPHS:
        require_graph(store)


def _write_folder(out: Path, files: dict[str, Iterator[str]]) -> None:
    try:
        with _io.atomic_folder(out) as folder:
            for name, lines in files.items():
                _io.write_chunks(folder / name, _chunks(lines))
    except FileExistsError:
        raise FormatError(f"{out}: exists already; give a new or an empty folder") from None


def _packed(path: Path, lines: Iterable[str]) -> Iterator[bytes]:
    if path.suffix != ".gz":
        yield from _chunks(lines)
        return
    packer = zlib.compressobj(wbits=_GZIP)
    for chunk in _chunks(lines):
        yield packer.compress(chunk)
    yield packer.flush()


def _chunks(lines: Iterable[str]) -> Iterator[bytes]:
    """Join lines into pieces of about a megabyte."""
    held, size = [], 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= _CHUNK:
            yield "".join(held).encode()
            held, size = [], 0
    yield "".join(held).encode()


def _left_out(store: Store, format: Format, splits: Sequence[str]) -> Iterator[str]:
    """Yield what a form has no place for."""
    if others := [split for split in store.splits if split not in splits]:
        yield f"without the triples of {', '.join(others)}; they are written when they are named as splits"
    if format in _MERGED and len(splits) > 1:
        yield f"{', '.join(splits)} stand together, for {format} has no splits; one alone is written when it is named"
    if format == "graphml":
        yield "without types and texts, but for a label each, for which graphml has no place"
    if format in _MERGED and (silent := _unsaid(store, splits)):
        yield f"without {silent:,} entries of which nothing is said: no triple, type or text"
    if format in _MERGED and (np.asarray(store.kinds) != ENTITY).any():
        yield f"without what entries are, documents, synsets or sememes: {format} has things alone"
    if format in _GRAPHS and (outside := len(store.entries) - store.entities):
        yield f"without {outside:,} entries outside the graph (documents, or in no triple) and what is said of these"
    if more := Counter(name.partition("/")[0] for name in store.sections if name.partition("/")[0] not in _WRITTEN):
        named = ", ".join(f"{group} ({count})" for group, count in more.items())
        yield f"without other sections of the store, for which {format} has no place: {named}"


def _unsaid(store: Store, splits: Sequence[str]) -> int:
    """Return how many entries have no triple in the splits, no type and no text."""
    said = np.zeros(len(store.entries), bool)
    for split in splits:
        triples = store.triples(split)
        for first in range(0, len(triples), _CHUNK):
            said[triples[first : first + _CHUNK, ::2]] = True
    if store.types is not None:
        typed = np.flatnonzero(np.diff(store.types.offsets))  # of entries that were there when types came
        said[typed] = True
    for field, language in fields(store, "entries"):
        texts = store.texts("entries", field, language)
        assert texts is not None
        said[texts.rows] = True
    return int((~said).sum())
