"""The honest baseline: answers ranked by how often training edges end in them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kgr.graph.graph import Graph
from kgr.query.words import Node, Word

_KEPT = 1 << 28  # counts kept, 1 GiB


class Popularity:
    """Scores entities for queries of any word, from the training graph's counts alone.

    An entity's score is the sum, over the positive branches that end in the answer, of
    log(1 + its train edges under the branch's last relation); of a union the larger. A word that ends
    in P uses its last relation only; negated branches are ignored.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._logs: dict[int, NDArray[np.float32]] = {}

    def scores(self, word: Word, arguments: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the scores of all entities: float32[B, G] for ``arguments`` int32[B, S]."""
        return _score(word.tree, arguments, self._relations)

    def candidate_scores(
        self, word: Word, arguments: NDArray[np.int32], candidates: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return the scores of entities of each query's own, int32[B, K]: float32[B, K]."""

        def logs(relations: NDArray[np.int32]) -> NDArray[np.float32]:
            inverse = np.repeat(relations ^ 1, candidates.shape[1])
            begin, end = self._graph.spans(candidates.ravel(), inverse)
            found: NDArray[np.float32] = np.log1p(end - begin).astype(np.float32).reshape(candidates.shape)
            return found

        return _score(word.tree, arguments, logs)

    def _relations(self, directed: NDArray[np.int32]) -> NDArray[np.float32]:
        relations = directed.tolist()
        missing = set(relations) - self._logs.keys()
        if (len(self._logs) + len(missing)) * self._graph.entities > _KEPT:
            missing = set(relations)
            self._logs.clear()
        for relation in missing:
            self._logs[relation] = np.log1p(self._graph.in_degrees(relation)).astype(np.float32)
        return np.stack([self._logs[relation] for relation in relations])


def _score(
    tree: Node, arguments: NDArray[np.int32], logs: Callable[[NDArray[np.int32]], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Score by what ``logs`` says of directed relations int32[B]: a row of its own for each."""
    if tree.op == "P":
        return logs(arguments[:, tree.slot])
    parts = [_score(part, arguments, logs) for part in tree.parts if part.op != "N"]
    total = parts[0]
    for part in parts[1:]:
        np.add(total, part, out=total) if tree.op == "I" else np.maximum(total, part, out=total)
    return total
