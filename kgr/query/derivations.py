"""How many links of an answer's derivations are known: what is left of a query for a model to predict."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kgr.errors import QueryError
from kgr.graph.graph import Graph
from kgr.query._kernels import derive
from kgr.query.answers import check_arguments
from kgr.query.program import compile_word
from kgr.query.words import Word


class Derivations:
    """Counts known and unseen links over all derivations of one word's answers; holds the memory, for one thread.

    A derivation of an answer chooses one part of each union and one entity for each variable, both outside
    negations, such that each link is an edge of the larger graph and what is negated does not hold on it. Negated
    links are no part of a derivation. A link is known where the smaller graph has it, and else unseen. One that
    stands in two places of a derivation counts twice.

    Parameters
    ----------
    small, large : Graph
        Every edge of the smaller graph is one of the larger.
    word : Word
    """

    def __init__(self, small: Graph, large: Graph, word: Word) -> None:
        self._small, self._large, self._word = small, large, word
        self._program = compile_word(word, "relation")
        shape = (len(self._program.tables.nodes) + 1, large.entities)
        self._cost = np.full(shape, derive.NONE, np.int32)
        self._members = np.empty(shape, np.int32)
        self._count = np.zeros(shape[0], np.int64)

    def fewest_unseen(
        self, arguments: NDArray[np.int32], offsets: NDArray[np.int64], answers: NDArray[np.int32]
    ) -> NDArray[np.int32]:
        """Return the number of unseen links of each answer's derivation that has fewest: what must be predicted.

        Parameters
        ----------
        arguments : int32[n, S]
            Anchors and directed relations in word order.
        offsets, answers : int64[n + 1], int32[pairs]
            Query ``i`` has the answers ``answers[offsets[i]:offsets[i + 1]]``.

        Returns
        -------
        int32[pairs]

        Raises
        ------
        QueryError
            Arguments that are no query; an entity that is no answer on the larger graph.
        """
        return self._cheapest(arguments, offsets, answers, known=0, unseen=1)

    def most_known(
        self, arguments: NDArray[np.int32], offsets: NDArray[np.int64], answers: NDArray[np.int32]
    ) -> NDArray[np.int32]:
        """Return the number of known links of each answer's derivation that has most; as :meth:`fewest_unseen`.

        It is 0 for a full-inference answer (arXiv 2410.12537): no derivation uses a known link.
        """
        return -self._cheapest(arguments, offsets, answers, known=-1, unseen=0)

    def _cheapest(
        self,
        arguments: NDArray[np.int32],
        offsets: NDArray[np.int64],
        answers: NDArray[np.int32],
        *,
        known: int,
        unseen: int,
    ) -> NDArray[np.int32]:
        for row in arguments:
            check_arguments(self._large, self._word, row)
        within = (answers >= 0) & (answers < self._large.entities)
        found = np.empty(len(answers), np.int32)
        derive._cheapest(
            self._small.arrays, self._large.arrays, *self._program.tables,
            arguments.astype(np.int64), offsets.astype(np.int64), np.where(within, answers, 0).astype(np.int64),
            np.array([unseen, known], np.int64), self._cost, self._members, self._count, found,
        )  # fmt: skip
        none = np.flatnonzero((found == derive.NONE) | ~within)
        if len(none):
            query = int(np.searchsorted(offsets, none[0], side="right"))
            raise QueryError(
                f"structure {self._word.name}: {len(none)} of {len(answers)} answers are none on the larger graph, "
                f"first entity {answers[none[0]]} of query {query}; only what the graph gives has derivations"
            )
        return found
