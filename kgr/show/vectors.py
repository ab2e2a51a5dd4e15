"""Entities near one, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kgr.show.table import table

if TYPE_CHECKING:
    from kgr.vectors import Neighbour


def nearest_table(found: Sequence[Neighbour]) -> str:
    """Return ranked neighbours as a table."""
    rows = [[str(rank), one.label, one.key, f"{one.score:.4f}"] for rank, one in enumerate(found, 1)]
    return table(["rank", "entity", "key", "score"], rows, "rllr")
