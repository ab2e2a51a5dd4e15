"""Query sets of others: BetaE's pickles, and JSON lines of the same nested form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr.data.json_lines import read_objects
from kgr.data.lines import file_blocks
from kgr.data.pickles import read_pickle
from kgr.errors import DataError, KgrError, QueryError
from kgr.query.kept import NOT_STORED, StoredSet
from kgr.query.nested import flatten, word_of
from kgr.query.sets import Queries, Ragged
from kgr.query.words import STRUCTURES, Word, parse

Ids = NDArray[np.int32]


@dataclass(frozen=True)
class IdSpace:
    """What the ids of a query file mean: G entities as they are, and our directed relation of each of theirs."""

    entities: int
    directed: Ids

    def arguments(self, word: Word, values: tuple[int, ...]) -> tuple[int, ...]:
        """Turn a query's arguments into ours; a QueryError where an id is out of range."""
        limits = {"A": ("entity", self.entities), "P": ("relation", len(self.directed))}
        for letter, value in zip(word.slots, values, strict=True):
            what, limit = limits[letter]
            if value >= limit:
                raise QueryError(f"found {what} {value}, expected 0 to {limit - 1}")
        return tuple(
            value if letter == "A" else int(self.directed[value])
            for letter, value in zip(word.slots, values, strict=True)
        )

    def answers(self, values: Any) -> Ids:
        """Return sorted distinct entity ids; a QueryError where one is none."""
        if not isinstance(values, list) or not all(type(value) is int for value in values):
            raise QueryError(f"found answers {str(values)[:80]}, expected a set of entity ids")
        if values and not 0 <= min(values) <= max(values) < self.entities:
            wrong = min(values) if min(values) < 0 else max(values)
            raise QueryError(f"found answer {wrong}, expected 0 to {self.entities - 1}")
        return np.unique(np.array(values, np.int32))


@dataclass
class _Rows:
    """The queries of one word as they are read."""

    arguments: list[tuple[int, ...]] = field(default_factory=list)
    easy: list[Ids] = field(default_factory=list)
    hard: list[Ids] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    def add(self, arguments: tuple[int, ...], easy: Ids, hard: Ids, count: int) -> None:
        self.arguments.append(arguments)
        self.easy.append(easy)
        self.hard.append(hard)
        self.counts.append(count)

    def queries(self, word: Word) -> Queries:
        arguments = np.array(self.arguments, np.int32).reshape(-1, len(word.slots))
        return Queries(word, arguments, Ragged.of(self.easy), Ragged.of(self.hard))


def _stored(split: str, rows: Mapping[str, _Rows], *, named: bool) -> StoredSet:
    order = {name: i for i, name in enumerate(STRUCTURES)}
    names = sorted(rows, key=lambda name: (order.get(name, len(order)), name))
    counts = {name: np.array(rows[name].counts, np.int64) for name in names}
    return StoredSet(split, {name: rows[name].queries(parse(name)) for name in names}, None if named else counts)


def read_query_pickles(queries: Path, easy: Path, hard: Path, split: str, space: IdSpace) -> StoredSet:
    """Read BetaE's three pickles of a split: queries by structure, easy and hard answers by query.

    A query without easy answers has none; one without hard answers is an error.

    Raises
    ------
    DataError
        A file is no pickle of that kind, see :func:`kgr.data.pickles.read_pickle`.
    """
    easy_answers, hard_answers = (_answers(path, space) for path in (easy, hard))
    rows: dict[str, _Rows] = {}
    none = np.empty(0, np.int32)
    for structure, own in _pairs(queries, "nested queries by structure"):
        try:
            word = word_of(structure)
            for query in own:
                found, values = flatten(query)
                if found != word:
                    raise QueryError(f"found {query} among queries of structure {word.name}")
                if not len(hard_answers.get((word.word, values), none)):
                    raise QueryError(f"{query} has no hard answer in {hard}")
                key = (word.word, values)
                rows.setdefault(word.name, _Rows()).add(
                    space.arguments(word, values), easy_answers.get(key, none), hard_answers[key], NOT_STORED
                )
        except (QueryError, TypeError) as error:
            raise DataError(f"{queries}: {error}; expected nested queries by structure") from error
    if not rows:
        raise DataError(f"{queries}: no queries")
    return _stored(split, rows, named=True)


def _answers(path: Path, space: IdSpace) -> dict[tuple[str, tuple[int, ...]], Ids]:
    found = {}
    for query, values in _pairs(path, "sets of answers by nested query"):
        try:
            word, arguments = flatten(query)
            found[word.word, arguments] = space.answers(values)
        except QueryError as error:
            raise DataError(f"{path}: {error}; expected sets of answers by nested query") from error
    return found


def _pairs(path: Path, expected: str) -> list[tuple[Any, Any]]:
    content = read_pickle(path)
    if not isinstance(content, list) or not all(isinstance(row, list) and len(row) == 2 for row in content):
        raise DataError(f"{path}: not a query set: expected a dict of {expected}")
    return [(key, value) for key, value in content]


def read_query_lines(path: Path, split: str, space: IdSpace) -> StoredSet:
    """Read JSON lines ``{"type", "query", "hard"}`` and, where there is one, ``easy``: answers or their number.

    ``query`` is nested as BetaE's are, with lists; a path that ends in ``.gz`` is unpacked.

    Raises
    ------
    DataError
        Names file and line.
    """
    rows: dict[str, _Rows] = {}
    named = True
    for place, record in read_objects(file_blocks(path), str(path)):
        try:
            word, row = _read_record(record, space)
        except (KgrError, RecursionError) as error:
            raise DataError(f'{place}: {error}; expected {{"type", "query", "easy", "hard"}}') from error
        named = named and row[3] is None
        rows.setdefault(word.name, _Rows()).add(*row[:3], len(row[1]) if row[3] is None else row[3])
    if not rows:
        raise DataError(f"{path}: no queries")
    if not named:  # of some only the number is known: then none counts as named
        rows = {
            name: _Rows(own.arguments, [row[:0] for row in own.easy], own.hard, own.counts)
            for name, own in rows.items()
        }
    return _stored(split, rows, named=named)


def _read_record(
    record: Mapping[str, Any], space: IdSpace
) -> tuple[Word, tuple[tuple[int, ...], Ids, Ids, int | None]]:
    word, values = flatten(record.get("query"))
    if record.get("type") != word.name:
        raise QueryError(f"type is {record.get('type')!r}, but the query is a {word.name}")
    hard, easy = space.answers(record.get("hard")), record.get("easy", NOT_STORED)
    if not len(hard):
        raise QueryError("no hard answer")
    count = easy if type(easy) is int else None
    if count is not None and not NOT_STORED <= count <= space.entities:
        raise QueryError(f"found {count} easy answers, expected at most {space.entities}, the number of entities")
    ids = space.answers([] if count is not None else easy)
    return word, (space.arguments(word, values), ids, hard, count)
