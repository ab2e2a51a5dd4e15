"""Read triples: lines of head, relation and tail, separated by tabs, to ids in order of first appearance."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kgr.errors import DataError

BLOCK = 1 << 23
EXPECTED = "expected head, relation and tail separated by tabs"


class Numbering:
    """Keys numbered 0, 1, … in order of first appearance, as they come."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def keys(self) -> list[str]:
        """All keys, by id."""
        return list(self._ids)

    def find(self, key: str) -> int | None:
        """Return the id of a key, None when it has none."""
        return self._ids.get(key)

    def number(self, keys: Sequence[str]) -> NDArray[np.int32]:
        """Return the keys' ids ``int32[n]``; a key that is new gets the next one."""
        ids = self._ids
        for key in dict.fromkeys(keys):
            ids.setdefault(key, len(ids))
        return np.fromiter(map(ids.__getitem__, keys), np.int32, len(keys))


def read_triples(paths: Path | Sequence[Path], entities: Numbering, relations: Numbering) -> NDArray[np.int32]:
    """Read one or more files of triples as one list, in order, duplicates included.

    UTF-8, with or without a byte order mark and carriage returns; empty lines only at the end.
    Keys are kept exactly; new ones are numbered head before tail.

    Returns
    -------
    int32[E, 3]
        Head, relation and tail of each line.

    Raises
    ------
    DataError
        Names file and line, what was found and what was expected.
    """
    paths = [paths] if isinstance(paths, Path) else paths
    parts = [parse_triples(file_blocks(path), str(path), entities, relations) for path in paths]
    return np.concatenate([np.empty((0, 3), np.int32), *parts])


def parse_triples(blocks: Iterable[bytes], where: str, entities: Numbering, relations: Numbering) -> NDArray[np.int32]:
    """Read triples as :func:`read_triples` does from a file's bytes, which come in blocks of any size."""
    parts = [np.empty((0, 3), np.int32)]
    for first, lines in whole_lines(blocks, where):
        fields = _fields(lines, where, first)
        ends = [""] * (len(fields) // 3 * 2)
        ends[0::2], ends[1::2] = fields[0::3], fields[2::3]
        triples = np.empty((len(fields) // 3, 3), np.int32)
        triples[:, ::2] = entities.number(ends).reshape(-1, 2)
        triples[:, 1] = relations.number(fields[1::3])
        parts.append(triples)
    return np.concatenate(parts)


def _fields(lines: bytes, where: str, first: int) -> list[str]:
    """Cut whole lines into three fields each, in one flat list."""
    data = np.frombuffer(lines, np.uint8)
    counts = np.diff(np.searchsorted(np.flatnonzero(data == ord("\t")), np.flatnonzero(data == ord("\n"))), prepend=0)
    wrong = np.flatnonzero(counts != 2)
    text = decode(lines, where, first)
    if len(wrong):
        line = int(wrong[0])
        found = text.split("\n", line + 1)[line]
        width = f"{counts[line] + 1} field{'s' if counts[line] else ''}"
        raise DataError(
            f"{where}:{first + line}: found {f'{width}: {_shown(found)}' if found else 'an empty line'}, {EXPECTED}"
        )
    fields = text.replace("\n", "\t").split("\t")
    fields.pop()  # what follows the last line's end
    if "" in fields:
        place = fields.index("")
        name = ("head", "relation", "tail")[place % 3]
        raise DataError(f"{where}:{first + place // 3}: found an empty {name}, {EXPECTED}")
    return fields


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "…")


def file_blocks(path: Path) -> Iterator[bytes]:
    """Yield a file's bytes.

    Raises
    ------
    DataError
        The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                yield block
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def unpacked_blocks(path: Path) -> Iterator[bytes]:
    """Yield a file's bytes, unpacked where its name ends in ``.gz``; errors as :func:`file_blocks`."""
    if path.suffix != ".gz":
        yield from file_blocks(path)
        return
    try:
        with gzip.open(path) as file:
            while block := file.read(BLOCK):
                yield block
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def decode(data: bytes, where: str, first: int = 1) -> str:
    """Decode UTF-8 whose first line has the number ``first``.

    Raises
    ------
    DataError
        Names file and line of the first byte that is not UTF-8.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = first + data.count(b"\n", 0, error.start)
        found = (
            "a UTF-16 byte order mark" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else f"byte 0x{data[error.start]:02x}"
        )
        raise DataError(f"{where}:{line}: found {found}, expected UTF-8: convert the file to UTF-8") from None


def whole_lines(blocks: Iterable[bytes], where: str) -> Iterator[tuple[int, bytes]]:
    """Regroup blocks into whole lines; yield the number of the first line, and the lines with their ends.

    The byte order mark, carriage returns before line feeds and empty lines at the end are gone.

    Raises
    ------
    DataError
        A carriage return inside a line or a NUL; an empty line before the end.
    """
    line, rest, empty = 1, b"", 0
    for block in chain(blocks, (b"",)):
        cut = block.rfind(b"\n") + 1
        lines, rest = (rest + block[:cut], block[cut:]) if cut else (b"", rest + block)
        if not block and rest:
            lines, rest = rest + b"\n", b""
        if not lines:
            continue
        lines = _plain(lines, where, line)
        full = lines.rstrip(b"\n")
        if full and empty:
            raise DataError(f"{where}:{empty}: found an empty line, expected none before the end of the file")
        if full:
            yield line, full + b"\n"
        if not empty and len(lines) > len(full) + bool(full):
            empty = line + full.count(b"\n") + bool(full)
        line += lines.count(b"\n")


def _plain(lines: bytes, where: str, first: int) -> bytes:
    """Drop the byte order mark and carriage returns before line feeds; refuse other control characters in keys."""
    if first == 1:
        lines = lines.removeprefix(b"\xef\xbb\xbf")
    if b"\r" in lines:
        lines = lines.replace(b"\r\n", b"\n")
    for byte, name in ((b"\r", "a carriage return inside a line"), (b"\0", "a NUL character")):
        if byte in lines and not lines.startswith((b"\xff\xfe", b"\xfe\xff")):
            line = first + lines.count(b"\n", 0, lines.index(byte))
            raise DataError(f"{where}:{line}: found {name}, expected text in UTF-8 with lines ended by a line feed")
    return lines
