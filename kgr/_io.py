"""Files that are whole or not there: arrays, texts and folders written to last.

Everything is written under a temporary name, synced to the disk and renamed, so that a reader
sees the old state or the new one, whatever is killed and whenever.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import math
import mmap
import os
import re
import secrets
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from kgr.errors import FormatError

Chunk = bytes | memoryview

CANNOT_KEEP = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)
"""Errors of a place where nothing can be written: what can be made again need not be kept."""


@dataclasses.dataclass(frozen=True)
class Pieces:
    """An array to be written that is made piece by piece, and never held whole.

    ``make`` is called once for each writing; its pieces, one after another along the first axis, give the array.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    make: Callable[[], Iterable[NDArray[Any]]]


def write_array(path: Path, array: NDArray[Any] | Pieces) -> None:
    """Write an array as a plain ``.npy`` file and sync it.

    Raises
    ------
    ValueError
        The array holds Python objects, or pieces are not of its dtype and size.
    OSError
        The disk is full or refuses; the error names the file.
    """
    if array.dtype.hasobject:
        raise ValueError(f"{path}: an array of Python objects cannot be stored")
    header = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": array.shape}
    with naming(path), path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        start = file.tell()
        for piece in array.make() if isinstance(array, Pieces) else (array,):
            if piece.dtype != array.dtype:
                raise ValueError(f"{path}: a piece is of {piece.dtype}, expected {array.dtype}")
            _write(file, np.asarray(piece, order="C").reshape(-1).view(np.uint8).data)
        size, expected = file.tell() - start, math.prod(array.shape) * array.dtype.itemsize
        if size != expected:
            raise ValueError(f"{path}: pieces of {size} bytes, expected {expected}")
        _sync(file)


def read_array(path: Path) -> NDArray[Any]:
    """Map a ``.npy`` file into memory, read-only.

    Raises
    ------
    FormatError
        The header is not readable, or promises another size than the file has.
    """
    with path.open("rb") as file:
        shape, dtype = _read_header(file, path)
        start = file.tell()
        size, expected = os.fstat(file.fileno()).st_size, start + math.prod(shape) * dtype.itemsize
        if size != expected:
            raise FormatError(f"{path}: {size} bytes, its header promises {expected}; the file is damaged")
        if size == start:  # nothing to map
            array = np.empty(shape, dtype)
            array.flags.writeable = False
            return array
        pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return np.frombuffer(pages, dtype, offset=start).reshape(shape)


def _read_header(file: IO[bytes], path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    try:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError("expected version 1.0 of the format")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
        if fortran or dtype.hasobject or min(shape, default=0) < 0:
            raise ValueError("expected numbers in C order")
    except Exception as error:  # numpy parses the header as Python: damage may raise nearly anything
        raise FormatError(f"{path}: not an array file of kgr: {error}") from error
    return shape, dtype


def digest(path: Path) -> str:
    """Return the BLAKE2b-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file, its newlines as they are, and sync it."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file and sync it."""
    write_chunks(path, (content,))


def write_chunks(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file that is made chunk by chunk, and never held whole, and sync it."""
    with naming(path), path.open("wb") as file:
        for chunk in chunks:
            _write(file, chunk)
        _sync(file)


def signed(told: Mapping[str, Any]) -> str:
    """Return an object as JSON, with a checksum of all else that is in it: see :func:`intact`."""
    return json.dumps({**told, "blake2b": _checksum(told)}, indent=1)


def intact(told: Mapping[str, Any]) -> bool:
    """Whether an object that :func:`signed` gave as JSON is as it was."""
    return told.get("blake2b") == _checksum({name: value for name, value in told.items() if name != "blake2b"})


def _checksum(told: Mapping[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(told, sort_keys=True).encode(), digest_size=32).hexdigest()


def replace_text(path: Path, text: str) -> None:
    """Write a UTF-8 file in place of the one that is there, in one step."""
    replace_bytes(path, text.encode())


def replace_bytes(path: Path, content: bytes) -> None:
    """Write a file in place of the one that may be there, in one step."""
    replace_chunks(path, (content,))


def replace_chunks(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file that is made chunk by chunk in place of the one that may be there, in one step.

    Where the path is a link, that is the file it leads to; a pipe or a device stays, and the chunks go into it.
    """
    path = path.resolve() if path.is_symlink() else path
    if path.exists() and not path.is_file() and not path.is_dir():
        with naming(path), path.open("wb") as file:
            file.writelines(chunks)
        return
    remove_leftovers(path)
    temporary = _temporary(path)
    try:
        write_chunks(temporary, chunks)
        _rename(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes ``path`` in one step when the block ends well.

    When the block raises, nothing is left. Folders left by killed processes for the same path are
    removed.

    Raises
    ------
    FileExistsError
        Something other than an empty folder is at ``path``.
    """
    refuse_existing(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path)
    temporary = _temporary(path)
    temporary.mkdir()
    try:
        yield temporary
        _sync_tree(temporary)
        refuse_existing(path)
        _rename(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _sync_folder(path.parent)


@contextlib.contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder beside ``path`` that is removed when the block ends; those of killed processes are too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path)
    temporary = _temporary(path)
    temporary.mkdir()
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def move_files(source: Path, target: Path) -> None:
    """Put the files of a folder into another, in place of those of their names, each synced before."""
    for path in sorted(source.iterdir()):
        sync(path)
        _rename(path, target / path.name)
    _sync_folder(target)


def beside(path: Path, ending: str) -> Path:
    """Return the path whose name has one more ending, also of ``.`` and ``..``, whose names the system knows."""
    named = path.resolve() if path.name in ("", "..") else path
    return named.with_name(named.name + ending)


def refuse_existing(path: Path) -> None:
    """Raise FileExistsError where something other than an empty folder is."""
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise FileExistsError(f"{path}: exists already")


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the file system refuses links."""
    try:
        _link(source, target)
    except OSError:
        with naming(target):
            shutil.copyfile(source, target)


def remove_leftovers(path: Path) -> None:
    """Remove what processes that are no more left half-written for ``path``."""
    name = re.compile(rf"\.tmp-{re.escape(path.name)}-(\d+)-[0-9a-f]+")  # not that of one whose name goes on
    for found in list(path.parent.iterdir()):
        match = name.fullmatch(found.name)
        if match is None or _alive(int(match[1])):
            continue
        if found.is_dir():
            shutil.rmtree(found, ignore_errors=True)
        else:
            found.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    if sys.platform == "win32":  # where this call would end the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's: it lives
        return True
    return True


@contextlib.contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder; the system frees it when the process ends, however it ends.

    Raises
    ------
    FormatError
        Another process holds it.
    """
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(locked(folder / ".lock", wait=False))
        except BlockingIOError:
            raise FormatError(f"{folder}: another process is writing it; try again when it has ended") from None
        yield


@contextlib.contextmanager
def locked(file: Path, *, wait: bool) -> Iterator[None]:
    """Hold a lock file while the block runs; it stays behind, empty: removing it would let two holders in.

    Raises
    ------
    BlockingIOError
        Another process holds it, and ``wait`` is False.
    """
    with file.open("ab") as handle:
        if sys.platform != "win32":  # there, two holders at once are not kept apart
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield


def _temporary(path: Path) -> Path:
    return path.with_name(f".tmp-{path.name}-{os.getpid()}-{secrets.token_hex(4)}")


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add the file's name to system errors, which write and sync leave out."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def sync(path: Path) -> None:
    """Sync a file that was written already."""
    with naming(path), path.open("rb") as file:
        _sync(file)


def _sync_tree(folder: Path) -> None:
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            sync(Path(parent, name))
        _sync_folder(Path(parent))


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":  # has no such call: a rename there is the system's to keep
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with naming(folder):
            _sync(descriptor)
    finally:
        os.close(descriptor)


# The calls that a full or failing disk refuses; tests make each of them fail in turn.


def _write(file: IO[bytes], chunk: Chunk) -> None:
    file.write(chunk)


def _sync(file: IO[bytes] | int) -> None:
    if not isinstance(file, int):
        file.flush()
    os.fsync(file)


def _rename(source: Path, target: Path) -> None:
    source.replace(target)


def _link(source: Path, target: Path) -> None:
    target.hardlink_to(source)
