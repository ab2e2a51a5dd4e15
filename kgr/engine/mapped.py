"""A file that is used as memory: by passes over it, and here and there."""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from pathlib import Path


class MappedFile:
    """A new file of zeros, mapped twice; it has no name, and goes with the process, however that ends.

    Its whole size is taken from the disk at once, so that no write meets a full one.

    Parameters
    ----------
    folder
        Where it lies.
    size
        Its bytes.

    Attributes
    ----------
    passed
        The mapping for passes, which the system reads ahead.
    picked
        The mapping for bytes here and there, of which the system reads no more than their pages.

    Raises
    ------
    OSError
        The disk is full.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._file.fileno(), 0, size)
        else:
            self._file.truncate(size)
        self.passed, self.picked = (mmap.mmap(self._file.fileno(), size) for _ in range(2))
        if hasattr(mmap, "MADV_RANDOM"):
            self.picked.madvise(mmap.MADV_RANDOM)

    def forget(self) -> None:
        """Have what passes left in memory written and forgotten, where the system can; the bytes stay as they are.

        A pass leaves memory in blocks of up to megabytes, and a byte written in one has the whole block written to
        the disk again and again: with a table of 16 GB in 4 GB of memory, 30 times what rows are written.
        """
        if not hasattr(os, "posix_fadvise"):
            return
        self.passed.flush()
        for mapping in (self.passed, self.picked):
            mapping.madvise(mmap.MADV_DONTNEED)  # a block that is mapped would stay
        os.posix_fadvise(self._file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
