"""Rows that take long to make, kept in a file as they come: the same work goes on where it was interrupted."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from kgr import _io
from kgr._io import Pieces
from kgr.errors import FormatError
from kgr.index.manifest import checksum
from kgr.index.vectors import BLOCK_BYTES

Item = TypeVar("Item")

BATCHES = 8
"""Batches of texts that are sorted by length and kept at once: more pad less, and lose more where they are stopped."""

CHARACTERS = 1 << 24
"""Characters of a chunk of texts, and what its last text has more."""

_HEAD = 64  # bytes of the digest before the rows


class Partial:
    """Rows float32[n, W] in a file, each on the disk when it has been added; made by :func:`partial_rows`."""

    def __init__(self, path: Path, width: int) -> None:
        self._path, self._row = path, 4 * width
        self._width = width

    def __len__(self) -> int:
        return (self._path.stat().st_size - _HEAD) // self._row

    def add(self, first: int, rows: int, make: Callable[[], NDArray[np.float32]]) -> bool:
        """Add ``rows`` rows from row ``first`` on, unless they are there; return whether they had to be made.

        Rows come one after another; what is there of some, but not all, is made anew.
        """
        if first + rows <= len(self):
            return False
        made = np.ascontiguousarray(make(), np.float32)
        with self._path.open("r+b") as file:
            file.truncate(_HEAD + first * self._row)
            file.seek(0, os.SEEK_END)
            file.write(made.view(np.uint8).data)
            file.flush()
            os.fsync(file.fileno())
        return True

    def pieces(self) -> Pieces:
        """Return all rows as an array to be written."""
        shape, each = (len(self), self._width), max(1, BLOCK_BYTES // self._row)

        def make() -> Iterator[NDArray[np.float32]]:
            with self._path.open("rb") as file:
                file.seek(_HEAD)
                for first in range(0, shape[0], each):
                    part = file.read(min(each, shape[0] - first) * self._row)
                    yield np.frombuffer(part, np.float32).reshape(-1, self._width)

        return Pieces(np.dtype(np.float32), shape, make)


@contextlib.contextmanager
def partial_rows(path: Path, width: int, asked: Any) -> Iterator[Partial]:
    """Open the rows of ``path`` that were made for the same question, or begin with none.

    The file stays where the block raises, and is removed where it ends well.

    Parameters
    ----------
    width : int
        W: numbers of a row.
    asked : as JSON has it
        All that the rows depend on.

    Raises
    ------
    FormatError
        Another process is making them.
    """
    head = checksum(json.dumps(asked, sort_keys=True).encode()).encode()
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(_io.locked(path, wait=False))
        except BlockingIOError:
            raise FormatError(f"{path}: another process is writing it; try again when it has ended") from None
        with path.open("r+b") as file:
            if file.read(_HEAD) != head:
                file.truncate(0)
                file.seek(0)
                file.write(head)
        yield Partial(path, width)
        path.unlink()


def chunks(items: Iterable[tuple[Sequence[str], Item]], texts: int) -> Iterator[list[tuple[Sequence[str], Item]]]:
    """Group items, each with its texts, into lists of about ``texts`` texts, fewer where they are long.

    Where a list begins depends on nothing before it.
    """
    held: list[tuple[Sequence[str], Item]] = []
    count = size = 0
    for item in items:
        held.append(item)
        count += len(item[0])
        size += sum(map(len, item[0]))
        if count >= texts or size >= CHARACTERS:
            yield held
            held, count, size = [], 0, 0
    if held:
        yield held
