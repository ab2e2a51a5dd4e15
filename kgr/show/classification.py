"""Triple classification as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kgr.show.table import table

_KINDS = {
    "stored": "the store's negatives",
    "uniform": "negatives with a random tail",
    "relation": "negatives with a random tail of the relation",
}
_SIDES = {"tail": "as answers for the tail", "head": "as answers for the head", "both": "from both sides"}
_BASELINES = {
    "random_negatives": "the same model among negatives with a random tail",
    "relation_prior": "what most triples of the relation are in valid",
    "popularity": "training edges of the relation at head and tail",
}


def classification_table(metrics: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """Return a classification as tables, in percent.

    Parameters
    ----------
    metrics
        As :func:`kgr.completion.classify.classify` returns them.
    labels : by relation key
    """
    head = (
        f"{metrics['triples']:,} {metrics['split']} triples, facts and {_KINDS[metrics['negatives']]}, "
        f"told apart by a threshold per relation\nfitted on valid ({metrics['protocol']} protocol; scored "
        f"{_SIDES[metrics['side']]}); in percent"
    )
    measures = ("accuracy", "f1", "precision", "recall")
    fitted = ["valid", *(_percent(metrics["valid"].get(name)) for name in measures), "the model, where it was fitted"]
    rows = [[metrics["split"], *(_percent(metrics[name]) for name in measures), "the model"], fitted]
    if metrics["split"] == "valid":
        rows = [fitted]
    rows += [
        ["", *(_percent(metrics["baselines"][name].get(measure)) for measure in measures), words]
        for name, words in _BASELINES.items()
    ]
    parts = [head, table(["", "accuracy", "F1", "precision", "recall", ""], rows, "lrrrrl")]
    relations = sorted(metrics["relations"].items(), key=lambda item: -item[1]["triples"])
    rows = [
        [
            labels[key],
            key,
            f"{own['triples']:,}",
            f"{own['valid_triples']:,}",
            *map(_percent, (own["accuracy"], own["f1"])),
        ]
        for key, own in relations
    ]
    parts.append(table(["relation", "key", "triples", "in valid", "accuracy", "F1"], rows, "llrrrr"))
    return "\n\n".join(parts)


def _percent(fraction: float | None) -> str:
    return "" if fraction is None else f"{100 * fraction:.1f}"
