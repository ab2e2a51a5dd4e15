"""The indexes of texts that a store has, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kgr.show.table import table


def index_table(kept: Sequence[Mapping[str, Any]]) -> str:
    """Return a row for each index of :func:`kgr.index.terms.summaries`."""
    names = ["language", "name", "fields", "documents", "terms", "postings"]
    rows = [
        [one["language"], one["name"], ", ".join(one["fields"]), *(f"{one[count]:,}" for count in names[3:])]
        for one in kept
    ]
    return table(names, rows, "lllrrr")
