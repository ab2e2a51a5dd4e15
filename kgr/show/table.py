"""Plain tables, aligned by what a terminal shows."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_INVISIBLE = ("Mn", "Me", "Cf")
_BREAKING = ("Cc", "Zl", "Zp")


def width(text: str) -> int:
    """Return how many columns a terminal needs for a text: wide characters two, combining ones none."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in _INVISIBLE:
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def clean(text: str) -> str:
    """Return a text on one line, without what could control a terminal; the rest as it is."""
    return "".join(" " if unicodedata.category(character) in _BREAKING else character for character in text)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> str:
    """Return rows as lines, aligned by column; ``align`` has one letter per column, ``l`` or ``r``.

    A row may be shorter than the header; an empty header is left out.
    """
    lines = [[clean(cell) for cell in row] for row in ([header] if any(header) else [])]
    lines += [[clean(cell) for cell in row] for row in rows]
    widths = [max((width(line[i]) for line in lines if i < len(line)), default=0) for i in range(len(align))]
    return "\n".join(_join(line, widths, align) for line in lines)


def _join(line: Sequence[str], widths: Sequence[int], align: str) -> str:
    cells = []
    for cell, space, side in zip(line, widths, align, strict=False):
        padding = " " * (space - width(cell))
        cells.append(padding + cell if side == "r" else cell + padding)
    return "  ".join(cells).rstrip()


def size(count: int) -> str:
    """Return a number of bytes in words."""
    for unit, one in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= one:
            return f"{count / one:.1f} {unit}"
    return f"{count} B"
