"""What of files cannot be read: set aside with its place, counted, and kept beside the store."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from kgr import _io

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Fault:
    """A record that cannot be read: its place and why, and its bytes."""

    message: str
    record: bytes


class Quarantine:
    """Faults as JSON lines ``{"place", "found", "line"}`` in a file that grows.

    Parameters
    ----------
    path : path
        The file, which is there as long as its folder.
    what : str
        What each line should have been, such as ``document``.
    """

    def __init__(self, path: Path, what: str) -> None:
        self.count = 0
        self._path, self._what, self._first = path, what, ""

    def add(self, faults: Sequence[Fault]) -> None:
        """Set faults aside."""
        if not faults:
            return
        if not self.count:
            self._first = faults[0].message
        self.count += len(faults)
        with _io.naming(self._path), self._path.open("a", encoding="utf-8") as aside:
            aside.writelines(map(_line_of, faults))

    @property
    def said(self) -> str:
        """What to add to a message where records are missing that are set aside; empty where none is."""
        return f"; {self._counted}, the first: {self._first}" if self.count else ""

    def keep(self, store: Path, *, more: bool) -> Iterator[str]:
        """Keep what was set aside beside a store, after what is there already if there is ``more``; say so.

        A new store is made after it, so that none is there without its bad lines.
        """
        path = _io.beside(store, ".quarantine.jsonl")
        if not self.count and not more:
            path.unlink(missing_ok=True)  # of a store that was here before
        if self.count:
            _io.replace_chunks(path, chain(_blocks(path) if more and path.exists() else (), _blocks(self._path)))
            yield f"{self._counted}: set aside in {path}; the first: {self._first}"

    @property
    def _counted(self) -> str:
        return f"{self.count:,} lines are no {self._what}s"


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter(partial(file.read, _BLOCK), b"")


def _line_of(fault: Fault) -> str:
    place, _, found = fault.message.partition(": ")
    record = {"place": place, "found": found, "line": fault.record.decode(errors="backslashreplace")}
    return json.dumps(record, ensure_ascii=False) + "\n"
