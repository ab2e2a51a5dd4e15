"""The evaluation of a ranking as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kgr.rank.trec import is_measure
from kgr.show.table import table


def evaluation_table(metrics: Mapping[str, Any]) -> str:
    """Return what :func:`kgr.retrieval.evaluate.evaluate_ranking` found as tables, four digits as trec_eval has."""
    names = [name for name in metrics if is_measure(name)]
    parts = [f"{metrics['queries']:,} judged queries"]
    if "against" in metrics:
        parts.append(_compared(metrics, names))
    else:
        parts.append(table(["", ""], [[name, _digits(metrics[name])] for name in names], "lr"))
    if "per_query" in metrics:
        rows = [[key, *(_digits(own[name]) for name in names)] for key, own in metrics["per_query"].items()]
        parts.append(table(["query", *names], rows, "l" + "r" * len(names)))
    return "\n\n".join(parts)


def _compared(metrics: Mapping[str, Any], names: list[str]) -> str:
    header = ["", "this", "other", "difference", "t-test p", "randomisation p", "wins", "ties", "losses"]
    rows = []
    for name in names:
        found = metrics["against"][name]
        numbers = (metrics[name], found["other"], found["difference"], found["t_test"], found["randomisation"])
        rows.append([name, *map(_digits, numbers), *(f"{found[what]:,}" for what in ("wins", "ties", "losses"))])
    return table(header, rows, "lrrrrrrrr")


def _digits(number: float | None) -> str:
    return "" if number is None else f"{number:.4f}"
