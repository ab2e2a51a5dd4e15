"""Search over postings: what BM25 and query likelihood share."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from kgr._jit import tell_compiling
from kgr._ragged import offsets_of
from kgr._threads import share_rows
from kgr.errors import UnknownKey
from kgr.index.store import Store
from kgr.index.terms import DEFAULT, Terms, kept_indexes
from kgr.index.text_index import kept_fields, needed_terms, text_languages
from kgr.retrieval import _kernels
from kgr.retrieval.config import RetrieveConfig
from kgr.retrieval.retrieve import Asked, Found, Message, Progress, joined

_BATCH = 1 << 10  # queries that are searched at once
_RESULTS = 1 << 24  # results that are held beside those that are found
_BINS = 1 << 10

Number = TypeVar("Number", bound=np.generic)
Ints = NDArray[np.int32]
Floats = NDArray[np.float32]


class Weights(NamedTuple):
    """Of m terms, each of a query: see :class:`kgr.retrieval._kernels.Plan`. ``constants`` add up to the query's."""

    weights: Floats
    factors: Floats
    bounds: NDArray[np.float64]
    constants: NDArray[np.float64]


class Scoring(Protocol):
    """How postings of an index of n documents are scored.

    Attributes
    ----------
    law : int
        Which gain of :mod:`kgr.retrieval._kernels`.
    norms : float32[n]
    length_scores : float32[n] or [0]
        What a document's length adds for each word of the query, at most 0; ``[0]`` where it adds nothing.
    statistic_name : str
        What :meth:`statistic` is.
    """

    law: int
    statistic_name: str
    norms: Floats
    length_scores: Floats

    def weigh(self, terms: Ints, counts: NDArray[np.int64], peaks: NDArray[np.int64]) -> Weights:
        """Weigh terms that come ``counts`` times in a query and up to ``peaks`` times in a document."""
        ...

    def statistic(self, terms: Ints) -> NDArray[np.float64]:
        """Return what of the collection decides the terms' weights, float64[m]."""
        ...


MakeScoring = Callable[[Terms, RetrieveConfig], Scoring]


@dataclasses.dataclass(frozen=True)
class Part:
    """An index by name, how it is scored, and the weight of its scores in the sum."""

    name: str
    terms: Terms
    scoring: Scoring
    weight: float = 1.0


@dataclasses.dataclass(frozen=True)
class Bag:
    """The distinct terms of Q queries: int32[m] terms and int64[m] counts, those of query q from ``offsets[q]``."""

    offsets: NDArray[np.int64]
    terms: Ints
    counts: NDArray[np.int64]


def query_bags(terms: Terms, texts: Sequence[str]) -> Bag:
    """Analyse queries as the index's texts were; words that it does not have are dropped."""
    split = [terms.analyzer.terms(text) for text in texts]
    ids = terms.ids([term for own in split for term in own]).astype(np.int64)
    query = np.repeat(np.arange(len(texts)), [len(own) for own in split])
    return bags_of(terms, query[ids >= 0], ids[ids >= 0], len(texts))


def bags_of(terms: Terms, query: NDArray[np.int64], ids: NDArray[np.int64], queries: int) -> Bag:
    """Count the terms ``ids`` int64[m] of ``query`` int64[m], numbers of queries."""
    pairs, counts = np.unique(query * len(terms.vocabulary) + ids, return_counts=True)
    query, own = np.divmod(pairs, max(1, len(terms.vocabulary)))
    offsets = offsets_of(np.bincount(query, minlength=queries))
    return Bag(offsets, own.astype(np.int32), counts)


def make_plan(part: Part, bag: Bag) -> _kernels.Plan:
    """Weigh and order the terms of queries."""
    terms, scoring, queries = part.terms, part.scoring, len(bag.offsets) - 1
    distinct, places = np.unique(bag.terms, return_inverse=True)
    peaks = np.zeros(len(distinct), np.int64)
    _kernels._peaks(frozen(terms.frequencies), frozen(terms.offsets), distinct, peaks)
    weights, factors, bounds, constants = scoring.weigh(bag.terms, bag.counts, peaks[places])
    query = np.repeat(np.arange(queries), np.diff(bag.offsets))
    kept = np.flatnonzero(weights > 0)
    order = kept[np.lexsort((bag.terms[kept], -bounds[kept], query[kept]))]
    offsets = offsets_of(np.bincount(query[order], minlength=queries))
    words = np.zeros(queries)
    if len(scoring.length_scores):
        np.add.at(words, query, bag.counts * part.weight)
    constant = np.zeros(queries)
    np.add.at(constant, query, constants * part.weight)
    lowest = float(scoring.length_scores.min(initial=0))
    return _kernels.Plan(
        offsets,
        np.asarray(terms.offsets[bag.terms[order]]),
        np.asarray(terms.offsets[bag.terms[order] + 1]),
        (weights[order] * part.weight).astype(np.float32),
        factors[order],
        bounds[order] * part.weight,
        constant,
        words,
        constant + words * lowest,
    )


def kernel_index(part: Part, allowed: NDArray[np.bool_] | None) -> _kernels.Index:
    """Return an index as the kernels take it; ``allowed`` bool[N] is by entry."""
    terms, scoring = part.terms, part.scoring
    among = np.zeros(0, np.bool_) if allowed is None else allowed[terms.rows]
    documents, frequencies = frozen(terms.documents), frozen(terms.frequencies)
    return _kernels.Index(documents, frequencies, scoring.norms, scoring.length_scores, among, scoring.law)


def frozen(array: NDArray[Number]) -> NDArray[Number]:
    """Return a read-only view: kernels are compiled once for arrays in memory and memory maps."""
    view = array.view(np.ndarray)
    view.flags.writeable = False
    return view


def search_bags(
    part: Part,
    bag: Bag,
    k: int,
    *,
    allowed: NDArray[np.bool_] | None = None,
    threads: int = 1,
    prune: bool = True,
) -> Found:
    """Find the ``k`` best entries of queries whose terms are counted.

    Parameters
    ----------
    prune : bool
        Do not read what cannot matter; the results are the same.
    """
    queries, n = len(bag.offsets) - 1, len(part.terms.rows)
    index, plan = kernel_index(part, allowed), make_plan(part, bag)
    k = min(k, n)
    scores, best = np.empty((queries, k), np.float32), np.empty((queries, k), np.int32)
    counts = np.zeros(queries, np.int64)

    def work(first: int, last: int) -> None:
        _kernels._search(index, plan, first, last, prune, make_scratch(n), scores, best, counts)

    if queries and k:
        share_rows(work, queries, threads)
    return flat(part.terms.rows, scores, best, counts)


def make_scratch(n: int) -> _kernels.Scratch:
    """Return what a thread works with."""
    return _kernels.Scratch(np.zeros(n, np.float32), np.empty(n + 1, np.int32), np.zeros(_BINS, np.int32))


def flat(rows: Ints, scores: Floats, best: Ints, counts: NDArray[np.int64]) -> Found:
    """Return results that fill ``counts`` places of each row as offsets, ``rows`` of documents, and scores."""
    filled = np.arange(best.shape[1]) < counts[:, None]
    return offsets_of(counts), np.asarray(rows)[best[filled]], scores[filled]


def search_sum(
    parts: Sequence[Part],
    bags: Sequence[Bag],
    k: int,
    *,
    allowed: NDArray[np.bool_] | None = None,
    threads: int = 1,
) -> Found:
    """Find the ``k`` best entries of queries by the weighted sum of their scores over several indexes.

    An entry that an index does not have counts as an empty document of it.
    """
    rows = np.unique(np.concatenate([part.terms.rows for part in parts]))
    places = [np.searchsorted(rows, part.terms.rows).astype(np.int32) for part in parts]
    indexes = [kernel_index(part, allowed) for part in parts]
    plans = [make_plan(part, bag) for part, bag in zip(parts, bags, strict=True)]
    queries, k = len(bags[0].offsets) - 1, min(k, len(rows))
    lengths = [_spread(part.scoring.length_scores, place, len(rows)) for part, place in zip(parts, places, strict=True)]
    scores, best = np.empty((queries, k), np.float32), np.empty((queries, k), np.int32)
    counts = np.zeros(queries, np.int64)

    def work(first: int, last: int) -> None:
        scratch = make_scratch(len(rows))
        for q in range(first, last):
            count, constant, weight, sums = 0, 0.0, 0.0, lengths[0][:0]
            for index, plan, place, own in zip(indexes, plans, places, lengths, strict=True):
                count = _kernels._add_query(index, plan, q, place, scratch, count)
                constant += plan.constants[q]
                if plan.length_weights[q]:
                    sums = (sums if weight else np.zeros(len(rows), np.float32)) + own * plan.length_weights[q]
                    weight = 1.0
            sums = sums.astype(np.float32)
            counts[q] = _kernels._keep_best(scratch, count, sums, weight, constant, -np.inf, scores[q], best[q])
            _kernels._forget(scratch, count)

    if queries and k:
        share_rows(work, queries, threads)
    return flat(rows.astype(np.int32), scores, best, counts)


def _spread(length_scores: Floats, places: Ints, n: int) -> Floats:
    """Return what lengths add, by place: 0 where there is no document, as for an empty one."""
    spread = np.zeros(n, np.float32)
    if len(length_scores):
        spread[places] = length_scores
    return spread


def search_texts(scoring: MakeScoring, asked: Asked) -> Found:
    """Find the ``k`` best entries of each text: a search of :class:`kgr.retrieval.retrieve.Search` by a scoring."""
    parts = open_parts(
        asked.store, scoring, asked.config, asked.language, asked.fields, message=asked.message, progress=asked.progress
    )
    tell_compiling(_kernels._search, asked.message)
    texts, k, allowed, threads = asked.texts, asked.k, asked.allowed, asked.threads
    most = min(k, max(1, *(len(part.terms.rows) for part in parts)))
    each = max(threads, min(_BATCH, _RESULTS // most))
    found: list[Found] = []
    unknown = 0
    for first in range(0, len(texts), each):
        own = texts[first : first + each]
        bags = [query_bags(part.terms, own) for part in parts]
        unknown += int(np.all([np.diff(bag.offsets) == 0 for bag in bags], axis=0).sum())
        if len(parts) == 1:
            found.append(search_bags(parts[0], bags[0], k, allowed=allowed, threads=threads))
        else:
            found.append(search_sum(parts, bags, k, allowed=allowed, threads=threads))
        if asked.progress:
            asked.progress(min(first + each, len(texts)), len(texts))
    if unknown:
        asked.message(f"{unknown:,} of {len(texts):,} queries have only stop words, or words that no text has")
    return joined(found)


def open_parts(
    store: Store,
    scoring: MakeScoring,
    config: RetrieveConfig,
    language: str | None,
    fields: Mapping[str, float] | None,
    *,
    message: Message,
    progress: Progress | None = None,
) -> list[Part]:
    """Open the indexes that a search needs; those that are not there are made first.

    Raises
    ------
    UnknownKey
        The store has no such field in the language.
    ConfigError
        The store has no texts in the language.
    """
    language = language or text_language(store)
    for name in fields or ():
        _check_field(store, language, name)
    return [
        Part(name, terms, scoring(terms, config), weight)
        for name, weight in (fields or {DEFAULT: 1.0}).items()
        for terms in [needed_terms(store, language, name, message=message, progress=progress)]
    ]


def text_language(store: Store) -> str:
    """Return the language in which a store is searched: the only one of its indexes, or of its texts, else English."""
    kept = dict.fromkeys(language for language, _ in kept_indexes(store))
    for there in (tuple(kept), text_languages(store)):
        if len(there) == 1:
            return there[0]
    return "en"


def _check_field(store: Store, language: str, name: str) -> None:
    indexed = [own for tongue, own in kept_indexes(store) if tongue == language]
    there = [*indexed, *(field for field in kept_fields(store, language) if field not in indexed)]
    if name not in there:
        raise UnknownKey(f"{UnknownKey.of('field', name, there)}; {store.path} has {', '.join(there) or 'none'}")
