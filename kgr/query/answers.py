"""Exact answers of logical queries, by set algebra over fragments."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kgr.errors import QueryError
from kgr.graph.graph import Graph
from kgr.query._kernels import sets
from kgr.query.program import compile_word
from kgr.query.scratch import Scratch
from kgr.query.words import Word


class Evaluator:
    """Computes the answers of one word's queries on a graph; holds the memory to do so, for one thread."""

    def __init__(self, graph: Graph, word: Word) -> None:
        self._graph, self._word = graph, word
        self._program = compile_word(word, "relation")
        self._scratch = Scratch.of(graph, self._program)

    def answers(self, arguments: ArrayLike) -> NDArray[np.int32]:
        """Return the answers of one query.

        Parameters
        ----------
        arguments : int[S]
            Anchors and directed relations in word order.

        Returns
        -------
        int32[n]
            Entity ids, ascending.

        Raises
        ------
        QueryError
            Another number of arguments than the word takes, or an id out of range.
        """
        row = np.asarray(arguments)
        if row.dtype.kind not in "iu":
            raise QueryError(f"arguments of {self._word.name}: {row.dtype}, expected whole numbers")
        row = row.astype(np.int64)
        check_arguments(self._graph, self._word, row)
        graph, work = self._graph.arrays, self._scratch
        kept, start, size, is_sorted = sets._answers(graph, self._program.tables, row, work)
        found = (work.kept if kept else graph.tail)[start : start + size].copy()
        if not is_sorted:
            found.sort()
        return found


def check_arguments(graph: Graph, word: Word, row: NDArray[np.integer[Any]]) -> None:
    """Raise a QueryError where a row is no query of a word on a graph: its length, or an id out of range."""
    slots = word.slots
    if row.shape != (len(slots),):
        raise QueryError(f"structure {word.name} takes {len(slots)} arguments ({slots}), found {row.size}")
    for position, (letter, value) in enumerate(zip(slots, row, strict=True)):
        limit = graph.entities if letter == "A" else graph.directed
        if not 0 <= value < limit:
            what = "entity" if letter == "A" else "directed relation"
            raise QueryError(f"argument {position + 1} of {word.name}: {what} {value}, expected 0 to {limit - 1}")


def answers(graph: Graph, word: Word, arguments: ArrayLike) -> NDArray[np.int32]:
    """Return the answers of one query on a graph: see :meth:`Evaluator.answers`."""
    return Evaluator(graph, word).answers(arguments)
