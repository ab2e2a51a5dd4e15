"""Figures as PNG, SVG or PDF, with the extra ``plot``."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from kgr import _io
from kgr.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DATES: dict[str, dict[str, None]] = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
"""By the endings that files of figures may have, what leaves out when they were drawn."""


def check_plots(path: str | Path) -> None:
    """Raise if a figure cannot be drawn into a file, before anything is done for it.

    Raises
    ------
    ConfigError
        The extra ``plot`` is not installed; the name does not end in .png, .svg or .pdf.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ConfigError(f'figures need matplotlib ({error}): pip install "kgr[plot]"') from error
    if _ending(path) not in _DATES:
        raise ConfigError(f"{path}: found the ending {Path(path).suffix!r}, expected one of {', '.join(_DATES)}")


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as the file's ending says, in place of the file that may be there: the same bytes each time."""
    from matplotlib import rc_context

    image, ending = io.BytesIO(), _ending(path)
    with rc_context({"svg.hashsalt": "kgr"}):
        figure.savefig(image, format=ending[1:], dpi=120, metadata=_DATES[ending])
    _io.replace_bytes(path, image.getvalue())


def _ending(path: str | Path) -> str:
    return Path(path).suffix.lower()
