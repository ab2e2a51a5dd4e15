"""Documents in shards: a file is cut where a record ends, and any worker reads and analyses a shard by itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kgr.data.document_forms import FORMS, Fields, form_of
from kgr.data.keyed_texts import Source
from kgr.data.lines import LONGEST, check_length, file_blocks
from kgr.data.quarantine import Fault
from kgr.errors import DataError
from kgr.index.analysis import Analyzer
from kgr.index.blocks import Block, analyze_block
from kgr.index.keys import key_fault
from kgr.index.text_index import FIELDS

SHARD = 1 << 22
"""Bytes of a shard; more where one record is larger."""

Progress = Callable[[str, int, int | None], None]
"""Called with what is done, the bytes that were read and how many there are, None where that is not known."""

_UTF8, _UTF16 = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Shard:
    """Whole records of one file, in bytes, and the number of their first line."""

    where: str
    line: int
    data: bytes
    form: str


@dataclass(frozen=True)
class Batch:
    """The n documents of a shard.

    Attributes
    ----------
    where : str
        Their file.
    keys : list of str
    lines : int64[n]
        Where each begins.
    contents : uint64[n]
        A digest of title and body, 0 where there are none.
    texts : by field, (int32[m], int64[m], bytes)
        Documents that have the field, counted from 0 in this shard; the texts' lengths in bytes; the texts.
    faults : list of Fault
    block : Block or None
        Their words, if they were analysed.
    """

    where: str
    keys: list[str]
    lines: NDArray[np.int64]
    contents: NDArray[np.uint64]
    texts: Mapping[str, tuple[NDArray[np.int32], NDArray[np.int64], bytes]]
    faults: list[Fault]
    block: Block | None


def file_sources(paths: Iterable[Path], progress: Progress | None = None, what: str = "documents") -> list[Source]:
    """Return files, and those in folders, as sources; ``progress`` is told how far ``what`` they hold was read.

    Raises
    ------
    DataError
        A file is not there, or a folder has none.
    """
    files = [file for path in paths for file in _files(path)]
    sizes = [file.stat().st_size for file in files]
    total, before = sum(sizes), 0
    sources: list[Source] = []
    for file, size in zip(files, sizes, strict=True):
        sources.append((str(file), file_blocks(file, _meter(progress, what, before, total))))
        before += size
    return sources


def _meter(progress: Progress | None, what: str, before: int, total: int) -> Callable[[int], None] | None:
    return (lambda passed: progress(what, before + passed, total)) if progress else None


def _files(path: Path) -> list[Path]:
    """Return a file, or the files in a folder and those below it, by path; hidden ones are left out."""
    if not path.exists():
        raise DataError(f"{path}: no such file")
    if not path.is_dir():
        return [path]
    below = (file for file in sorted(path.rglob("*")) if file.is_file())
    found = [file for file in below if not any(part.startswith(".") for part in file.relative_to(path).parts)]
    if not found:
        raise DataError(f"{path}: no files in this folder, expected documents")
    return found


def cut_shards(sources: Iterable[Source], form: str, size: int = SHARD) -> Iterator[Shard]:
    """Cut files into shards of at least ``size`` bytes but for the last of each; a byte order mark is left out."""
    for where, blocks in sources:
        small = unmarked_blocks(where, blocks, size)
        start = next(small)
        own = form_of(form, start)
        for line, data in cut_records(where, chain((start,), small), FORMS[own].ends, size):
            yield Shard(where, line, data, own)


def unmarked_blocks(where: str, blocks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield UTF-8 in blocks of at most ``size`` bytes, at least one, without a byte order mark.

    Raises
    ------
    DataError
        It begins as UTF-16 does.
    """
    small = (block[first : first + size] for block in blocks for first in range(0, len(block), size))
    start = next(small, b"").removeprefix(_UTF8)
    if start.startswith(_UTF16):
        raise DataError(f"{where}:1: found a UTF-16 byte order mark, expected UTF-8: convert the file to UTF-8")
    yield start
    yield from small


def cut_records(
    where: str, blocks: Iterable[bytes], ends: tuple[bytes, ...], size: int, longest: int = LONGEST
) -> Iterator[tuple[int, bytes]]:
    """Regroup blocks into such of whole records, of at least ``size`` bytes but for the last.

    The number of the first line comes with each.

    Raises
    ------
    DataError
        A record has more than ``longest`` bytes, or ``size`` if that is more.
    """
    held, searched, line = bytearray(), 0, 1
    for block in blocks:
        held += block
        if len(held) < size:
            continue
        cut = max(at + len(end) if (at := held.rfind(end, searched)) >= 0 else 0 for end in ends)
        searched = max(0, len(held) - max(map(len, ends)))  # an end may be cut itself
        if cut:
            records = bytes(held[:cut])
            yield line, records
            line += records.count(b"\n")
            del held[:cut]
            searched = 0
        check_length(len(held), where, line, max(size, longest))
    if held:
        yield line, bytes(held)


@dataclass(frozen=True)
class ReadShard:
    """Reads the documents of a shard, and analyses them if an analyser is given.

    Attributes
    ----------
    fields : by our name, the source's
        Beside those of the form, or instead.
    prefix : str
        Put before each key.
    strict : bool
        Whether the first record that is no document is an error.
    """

    fields: Fields = field(default_factory=dict)
    prefix: str = ""
    strict: bool = False
    analyzer: Analyzer | None = None

    def __call__(self, shard: Shard) -> Batch:
        """Read a shard; raises DataError if strict."""
        form = FORMS[shard.form]
        fields = {**form.fields, **self.fields}
        keys, lines, faults, documents = list[str](), list[int](), list[Fault](), list[dict[str, bytes]]()
        for before, record in form.split(shard.data):
            line = shard.line + before
            try:
                key, texts = form.read(record, shard.where, line, fields)
                key = self.prefix + key
                if fault := key_fault(key):
                    raise DataError(f"{shard.where}:{line}: key {key!r:.80} {fault}")
            except DataError as error:
                if self.strict:
                    raise
                faults.append(Fault(str(error), record))
                continue
            keys.append(key)
            lines.append(line)
            documents.append(texts)
        return Batch(
            shard.where,
            keys,
            np.array(lines, np.int64),
            np.array([_content(texts) for texts in documents], np.uint64),
            {name: _column(documents, name) for name in fields},
            faults,
            analyze_block(map(_joined, documents), self.analyzer) if self.analyzer else None,
        )


def _joined(texts: Mapping[str, bytes]) -> str:
    """Return what is indexed of a document, as :func:`kgr.index.text_index.joined_text` joins what a store has."""
    return b"\n".join(texts[name] for name in FIELDS if name in texts).decode()


def _content(texts: Mapping[str, bytes]) -> int:
    title, body = texts.get("title", b""), texts.get("body", b"")
    if not title and not body:
        return 0
    return int.from_bytes(hashlib.blake2b(title + b"\0" + body, digest_size=8).digest(), "little")


def _column(documents: list[dict[str, bytes]], name: str) -> tuple[NDArray[np.int32], NDArray[np.int64], bytes]:
    rows = [row for row, texts in enumerate(documents) if name in texts]
    texts = [documents[row][name] for row in rows]
    return np.array(rows, np.int32), np.array([len(text) for text in texts], np.int64), b"".join(texts)
