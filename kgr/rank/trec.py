"""Measures of ranked retrieval as trec_eval computes them, for all queries at once.

A document is relevant from the relevance level on. A negative grade is no judgement here: trec_eval takes such a
document for one of the pool that nobody looked at. Only ``judged@k`` counts it, as every line of the judgements.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr.errors import ConfigError

UNJUDGED = np.iinfo(np.int32).min
"""The grade of a document that has none."""

DEFAULT = ("map", "ndcg@10", "p@10", "recall@100", "mrr@10", "rprec", "bpref", "judged@10")

ALL = np.iinfo(np.int64).max
"""The cut-off of a measure that is taken over the whole ranking."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Graded:
    """The rankings of Q queries as grades, and all grades of each query.

    Attributes
    ----------
    offsets : int64[Q + 1]
    grade : int32[n]
        Of each document that was found, best first; those of query q are ``grade[offsets[q] : offsets[q + 1]]``.
        UNJUDGED where it has none.
    judged_offsets : int64[Q + 1]
    judged : int32[J]
        Of all judged documents of each query, in any order.
    level : int
        The lowest grade that is relevant, at least 1.
    """

    offsets: NDArray[np.int64]
    grade: NDArray[np.int32]
    judged_offsets: NDArray[np.int64]
    judged: NDArray[np.int32]
    level: int = 1

    @cached_property
    def query(self) -> NDArray[np.int64]:
        """The query of each row, int64[n]."""
        return _query_of(self.offsets)

    @cached_property
    def rank(self) -> NDArray[np.int64]:
        """The rank of each row, from 1, int64[n]."""
        return _rank_of(self.offsets)

    @cached_property
    def found(self) -> NDArray[np.int64]:
        """The number of rows of each query, int64[Q]."""
        return np.diff(self.offsets)

    @cached_property
    def relevant(self) -> NDArray[np.bool_]:
        """Whether a row is relevant, bool[n]."""
        return self.grade >= self.level

    @cached_property
    def all_relevant(self) -> Values:
        """The number of relevant documents of each query, found or not, float64[Q]."""
        return _total(self.judged >= self.level, _query_of(self.judged_offsets), len(self.found))

    def total(self, values: NDArray[Any]) -> Values:
        """Add the values of the rows of each query: float64[Q]."""
        return _total(values, self.query, len(self.found))

    def so_far(self, marked: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Count the marked rows of the same query down to each row: int64[n]."""
        counts = np.concatenate([[0], np.cumsum(marked)])
        before: NDArray[np.int64] = np.repeat(counts[self.offsets[:-1]], self.found)
        return counts[1:] - before


def measure(name: str, graded: Graded) -> Values:
    """Return the values of a measure, float64[Q], each from 0 to 1; 0 where it is not defined, as trec_eval has it.

    Raises
    ------
    ConfigError
        There is no such measure.
    """
    function, cut = _parse(name)
    return function(graded, cut)


def check_measures(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names in the form that :func:`measure` takes, each once; ConfigError for one that is none."""
    chosen = tuple(dict.fromkeys(name.strip().lower() for name in names))
    if not chosen:
        raise ConfigError(f"measures: none given, expected some such as {', '.join(DEFAULT)}")
    for name in chosen:
        _parse(name)
    return chosen


def is_measure(name: str) -> bool:
    """Whether a name is one of a measure."""
    match = _NAME.fullmatch(name)
    known = _MEASURES.get(match["measure"]) if match else None
    return match is not None and known is not None and known[1] in ("both", "cut" if match["cut"] else "all")


def _parse(name: str) -> tuple[Callable[[Graded, int], Values], int]:
    if not is_measure(name):
        raise ConfigError(f"measures: found {name!r}, expected some of {', '.join(FORMS)}, with any number for k")
    measured, _, cut = name.partition("@")
    return _MEASURES[measured][0], int(cut or ALL)


def _average_precision(graded: Graded, cut: int) -> Values:
    hits = graded.relevant & (graded.rank <= cut)
    return _share(graded.total(hits * graded.so_far(graded.relevant) / graded.rank), graded.all_relevant)


def _ndcg(graded: Graded, cut: int) -> Values:
    """Grades are the gains, whatever the relevance level."""
    queries = len(graded.found)
    query, rank = _query_of(graded.judged_offsets), _rank_of(graded.judged_offsets)
    ideal = graded.judged[np.lexsort((-graded.judged, query))]
    gained = graded.total(_discounted(graded.grade, graded.rank, cut))
    return _share(gained, _total(_discounted(ideal, rank, cut), query, queries))


def _discounted(grade: NDArray[np.int32], rank: NDArray[np.int64], cut: int) -> Values:
    return np.where(rank <= cut, np.maximum(grade, 0) / np.log2(rank + 1.0), 0.0)


def _precision(graded: Graded, cut: int) -> Values:
    return graded.total(graded.relevant & (graded.rank <= cut)) / cut


def _recall(graded: Graded, cut: int) -> Values:
    return _share(graded.total(graded.relevant & (graded.rank <= cut)), graded.all_relevant)


def _reciprocal_rank(graded: Graded, cut: int) -> Values:
    first = graded.relevant & (graded.so_far(graded.relevant) == 1) & (graded.rank <= cut)
    return graded.total(first / graded.rank)


def _r_precision(graded: Graded, _: int) -> Values:
    within = graded.rank <= np.repeat(graded.all_relevant, graded.found)
    return _share(graded.total(graded.relevant & within), graded.all_relevant)


def _bpref(graded: Graded, _: int) -> Values:
    """The preferences that a relevant document keeps, of those over the first R others that were judged."""
    other = (graded.judged >= 0) & (graded.judged < graded.level)
    others = _total(other, _query_of(graded.judged_offsets), len(graded.found))
    bound = np.repeat(np.minimum(others, graded.all_relevant), graded.found)
    above = graded.so_far((graded.grade >= 0) & (graded.grade < graded.level))
    lost = _share(np.minimum(above, np.repeat(graded.all_relevant, graded.found)), bound)
    return _share(graded.total(np.where(graded.relevant, 1 - lost, 0.0)), graded.all_relevant)


def _judged(graded: Graded, cut: int) -> Values:
    """Among what was found down to the rank, so short rankings are not blamed."""
    judged = graded.total((graded.grade != UNJUDGED) & (graded.rank <= cut))
    return _share(judged, np.minimum(graded.found, cut))


_NAME = re.compile(r"(?P<measure>[a-z]+)(?:@(?P<cut>[1-9][0-9]{0,8}))?")

_MEASURES: dict[str, tuple[Callable[[Graded, int], Values], str]] = {
    "map": (_average_precision, "both"),
    "ndcg": (_ndcg, "both"),
    "p": (_precision, "cut"),
    "recall": (_recall, "cut"),
    "mrr": (_reciprocal_rank, "both"),
    "rprec": (_r_precision, "all"),
    "bpref": (_bpref, "all"),
    "judged": (_judged, "cut"),
}
"""The function of each measure, and whether it has a cut-off."""


FORMS = tuple(
    f"{name}{form}"
    for name, (_, kind) in _MEASURES.items()
    for form in {"both": ("", "@k"), "cut": ("@k",), "all": ("",)}[kind]
)
"""How the measures are named; k is any number from 1."""


def _query_of(offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def _rank_of(offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.arange(1, offsets[-1] + 1) - np.repeat(offsets[:-1], np.diff(offsets))


def _total(values: NDArray[Any], query: NDArray[np.int64], queries: int) -> Values:
    return np.bincount(query, weights=values, minlength=queries).astype(np.float64)


def _share(part: NDArray[Any], whole: NDArray[Any]) -> Values:
    shares: Values = np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
    return shares
