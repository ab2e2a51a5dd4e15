"""Queries as tables: how many and with which answers, what is left to predict of them, what a law draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kgr.show.table import table

DRAWN = (
    "Steps back: share of queries with a relation and then its inverse in one chain. Idle negations: share of those\n"
    "whose negated parts take no answer away. Crowded: drawn again since nearly every entity answers them.\n"
    "From the mean on, the columns are of the number of answers: its mean and quantiles."
)

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


def statistics_table(structures: Mapping[str, Mapping[str, Any] | None]) -> str:
    """Return what drawn queries are like as a table; ``structures`` as ``kgr sample --stats --json`` prints them."""
    drawn = {name: own for name, own in structures.items() if own is not None}
    marks = list(next(iter(drawn.values()))["answers"]["quantiles"]) if drawn else []
    head = ["structure", "queries", "steps back", "idle negations", "crowded", "mean answers", *map(_quantile, marks)]
    lines = [table(head, [_drawn_row(name, own) for name, own in drawn.items()], "l" + "r" * (len(head) - 1))]
    lines += [f"{name}: left out, this graph cannot host it, or too rarely" for name in structures if name not in drawn]
    return "\n".join([*lines, "", DRAWN])


def _drawn_row(name: str, own: Mapping[str, Any]) -> list[str]:
    shares = ["" if share is None else f"{100 * share:.1f}%" for share in (own["back_steps"], own["idle_negations"])]
    answers = own["answers"]
    quantiles = [f"{number:,.0f}" for number in answers["quantiles"].values()]
    return [name, f"{own['queries']:,}", *shares, f"{own['crowded']:,}", f"{answers['mean']:,.1f}", *quantiles]


def _quantile(mark: str) -> str:
    return {"0": "least", "0.5": "median", "1": "most"}.get(mark) or f"{100 * float(mark):g}%"
