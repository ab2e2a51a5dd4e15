"""Metrics of link predictors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kgr.show.table import table

_PERCENT = {
    "MRR": "mrr",
    "tail MRR": "tail_mrr",
    "head MRR": "head_mrr",
    "Hits@1": "hits@1",
    "Hits@3": "hits@3",
    "Hits@10": "hits@10",
    "popularity MRR": "popularity_mrr",
}
_COLUMNS = ["triples", *_PERCENT, "MR", "MR / chance"]
_PATTERNS = {
    "symmetric": "relations that mostly have their reverse in train",
    "compositional": "follow from two{or_three} relations in a row in train",
}
_UNSEEN = {"entities": "with an entity that train does not have", "relations": "of a relation that train does not have"}


def metrics_table(metrics: Mapping[str, Any], most: int = 20) -> str:
    """Return an evaluation as tables, in percent; of relations the ``most`` frequent.

    ``metrics`` as :func:`kgr.completion.evaluate.evaluate` returns them.
    """
    limit = f", {metrics['triples']:,} of them drawn" if metrics["limit"] else ""
    head = (
        f"{metrics['split']} triples{limit}: tail and head ranked among all entities, other known answers left out; "
        "in percent, but mean ranks"
    )
    parts = [head, table(["", *_COLUMNS, ""], _kinds(metrics), "l" + "r" * len(_COLUMNS) + "l")]
    if metrics.get("patterns", {}).get("compositional", {}) is None:
        parts.append("compositional: no rules were searched, train is large or --rule-length is 1; try --rule-length 2")
    relations = metrics.get("relations", {})
    if relations:
        parts.append(_relations(relations, most))
    return "\n\n".join(parts)


def _kinds(metrics: Mapping[str, Any]) -> list[list[str]]:
    rows = [_row("all", metrics)]
    rows += [_row(f"{side}s", own) for side, own in metrics["sides"].items()]
    rows += [_row(name, own) for name, own in metrics.get("categories", {}).items()]
    for name, own in metrics.get("patterns", {}).items():
        if own is not None:
            or_three = " or three" if own.get("rule_length") == 3 else ""
            rows.append([*_row(name, own), _PATTERNS[name].format(or_three=or_three)])
    for name, own in metrics.get("unseen", {}).items():
        if own["triples"]:
            rows.append([*_row(f"unseen {name}", own), _UNSEEN[name]])
    return rows


def _relations(relations: Mapping[str, Mapping[str, Any]], most: int) -> str:
    frequent = sorted(relations.items(), key=lambda item: (-item[1]["triples"], item[0]))
    rows = [
        [key, own["label"] if own["label"] != key else "", own["category"] or "", *_row("", own)[1:]]
        for key, own in frequent[:most]
    ]
    text = table(["relation", "label", "", *_COLUMNS], rows, "lll" + "r" * len(_COLUMNS))
    left = len(frequent) - most
    return text if left <= 0 else f"{text}\n… {left:,} more relations: --top, or all with --json"


def _row(name: str, own: Mapping[str, Any]) -> list[str]:
    percent = (_number(own.get(key), 100, 1) for key in _PERCENT.values())
    means = (_number(own["mr"], 1, 1), _number(own["adjusted_mean_rank"], 1, 3))
    return [name, f"{own['triples']:,}", *percent, *means]


def _number(value: float | None, by: float, digits: int) -> str:
    return "" if value is None else f"{by * value:,.{digits}f}"
