"""Why entities answer a query: the edges of a graph that lead to them from its anchors."""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kgr.graph.graph import Graph
from kgr.query.answers import check_arguments
from kgr.query.words import Node, Word


class Step(NamedTuple):
    """An edge by which a query's relation leads on.

    Attributes
    ----------
    level : int
        How many relations follow on the way to the answers.
    source, relation, target : int
        Entity, directed relation, entity.
    negated : bool
        Within a negation. Right before one the target is an answer, which the edge does *not* lead to.
    """

    level: int
    source: int
    relation: int
    target: int
    negated: bool


def evidence(graph: Graph, word: Word, arguments: ArrayLike, answers: NDArray[np.int32], most: int = 3) -> list[Step]:
    """Return edges that lead to some answers of a query, each once, those of the last relations first.

    A relation leads to an answer from at most ``most`` entities, the first by id; of a negated part the edges that
    answers must not have are told, from as many sources.

    Raises
    ------
    QueryError
        Arguments that are no query of the word.
    """
    row = np.asarray(arguments, np.int64)
    check_arguments(graph, word, row)
    trace = _Trace(graph, row.tolist(), most)
    trace.node(word.tree, answers, 0, negated=False)
    return list(dict.fromkeys(trace.steps))


class _Trace:
    def __init__(self, graph: Graph, arguments: list[int], most: int) -> None:
        self.graph, self.arguments, self.most = graph, arguments, most
        self.steps: list[Step] = []

    def node(self, node: Node, targets: NDArray[np.int32], level: int, *, negated: bool) -> None:
        """Follow a node of the tree from some of its members back to the anchors."""
        if node.op == "P":
            self.projection(node, targets, level, negated=negated)
        elif node.op == "N":
            self.denial(node.parts[0], targets, level)
        elif node.op in "IU":
            for part in node.parts:
                own = targets if part.op == "N" or negated else np.intersect1d(targets, self.members(part))
                self.node(part, own, level, negated=negated)

    def projection(self, node: Node, targets: NDArray[np.int32], level: int, *, negated: bool) -> None:
        relation, sources = self.arguments[node.slot], self.members(node.parts[0])
        used = [np.empty(0, np.int32)]
        for target in targets.tolist():
            own = np.intersect1d(sources, self.graph.tails(target, relation ^ 1))[: self.most]
            self.steps += [Step(level, source, relation, target, negated) for source in own.tolist()]
            used.append(own)
        self.node(node.parts[0], np.unique(np.concatenate(used)), level + 1, negated=negated)

    def denial(self, node: Node, targets: NDArray[np.int32], level: int) -> None:
        """Tell the edges that the targets must not have, and how their sources are reached."""
        if not len(targets):
            return
        if node.op in "IU":
            for part in node.parts:
                self.denial(part, targets, level)
        elif node.op == "P":
            sources, relation = self.members(node.parts[0])[: self.most], self.arguments[node.slot]
            self.steps += [Step(level, s, relation, t, True) for s in sources.tolist() for t in targets.tolist()]
            self.node(node.parts[0], sources, level + 1, negated=True)

    def members(self, node: Node) -> NDArray[np.int32]:
        """Return the entities of a node of the tree, ascending."""
        if node.op == "A":
            return np.array([self.arguments[node.slot]], np.int32)
        if node.op == "P":
            relation = self.arguments[node.slot]
            tails = [self.graph.tails(source, relation) for source in self.members(node.parts[0]).tolist()]
            return np.unique(np.concatenate([np.empty(0, np.int32), *tails]))
        sets = [self.members(part) for part in node.parts if part.op != "N"]
        found = reduce(np.union1d if node.op == "U" else np.intersect1d, sets)
        denied = [self.members(part.parts[0]) for part in node.parts if part.op == "N"]
        return reduce(np.setdiff1d, denied, found)
