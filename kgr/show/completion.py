"""Metrics of link predictors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kgr.show.table import table


def metrics_table(metrics: Mapping[str, Any]) -> str:
    """Return the figures of all triples as a table; ``metrics`` as ``CompletionRun.evaluate`` returns them."""
    names = ["mrr", "hits@1", "hits@3", "hits@10", "mr"]
    return table(["split", *names], [[metrics["split"], *(f"{metrics[name]:.4g}" for name in names)]], "l" + "r" * 5)
