"""Arrays that grow in files until they are written to a store: what is read as a stream need not be held."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from kgr import _io
from kgr._io import Pieces

PIECE = 1 << 24
"""Most bytes that are read back at once."""


class Spool:
    """An array of one dimension in a file that grows at its end."""

    def __init__(self, path: Path, dtype: DTypeLike) -> None:
        self.dtype = np.dtype(dtype)
        self._path, self._file, self._count = path, path.open("wb"), 0

    def __len__(self) -> int:
        return self._count

    def append(self, array: NDArray[Any]) -> None:
        """Add numbers of the array's type at its end."""
        with _io.naming(self._path):
            self._file.write(np.ascontiguousarray(array, self.dtype).view(np.uint8).data)
        self._count += len(array)

    def close(self) -> None:
        """End the file; nothing is added any more."""
        with _io.naming(self._path):
            self._file.close()

    def array(self) -> NDArray[Any]:
        """Return what was added, as a memory map, read-only; nothing is added any more."""
        self.close()
        return np.memmap(self._path, self.dtype, "r") if self._count else np.empty(0, self.dtype)

    def pieces(self) -> Pieces:
        """Return what was added as an array to be written; nothing is added any more."""
        self.close()
        return Pieces(self.dtype, (self._count,), self._blocks)

    def _blocks(self) -> Iterator[NDArray[Any]]:
        with self._path.open("rb") as file:
            while block := file.read(PIECE):
                yield np.frombuffer(block, self.dtype)


def joined(*parts: Pieces) -> Pieces:
    """Return arrays of one type, one after another along their only dimension."""

    def make() -> Iterator[NDArray[Any]]:
        for part in parts:
            yield from part.make()

    return Pieces(parts[0].dtype, (sum(math.prod(part.shape) for part in parts),), make)


def pieces_of(array: NDArray[Any], plus: int = 0) -> Pieces:
    """Return an array of one dimension, perhaps a memory map, block by block, a number added to each of its own."""
    each = PIECE // array.itemsize

    def make() -> Iterator[NDArray[Any]]:
        for first in range(0, len(array), each):
            block = np.asarray(array[first : first + each])
            yield block + block.dtype.type(plus) if plus else block

    return Pieces(array.dtype, array.shape, make)
