"""Checksums beside the weights of a folder of Hugging Face's form: its library loads flipped bytes and says nothing."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from kgr import _io
from kgr.errors import FormatError

FILE = "checksums.json"


@contextlib.contextmanager
def weights_signed(folder: Path) -> Iterator[None]:
    """Write the checksums of a folder's weights when the block, which writes these, ends; there are none meanwhile."""
    (folder / FILE).unlink(missing_ok=True)
    yield
    files = {path.name: _io.digest(path) for path in sorted(folder.glob("*.safetensors"))}
    _io.replace_text(folder / FILE, _io.signed({"files": files}) + "\n")


def verify_weights(folder: Path) -> None:
    """Compare a folder's weights with the checksums in it; a folder of others has none, and is taken as it is.

    Raises
    ------
    FormatError
        A file is damaged or missing.
    """
    where = folder / FILE
    if not where.is_file():
        return
    try:
        told = json.loads(where.read_bytes())
        files = dict(told["files"]) if _io.intact(told) else None
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        files = None
    if files is None:
        raise FormatError(f"{where}: damaged; {_ADVICE}")
    for name, digest in files.items():
        path = folder / name
        if not path.is_file() or _io.digest(path) != digest:
            raise FormatError(f"{path}: missing, or its checksum is not that of {FILE}; {_ADVICE}")


_ADVICE = f"give the command that made the folder again, or delete {FILE} if the weights were changed on purpose"
