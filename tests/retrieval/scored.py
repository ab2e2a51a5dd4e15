"""Scores by the formulas, document by document: what the kernels are compared with."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from kgr.index.analysis import Analyzer
from kgr.index.keys import Keys
from kgr.index.terms import Terms
from kgr.retrieval.config import RetrieveConfig

PLAIN = {"language": "en", "stem": False, "stop_words": False}


def make_terms(documents: Sequence[Sequence[str]], rows: Sequence[int] | None = None) -> Terms:
    """Index documents that are lists of words, as they are."""
    from kgr._config import make
    from kgr.index.analysis import AnalyzerConfig

    numbers: dict[str, int] = {}
    counts = [Counter(numbers.setdefault(word, len(numbers)) for word in words) for words in documents]
    postings = sorted((term, document, tf) for document, own in enumerate(counts) for term, tf in own.items())
    table = np.array(postings, np.int64).reshape(-1, 3)
    offsets = np.zeros(len(numbers) + 1, np.int64)
    np.cumsum(np.bincount(table[:, 0], minlength=len(numbers)), out=offsets[1:])
    vocabulary = Keys.build(list(numbers), what="term")
    collection = np.bincount(table[:, 0], table[:, 2], len(numbers)).astype(np.int64)
    own_rows = np.arange(len(documents)) if rows is None else np.array(rows)
    return Terms(
        rows=own_rows.astype(np.int32),
        lengths=np.array([len(words) for words in documents], np.int32),
        vocabulary=vocabulary,
        offsets=offsets,
        documents=table[:, 1].astype(np.int32),
        frequencies=table[:, 2].astype(np.uint16),
        collection=collection,
        words=vocabulary,
        word_counts=collection,
        forms=np.arange(len(numbers) + 1),
        settings={**Analyzer(make(AnalyzerConfig, PLAIN)).settings, "fields": ["body"]},
    )


def plain_scores(
    documents: Sequence[Sequence[str]], query: Sequence[str], method: str, config: RetrieveConfig
) -> dict[int, float]:
    """Return the score of each document that has a word of the query."""
    counts = [Counter(words) for words in documents]
    total, mean = Counter(word for words in documents for word in words), sum(map(len, documents)) / len(documents)
    known = [word for word in query if total[word]]
    df = {word: sum(word in own for own in counts) for word in known}
    scores = {}
    for document, own in enumerate(counts):
        if any(own[word] for word in known):
            length = len(documents[document])
            if method == "bm25":
                shares = (_bm25(len(documents), df[word], own[word], length / mean, config) for word in known)
            else:
                shares = (_likelihood(total[word] / total.total(), own[word], length, config) for word in known)
            scores[document] = sum(shares)
    return {document: score for document, score in scores.items() if method == "ql" or score > 0}


def _bm25(n: int, df: int, tf: int, length: float, config: RetrieveConfig) -> float:
    odds = (n - df + 0.5) / (df + 0.5)
    idf = math.log(1 + odds) if config.form == "lucene" else max(0.0, math.log(odds))
    return idf * tf / (tf + config.k1 * (1 - config.b + config.b * length)) if tf else 0.0


def _likelihood(share: float, tf: int, length: int, config: RetrieveConfig) -> float:
    if config.smoothing == "dirichlet":
        return math.log((tf + config.mu * share) / (length + config.mu))
    return math.log((1 - config.jm_lambda) * tf / length + config.jm_lambda * share)
