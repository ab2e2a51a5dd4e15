"""Query sets: queries with easy and hard answers, drawn from a store, kept in it or read from a file.

Easy answers are those on the smaller graph (for the test split, train and valid), hard ones those
that only the larger graph (with test) has. Answers that are left unranked are no rivals of others.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr._io import CANNOT_KEEP
from kgr._ragged import offsets_of
from kgr._rng import key
from kgr.errors import ConfigError, DataError, FormatError
from kgr.graph.graph import Graph, build_graph, load_graph, require_graph
from kgr.index.store import Section, Store, extend_store
from kgr.query._kernels import select
from kgr.query.answers import Evaluator
from kgr.query.derivations import Derivations
from kgr.query.program import LAWS, compile_word
from kgr.query.scratch import Scratch
from kgr.query.words import STRUCTURES, Word, parse

HARD_LIMIT = 100
"""A drawn query has 1 to this many hard answers."""

FORMAT = 1
"""Raised when the default set of the same store becomes another one: kept ones are then drawn anew."""

_BLOCK = 4096
_TRIES = 300  # tries per query wanted before a structure is left short


@dataclasses.dataclass(frozen=True)
class Ragged:
    """Rows of different lengths: row ``i`` is ``values[offsets[i]:offsets[i + 1]]`` (int32, int64[n + 1])."""

    values: NDArray[np.int32]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Sequence[NDArray[np.int32]]) -> Ragged:
        """Join rows."""
        offsets = offsets_of([len(row) for row in rows])
        return cls(np.concatenate([*rows, np.empty(0, np.int32)]).astype(np.int32), offsets)

    @classmethod
    def none(cls, rows: int) -> Ragged:
        """Return rows without values."""
        return cls(np.empty(0, np.int32), np.zeros(rows + 1, np.int64))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, i: int) -> NDArray[np.int32]:
        return self.values[self.offsets[i] : self.offsets[i + 1]]

    def cut(self, first: int, last: int) -> Ragged:
        """Return the rows ``first:last``."""
        offsets = self.offsets[first : last + 1]
        return Ragged(self.values[offsets[0] : offsets[-1]], offsets - offsets[0])

    def union(self, *others: Ragged) -> Ragged:
        """Return each row joined with those of as many rows: sorted, each value once."""
        every = (self, *others)
        return Ragged.of([np.unique(np.concatenate([rows[i] for rows in every])) for i in range(len(self))])


@dataclasses.dataclass(frozen=True)
class Queries:
    """Queries of one structure.

    Attributes
    ----------
    word : Word
    arguments : int32[n, S]
        Anchors and directed relations in word order.
    easy, hard : Ragged
        Sorted entity ids by query.
    unranked : Ragged
        Sorted ids of answers that are filtered but not ranked; by default no query has any.
    """

    word: Word
    arguments: NDArray[np.int32]
    easy: Ragged
    hard: Ragged
    unranked: Ragged = dataclasses.field(default_factory=lambda: Ragged.none(0))

    def __post_init__(self) -> None:
        if not len(self.unranked):
            object.__setattr__(self, "unranked", Ragged.none(len(self)))

    def __len__(self) -> int:
        return len(self.arguments)

    def cut(self, first: int, last: int) -> Queries:
        """Return the queries ``first:last``."""
        rows = (own.cut(first, last) for own in (self.easy, self.hard, self.unranked))
        return Queries(self.word, self.arguments[first:last], *rows)

    def parts(self, size: int) -> Iterator[Queries]:
        """Yield the queries in parts of at most ``size``, in order."""
        for first in range(0, len(self), size):
            yield self.cut(first, min(first + size, len(self)))

    def ranking(self, kept: NDArray[np.bool_]) -> Queries:
        """Return the queries that keep a hard answer, by ``kept``: bool[hard answers]; their others are unranked."""
        parts = np.split(kept, self.hard.offsets[1:-1])
        left = [i for i in range(len(self)) if parts[i].any()]
        easy = Ragged.of([self.easy[i] for i in left])
        hard = Ragged.of([self.hard[i][parts[i]] for i in left])
        unranked = Ragged.of([np.union1d(self.unranked[i], self.hard[i][~parts[i]]) for i in left])
        return Queries(self.word, self.arguments[left], easy, hard, unranked)


@dataclasses.dataclass(frozen=True)
class QuerySet:
    """Queries by structure, for one split of a store.

    ``drawn`` says that they are our own and compare with no published table.
    """

    split: str
    drawn: bool
    queries: Mapping[str, Queries]

    @property
    def fingerprint(self) -> str:
        """BLAKE2b-128 of all arrays: equal sets have equal fingerprints."""
        state = hashlib.blake2b(digest_size=16)
        for name, array in sorted(to_arrays(self).items()):
            state.update(f"{name} {array.dtype} {array.shape}\n".encode())
            state.update(np.ascontiguousarray(array).tobytes())
        return state.hexdigest()

    def head(self, count: int) -> QuerySet:
        """Return the first ``count`` queries of each structure."""
        return self.map(lambda own: own.cut(0, min(count, len(own))))

    def map(self, change: Callable[[Queries], Queries]) -> QuerySet:
        """Return the set with each structure's queries changed."""
        return dataclasses.replace(self, queries={name: change(own) for name, own in self.queries.items()})


def split_graphs(store: Store, split: str) -> tuple[Graph, Graph]:
    """Return the smaller and the larger graph of a split: those before it, and with it.

    Raises
    ------
    DataError
        The store has no graph, or no triples of the split.
    """
    require_graph(store)
    order = ("train", "valid", "test")
    if split not in order[1:]:
        raise DataError(f"split is {split!r}, expected valid or test")
    if split not in store.splits or not len(store.triples(split)):
        raise DataError(f"{store.path}: no {split} triples, so there are no held-out edges to ask for")
    before = [name for name in order[: order.index(split)] if name in store.splits]
    return load_graph(store, before), load_graph(store, [*before, split])


def draw_queries(
    store: Store,
    structures: Sequence[str] = tuple(STRUCTURES),
    *,
    count: int = 1000,
    split: str = "test",
    law: str = "relation",
    seed: int = 0,
    hard: bool = False,
    progress: Callable[[str, int], None] | None = None,
) -> QuerySet:
    """Draw queries with at least one hard answer, for a split of any store.

    Queries are grounded on the larger graph by ``law`` (:data:`kgr.query.program.LAWS`) and kept when
    they have 1 to 100 hard answers and, where they negate, at least one easy answer that is none on
    the larger graph. A query drawn twice is kept once. Deterministic in the seed.

    With ``hard`` only full-inference answers count and are ranked, those of which no derivation uses a link
    of the smaller graph (:class:`kgr.query.derivations.Derivations`, arXiv 2410.12537); the other hard
    answers are unranked. Queries without negation are then grounded on the split's triples alone, where
    such answers are found, and those with negation on the larger graph as ever.

    Parameters
    ----------
    structures : names or words
    count : int
        Queries wanted of each; a structure ends with fewer when about 300 times as many tries gave no more.
    hard : bool
        Rank full-inference answers alone.
    progress : callable, optional
        Called with (structure, queries found) after each structure.
    """
    if law not in LAWS:
        raise ConfigError(f"law is {law!r}, expected one of {', '.join(LAWS)}")
    if count < 1:
        raise ConfigError(f"count is {count}, expected at least 1")
    small, large = split_graphs(store, split)
    held_out = load_graph(store, [split]) if hard else large
    found = {}
    for word in map(parse, structures):
        ground = large if word.negates else held_out
        aim = _Aim(small, large, ground, most=HARD_LIMIT, losing=word.negates, full=hard)
        found[word.name] = _draw(aim, word, count, law, seed)
        if progress:
            progress(word.name, len(found[word.name]))
    return QuerySet(split, True, found)


def draw_training(
    store: Store,
    structures: Sequence[str] = tuple(STRUCTURES),
    *,
    count: int = 1000,
    law: str = "relation",
    seed: int = 0,
    progress: Callable[[str, int], None] | None = None,
) -> QuerySet:
    """Draw queries on the train graph alone, for programs that train on a file of them.

    As :func:`draw_queries`, but the smaller graph is empty: every answer on the train graph is a hard
    one, of which there is at least one, and there are no easy ones.
    """
    train = load_graph(store)
    nothing = build_graph(np.empty((0, 3), np.int32), store.entities, len(store.relations))
    aim = _Aim(nothing, train, train, most=store.entities, losing=False, full=False)
    found = {}
    for word in map(parse, structures):
        found[word.name] = _draw(aim, word, count, law, seed)
        if progress:
            progress(word.name, len(found[word.name]))
    return QuerySet("train", True, found)


@dataclasses.dataclass(frozen=True)
class _Aim:
    """Which queries are wanted: with 1 to ``most`` hard answers, and where ``losing`` an easy one that is lost.

    Their easy answers are those on ``small``, all of them those on ``large``; they are looked for on ``ground``.
    Where ``full``, only full-inference answers count.
    """

    small: Graph
    large: Graph
    ground: Graph
    most: int
    losing: bool
    full: bool


def _draw(aim: _Aim, word: Word, count: int, law: str, seed: int) -> Queries:
    """Draw up to ``count`` different queries."""
    rows: dict[tuple[int, ...], None] = {}
    small, large = aim.small, aim.large
    program = compile_word(word, law)
    scratch = Scratch.of(large, program)
    derivations = Derivations(small, large, word) if aim.full else None
    stream = np.uint64(key(seed, *word.word.encode()))
    block = np.empty((_BLOCK, program.slots), np.int32)
    drawn, hard, lost = np.empty(_BLOCK, np.bool_), np.empty(_BLOCK, np.int64), np.empty(_BLOCK, np.int64)
    for first in range(0, _TRIES * count, _BLOCK):
        select._ground_rows(aim.ground.arrays, program.steps, law != "edge", stream, first, block, drawn, scratch.value)
        select._compare(small.arrays, large.arrays, program.tables, block, drawn, hard, lost, scratch)
        found = block[(hard >= 1) & ((hard <= aim.most) | aim.full) & ((lost >= 1) | (not aim.losing))]
        if derivations:
            ranked = rank_full(derivations, execute(small, large, word, found))
            found = ranked.arguments[np.diff(ranked.hard.offsets) <= aim.most]
        rows.update(dict.fromkeys(map(tuple, found.tolist())))
        if len(rows) >= count:
            break
    arguments = np.array(list(rows)[:count], np.int32).reshape(-1, program.slots)
    executed = execute(small, large, word, arguments)
    return rank_full(derivations, executed) if derivations else executed


def rank_full(derivations: Derivations, queries: Queries) -> Queries:
    """Return the queries with full-inference answers; their other hard answers are unranked."""
    return queries.ranking(derivations.most_known(queries.arguments, queries.hard.offsets, queries.hard.values) == 0)


def execute(small: Graph, large: Graph, word: Word, arguments: NDArray[np.int32]) -> Queries:
    """Compute the easy and hard answers of queries (int32[n, S])."""
    before, after = Evaluator(small, word), Evaluator(large, word)
    easy = [before.answers(row) for row in arguments]
    every = [after.answers(row) for row in arguments]
    hard = [np.setdiff1d(a, e, assume_unique=True) for a, e in zip(every, easy, strict=True)]
    return Queries(word, arguments, Ragged.of(easy), Ragged.of(hard))


def default_set(store: Store, split: str) -> QuerySet:
    """Return a store's own evaluation set, drawn with the defaults of :func:`draw_queries` the first time.

    It is kept in the store's next version as ``queries/<split>``. Where that cannot be written, because the
    folder is read-only, the disk full or another process writing, it is drawn again the next time, to the same
    queries.
    """
    name = f"queries/{split}"
    sources = tuple(dict.fromkeys(f"triples/{own}" for own in ("train", "valid", split) if store.has(f"triples/{own}")))
    newest = Store(store.path)
    if not all(map(newest.has, sources)) or newest.fingerprints(sources) != store.fingerprints(sources):
        newest = store
    if newest.has(name) and _format_of(newest.section(name)) == FORMAT:
        return from_arrays(newest.section(name), split, drawn=True)
    drawn = draw_queries(store, split=split)
    arrays = {**to_arrays(drawn), "format": np.array([FORMAT], np.int32)}
    try:
        extend_store(newest, {name: Section(arrays, sources)})
    except FormatError:  # another process is writing, or has written
        pass
    except OSError as error:
        if error.errno not in CANNOT_KEEP:
            raise
    return drawn


def _format_of(arrays: Mapping[str, NDArray[Any]]) -> int:
    return int(arrays["format"][0]) if "format" in arrays else 0


def to_arrays(queries: QuerySet) -> dict[str, NDArray[Any]]:
    """Return a query set as the arrays of a store's section."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, own in queries.queries.items():
        arrays[f"{name}.arguments"] = own.arguments
        for kind, rows in (("easy", own.easy), ("hard", own.hard), ("unranked", own.unranked)):
            if kind != "unranked" or len(rows.values):
                arrays[f"{name}.{kind}"] = rows.values
                arrays[f"{name}.{kind}_offsets"] = rows.offsets
    return arrays


def from_arrays(arrays: Mapping[str, NDArray[Any]], split: str, *, drawn: bool) -> QuerySet:
    """Return the query set that a store's section holds: the inverse of :func:`to_arrays`."""
    names = [name.removesuffix(".arguments") for name in arrays if name.endswith(".arguments")]
    if not names:
        raise FormatError(f"section queries/{split} holds no structure")
    order = {name: i for i, name in enumerate(STRUCTURES)}
    queries = {}
    for name in sorted(names, key=lambda name: (order.get(name, len(order)), name)):
        kinds = (f"{name}.{kind}" for kind in ("easy", "hard", "unranked") if f"{name}.{kind}" in arrays)
        rows = (Ragged(arrays[kind], arrays[f"{kind}_offsets"]) for kind in kinds)
        queries[name] = Queries(parse(name), arrays[f"{name}.arguments"], *rows)
    return QuerySet(split, drawn, queries)
