"""Lines of metrics for TensorBoard, with the extra ``tensorboard``."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kgr.errors import ConfigError

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

MOST = 32
"""Numbers of tables with more rows than these are left out, as those of every relation."""


def check_board() -> None:
    """Raise if nothing can be written for TensorBoard here.

    Raises
    ------
    ConfigError
        The extra ``tensorboard`` is not installed.
    """
    try:
        import tensorboard  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f'tensorboard is set, but not installed ({error}): pip install "kgr[tensorboard]", or leave it out'
        ) from error


class Board:
    """A folder of event files, to which each session of a run adds one; it is made by the first line.

    Where the disk is full a warning says so, and the session writes no more: the thread of TensorBoard's that writes
    does not outlive that.

    Parameters
    ----------
    folder
        Where TensorBoard looks.
    """

    def __init__(self, folder: Path) -> None:
        check_board()
        self._folder, self._purged, self._refused = folder, 0, False
        self._writer: SummaryWriter | None = None

    def rewind(self, step: int) -> None:
        """Have TensorBoard forget what earlier sessions wrote of later steps than this one."""
        self._purged = step + 1

    def add(self, line: Mapping[str, Any]) -> None:
        """Write the numbers of a line of metrics, those of an evaluation under its split."""
        if self._refused:
            return
        with self._going_on():
            writer = self._opened()
            for name, value in _numbers(line.get("split", "train"), line.get("metrics", line)):
                writer.add_scalar(name, value, line["step"])
            writer.flush()

    def close(self) -> None:
        """End the session's file."""
        with self._going_on():
            if self._writer is not None:
                self._writer.close()

    def _opened(self) -> SummaryWriter:
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(self._folder, purge_step=self._purged)
        return self._writer

    @contextlib.contextmanager
    def _going_on(self) -> Iterator[None]:
        """Make a warning, and the end of the writing, of what the disk refuses."""
        try:
            yield
        except OSError as error:
            self._writer, self._refused = None, True
            warnings.warn(f"{self._folder}: {error}; nothing more is written there in this session", stacklevel=4)


def _numbers(name: str, value: Any) -> Iterator[tuple[str, float]]:
    """Yield the numbers in nested tables, each with its names joined by ``/``."""
    if isinstance(value, Mapping) and len(value) <= MOST:
        for key, own in value.items():
            if key != "step":
                yield from _numbers(f"{name}/{key}", own)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, value
