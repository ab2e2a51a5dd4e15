"""Why an entry scores what it does: each term's share."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr.data.known import open_store
from kgr.errors import ConfigError
from kgr.index.store import Store
from kgr.index.terms import Terms
from kgr.retrieval import _kernels
from kgr.retrieval.config import EXPLAINED, METHODS, retrieve_config
from kgr.retrieval.lexical import Part, open_parts, query_bags
from kgr.retrieval.results import title_or_label
from kgr.retrieval.retrieve import newest


@dataclass(frozen=True)
class TermShare:
    """What a term of the query adds to a score.

    ``index`` is the name of the index: a field, or ``text`` for all texts. ``words`` are the query's, of which it is
    the term. ``statistic`` is the term's inverse document frequency for BM25, its share of the collection for query
    likelihood. ``frequency`` and ``length`` are the document's.
    """

    index: str
    term: str
    words: tuple[str, ...]
    count: int
    statistic: float
    frequency: int
    length: int
    contribution: float


@dataclass(frozen=True)
class Explanation:
    """The score of an entry for a query, the sum of the terms' contributions.

    ``found`` says whether a search finds the entry: only one that has a term of some weight is. ``dropped`` are
    the words that count nowhere: stop words, and those of no text. ``statistic`` names the statistic of the terms.
    """

    key: str
    label: str
    score: float
    found: bool
    statistic: str
    terms: tuple[TermShare, ...]
    dropped: tuple[str, ...]


def explain(
    store: Store | str | Path,
    query: str,
    key: str,
    *,
    method: str = "bm25",
    language: str | None = None,
    fields: Mapping[str, float] | None = None,
    message: Callable[[str], None] | None = None,
    **settings: Any,
) -> Explanation:
    """Explain the score of an entry for a query, as :func:`kgr.retrieve` computes it with the same arguments.

    Raises
    ------
    ConfigError
        Another method than ``bm25`` and ``ql``; see also :func:`kgr.retrieve`.
    UnknownKey
        The store has no such entry.
    """
    config = retrieve_config(method, settings)
    if method not in EXPLAINED:
        raise ConfigError(f"method {method!r} has no terms to explain a score by; {' and '.join(EXPLAINED)} have")
    opened = newest(open_store(store, message=message))
    entry = opened.entries.id(key)
    scoring = importlib.import_module(METHODS[method]).scoring
    parts = open_parts(opened, scoring, config, language, fields, message=message or (lambda line: None))
    shares, known = [], set[str]()
    for part in parts:
        own = _shares(part, query, entry)
        shares += own
        known |= {word for share in own for word in share.words}
    dropped = tuple(dict.fromkeys(word for word in parts[0].terms.analyzer.words(query) if word not in known))
    score, found = (
        sum(share.contribution for share in shares),
        any(share.frequency and share.statistic > 0 for share in shares),
    )
    label = title_or_label(opened, entry, parts[0].terms.settings["language"])
    return Explanation(key, label, score, found, parts[0].scoring.statistic_name, tuple(shares), dropped)


def _shares(part: Part, query: str, entry: int) -> list[TermShare]:
    terms, scoring, bag = part.terms, part.scoring, query_bags(part.terms, [query])
    document = _document(terms, entry)
    found = np.array([_frequency(terms, term, document) for term in bag.terms.tolist()], np.int64)
    weights, factors, _, constants = scoring.weigh(bag.terms, bag.counts, np.maximum(found, 1))
    gains = np.zeros(len(found), np.float32)
    norm = scoring.norms[document] if document is not None else np.float32(1)
    norms = np.full(len(found), norm, np.float32)
    _kernels._gains(scoring.law, found.astype(np.float32), norms, weights, factors, gains)
    gains[found == 0] = 0
    by_length = document is not None and len(scoring.length_scores) > 0
    length_score = float(scoring.length_scores[document]) if by_length else 0.0
    contributions = part.weight * (constants + bag.counts * length_score + gains)
    length = int(terms.lengths[document]) if document is not None else 0
    words = _words(terms, query)
    rows = zip(bag.terms.tolist(), bag.counts, scoring.statistic(bag.terms), found, contributions, strict=True)
    return [
        TermShare(
            part.name, name, words[name], int(count), float(statistic), int(frequency), length, float(contribution)
        )
        for term, count, statistic, frequency, contribution in rows
        for name in [terms.vocabulary.key(term)]
    ]


def _document(terms: Terms, entry: int) -> int | None:
    """Return the number of an entry in an index, None where the index does not have it."""
    at = int(np.searchsorted(terms.rows, np.int32(entry)))
    return at if at < len(terms.rows) and terms.rows[at] == entry else None


def _frequency(terms: Terms, term: int, document: int | None) -> int:
    """Return how often a document has a term."""
    if document is None:
        return 0
    first, last = terms.offsets[term], terms.offsets[term + 1]
    own: NDArray[np.int32] = terms.documents[first:last]
    at = int(np.searchsorted(own, np.int32(document)))
    return int(terms.frequencies[first + at]) if at < len(own) and own[at] == document else 0


def _words(terms: Terms, query: str) -> dict[str, tuple[str, ...]]:
    """Return the words of a query by their term."""
    words: dict[str, tuple[str, ...]] = {}
    for word in dict.fromkeys(terms.analyzer.words(query)):
        term = terms.analyzer.term(word)
        if term is not None:
            words[term] = (*words.get(term, ()), word)
    return words
