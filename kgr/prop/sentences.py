"""Sentences for the inverse cloze task (Lee et al. 2019): one of a document, and the document without it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

REMOVED = 0.9
"""How often the sentence is taken out of its document."""

LONGEST = 48
"""Word pieces of a sentence, at most; of a longer one the beginning counts."""

_ENDS = (".", "!", "?", "。", "！", "？")

Ids = NDArray[np.int64]
Document = tuple[Ids, NDArray[np.int32]]


class Sentences:
    """Draws sentences of documents, which end with a full stop, a mark of exclamation or of question."""

    def __init__(self, tokenizer: Any) -> None:
        known = tokenizer.get_vocab()
        self._ends = np.array([known[mark] for mark in _ENDS if mark in known], np.int64)

    def draw(self, documents: list[Document], draw: np.random.Generator) -> tuple[list[Ids], list[Document]]:
        """Return a sentence of each document, and the document, mostly without it."""
        found = [self._drawn(ids, words, draw) for ids, words in documents]
        return [sentence for sentence, _ in found], [rest for _, rest in found]

    def _drawn(self, ids: Ids, words: NDArray[np.int32], draw: np.random.Generator) -> tuple[Ids, Document]:
        ends = np.flatnonzero(np.isin(ids, self._ends)) + 1
        starts = np.unique(np.concatenate([[0], ends[ends < len(ids)]]))
        chosen = int(draw.integers(len(starts)))
        first = int(starts[chosen])
        last = int(starts[chosen + 1]) if chosen + 1 < len(starts) else len(ids)
        last = _word_end(words, first, min(last, first + LONGEST, first + max(1, len(ids) // 2)))
        kept = np.ones(len(ids), np.bool_)
        kept[first:last] = draw.random() >= REMOVED
        return ids[first:last], (ids[kept], words[kept])


def _word_end(words: NDArray[np.int32], first: int, last: int) -> int:
    """Return the last end of a word in (first, last], or ``last`` where there is none."""
    inside = last
    while first < inside < len(words) and words[inside] == words[inside - 1]:
        inside -= 1
    return inside if inside > first else last
