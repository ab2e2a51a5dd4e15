"""Texts: none, one or several for each row, in any script, kept byte for byte."""

from __future__ import annotations

import array
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr._ragged import offsets_of
from kgr.errors import DataError

_LAST = (1 << 31) - 1


@dataclasses.dataclass(frozen=True)
class Texts:
    """The texts of one field in one language.

    Attributes
    ----------
    rows : int32[n]
        Which row each text belongs to, ascending; a row with several texts repeats.
    offsets : int64[n + 1]
        Text ``i`` is ``bytes[offsets[i]:offsets[i + 1]]``.
    bytes : uint8[...]
        The texts in UTF-8, one after another.

    All arrays are read-only.
    """

    rows: NDArray[np.int32]
    offsets: NDArray[np.int64]
    bytes: NDArray[np.uint8]

    def __post_init__(self) -> None:
        for own in self.arrays().values():
            own.flags.writeable = False

    @classmethod
    def build(cls, rows: Sequence[int] | NDArray[Any], texts: Sequence[str]) -> Texts:
        """Collect texts, each with its row; those of one row keep their order.

        Raises
        ------
        DataError
            As many rows as texts are expected, no row below 0, and every text valid Unicode.
        """
        numbers = np.asarray(rows, np.int64)
        if len(numbers) != len(texts):
            raise DataError(f"texts: {len(numbers)} rows for {len(texts)} texts; each text needs its row")
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < 1 << 31:
            raise DataError(f"texts: rows {numbers.min()} to {numbers.max()}; a row is an id from 0 up")
        order = np.argsort(numbers, kind="stable")
        encoded = [_encode(texts[i], int(numbers[i])) for i in order.tolist()]
        offsets = offsets_of([len(text) for text in encoded])
        return cls(numbers[order].astype(np.int32), offsets, np.frombuffer(b"".join(encoded), np.uint8))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Texts:
        """Take the arrays of a section that holds texts."""
        return cls(arrays["rows"], arrays["offsets"], arrays["bytes"])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, as a section holds them."""
        return {"rows": self.rows, "offsets": self.offsets, "bytes": self.bytes}

    def __len__(self) -> int:
        return len(self.rows)

    def first(self, row: int) -> str | None:
        """Return the first text of a row, or None."""
        at = int(np.searchsorted(self.rows, np.int32(row)))
        return self._text(at) if at < len(self.rows) and self.rows[at] == row else None

    def all(self, row: int) -> list[str]:
        """Return the texts of a row, in their order."""
        # an int32, since a Python int would have numpy convert all rows first
        first, last = (int(np.searchsorted(self.rows, np.int32(row), side)) for side in ("left", "right"))
        return [self._text(at) for at in range(first, last)]

    def between(self, first: int, last: int) -> Iterator[tuple[int, str]]:
        """Yield the texts of the rows [first, last), each with its row."""
        begin, end = (int(np.searchsorted(self.rows, np.int32(min(row, _LAST)))) for row in (first, last))
        return zip(self.rows[begin:end].tolist(), self.numbered(begin, end), strict=True)

    def numbered(self, first: int, last: int) -> Iterator[str]:
        """Yield the texts of the numbers [first, last), whatever their rows."""
        return map(self._text, range(first, last))

    def _text(self, at: int) -> str:
        return self.bytes[self.offsets[at] : self.offsets[at + 1]].tobytes().decode()


class TextsBuilder:
    """Gathers texts as they come, row by row, in little more memory than their bytes."""

    def __init__(self) -> None:
        self._rows, self._ends, self._bytes = array.array("i"), array.array("q", [0]), bytearray()

    def add(self, row: int, text: bytes) -> None:
        """Add a text in UTF-8; rows come ascending."""
        self._bytes += text
        self._rows.append(row)
        self._ends.append(len(self._bytes))

    def texts(self) -> Texts:
        """Return what was added; nothing can be added after."""
        rows, ends = np.frombuffer(self._rows, np.int32), np.frombuffer(self._ends, np.int64)
        return Texts(rows, ends, np.frombuffer(self._bytes, np.uint8))


def _encode(text: str, row: int) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"texts: the text of row {row} is not valid Unicode: {error}") from None
