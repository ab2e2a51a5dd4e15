"""Figures as PNG, with the extra ``plot``."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from kgr import _io
from kgr.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def check_plots() -> None:
    """Raise if figures cannot be drawn here.

    Raises
    ------
    ConfigError
        The extra ``plot`` is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ConfigError(f'figures need matplotlib ({error}): pip install "kgr[plot]"') from error


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG, in place of the file that may be there."""
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=120)
    _io.replace_bytes(path, image.getvalue())
