"""Views of texts: words of lemmas and glosses, pieces of lemmas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from math import log
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kgr.index.analysis import Analyzer
from kgr.sememe.bags import Bag, BagView, fit_bags

if TYPE_CHECKING:
    from kgr.sememe.descriptions import Descriptions

WORDS = "words"
"""The name of the view of words."""

PIECES = range(3, 6)
"""Lengths of the pieces of lemmas, in characters."""

SYLLABIC = range(1, 4)
"""Those in languages of :data:`SYLLABLES`, of which a character says as much as several letters."""

SYLLABLES = ("zh", "ja", "ko")


def fit_words(descriptions: Descriptions, analyzer: Analyzer) -> BagView | None:
    """Compare by the words of lemmas, glosses and examples."""

    def tokens(asked: Descriptions) -> list[dict[str, float]]:
        return words_of(asked, analyzer)

    return fit_bags(WORDS, tokens, descriptions, idf=smooth)


def words_of(asked: Descriptions, analyzer: Analyzer) -> list[dict[str, float]]:
    """Return the words of lemmas, gloss and examples of each synset, damped."""
    parts = zip(asked.lemmas, asked.gloss, asked.examples, strict=True)
    return [damped(analyzer.terms(" ".join((*lemmas, gloss, *examples)))) for lemmas, gloss, examples in parts]


def fit_pieces(descriptions: Descriptions, analyzer: Analyzer) -> BagView | None:
    """Compare by the pieces of lemmas' words, those at the ends of a word marked."""
    tag = analyzer.config.language.replace("_", "-").split("-")[0].lower()
    lengths = SYLLABIC if tag in SYLLABLES else PIECES

    def tokens(asked: Descriptions) -> list[Bag]:
        return [damped(pieces(analyzer.cased(" ".join(lemmas)).casefold().split(), lengths)) for lemmas in asked.lemmas]

    return fit_bags("pieces", tokens, descriptions, least=2, idf=smooth)


def pieces(words: Iterable[str], lengths: range = PIECES) -> Iterator[str]:
    """Yield the pieces of words, with a blank at either end; a word that is shorter is one piece."""
    for word in words:
        padded = f" {word} "
        for length in lengths:
            found = (padded[start : start + length] for start in range(max(1, len(padded) - length + 1)))
            yield from (piece for piece in found if piece != " ")
            if len(padded) <= length:
                break


def damped(tokens: Iterable[str]) -> dict[str, float]:
    """Return 1 + the logarithm of how often each token is there."""
    return {token: 1 + log(count) for token, count in Counter(tokens).items()}


def smooth(ratios: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 + the logarithm of how rare tokens are."""
    return 1 + np.log(ratios)
