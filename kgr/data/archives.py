"""Archives from elsewhere: only plain files with harmless names, and no more than such an archive can honestly hold.

Nothing is written while an archive is read, but by :func:`extracted`, which lends a few members as files, and by
:func:`unpack`, whose folder is there whole or not at all.
"""

from __future__ import annotations

import lzma
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from kgr import _io
from kgr.errors import DataError

BLOCK = 1 << 20

RATIO = 200
"""Bytes that an archive may hold for each of its own; texts and triples reach 10."""

ALLOWANCE = 1 << 24
"""Bytes that it may hold whatever its own size is."""


@dataclass(frozen=True)
class Contents:
    """The bytes of a member, to be read before the next one is asked for."""

    archive: Path
    name: str
    file: IO[bytes]

    def read(self, size: int = -1) -> bytes:
        """Read at most so many bytes, all of them by default; a DataError where the archive is damaged."""
        with _reading(self.archive, self.name):
            return self.file.read(size)


Member = tuple[str, int, Contents]
"""Name, size and bytes."""

DAMAGE = (
    *(OSError, EOFError, RuntimeError, ValueError),
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
)
"""What the standard library raises on reading an archive that is none."""

Kind = Literal["file", "folder", "other"]


def members(archive: Path, wanted: Callable[[str], bool] = lambda name: True) -> Iterator[Member]:
    """Yield the plain files of a zip or tar archive whose name is wanted, in the archive's order.

    Raises
    ------
    DataError
        The archive is damaged; what is wanted has an absolute path or one with ``..``, is a link, a
        device or encrypted, or is more than ``RATIO`` times the archive.
    """
    most, held = max(ALLOWANCE, RATIO * _size(archive)), 0
    with _reading(archive):
        listing = _zip(archive) if _is_zip(archive) else _tar(archive)
        for name, kind, size, opened in listing:
            if kind == "folder" or not wanted(name):
                continue
            _refuse(archive, name, kind)
            held += size
            if held > most:
                raise DataError(
                    f"{archive}: holds more than {most:,} bytes in {_size(archive):,}: refused, it looks like a trap"
                )
            with opened() as file:
                yield name, size, Contents(archive, name, file)


def member_blocks(archive: Path, member: str) -> Iterator[bytes]:
    """Yield the bytes of one member.

    Raises
    ------
    DataError
        There is no such member, it is no plain file, or the archive is damaged.
    """
    found = False
    for _, _, file in members(archive, lambda name: name == member):
        found = True
        while block := file.read(BLOCK):
            yield block
        break
    if not found:
        raise DataError(f"{archive}: has no member {member}")


@contextmanager
def extracted(archive: Path, wanted: Mapping[str, str]) -> Iterator[dict[str, Path]]:
    """Lend the members that are wanted by name as files, which lie beside the archive and are gone afterwards.

    Raises
    ------
    DataError
        As :func:`member_blocks`; one that is raised about such a file names the archive and its member.
    """
    with tempfile.TemporaryDirectory(prefix=f".{archive.name}-", dir=archive.parent) as folder:
        paths = {name: Path(folder) / member for name, member in wanted.items()}
        for name, path in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with _io.naming(path), path.open("wb") as out:
                out.writelines(member_blocks(archive, wanted[name]))
        try:
            yield paths
        except DataError as error:
            raise DataError(str(error).replace(folder, str(archive))) from error


def unpack(archive: Path, to: Path) -> Path:
    """Unpack an archive as the folder ``to``, which appears in one step when everything in it is written.

    Raises
    ------
    DataError
        As :func:`members`, for any of its members; a name twice. Nothing is left then.
    FileExistsError
        Something other than an empty folder is at ``to``.
    """
    with _io.atomic_folder(to) as folder:
        for name, _, file in members(archive):
            path = folder / name
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch(exist_ok=False)
            except OSError as error:
                raise DataError(f"{archive}: {name} cannot be written: {error.strerror}") from error
            _io.write_chunks(path, iter(partial(file.read, BLOCK), b""))
    return to


Listed = tuple[str, Kind, int, Callable[[], IO[bytes]]]


def _zip(archive: Path) -> Iterator[Listed]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            mode = stat.S_IFMT(info.external_attr >> 16)
            plain = mode in (0, stat.S_IFREG, stat.S_IFDIR) and not info.flag_bits & 1
            kind: Kind = "other" if not plain else "folder" if info.is_dir() else "file"
            yield info.orig_filename, kind, info.file_size, lambda info=info: file.open(info)  # type: ignore[misc]


def _tar(archive: Path) -> Iterator[Listed]:
    with tarfile.open(archive) as file:
        for info in file:
            kind: Kind = "folder" if info.isdir() else "file" if info.isreg() else "other"
            yield info.name, kind, info.size, lambda info=info: file.extractfile(info)  # type: ignore[misc]
        end = ALLOWANCE  # what follows the last member: the compressor's checksum is behind it
        while end > 0 and (block := file.fileobj.read(BLOCK) if file.fileobj else b""):
            end -= len(block)


def _refuse(archive: Path, name: str, kind: Kind) -> None:
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or any(bad in name for bad in "\\:\0"):
        raise DataError(
            f"{archive}: member {name!r}: found a path that leads elsewhere, expected one below the archive"
        )
    if kind != "file":
        raise DataError(f"{archive}: {name} is no plain file")


def _is_zip(archive: Path) -> bool:
    """Look at the first bytes: the last ones of a tar archive may be a zip archive in it."""
    with archive.open("rb") as file:
        return file.read(2) == b"PK"


def _size(archive: Path) -> int:
    try:
        return archive.stat().st_size
    except OSError as error:
        raise DataError(f"{archive}: cannot be read: {error.strerror}") from error


@contextmanager
def _reading(archive: Path, member: str = "") -> Iterator[None]:
    """Turn what a damaged archive raises into an error that names it."""
    try:
        yield
    except DataError:
        raise
    except DAMAGE as error:
        raise DataError(f"{archive}: {member + ' ' if member else ''}cannot be read: {error}") from error
