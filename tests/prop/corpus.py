"""Small corpora of words as indexes have them, and their models by the formulas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from retrieval.scored import make_terms

from kgr.index.terms import Terms, Tokens

DOCUMENTS = ("g b c g g h", "b e b g e", "c", "", "h h h h g b c e g f")


def make_index(documents: Sequence[str] = DOCUMENTS) -> tuple[Terms, Tokens]:
    """Index texts, words as they are."""
    words = [text.split() for text in documents]
    terms = make_terms(words)
    offsets = np.concatenate([[0], np.cumsum([len(own) for own in words])])
    return terms, Tokens(terms.ids([word for own in words for word in own]), offsets)


def model(documents: Sequence[str], document: int, mu: float, *, background: str = "collection") -> dict[str, float]:
    """p(w|d) of each word."""
    words = [text.split() for text in documents]
    each = [set(own) for own in words] if background == "document" else words
    counts = Counter(word for own in each for word in own)
    own, total = Counter(words[document]), sum(counts.values())
    return {w: (own[w] + mu * n / total) / (len(words[document]) + mu) for w, n in counts.items()}
