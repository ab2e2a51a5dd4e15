"""A reader and valid files for it, one of which is damaged at a time, and what comes of that."""

from __future__ import annotations

import json
import random
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutation import mutate

from kgr.errors import KgrError

SECONDS = 5.0
"""What reading one input may take."""

BYTES = 2 << 30
"""What it may hold."""


@dataclass(frozen=True)
class Reader:
    """A reader and valid files for it.

    Attributes
    ----------
    files : by path, bytes
        One of them is damaged at a time.
    read : callable
        Reads the folder of the files.
    pack : callable
        Done to each file, before damage or after it.
    named : bool
        Whether errors name the folder's files; there may be none.
    wholly : bool
        Whether damage is always found.
    """

    files: Mapping[str, bytes]
    read: Callable[[Path], object]
    pack: Callable[[bytes], bytes] = bytes
    named: bool = True
    wholly: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of one input: ``read``, ``refused``, or what is wrong with how it was taken."""

    kind: str
    message: str
    seconds: float

    @property
    def fault(self) -> bool:
        """Whether this must not be."""
        return self.kind not in ("read", "refused")


class Trial:
    """A reader in a folder of its own, given one damaged input after another."""

    def __init__(self, name: str, reader: Reader, folder: Path, seed: int = 0) -> None:
        self._name, self._reader, self._folder, self._seed = name, reader, folder, seed
        self.restore()

    def restore(self) -> None:
        """Write the valid files."""
        for path, data in self._reader.files.items():
            (self._folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self._folder / path).write_bytes(self._reader.pack(data))

    def input(self, number: int) -> tuple[Path, bytes]:
        """Return the file that is damaged in an input, and what is in it."""
        draw = random.Random(f"{self._seed}/{self._name}/{number}")
        path, pack = draw.choice(sorted(self._reader.files)), self._reader.pack
        data = self._reader.files[path]
        return self._folder / path, mutate(draw, pack(data)) if draw.random() < 0.5 else pack(mutate(draw, data))

    def outcome(self, number: int) -> Outcome:
        """Read an input."""
        return self.taken(*self.input(number))

    def taken(self, path: Path, data: bytes) -> Outcome:
        """Read the folder with other bytes in one file."""
        whole = path.read_bytes()
        path.write_bytes(data)
        start = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                self._reader.read(self._folder)
            kind, message = "read", ""
            if self._reader.wholly and data != whole:
                kind = "damage not found"
        except KgrError as error:
            kind, message = "refused", str(error)
            if self._reader.named and str(self._folder) not in message:
                kind = "no file named"
        except Exception as error:
            kind, message = type(error).__name__, repr(error)[:300]
        finally:
            path.write_bytes(whole)
        seconds = time.process_time() - start
        return Outcome("too slow" if seconds > SECONDS else kind, message, seconds)


def read_json(path: Path) -> Any:
    """Stand in for the reader of pickles, which takes a process each: what is no JSON is no pickle."""
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise KgrError(f"{path}: {error}") from None
