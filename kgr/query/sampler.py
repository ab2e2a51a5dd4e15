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
from kgr.query._kernels import root, sample
from kgr.query.program import LAWS, compile_word
from kgr.query.scratch import Scratch
from kgr.query.words import Word

TRIES = 1_000_000
"""Tries at one row before its structure is given up; one that fails takes some tenths of a microsecond."""

MAX_NEGATIVES = 1 << 16
"""Most candidates of a batch: their places are numbered with 16 bits."""

_BUCKET_BITS = 16  # the candidates' table stays in the first cache whatever the graph's size


@dataclasses.dataclass(frozen=True)
class Batch:
    """Queries of one word, drawn for one step.

    Attributes
    ----------
    arguments : int32[B, S]
        Anchors and directed relations in word order.
    positives : int32[B]
        One answer of each query.
    negatives : int32[K]
        Uniform entities, with replacement, shared by the batch.
    is_negative : bool[B, K]
        Whether the candidate is no answer of the query: exact.
    counts : int64[B]
        Number of answers.
    exact : bool[B]
        Whether the count is exact; otherwise it is estimated from the candidates that are answers.
    """

    arguments: NDArray[np.int32]
    positives: NDArray[np.int32]
    negatives: NDArray[np.int32]
    is_negative: NDArray[np.bool_]
    counts: NDArray[np.int64]
    exact: NDArray[np.bool_]

    @classmethod
    def empty(cls, batch: int, slots: int, negatives: int, *, is_negative: NDArray[np.bool_] | None = None) -> Batch:
        """Return a batch whose arrays are still to be filled; ``is_negative`` may be given memory."""
        return cls(
            np.empty((batch, slots), np.int32),
            np.empty(batch, np.int32),
            np.empty(negatives, np.int32),
            np.empty((batch, negatives), np.bool_) if is_negative is None else is_negative,
            np.empty(batch, np.int64),
            np.empty(batch, np.bool_),
        )


class Candidates(NamedTuple):
    """A batch's candidates, indexed for the kernels.

    ``words``, ``starts``, ``entities`` and ``positions`` find an entity's places among the candidates;
    ``distinct`` are the candidates sorted; ``by_relation``, ``edges``, ``fragment`` and ``owner`` their
    fragments grouped by relation, by which a backward plan touches only those that have it.
    """

    distinct: NDArray[np.int32]
    words: NDArray[np.uint64]
    starts: NDArray[np.int32]
    entities: NDArray[np.int32]
    positions: NDArray[np.int32]
    by_relation: NDArray[np.int64]
    edges: NDArray[np.int64]
    fragment: NDArray[np.int64]
    owner: NDArray[np.int32]


class Sampler:
    """Draws queries of one word from a graph; every draw depends on (seed, step, row) alone.

    Parameters
    ----------
    graph : Graph
    word : Word
    negatives : int
        K, candidates shared by a batch: 1 to 65,536.
    law : str
        How queries are grounded: see :data:`kgr.query.program.LAWS`.
    exact_counts : bool
        Count every query's answers by enumerating them, whatever that costs. Otherwise the count is exact where
        the cheapest plan enumerates them anyway, and estimated from the candidates elsewhere.
    tries : int
        At one row, before a :class:`SamplerError`.
    seed, stream : int
        Draws of different streams are independent.

    Raises
    ------
    ConfigError
        A number of negatives or a law that is not allowed.
    SamplerError
        A graph without edges.
    """

    def __init__(
        self,
        graph: Graph,
        word: Word,
        *,
        negatives: int,
        law: str = "relation",
        exact_counts: bool = False,
        tries: int = TRIES,
        seed: int = 0,
        stream: int = 0,
    ) -> None:
        if not 1 <= negatives <= MAX_NEGATIVES:
            raise ConfigError(f"negatives is {negatives}, expected 1 to {MAX_NEGATIVES}")
        if law not in LAWS:
            raise ConfigError(f"law is {law!r}, expected one of {', '.join(LAWS)}")
        if not graph.edges:
            raise SamplerError("the graph has no edges: there is nothing to draw")
        self.graph, self.word, self.negatives, self.law = graph, word, negatives, law
        self.exact_counts, self.tries = exact_counts, tries
        self._program = compile_word(word, law)
        self._key = (seed, stream)
        self._scratch: deque[Scratch] = deque()

    def draw(self, step: int, batch: int, *, first: int = 0) -> Batch:
        """Draw rows ``first:first + batch`` of a step; see :meth:`fill`."""
        out = Batch.empty(batch, len(self.word.slots), self.negatives)
        self.fill(out, step, first=first)
        return out

    def fill(self, out: Batch, step: int, *, first: int = 0) -> None:
        """Fill a batch in place; safe to call from several threads at once.

        Candidates depend on (seed, stream, step), a row on its number besides: cutting a batch among
        threads gives the same rows.

        Raises
        ------
        SamplerError
            The graph hosts the word too rarely or not at all: a row was not drawn in ``tries`` tries.
        """
        graph, program = self.graph, self._program
        step_key = np.uint64(key(*self._key, step))
        sample._draw_candidates(step_key, graph.entities, out.negatives)
        candidates = _index(graph, out.negatives)
        scratch = self._take_scratch()
        failed = sample._sample(
            graph.arrays, program.draws, program.checks, program.nodes, program.literals, self.law == "relation",
            self.word.negates, self.exact_counts, step_key, first, self.tries, candidates,
            out.arguments, out.positives, out.is_negative, out.counts, out.exact, *scratch,
        )  # fmt: skip
        self._scratch.append(scratch)
        if failed >= 0:
            raise SamplerError(
                f"structure {self.word.name}: row {first + failed} of step {step} was not drawn in {self.tries} tries: "
                f"the graph ({graph.entities} entities, {graph.edges // 2} triples) hosts it too rarely or not at all; "
                "leave it out"
            )

    def _take_scratch(self) -> Scratch:
        try:
            return self._scratch.pop()
        except IndexError:
            return Scratch.of(self.graph, self._program, self.negatives)


def _index(graph: Graph, negatives: NDArray[np.int32]) -> Candidates:
    bits = max(5, min(_BUCKET_BITS, int(graph.entities - 1).bit_length()))
    ids = negatives.astype(np.uint64)
    keys = (ids & np.uint64((1 << bits) - 1)) << np.uint64(48) | (ids >> np.uint64(bits)) << np.uint64(16)
    keys |= np.arange(len(ids), dtype=np.uint64)
    keys.sort()
    words = np.zeros(1 << (bits - 5), np.uint64)
    starts = np.empty(len(ids) + 1, np.int32)
    entities, positions = np.empty(len(ids), np.int32), np.empty(len(ids), np.int32)
    root._index_buckets(keys, bits, words, starts, entities, positions)
    distinct = np.unique(negatives)
    by_relation, edges = np.zeros(graph.directed + 1, np.int64), np.zeros(graph.directed, np.int64)
    root._count_fragments(graph.fragments, graph.relation, graph.offsets, distinct, by_relation, edges)
    np.cumsum(by_relation, out=by_relation)
    fragment, owner = np.empty(by_relation[-1], np.int64), np.empty(by_relation[-1], np.int32)
    root._group_fragments(graph.fragments, graph.relation, distinct, by_relation[:-1].copy(), fragment, owner)
    return Candidates(distinct, words, starts, entities, positions, by_relation, edges, fragment, owner)
