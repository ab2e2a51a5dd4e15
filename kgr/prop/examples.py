"""What fine-tuning learns from: judged queries, their relevant documents, and others that a ranking has for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kgr import _rng
from kgr.data.qrels import KeyedQrels
from kgr.data.topics import Topics
from kgr.errors import DataError
from kgr.index.keys import Keys
from kgr.retrieval.passage_texts import PassageTexts
from kgr.retrieval.ranking import Ranking

Grades = dict[str, dict[str, int]]

_ORDER, _GROUP = 0x66744F, 0x667447  # streams of keyed draws


def grades_of(judged: KeyedQrels, topics: Topics) -> tuple[Grades, int]:
    """Return grades by query and document, and how many judged queries have no text: they are left out."""
    found: Grades = {}
    known = topics.keys.find(judged.queries) >= 0
    columns = judged.qrels.query, judged.qrels.document, judged.qrels.grade
    for query, document, grade in zip(*(column.tolist() for column in columns), strict=True):
        if known[query]:
            found.setdefault(judged.queries[query], {})[judged.documents[document]] = grade
    if not found:
        raise DataError(
            f"none of {len(judged.queries):,} judged queries is among the {len(topics):,} queries given, first of the "
            f"judged {judged.queries[0]!r}; give the queries that were judged"
        )
    return found, len(judged.queries) - len(found)


@dataclass(frozen=True)
class Lists:
    """Q lists of entries, flat.

    Attributes
    ----------
    offsets : int64[Q + 1]
    ids : int32[n]
    """

    offsets: NDArray[np.int64]
    ids: NDArray[np.int32]

    @classmethod
    def build(cls, lists: Sequence[NDArray[np.int32]]) -> Lists:
        """Put lists one after another."""
        return cls(np.cumsum([0, *map(len, lists)]), np.concatenate([np.empty(0, np.int32), *lists]))

    def __getitem__(self, row: int) -> NDArray[np.int32]:
        return self.ids[self.offsets[row] : self.offsets[row + 1]]


@dataclass(frozen=True)
class Examples:
    """Q queries with what is relevant to each and what is not.

    Attributes
    ----------
    keys, texts : sequences of str
        Of the queries.
    positives, negatives : Lists
        Each query has at least one of both, each with a text.
    """

    keys: Sequence[str]
    texts: Sequence[str]
    positives: Lists
    negatives: Lists

    def __len__(self) -> int:
        return len(self.keys)

    def only(self, keys: Sequence[str]) -> Examples:
        """Return the examples of some queries, in the order of ``keys``."""
        place = {key: row for row, key in enumerate(self.keys)}
        rows = [place[key] for key in keys]
        lists = (Lists.build([own[row] for row in rows]) for own in (self.positives, self.negatives))
        return Examples(keys, [self.texts[row] for row in rows], *lists)

    def draw(self, first: int, count: int, negatives: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Draw the groups ``first`` to ``first + count`` of an endless row of epochs, each of all queries in an order
        of its own. A group depends on its number and the seed alone.

        Returns
        -------
        query : int64[count]
        documents : int32[count, 1 + negatives]
            A relevant one, then others, different ones where there are enough.
        """
        numbers = np.arange(first, first + count)
        epochs, place = np.divmod(numbers, len(self))
        orders = {
            epoch: self._draws(seed, _ORDER, epoch).permutation(len(self)) for epoch in np.unique(epochs).tolist()
        }
        query = np.array([orders[epoch][i] for epoch, i in zip(epochs.tolist(), place.tolist(), strict=True)], np.int64)
        documents = np.empty((count, 1 + negatives), np.int32)
        for row, (number, own) in enumerate(zip(numbers.tolist(), query.tolist(), strict=True)):
            draws = self._draws(seed, _GROUP, number)
            relevant, others = self.positives[own], self.negatives[own]
            documents[row, 0] = relevant[draws.integers(len(relevant))]
            documents[row, 1:] = draws.choice(others, negatives, replace=len(others) < negatives)
        return query, documents

    @staticmethod
    def _draws(*numbers: int) -> np.random.Generator:
        return np.random.default_rng(_rng.key(*numbers))


@dataclass(frozen=True)
class Counts:
    """What examples were not made of.

    Attributes
    ----------
    unknown : int
        Relevant documents that are no entries of the store or have no text.
    without_positive, without_negative : int
        Queries that have no other relevant one, or nothing else in the ranking.
    """

    unknown: int
    without_positive: int
    without_negative: int


def examples_of(
    grades: Grades, topics: Topics, ranking: Ranking, texts: PassageTexts, *, depth: int, level: int
) -> tuple[Examples, Counts]:
    """Make examples of judged queries and a ranking over the store's entries.

    Relevant is what has a grade of at least ``level``; the others are the first ``depth`` documents of the ranking that
    are not. A query without either is left out.
    """
    readable = _Readable(texts)
    own_texts = _texts_by_key(topics)
    keys, positives, negatives = [], [], []
    unknown = without_positive = without_negative = 0
    for key, judged in grades.items():
        relevant = texts.store.entries.find([document for document, grade in judged.items() if grade >= level])
        known = readable.of(relevant)
        unknown += len(relevant) - len(known)
        others = readable.of(np.setdiff1d(_first(ranking, key, depth), relevant))
        without_positive += not len(known)
        without_negative += bool(len(known)) and not len(others)
        if len(known) and len(others):
            keys.append(key)
            positives.append(known)
            negatives.append(others)
    examples = Examples(keys, [own_texts[key] for key in keys], Lists.build(positives), Lists.build(negatives))
    return examples, Counts(unknown, without_positive, without_negative)


class _Readable:
    """Which entries have a text; each is looked up once."""

    def __init__(self, texts: PassageTexts) -> None:
        self._texts = texts
        self._known: dict[int, bool] = {-1: False}

    def of(self, ids: NDArray[np.int32]) -> NDArray[np.int32]:
        for id in ids.tolist():
            if id not in self._known:
                self._known[id] = bool(self._texts.passages_of(id))
        return ids[[self._known[id] for id in ids.tolist()]]


def _first(ranking: Ranking, key: str, depth: int) -> NDArray[np.int32]:
    (row,) = ranking.queries.find([key]).tolist()
    return ranking.document[ranking.rows(row)][:depth] if row >= 0 else np.empty(0, np.int32)


def _texts_by_key(topics: Topics) -> dict[str, str]:
    return dict(zip(topics.keys.keys_of(range(len(topics))), topics.texts, strict=True))


def some_queries(ranking: Ranking, topics: Topics, keys: Sequence[str]) -> Ranking:
    """Return a ranking of these queries alone, in this order; one that it does not have has no results."""
    rows = ranking.queries.find(keys).tolist()
    places = [np.arange(ranking.offsets[row], ranking.offsets[row + 1] if row >= 0 else 0) for row in rows]
    place = np.concatenate([np.empty(0, np.int64), *places])
    return replace(
        ranking,
        queries=Keys.build(list(keys), what="query"),
        offsets=np.cumsum([0, *map(len, places)]),
        document=ranking.document[place],
        score=ranking.score[place],
        topics=topics,
    )
