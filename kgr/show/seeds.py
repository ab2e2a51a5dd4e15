"""Figures of runs that differ in their seed, with mean and standard deviation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kgr.show.table import table

_PLAIN = ("mr", "adjusted_mean_rank")  # figures that are no fractions
_FIXED = ("triples",)  # the same for every seed


def seeds_table(metrics: Mapping[str, Any]) -> str:
    """Return figures by seed as a table; ``metrics`` as ``CompletionSeeds.metrics`` has them."""
    runs = metrics["runs"]
    rows = []
    for name in metrics["mean"]:
        if name not in _FIXED:
            values = [*(run[name] for run in runs), metrics["mean"][name], metrics["sd"][name]]
            rows.append([name, *(f"{value:,.3f}" if name in _PLAIN else f"{100 * value:.2f}" for value in values)])
    header = ["figure", *(f"seed {run['seed']}" for run in runs), "mean", "sd"]
    head = f"{metrics['split']}, {len(runs)} runs: fractions in percent; sd: standard deviation of a sample"
    return f"{head}\n\n{table(header, rows, 'l' + 'r' * (len(header) - 1))}"
