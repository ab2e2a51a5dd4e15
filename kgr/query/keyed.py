"""Queries by key: how users write them, and the JSON lines of a query set's file."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr import _io
from kgr.errors import DataError, KgrError, QueryError, UnknownKey
from kgr.index.store import Of, Store
from kgr.query.sets import Queries, QuerySet, Ragged
from kgr.query.words import Word, parse

_Row = tuple[NDArray[np.int32], ...]  # arguments, easy, hard, unranked
_ANSWERS = ("easy", "hard", "unranked")


def read_arguments(store: Store, word: Word, keys: Sequence[str]) -> NDArray[np.int32]:
    """Turn a query by key, in word order, ``^`` before a relation inverting it, into its arguments.

    Returns
    -------
    int32[S]

    Raises
    ------
    QueryError
        Another number of keys than the word takes.
    UnknownKey
        An entity or relation that the store does not have, with the nearest ones.
    """
    if len(keys) != len(word.slots):
        shape = " ".join("entity" if letter == "A" else "relation" for letter in word.slots)
        raise QueryError(
            f"structure {word.name} takes {len(word.slots)} keys ({shape}), found {len(keys)}: {' '.join(keys)}"
        )
    arguments = [
        entity_id(store, text) if letter == "A" else _relation(store, text)
        for letter, text in zip(word.slots, keys, strict=True)
    ]
    return np.array(arguments, np.int32)


def entity_id(store: Store, key: str) -> int:
    """Return the id of an entity.

    Raises
    ------
    UnknownKey
        No entry has the key; the nearest ones are named.
    QueryError
        It is a document's.
    """
    entity = _id(store, "entries", key)
    if entity >= store.entities:
        raise QueryError(f"{key!r} is a document, not an entity of the graph: nothing can be asked of it")
    return entity


def relation_id(store: Store, key: str) -> int:
    """Return the id of a relation.

    Raises
    ------
    UnknownKey
        No relation has the key; the nearest ones are named.
    """
    return _id(store, "relations", key)


def _id(store: Store, of: Of, key: str) -> int:
    """Return the id of a key; where it is a label instead, the error says whose."""
    keys = store.relations if of == "relations" else store.entries
    try:
        return keys.id(key)
    except UnknownKey:
        labelled = store.labelled(of, key)[:3]
        if not labelled:
            raise
        named = ", ".join(keys.keys_of(labelled))
        raise UnknownKey(f"unknown {keys.what} {key!r}: a key is asked for, and that is the label of {named}") from None


def _relation(store: Store, text: str) -> int:
    return 2 * relation_id(store, text.removeprefix("^")) + text.startswith("^")


def write_arguments(store: Store, word: Word, arguments: NDArray[np.int32]) -> list[str]:
    """Turn arguments into a query by key: the inverse of :func:`read_arguments`."""
    return [
        store.entries.key(int(value))
        if letter == "A"
        else "^" * (int(value) & 1) + store.relations.key(int(value) >> 1)
        for letter, value in zip(word.slots, arguments, strict=True)
    ]


def write_queries(path: str | Path, store: Store, queries: QuerySet) -> None:
    """Write a query set as JSON lines ``{"structure", "query", "easy", "hard"}``, all by key.

    A query with unranked answers has them as ``"unranked"``. Those of a set that was drawn from a store say so by
    ``"drawn": true``. The file is there whole or not at all.
    """
    lines = []
    for own in queries.queries.values():
        for i in range(len(own)):
            line = {
                "structure": own.word.name,
                "query": write_arguments(store, own.word, own.arguments[i]),
                "easy": store.entries.keys_of(own.easy[i]),
                "hard": store.entries.keys_of(own.hard[i]),
                **({"unranked": store.entries.keys_of(own.unranked[i])} if len(own.unranked[i]) else {}),
                **({"drawn": True} if queries.drawn else {}),
            }
            lines.append(json.dumps(line, ensure_ascii=False) + "\n")
    _io.replace_text(Path(path), "".join(lines))


def read_queries(path: str | Path, store: Store, *, split: str = "test") -> QuerySet:
    """Read a query set from JSON lines as :func:`write_queries` writes them.

    Raises
    ------
    DataError
        A line that is no query of this store; the message starts with ``file:line``.
    """
    rows: dict[str, list[_Row]] = {}
    drawn = True
    for number, line in _lines(Path(path)):
        try:
            word, row, own = _read_line(store, line)
        except (KgrError, ValueError, RecursionError) as error:
            raise DataError(
                f'{path}:{number}: {error}; expected {{"structure", "query", "easy", "hard"}} by key'
            ) from error
        rows.setdefault(word.name, []).append(row)
        drawn &= own
    if not rows:
        raise DataError(f"{path}: no queries")
    return QuerySet(split, drawn, {name: _join(parse(name), own) for name, own in rows.items()})


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8") as file:
            yield from ((number, line) for number, line in enumerate(file, 1) if line.strip())
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8: {error}") from error


def _read_line(store: Store, line: str) -> tuple[Word, _Row, bool]:
    record: Any = json.loads(line)
    if not isinstance(record, dict):
        raise ValueError(f"found {type(record).__name__}")
    if not isinstance(record.get("structure"), str):
        raise ValueError(f"structure is {record.get('structure')!r}, a name or word is wanted")
    record.setdefault("unranked", [])
    for name in ("query", *_ANSWERS):
        keys = record.get(name)
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise ValueError(f"{name} is {keys!r}, a list of keys is wanted")
    word = parse(record["structure"])
    kinds = {kind: np.unique(store.entries.ids(record[kind])).astype(np.int32) for kind in _ANSWERS}
    if not len(kinds["hard"]):
        raise ValueError("no hard answer")
    for answers in kinds.values():
        if len(answers) and answers[-1] >= store.entities:
            raise ValueError(
                f"answer {store.entries.key(int(answers[-1]))!r} is a document, not an entity of the graph"
            )
    for one, other in itertools.combinations(_ANSWERS, 2):
        both = np.intersect1d(kinds[one], kinds[other])
        if len(both):
            raise ValueError(f"answer {store.entries.key(int(both[0]))!r} is both {one} and {other}")
    return word, (read_arguments(store, word, record["query"]), *kinds.values()), record.get("drawn") is True


def _join(word: Word, rows: list[_Row]) -> Queries:
    arguments, *answers = zip(*rows, strict=True)
    return Queries(word, np.stack(arguments), *map(Ragged.of, answers))
