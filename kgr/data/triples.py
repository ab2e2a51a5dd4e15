"""Read triples: lines of head, relation and tail, separated by tabs, to ids in order of first appearance."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from kgr.errors import DataError

BLOCK = 1 << 23


@dataclass(frozen=True)
class LineForm:
    """What the three fields of a line are, and whether a space separates them as a tab does."""

    columns: tuple[str, str, str] = ("head", "relation", "tail")
    spaces: bool = False

    @property
    def expected(self) -> str:
        """For messages."""
        first, second, third = self.columns
        return f"expected {first}, {second} and {third} separated by {'tabs or spaces' if self.spaces else 'tabs'}"


TABS = LineForm()


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

    UTF-8, with or without a byte order mark and carriage returns; empty lines only at the end. Files whose name ends in
    ``.gz`` are unpacked. Keys are kept exactly; new ones are numbered head before tail.

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


def parse_triples(
    blocks: Iterable[bytes], where: str, entities: Numbering, relations: Numbering, form: LineForm = TABS
) -> NDArray[np.int32]:
    """Read triples as :func:`read_triples` does from a file's bytes, which come in blocks of any size."""
    head, relation, tail = map(form.columns.index, TABS.columns)
    parts = [np.empty((0, 3), np.int32)]
    for first, lines in whole_lines(blocks, where):
        fields = _fields(lines, where, first, form)
        ends = [""] * (len(fields) // 3 * 2)
        ends[0::2], ends[1::2] = fields[head::3], fields[tail::3]
        triples = np.empty((len(fields) // 3, 3), np.int32)
        triples[:, ::2] = entities.number(ends).reshape(-1, 2)
        triples[:, 1] = relations.number(fields[relation::3])
        parts.append(triples)
    return np.concatenate(parts)


def read_id_triples(path: Path, entities: int, relations: int, form: LineForm = TABS) -> NDArray[np.int32]:
    """Read lines of ids, in decimal, below the numbers of entities and relations.

    Returns
    -------
    int32[E, 3]
        Head, relation and tail of each line.

    Raises
    ------
    DataError
        Names file and line; an id out of range is one too.
    """
    numbered = Numbering(), Numbering()
    for numbering, count in zip(numbered, (entities, relations), strict=True):
        numbering.number([str(id) for id in range(count)])
    triples = parse_triples(file_blocks(path), str(path), *numbered, form)
    for column, what, count in ((0, "entity", entities), (1, "relation", relations), (2, "entity", entities)):
        if len(wrong := np.flatnonzero(triples[:, column] >= count)):
            line, keys = int(wrong[0]), numbered[column % 2].keys
            found = keys[triples[line, column]]
            raise DataError(f"{path}:{line + 1}: found {what} {found!r}, expected an id from 0 to {count - 1:,}")
    return triples


def _fields(lines: bytes, where: str, first: int, form: LineForm) -> list[str]:
    """Cut whole lines into three fields each, in one flat list."""
    if form.spaces:
        lines = lines.replace(b" ", b"\t")
    data = np.frombuffer(lines, np.uint8)
    counts = np.diff(np.searchsorted(np.flatnonzero(data == ord("\t")), np.flatnonzero(data == ord("\n"))), prepend=0)
    wrong = np.flatnonzero(counts != 2)
    text = decode(lines, where, first)
    if len(wrong):
        line = int(wrong[0])
        found = text.split("\n", line + 1)[line]
        width = f"{counts[line] + 1} field{'s' if counts[line] else ''}"
        found = f"{width}: {_shown(found)}" if found else "an empty line"
        raise DataError(f"{where}:{first + line}: found {found}, {form.expected}")
    fields = text.replace("\n", "\t").split("\t")
    fields.pop()  # what follows the last line's end
    if "" in fields:
        place = fields.index("")
        name = form.columns[place % 3]
        raise DataError(f"{where}:{first + place // 3}: found an empty {name}, {form.expected}")
    return fields


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "…")


def find_files(folder: Path, names: Mapping[str, str], needed: Iterable[str], form: str) -> dict[str, Path]:
    """Return those of the named files that are in a folder, as they are or packed by gzip.

    Raises
    ------
    DataError
        One that is ``needed`` is not there, which ``form`` in words has.
    """
    found = {}
    for what, name in names.items():
        path = next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)
        if path:
            found[what] = path
    for what in needed:
        if what not in found:
            raise DataError(f"{folder / names[what]}: no such file; {form} has it")
    return found


def file_blocks(path: Path) -> Iterator[bytes]:
    """Yield a file's bytes, unpacked where its name ends in ``.gz``.

    Raises
    ------
    DataError
        The file cannot be read.
    """
    try:
        with _opened(path) as file:
            while block := file.read(BLOCK):
                yield block
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def read_text(path: Path) -> str:
    """Return a file's text, unpacked where its name ends in ``.gz``; errors as :func:`file_blocks`, :func:`decode`."""
    return decode(b"".join(file_blocks(path)), str(path))


def _opened(path: Path) -> IO[bytes] | gzip.GzipFile:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


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


def numbered_lines(blocks: Iterable[bytes], where: str) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line, without its end; see :func:`whole_lines` and :func:`decode`."""
    for first, lines in whole_lines(blocks, where):
        yield from enumerate(decode(lines, where, first)[:-1].split("\n"), first)


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
