"""Predicted entities, relations and facts as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kgr.show.table import clean, table

if TYPE_CHECKING:
    from kgr.completion.calibration import Calibration
    from kgr.completion.facts import Fact
    from kgr.completion.predict import Predictions
    from kgr.index.store import Store


def triple_in_words(store: Store, asked: Predictions, language: str = "en") -> str:
    """Return what was asked in the words of its labels, e.g. ``Douglas Adams · occupation · ?``."""
    words = []
    for key, of in ((asked.head, "entries"), (asked.relation, "relations"), (asked.tail, "entries")):
        keys = store.relations if of == "relations" else store.entries
        words.append("?" if key is None else clean(store.label(of, keys.id(key), language)))  # type: ignore[arg-type]
    return " · ".join(words)


def predictions_table(asked: Predictions) -> str:
    """Return ranked predictions as a table, with what is known of each."""
    rows = [
        [str(rank), own.label, own.key, f"{own.score:.3f}", _chance(own.probability), own.known or ""]
        for rank, own in enumerate(asked.results, 1)
    ]
    what = next(name for name in ("head", "relation", "tail") if getattr(asked, name) is None)
    among = [own.known for own in asked.results]
    words = {"graph": "in the graph", "held-out": "only by held-out edges"}
    counts = (f"{asked.known[where]:,} {how} ({among.count(where)} above)" for where, how in words.items())
    return (
        table(["rank", what, "key", "score", "probability", "known"], rows, "rllrrl") + f"\nknown: {', '.join(counts)}"
    )


RELATION_SCORES = (
    "score: the log share of the tail among the tails that the graph lacks, plus that of the head among such heads"
)
"""What relations of a pair are ranked by."""


def facts_table(facts: Sequence[Fact]) -> str:
    """Return the new facts of a relation as a table."""
    rows = [
        [str(rank), own.head_label, own.head, own.tail_label, own.tail, f"{own.score:.3f}", _chance(own.probability)]
        for rank, own in enumerate(facts, 1)
    ]
    return table(["rank", "head", "key", "tail", "key", "score", "probability"], rows, "rllllrr")


def _chance(probability: float | None) -> str:
    return "" if probability is None else f"{100 * probability:.1f}%"


def probability_in_words(calibration: Calibration | None) -> str:
    """Say of which event the probabilities are, and how far off they were on test."""
    if calibration is None:
        return "no probabilities: valid has no triples to fit them on"
    off = (
        "" if calibration.error is None else f"; on test they were {100 * calibration.error:.1f} points off on average"
    )
    return (
        "probability: that what the graph lacks is a held-out fact, as fitted on valid"
        f"{off}.\nWhat nobody wrote down counted as false, so it is at least this likely to be true."
    )
