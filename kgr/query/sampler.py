"""The bidirectional rejection sampler: training queries with positives and checked negatives."""

from __future__ import annotations

import dataclasses
from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kgr._rng import key
from kgr.errors import ConfigError, SamplerError
from kgr.graph.graph import Graph
from kgr.query._kernels import sample
from kgr.query._kernels.sets import NEVER
from kgr.query.candidates import draw_candidates, group
from kgr.query.program import LAWS, NEGATIVES, ROOTS, compile_word
from kgr.query.scratch import Scratch
from kgr.query.words import Node, Word

TRIES = 1_000_000
"""Tries at one row before its structure is given up; one that fails takes some tenths of a microsecond."""

MAX_NEGATIVES = 1 << 16
"""Most candidates of a batch: their places are numbered with 16 bits."""

FIRST_BUDGET = 1 << 16
"""Edges that a set may cost forward before backward is tried: some tenths of a millisecond."""


@dataclasses.dataclass(frozen=True)
class Batch:
    """Queries of one word, drawn for one step.

    Attributes
    ----------
    arguments : int32[B, S]
        Anchors and directed relations in word order.
    positives : int32[B]
        One answer of each query.
    negatives : int32[K] or int32[B, K]
        Candidates, with replacement: shared by the batch, some of which are answers of some queries; or each
        query's own.
    is_negative : bool[B, K]
        Whether the place holds a negative, which is no answer of the query: exact. Of own negatives all do but in
        a query that nearly every entity answers.
    counts : int64[B]
        Number of answers.
    exact : bool[B]
        Whether the count is exact; otherwise it is estimated from the draws that were answers.
    crowded : int32[B]
        Queries drawn for the row and drawn again since nearly every entity answers them.
    skipped : int32[B]
        Queries drawn for the row and drawn again since they passed the limit of work.
    """

    arguments: NDArray[np.int32]
    positives: NDArray[np.int32]
    negatives: NDArray[np.int32]
    is_negative: NDArray[np.bool_]
    counts: NDArray[np.int64]
    exact: NDArray[np.bool_]
    crowded: NDArray[np.int32]
    skipped: NDArray[np.int32]

    @classmethod
    def empty(
        cls, batch: int, slots: int, negatives: int, *, own: bool = False, is_negative: NDArray[np.bool_] | None = None
    ) -> Batch:
        """Return a batch whose arrays are still to be filled; ``is_negative`` may be given memory."""
        return cls(
            np.empty((batch, slots), np.int32),
            np.empty(batch, np.int32),
            np.empty((batch, negatives) if own else negatives, np.int32),
            np.empty((batch, negatives), np.bool_) if is_negative is None else is_negative,
            np.empty(batch, np.int64),
            np.empty(batch, np.bool_),
            np.empty(batch, np.int32),
            np.empty(batch, np.int32),
        )


class Law(NamedTuple):
    """How queries are drawn, as kernels take it."""

    by_relation: bool  # a step back is a uniform relation, not a uniform edge
    by_degree: bool  # the pivot is the tail of a uniform edge
    whole: bool  # all answers are enumerated
    among_answers: bool  # the positive is one of them, not the pivot
    check: bool  # the pivot may be no answer
    negatives: int
    budget: int  # edges that one set of a query may cost before another plan is tried
    limit: int  # and in the end


class Ranges(NamedTuple):
    """Entities by the relations that start from them, and the places of a query's last relations."""

    starts: NDArray[np.int64]
    entities: NDArray[np.int32]
    relations: NDArray[np.int64]


class Rows(NamedTuple):
    """What the kernels fill of each row, however its negatives are drawn: see :class:`Batch`."""

    arguments: NDArray[np.int32]
    positives: NDArray[np.int32]
    counts: NDArray[np.int64]
    exact: NDArray[np.bool_]
    crowded: NDArray[np.int32]
    skipped: NDArray[np.int32]


class Sampler:
    """Draws queries of one word from a graph; every draw depends on (seed, step, row) alone.

    A query that nearly every entity answers, so that none of the candidates is a negative, or of 16 K + 64 own draws
    fewer than K are, is drawn again and counted; after 100 of them the next is taken as it is.

    Parameters
    ----------
    graph : Graph
    word : Word
    negatives : int
        K: 1 to 65,536.
    own_negatives : bool
        K negatives of each query's own, drawn until none is an answer, instead of K candidates shared by the batch.
    law : str
        How queries are grounded: see :data:`kgr.query.program.LAWS`.
    roots : str
        How the pivot is drawn: see :data:`kgr.query.program.ROOTS`.
    negative_law : str
        How negatives are drawn: see :data:`kgr.query.program.NEGATIVES`.
    exact_counts : bool
        Count every query's answers by enumerating them, whatever that costs. Otherwise the count is exact where
        the cheapest plan enumerates them anyway, and estimated from the draws elsewhere.
    work_limit : int, optional
        Most edges that any one of a query's sets may cost, forward or backward; a query that needs more is drawn
        again and counted. This bends the law towards cheap queries. None: no limit.
    tries : int
        At one row, before a :class:`SamplerError`.
    seed, stream : int
        Draws of different streams are independent.

    Raises
    ------
    ConfigError
        A number of negatives, a law or a limit that is not allowed.
    SamplerError
        A graph without edges.
    """

    def __init__(
        self,
        graph: Graph,
        word: Word,
        *,
        negatives: int,
        own_negatives: bool = False,
        law: str = LAWS[0],
        roots: str = ROOTS[0],
        negative_law: str = NEGATIVES[0],
        exact_counts: bool = False,
        work_limit: int | None = None,
        tries: int = TRIES,
        seed: int = 0,
        stream: int = 0,
    ) -> None:
        if not 1 <= negatives <= MAX_NEGATIVES:
            raise ConfigError(f"negatives is {negatives}, expected 1 to {MAX_NEGATIVES}")
        for name, value, allowed in (
            ("law", law, LAWS),
            ("roots", roots, ROOTS),
            ("negative_law", negative_law, NEGATIVES),
        ):
            if value not in allowed:
                raise ConfigError(f"{name} is {value!r}, expected one of {', '.join(allowed)}")
        if negative_law == "range" and not own_negatives:
            raise ConfigError("negative_law is 'range', which differs by query: it needs own_negatives")
        if work_limit is not None and work_limit < 1:
            raise ConfigError(f"work_limit is {work_limit}, expected at least 1")
        if not graph.edges:
            raise SamplerError("the graph has no edges: there is nothing to draw")
        if "degree" in (roots, negative_law) and graph.edges >= 1 << 32:
            raise ConfigError(f"drawing by degree: {graph.edges} directed edges, expected fewer than {1 << 32}")
        self.graph, self.word, self.negatives, self.own_negatives = graph, word, negatives, own_negatives
        self.tries = tries
        self._program = compile_word(word, law)
        among_answers = law == "relation" and word.negates
        limit = int(NEVER) if work_limit is None else work_limit
        whole = exact_counts or among_answers
        self._law = Law(
            by_relation=law != "edge",
            by_degree=roots == "degree",
            whole=whole,
            among_answers=among_answers,
            check=law != "relation" and word.negates,
            negatives=NEGATIVES.index(negative_law),
            budget=limit if whole else min(limit, FIRST_BUDGET),
            limit=limit,
        )
        self._ranges = _ranges(graph, word) if negative_law == "range" else _NO_RANGES
        self._key = (seed, stream)
        self._scratch: deque[Scratch] = deque()

    def draw(self, step: int, batch: int, *, first: int = 0) -> Batch:
        """Draw rows ``first:first + batch`` of a step; see :meth:`fill`."""
        out = Batch.empty(batch, len(self.word.slots), self.negatives, own=self.own_negatives)
        self.fill(out, step, first=first)
        return out

    def fill(self, out: Batch, step: int, *, first: int = 0) -> None:
        """Fill a batch in place; safe to call from several threads at once.

        Shared candidates depend on (seed, stream, step), a row on its number besides: cutting a batch among
        threads gives the same rows.

        Raises
        ------
        SamplerError
            The graph hosts the word too rarely or not at all: a row was not drawn in ``tries`` tries; or nearly
            all of its queries pass the limit of work.
        """
        scratch = self._take_scratch()
        rows = Rows(out.arguments, out.positives, out.counts, out.exact, out.crowded, out.skipped)
        draw = self._fill_own if self.own_negatives else self._fill_shared
        failed = draw(out, np.uint64(key(*self._key, step)), first, rows, scratch)
        self._scratch.append(scratch)
        if failed >= 0:
            where = f"structure {self.word.name}: row {first + failed} of step {step}"
            raise SamplerError(f"{where} {self._why(out, failed)}; leave it out")

    def _fill_shared(self, out: Batch, step_key: np.uint64, first: int, rows: Rows, scratch: Scratch) -> int:
        graph, law = self.graph, self._law
        candidates = draw_candidates(
            graph, step_key, out.negatives, by_degree=law.negatives != 0, grouped=self._program.hops
        )
        inverse = _stand_for(graph, out.negatives) if law.negatives else np.array([graph.entities], np.float64)
        failed: int = sample._sample_shared(
            graph.arrays, self._program.steps, self._program.tables, law, step_key, first, self.tries, candidates,
            inverse, out.is_negative, rows, scratch,
        )  # fmt: skip
        return failed

    def _fill_own(self, out: Batch, step_key: np.uint64, first: int, rows: Rows, scratch: Scratch) -> int:
        failed: int = sample._sample_own(
            self.graph.arrays, self._program.steps, self._program.tables, self._law, step_key, first, self.tries,
            self._ranges, out.negatives, out.is_negative, rows, scratch,
        )  # fmt: skip
        return failed

    def _why(self, out: Batch, row: int) -> str:
        if (skipped := int(out.skipped[row])) >= sample.TOO_MANY:
            return f"met {skipped} queries that need more than {self._law.limit} edges: raise work_limit"
        size = f"{self.graph.entities} entities, {self.graph.edges // 2} triples"
        return f"was not drawn in {self.tries} tries: the graph ({size}) hosts it too rarely or not at all"

    def _take_scratch(self) -> Scratch:
        try:
            return self._scratch.pop()
        except IndexError:
            return Scratch.of(self.graph, self._program, self.negatives)


_NO_RANGES = Ranges(np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int64))


def _ranges(graph: Graph, word: Word) -> Ranges:
    groups = group(graph, np.arange(graph.entities, dtype=np.int32))
    return Ranges(groups.starts, groups.owners, np.array(_last_relations(word.tree), np.int64))


def _last_relations(tree: Node) -> list[int]:
    """The arguments that are the last relations of a word's positive branches."""
    if tree.op == "P":
        return [tree.slot]
    return [slot for part in tree.parts if part.op != "N" for slot in _last_relations(part)]


def _stand_for(graph: Graph, entities: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return for how many entities a draw by degree stands, directed edges over the entity's: float64[K]."""
    last, first = graph.fragments[entities.astype(np.int64) + 1], graph.fragments[entities]
    degrees: NDArray[np.float64] = graph.offsets[last].astype(np.float64) - graph.offsets[first]
    return graph.edges / degrees
