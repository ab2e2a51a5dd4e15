"""Query sets as tables: how many queries and answers, and what is left to predict of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kgr.show.table import table

SHARES = (
    "Shares of all pairs of a query and a hard answer. Full inference: no derivation of the answer uses a known link.\n"
    "Unseen links: those of the derivation that has fewest; with one, the query reduces to a single link."
)


def queries_table(structures: Mapping[str, Mapping[str, Any]]) -> str:
    """Return counts by structure as a table; ``structures`` as ``kgr sample --json`` prints them."""
    most = max((int(links) for own in structures.values() for links in own["unseen_links"]), default=0)
    unseen = [str(links) for links in range(1, most + 1)]
    counts = ["queries", "easy", "hard", "unranked"]
    rows = [
        [name, *(f"{own[kind]:,}" for kind in counts), _share(own, own["full_inference"])]
        + [_share(own, own["unseen_links"].get(links)) for links in unseen]
        for name, own in structures.items()
    ]
    head = ["structure", "queries", "easy answers", "hard answers", "unranked", "full inference"]
    head += [f"{links} unseen" for links in unseen]
    return f"{table(head, rows, 'l' + 'r' * (len(head) - 1))}\n\n{SHARES}"


def _share(own: Mapping[str, Any], part: int | None) -> str:
    return "" if part is None or not own["pairs"] else f"{100 * part / own['pairs']:.1f}%"
