"""Figures of pre-trained rankers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kgr.show.table import table

_WORDS = {
    "accuracy": "pairs, the better one scored higher",
    "wrong_document": "… shown another document",
    "overlap": "… by the words that the document has",
    "prior": "… by the words' shares of the collection",
    "overlap_prior": "… by overlap, then share",
    "mlm_accuracy": "masked word pieces told right",
}


def metrics_table(metrics: Mapping[str, Any]) -> str:
    """Return an evaluation as a table; ``metrics`` as ``PropRun.evaluate`` returns them."""
    rows = [[words, f"{100 * metrics[name]:.1f}"] for name, words in _WORDS.items() if name in metrics]
    return f"{metrics['documents']:,} held-out documents, in percent\n\n{table(['', 'right'], rows, 'lr')}"
