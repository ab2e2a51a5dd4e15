"""A folder that cannot be written, for root too, whom permissions do not bind otherwise."""

from __future__ import annotations

import contextlib
import ctypes
import platform
from collections.abc import Iterator
from pathlib import Path

_VERSION = 0x20080522
_PASSED_OVER = 0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH

POSSIBLE = platform.system() == "Linux"


@contextlib.contextmanager
def read_only(*folders: Path) -> Iterator[None]:
    """Let nothing be written in folders while the block runs, by this thread and those that it starts."""
    found = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    modes = {path: path.stat().st_mode for path in found}
    try:
        for path, mode in modes.items():
            path.chmod(mode & ~0o222)
        with _bound():
            yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


@contextlib.contextmanager
def _bound() -> Iterator[None]:
    libc = ctypes.CDLL(None, use_errno=True)
    head, sets = (ctypes.c_uint32 * 2)(_VERSION, 0), (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, twice
    if libc.capget(head, sets):
        raise OSError(ctypes.get_errno(), "capget")
    before = sets[0]
    sets[0] = before & ~_PASSED_OVER
    libc.capset(head, sets)
    try:
        yield
    finally:
        sets[0] = before
        libc.capset(head, sets)
