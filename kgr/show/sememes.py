"""Figures of sememe prediction, predictions and look-ups as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kgr.show.table import clean, table

if TYPE_CHECKING:
    from kgr.sememe.lookup import Found, Named
    from kgr.sememe.predict import Prediction

_GROUPS = {"by_pos": "part of speech", "by_sememes": "sememes", "by_degree": "relations"}
_POS = {"n": "noun", "v": "verb", "a": "adjective", "r": "adverb"}


def metrics_table(metrics: Mapping[str, Any]) -> str:
    """Return the figures of ``evaluate-sememes`` as a table, in percent."""
    whole = (f"{_percent(metrics, name)} ± {_percent(metrics, f'{name}_error')}" for name in ("map", "f1"))
    rows = [
        ["all", _count(metrics), *whole],
        ["popularity", *_figures(metrics["popularity"])],
    ]
    if "texts_alone" in metrics:
        rows.append(["as new, by texts alone", *_figures(metrics["texts_alone"])])
    for group, what in _GROUPS.items():
        names = _POS if group == "by_pos" else {}
        rows += [[f"{what}: {names.get(name, name)}", *_figures(own)] for name, own in metrics[group].items()]
    head = (
        f"{metrics['split']}, method {metrics['method']}, protocol {metrics['protocol']}: in percent, ± standard error"
    )
    return "\n\n".join([head, table(["synsets", "number", "MAP", "F1"], rows, "lrrr"), *_remarks(metrics)])


def _remarks(metrics: Mapping[str, Any]) -> list[str]:
    found = []
    if metrics["calibration_error"] is not None:
        alone = metrics.get("texts_alone")
        new = f", as new by texts alone {_percent(alone, 'calibration_error')}" if alone else ""
        found.append(f"probabilities: expected calibration error {_percent(metrics, 'calibration_error')}{new}")
    if metrics["unseen"]["annotations"]:
        unseen = metrics["unseen"]
        found.append(
            f"{unseen['annotations']:,} annotations with {unseen['sememes']:,} sememes that training never met: "
            "these are never predicted, and count as misses"
        )
    return ["\n".join(found)] if found else []


def _figures(own: Mapping[str, Any]) -> list[str]:
    return [_count(own), _percent(own, "map"), _percent(own, "f1")]


def _count(own: Mapping[str, Any]) -> str:
    return f"{own['synsets']:,}"


def _percent(own: Mapping[str, Any], name: str) -> str:
    return f"{100 * own[name]:.1f}"


def prediction_table(found: Prediction) -> str:
    """Return a prediction as a table, and below it what spoke for its sememes."""
    rows = [
        [
            "*" if own.predicted else "",
            own.key,
            own.names.get("en", own.label),
            own.names.get("zh", ""),
            f"{own.probability:.3f}",
            f"{own.score:.4g}",
            own.annotated or "",
        ]
        for own in found.results
    ]
    head = clean(f"{found.label} ({found.synset})" if found.synset else found.label)
    parts = [head + (f": {clean(found.gloss)}" if found.gloss else "")]
    if found.fallback:
        parts.append(f"{found.fallback}; these are the most frequent sememes")
    if found.unread:
        parts.append(f"not read by this run, whose settings leave it out: {', '.join(found.unread)}")
    parts.append(table(["", "sememe", "English", "Chinese", "probability", "score", "annotated in"], rows, "llllrrl"))
    parts += [_reasons(own.key, own.why) for own in found.results if own.why]
    return "\n\n".join([*parts, "* predicted: its score passes the threshold that was tuned on valid"])


def _reasons(key: str, why: Any) -> str:
    rows = [[f"  {own.what}", own.key, own.label, f"{own.weight:.3g}"] for own in why]
    return f"why {clean(key)}\n{table([], rows, 'lllr')}"


def found_table(found: Found) -> str:
    """Return a look-up as tables."""
    names = f" ({', '.join(found.asked.names.values())})" if found.asked.names else ""
    parts = [clean(f"{found.kind} {found.asked.key}: {found.asked.label}{names}")]
    if found.kind == "synset":
        parts.append(f"sememes, annotated in {found.split}:" if found.split else "has no sememes")
    elif found.sememes:
        parts.append("related sememes:")
    if found.sememes:
        parts.append(table([], [_sememe(own) for own in found.sememes], "lll"))
    what = "synsets that share a sememe with it" if found.kind == "synset" else "synsets that have it"
    parts.append(f"{what}: {found.total:,}" + (", the first ones:" if found.synsets else ""))
    rows = [["  " + own.key, own.label, "" if own.score is None else f"{own.score:.3f}"] for own in found.synsets]
    return "\n".join([*parts, *([table([], rows, "llr")] if rows else [])])


def _sememe(own: Named) -> list[str]:
    return ["  " + own.key, ", ".join(own.names.values()), own.relation or ""]
