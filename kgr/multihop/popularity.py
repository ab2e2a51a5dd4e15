"""The honest baseline: answers ranked by how often training edges end in them."""

from __future__ import annotations

from collections.abc import Sequence

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
        return self._score(word.tree, arguments)

    def _score(self, tree: Node, arguments: NDArray[np.int32]) -> NDArray[np.float32]:
        if tree.op == "P":
            return self._relations(arguments[:, tree.slot].tolist())
        parts = [self._score(part, arguments) for part in tree.parts if part.op != "N"]
        total = parts[0]
        for part in parts[1:]:
            np.add(total, part, out=total) if tree.op == "I" else np.maximum(total, part, out=total)
        return total

    def _relations(self, relations: Sequence[int]) -> NDArray[np.float32]:
        missing = set(relations) - self._logs.keys()
        if (len(self._logs) + len(missing)) * self._graph.entities > _KEPT:
            missing = set(relations)
            self._logs.clear()
        for relation in missing:
            self._logs[relation] = np.log1p(self._graph.in_degrees(relation)).astype(np.float32)
        return np.stack([self._logs[relation] for relation in relations])
