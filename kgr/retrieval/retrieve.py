"""Retrieval: the entries whose texts answer queries best, by any method."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr.data.known import open_store
from kgr.data.topics import Topics, read_topics, topics_of
from kgr.errors import ConfigError
from kgr.index.keys import Keys
from kgr.index.manifest import read_current
from kgr.index.store import Store
from kgr.retrieval.config import FIELDED, METHODS, WEIGHTS, RetrieveConfig, retrieve_config
from kgr.retrieval.filters import allowed_entries
from kgr.retrieval.ranking import Ranking

Message = Callable[[str], None]
Progress = Callable[[int, int], None]
"""Called with what is done, and how much there is."""

_NAMED = 5  # queries that a message names

Found = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]
"""For Q queries ``offsets`` int64[Q + 1], and for each the entry ids and scores found, best first."""


def joined(parts: Sequence[Found]) -> Found:
    """Return the results of one batch of queries after another as one."""
    counts = [np.zeros(1, np.int64), *(np.diff(offsets) for offsets, _, _ in parts)]
    ids = [np.empty(0, np.int32), *(ids for _, ids, _ in parts)]
    scores = [np.empty(0, np.float32), *(scores for _, _, scores in parts)]
    return np.cumsum(np.concatenate(counts)), np.concatenate(ids), np.concatenate(scores)


@dataclass(frozen=True)
class Asked:
    """What a method is to find: the ``k`` best entries of each text; of equal scores the lower id first.

    Attributes
    ----------
    allowed : bool[N], optional
        Entries that may be found; None: all may.
    language : str, optional
        Of the entries' texts; None: the only one that there is, else ``en``.
    fields : mapping of names to weights, optional
        Given only to methods of :data:`FIELDED`.
    progress : callable, optional
        Called with the queries done and their number.
    """

    store: Store
    texts: Sequence[str]
    k: int
    allowed: NDArray[np.bool_] | None
    config: RetrieveConfig
    language: str | None
    fields: Mapping[str, float] | None
    threads: int
    message: Message
    progress: Progress | None


Search = Callable[[Asked], Found]
"""What the module of a method offers as ``search``."""


Queries = Topics | Mapping[str, str] | Sequence[str] | str | Path


def retrieve(
    store: Store | str | Path,
    queries: Queries | None = None,
    *,
    method: str = "bm25",
    k: int = 1000,
    language: str | None = None,
    fields: Mapping[str, float] | None = None,
    kind: str | None = None,
    types: Sequence[str] | None = None,
    ids: Sequence[str] | None = None,
    threads: int = 1,
    message: Message | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Ranking:
    """Find the entries of a store whose texts answer queries best.

    Parameters
    ----------
    store : Store, folder or known name
    queries : optional
        Topics, a file of them (a path, or a text that names a file), a mapping of keys to texts, one text or several;
        these get the keys ``"1"``, ``"2"`` and so on. By default those that the store keeps.
    method : str
        ``bm25``, ``ql`` (query likelihood), ``lucene`` or ``dense``.
    k : int
        Results wanted for each query.
    language : str, optional
        Of the texts; by default the only one that there is, else ``en``.
    fields : mapping of names to weights, optional
        The scores over these fields, each by itself, times the weights, are added; by default all texts of an entry
        are one. Not for ``dense``.
    kind, types, ids : optional
        Find only entries of this kind (entity, document, synset, sememe), with one of these types, with these keys.
    threads : int
        Give the same ranking in less time.
    message, progress : callables, optional
        Called with lines for the user; with the queries done, and how many there are.
    **settings
        Fields of :class:`kgr.retrieval.config.RetrieveConfig` that the method reads.

    Returns
    -------
    Ranking
        Best first; of equal scores the lower entry id first. Only entries that match are found: a query without words
        that the texts have, has no results.

    Raises
    ------
    ConfigError
        A setting that is out of range or that the method does not read.
    UnknownKey
        No such method, field, kind, type or key.
    DataError, FormatError
        There is nothing to search in; see also :func:`kgr.open_store`.
    """
    config = retrieve_config(method, settings)
    _check(method, k, threads, fields)
    say = message or (lambda line: None)
    opened = newest(open_store(store, message=message))
    topics = topics_given(opened, queries)
    allowed = allowed_entries(opened, kind=kind, types=types, ids=ids)
    search: Search = importlib.import_module(METHODS[method]).search
    asked = Asked(opened, topics.texts, k, allowed, config, language, fields, threads, say, progress)
    offsets, found, scores = search(asked)
    _tell_empty(topics, offsets, say)
    return Ranking(topics.keys, opened.entries, offsets, found, scores, f"kgr-{method}", topics, opened)


def newest(store: Store) -> Store:
    """Return a store at its version in force: an index that was made when it was needed is in a later one."""
    return store if read_current(store.path)[0] == store.version else Store(store.path)


def topics_given(store: Store, queries: Queries | None) -> Topics:
    """Return queries in any form that :func:`retrieve` takes as topics."""
    if queries is None:
        return topics_of(store)
    if isinstance(queries, Topics):
        return queries
    # os.path, since pathlib raises where a text is too long for a name
    if isinstance(queries, Path) or (isinstance(queries, str) and os.path.isfile(queries)):  # noqa: PTH113
        return read_topics(Path(queries))
    if isinstance(queries, Mapping):
        return Topics(Keys.build(list(queries), what="query"), list(queries.values()))
    texts = [queries] if isinstance(queries, str) else list(queries)
    return Topics(Keys.build([str(i) for i in range(1, len(texts) + 1)], what="query"), texts)


def _check(method: str, k: int, threads: int, fields: Mapping[str, float] | None) -> None:
    for name, value in (("k", k), ("threads", threads)):
        if value < 1:
            raise ConfigError(f"{name} is {value}, expected at least 1")
    if fields is None:
        return
    if method not in FIELDED:
        raise ConfigError(f"fields: method {method!r} does not read them; {', '.join(FIELDED)} do")
    low, high = WEIGHTS
    weights = fields.values() if isinstance(fields, Mapping) else ()
    if not weights or not all(isinstance(weight, int | float) and low <= weight <= high for weight in weights):
        raise ConfigError(
            f"fields is {fields!r}, expected names with weights from {low:g} to {high:g}, as in title=2, body=1"
        )


def _tell_empty(topics: Topics, offsets: NDArray[np.int64], say: Message) -> None:
    empty = np.flatnonzero(np.diff(offsets) == 0)
    if len(empty):
        some = ", ".join(topics.keys.keys_of(empty[:_NAMED])) + (", …" if len(empty) > _NAMED else "")
        say(f"{len(empty):,} of {len(topics):,} queries have no results: {some}")
