"""Entries that a search found, as a table."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kgr.show.table import table

if TYPE_CHECKING:
    from kgr.retrieval.search import Found

_WIDTH = 72


def found_table(found: Sequence[Found]) -> str:
    """Return ranked entries as a table, with the beginnings of their descriptions."""
    rows = [
        [
            str(rank),
            one.label,
            one.key,
            f"{one.score:.3f}",
            textwrap.shorten(one.description or "", _WIDTH, placeholder=" …"),
        ]
        for rank, one in enumerate(found, 1)
    ]
    return table(["rank", "entry", "key", "score", "description"], rows, "rllrl")
