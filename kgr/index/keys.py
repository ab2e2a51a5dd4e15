"""Keys: strings numbered 0 … N-1, with a hash table from string to id."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr.errors import DataError, UnknownKey

# what would break a line or a column of the files that list keys, or a C string
_FORBIDDEN = {"\t": "a tab", "\n": "a line feed", "\r": "a carriage return", "\0": "a NUL character"}
_CANDIDATES = 64


@dataclasses.dataclass(frozen=True)
class Keys:
    """N distinct strings and their ids.

    Attributes
    ----------
    bytes : uint8[...]
        The keys in UTF-8, one after another.
    offsets : int32[N + 1] or int64
        Key ``i`` is ``bytes[offsets[i]:offsets[i + 1]]``; int32 where it fits.
    table : int32[2^p]
        Open addressing by a hash of the bytes: ids, or -1 where free; at most two thirds are taken.
    what : str
        What the keys are keys of, for messages.

    All arrays are read-only.
    """

    bytes: NDArray[np.uint8]
    offsets: NDArray[Any]
    table: NDArray[np.int32]
    what: str = "key"

    def __post_init__(self) -> None:
        for array in self.arrays().values():
            array.flags.writeable = False

    @classmethod
    def build(cls, keys: Sequence[str], *, what: str) -> Keys:
        """Number keys in the order given.

        Raises
        ------
        DataError
            An empty or repeated key, one that is not valid Unicode, or one with a tab, a line
            break or a NUL. The message starts with ``what`` and gives the key's place, from 0.
        """
        text, bounds = _joined(keys, what)
        stored = text[text != 10]
        offsets = bounds - np.arange(len(bounds))
        offsets = offsets.astype(np.int32 if len(stored) < 1 << 31 else np.int64)
        table, repeated = _enter(stored, offsets)
        if repeated >= 0:
            raise DataError(f"{what}: {_place(keys, keys.index(keys[repeated]))} is repeated at {repeated}")
        return cls(stored, offsets, table, what)

    def extended(self, keys: Sequence[str]) -> Keys:
        """Return these keys and others after them, whose ids go on.

        Raises
        ------
        DataError
            One of them cannot be stored or is there twice, see :meth:`build`.
        """
        more = Keys.build(keys, what=self.what)
        there = np.flatnonzero(self.find(keys) >= 0)
        if len(there):
            raise DataError(f"{self.what}: {_place(keys, int(there[0]))} is there already")
        stored = np.concatenate([self.bytes, more.bytes])
        offsets = np.concatenate([self.offsets.astype(np.int64), more.offsets[1:].astype(np.int64) + len(self.bytes)])
        offsets = offsets.astype(np.int32 if len(stored) < 1 << 31 else np.int64)
        return Keys(stored, offsets, _enter(stored, offsets)[0], self.what)

    @classmethod
    def numbers(cls, count: int, *, what: str) -> Keys:
        """Number the keys ``"0"`` … ``str(count - 1)``: what has no keys but its ids."""
        from kgr.index import _kernels

        digits = count + sum(max(0, count - 10**power) for power in range(1, len(str(count))))
        offsets = np.zeros(count + 1, np.int32 if digits < 1 << 31 else np.int64)
        stored = np.empty(digits, np.uint8)
        _kernels._write_numbers(offsets, stored)
        return cls(stored, offsets, _enter(stored, offsets)[0], what)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], *, what: str = "key") -> Keys:
        """Take the arrays of a section that holds keys."""
        return cls(arrays["bytes"], arrays["offsets"], arrays["table"], what)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, as a section holds them."""
        return {"bytes": self.bytes, "offsets": self.offsets, "table": self.table}

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def key(self, id: int) -> str:
        """Return the key of an id.

        Raises
        ------
        UnknownKey
            The id is not in [0, N).
        """
        if not 0 <= id < len(self):
            raise UnknownKey(f"unknown {self.what} id {id}; there are {len(self)}, from 0")
        return self.bytes[self.offsets[id] : self.offsets[id + 1]].tobytes().decode()

    def keys_of(self, ids: Iterable[int] | NDArray[Any]) -> list[str]:
        """Return the keys of many ids."""
        return [self.key(id) for id in np.asarray(ids, np.int64).tolist()]

    def lines(self, first: int, last: int) -> NDArray[np.uint8]:
        """Return the keys of the ids [first, last) in UTF-8, a line each, uint8[...]."""
        bounds = np.asarray(self.offsets[first : last + 1], np.int64)
        return np.insert(self.bytes[bounds[0] : bounds[-1]], bounds[1:] - bounds[0], 10)

    def find(self, keys: Sequence[str]) -> NDArray[np.int32]:
        """Return the ids of keys: int32[n], -1 for each that is absent."""
        out = np.full(len(keys), -1, np.int32)
        if len(keys) > 0 and len(self) > 0:
            from kgr.index import _kernels

            text, bounds = _split(keys)
            if len(bounds) != len(keys) + 1:  # a line feed within a key: no such key is stored
                text, bounds = _split(["" if "\n" in key else key for key in keys])
            _kernels._find(text, bounds, self.bytes, self.offsets, self.table, out)
        return out

    def ids(self, keys: Sequence[str]) -> NDArray[np.int32]:
        """Return the ids of keys: int32[n].

        Raises
        ------
        UnknownKey
            A key is absent; the message names the first such, and the keys nearest to it.
        """
        ids = self.find(keys)
        if (ids < 0).any():
            key = keys[int(np.argmax(ids < 0))]
            raise UnknownKey.of(self.what, key, self._nearest(key))
        return ids

    def id(self, key: str) -> int:
        """Return the id of a key, or raise UnknownKey with the keys nearest to it."""
        return int(self.ids([key])[0])

    def _nearest(self, key: str) -> list[str]:
        """Return a few keys that share most byte pairs with ``key``, by one pass over all keys."""
        if len(self) == 0:
            return []
        from kgr.index import _kernels

        padded = np.frombuffer(b"\0" + key.encode(errors="replace") + b"\0", np.uint8).astype(np.int64)
        wanted = np.zeros(1 << 16, np.uint8)
        wanted[padded[:-1] << 8 | padded[1:]] = 1
        best = np.full(_CANDIDATES, -1, np.int64)
        scores = np.zeros(_CANDIDATES)
        _kernels._nearest(self.bytes, self.offsets, wanted, len(padded) - 1, best, scores)
        return self.keys_of(best[best >= 0])


def _enter(stored: NDArray[np.uint8], offsets: NDArray[Any]) -> tuple[NDArray[np.int32], int]:
    """Return the table of keys, and the first that repeats an earlier one, else -1."""
    count = len(offsets) - 1
    table = np.full(1 << (3 * count // 2).bit_length(), -1, np.int32)
    if count == 0:
        return table, -1
    from kgr.index import _kernels

    stored.flags.writeable = offsets.flags.writeable = False
    return table, int(_kernels._fill(stored, offsets, table))


def _split(keys: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return keys joined by line feeds, uint8[...], and where each begins, int64[n + 1].

    Encoding the keys one by one takes longer than looking them up.
    """
    text = np.frombuffer(("\n".join(keys) + "\n").encode(errors="surrogatepass"), np.uint8)
    ends = np.flatnonzero(text == 10)
    bounds = np.zeros(len(ends) + 1, np.int64)
    np.add(ends, 1, out=bounds[1:])
    return text, bounds


def _joined(keys: Sequence[str], what: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Split keys that are fit to be stored."""
    if len(keys) == 0:
        return np.empty(0, np.uint8), np.zeros(1, np.int64)
    text, bounds = _split(keys)
    present = np.bincount(text, minlength=256) > 0
    broken = len(bounds) != len(keys) + 1 or present[[0, 9, 13]].any() or (np.diff(bounds) == 1).any()
    # lone surrogates, which UTF-8 cannot hold, come out as ED A0 … ED BF
    if broken or bool(((text[:-1] == 0xED) & (text[1:] >= 0xA0)).any()):
        for place, key in enumerate(keys):
            _refuse(keys, place, key, what)
    return text, bounds


def _refuse(keys: Sequence[str], place: int, key: str, what: str) -> None:
    if fault := key_fault(key):
        raise DataError(f"{what}: {_place(keys, place)} {fault}")


def key_fault(key: str) -> str | None:
    """Say in words why a string cannot be a key; None when it can."""
    for character, name in _FORBIDDEN.items():
        if character in key:
            return f"has {name}; keys are one line, without tabs"
    if not key:
        return "is empty; every key needs at least one character"
    try:
        key.encode()
    except UnicodeEncodeError as error:
        return f"is not valid Unicode: {error}"
    return None


def _place(keys: Sequence[str], place: int) -> str:
    return f"key {keys[place]!r} at {place}"
