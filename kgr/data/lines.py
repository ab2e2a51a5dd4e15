"""Text files: found, unpacked and read as a stream of lines; keys numbered as they come."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kgr.errors import DataError

BLOCK = 1 << 23

LONGEST = 1 << 26
"""Bytes of a line or another record; where no end comes in so many, a file is refused: memory is bounded by them."""


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

    def add(self, key: str) -> int:
        """Return the id of a key; one that is new gets the next."""
        return self._ids.setdefault(key, len(self._ids))

    def number(self, keys: Sequence[str]) -> NDArray[np.int32]:
        """Return the keys' ids ``int32[n]``; a key that is new gets the next one."""
        ids = self._ids
        found = list(map(ids.get, keys))
        if None in found:
            found = [ids.setdefault(key, len(ids)) if id is None else id for key, id in zip(keys, found, strict=True)]
        return np.array(found, np.int32)


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


def file_blocks(path: Path, passed: Callable[[int], object] | None = None) -> Iterator[bytes]:
    """Yield a file's bytes, unpacked where its name ends in ``.gz``.

    ``passed`` is called with the number of bytes of the file itself that were read so far.

    Raises
    ------
    DataError
        The file cannot be read.
    """
    try:
        with path.open("rb") as packed, gzip.open(packed) if path.suffix == ".gz" else packed as file:
            while block := file.read(BLOCK):
                if passed:
                    passed(packed.tell())
                yield block
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def read_text(path: Path) -> str:
    """Return a file's text, unpacked where its name ends in ``.gz``; errors as :func:`file_blocks`, :func:`decode`."""
    return decode(b"".join(file_blocks(path)), str(path))


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
        check_length(len(rest), where, line + lines.count(b"\n"))
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


def check_length(length: int, where: str, line: int, most: int = LONGEST) -> None:
    """Refuse what began in a line and has no end in ``most`` bytes, with a DataError."""
    if length > most:
        found = f"a line or record of more than {most >> 20} MiB"
        raise DataError(f"{where}:{line}: found {found}, expected shorter ones: is the file of another format?")


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
