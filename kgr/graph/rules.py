"""Path rules of a graph: which relations follow from two or three others in a row, and how often.

A rule says that a path of relations from ``a`` to ``b`` makes an edge of its head, ``a → b``. Numbers
are those of AMIE: the body counts distinct pairs (a, b), whatever the entities between, which may repeat.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kgr._config import setting
from kgr.graph import _pattern_kernels as kernels
from kgr.graph.graph import Graph, Triples, columns_of
from kgr.graph.pairs import Pairs, Paths

Shape = Literal["path", "loop at a", "loop at b"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RuleLimits:
    """What is searched and what is kept; the least head coverage and PCA confidence are AMIE's defaults."""

    length: int = setting(3, "relations in a rule's body, at most; 1: no rules", low=1, high=3)
    min_positive: int = setting(2, "least positive examples of a rule", low=1)
    min_head_coverage: float = setting(0.01, "least share of the head's triples that are positive", low=0, high=1)
    min_std_confidence: float = setting(0.0, "least standard confidence", low=0, high=1)
    min_pca_confidence: float = setting(0.1, "least PCA confidence", low=0, high=1)
    max_walks: int = setting(
        100_000_000, "a body that follows more edges in one step is left out, and said so", low=1, high=2**40
    )
    max_rules: int = setting(
        200_000, "a length with more rules is left out, with all longer ones, and said so", low=1, high=2**31
    )


@dataclasses.dataclass(frozen=True)
class Rule:
    """One rule and its counts.

    Attributes
    ----------
    body : tuple of int
        Base relations along the path.
    shape : str
        "path"; "loop at a": the second step leads back to ``a``; "loop at b": the last two lead from
        ``b`` back to it.
    head : int
        Base relation.
    positive : int
        Pairs of the body that are edges of the head.
    body_size : int
        Pairs of the body.
    functional : str
        "a" if the head has no fewer heads than tails, else "b".
    pca_size : int
        Pairs of the body whose functional end has an edge of the head, to whatever.
    head_size : int
        Edges of the head.
    """

    body: tuple[int, ...]
    shape: Shape
    head: int
    positive: int
    body_size: int
    functional: Literal["a", "b"]
    pca_size: int
    head_size: int

    @property
    def head_coverage(self) -> float:
        """The share of the head's edges that are positive examples."""
        return self.positive / self.head_size

    @property
    def std_confidence(self) -> float:
        """The share of the body's pairs that are positive examples."""
        return self.positive / self.body_size

    @property
    def pca_confidence(self) -> float:
        """The same of the pairs that count where what is known of an entity is thought to be complete."""
        return self.positive / self.pca_size


@dataclasses.dataclass(frozen=True)
class Rules:
    """What a search found.

    Attributes
    ----------
    rules : tuple of Rule
        By PCA confidence, then positive examples, both descending, then body and head.
    left_out : dict
        Bodies over ``max_walks``, and what they would have followed.
    lengths_left_out : tuple of int
        Lengths of bodies that were asked for and are not among the rules: the first has more than
        ``max_rules`` rules, the longer ones were not searched to the end.
    predicted : bool[M]
        The directed edges, by position in ``graph.tail``, that are a positive example of some rule.
    """

    rules: tuple[Rule, ...]
    left_out: dict[tuple[int, ...], int]
    lengths_left_out: tuple[int, ...]
    predicted: NDArray[np.bool_]


def mine_rules(graph: Graph, limits: RuleLimits | None = None) -> Rules:
    """Find all path rules within limits: exact counts, nothing sampled.

    Of each length of bodies all rules are found, or where they are more than ``max_rules`` none: the search
    stops there, and the length is named in ``lengths_left_out``.

    Bodies follow relations forward. A rule whose head is a step of its own body between the same ends
    says nothing and is none. At most 3R³ bodies are tried (R² of length 2), each with at most ``max_walks``
    edges followed in a step, and none that no head can reach its coverage with. Memory is that of the
    pairs of two bodies, at most ``max_walks`` each, of the rules, and O(M + G + R²).
    """
    return _Search(graph, limits or RuleLimits()).run()


_SHAPES: dict[tuple[Shape, int], int] = {("path", 2): 0, ("path", 3): 1, ("loop at a", 3): 2, ("loop at b", 3): 3}


def follow(graph: Graph, rules: Sequence[Rule], triples: Triples) -> NDArray[np.bool_]:
    """Return whether each triple, in the graph or not, follows from a rule, by edges of the graph: bool[E].

    Of the graph's own triples these are the ones that :class:`Rules` calls predicted.
    """
    ordered = sorted(rules, key=lambda rule: (rule.head, len(rule.body), -rule.positive))
    starts = np.searchsorted([rule.head for rule in ordered], np.arange(graph.directed // 2 + 1))
    bodies = np.zeros((len(ordered), 3), np.int64)
    for row, rule in zip(bodies, ordered, strict=True):
        row[: len(rule.body)] = 2 * np.array(rule.body)
    shapes = np.array([_SHAPES[rule.shape, len(rule.body)] for rule in ordered], np.int8)
    columns = columns_of(triples)
    followed = np.empty(len(columns[0]), np.bool_)
    kernels._follow(graph.arrays, *columns, starts, bodies, shapes, followed)
    return followed


class _Search:
    def __init__(self, graph: Graph, limits: RuleLimits) -> None:
        self.limits, self.paths = limits, Paths(graph)
        self.relations = range(graph.directed // 2)
        self.base = self.paths.sizes[::2]
        self.need = np.maximum(limits.min_positive, np.floor(limits.min_head_coverage * self.base))
        self.last_viable: dict[int, NDArray[np.bool_]] = {}
        self.loops: dict[tuple[int, int], NDArray[np.int32]] = {}
        self.length = limits.length  # falls when a length has too many rules
        self.rules: dict[int, list[Rule]] = {length: [] for length in range(2, limits.length + 1)}
        self.predicted = {length: np.zeros(graph.edges, bool) for length in self.rules}
        self.left_out: dict[tuple[int, ...], int] = {}

    def run(self) -> Rules:
        for r in self.relations:
            if self.length > 1 and self.base[r]:
                self._from(r)
        for r in self.relations if self.loops else ():
            if self.length > 2:
                self._loops_at_b(r)
        found = [rule for rules in self.rules.values() for rule in rules]
        found.sort(key=lambda rule: (-rule.pca_confidence, -rule.positive, rule.body, rule.head))
        predicted = np.zeros(self.paths.graph.edges, bool)
        for own in self.predicted.values():
            predicted |= own
        left_out = {body: walks for body, walks in self.left_out.items() if len(body) <= self.length}
        return Rules(tuple(found), left_out, tuple(range(self.length + 1, self.limits.length + 1)), predicted)

    def _from(self, r: int) -> None:
        """All bodies that begin with a relation."""
        pairs = self.paths.of(2 * r)
        viable = self.paths.edges_at(pairs.rows, 0) >= self.need
        for s, walks in self._steps(pairs, (r,)):
            reachable = bool((viable & self._ends_viable(s)).any())
            if self.length < 2:
                return
            if self.length == 2 and not reachable:
                continue
            longer = self.paths.compose(pairs, 2 * s, walks)
            if reachable:
                self._keep((r, s), "path", longer)
            if self.length == 3:
                self._third(r, s, longer, viable)

    def _third(self, r: int, s: int, pairs: Pairs, viable: NDArray[np.bool_]) -> None:
        """All bodies that begin with two relations, and those that come back after them."""
        if viable.any():
            self._extend((r, s), "path", pairs, viable)
        back = pairs.where(pairs.firsts == pairs.ends)
        if len(back):
            self.loops[r, s] = back.ends
            self._extend((r, s), "loop at a", back, self.paths.edges_at(back.rows, 0) >= self.need)

    def _extend(self, body: tuple[int, int], shape: Shape, pairs: Pairs, viable: NDArray[np.bool_]) -> None:
        for t, walks in self._steps(pairs, body):
            if self.length < 3:
                return
            if (viable & self._ends_viable(t)).any():
                self._keep((*body, t), shape, self.paths.compose(pairs, 2 * t, walks), not_head=t)

    def _loops_at_b(self, r: int) -> None:
        """All bodies of one edge to an end that two relations lead back to itself."""
        pairs = self.paths.of(2 * r)
        viable = self.paths.edges_at(pairs.rows, 0) >= self.need
        if not viable.any():
            return
        at = np.zeros(self.paths.graph.entities, bool)
        for body, ends in self.loops.items():
            if self.length < 3:
                return
            at[ends] = True
            kept = pairs.where(at[pairs.ends])
            at[ends] = False
            if len(kept):
                self._keep((r, *body), "loop at b", kept, not_head=r)

    def _steps(self, pairs: Pairs, body: tuple[int, ...]) -> Iterator[tuple[int, int]]:
        """The relations that go on from pairs, with the edges to follow; too many are noted."""
        walks = self.paths.walks(pairs)[::2]
        for r in np.flatnonzero(walks).tolist():
            if walks[r] <= self.limits.max_walks:
                yield r, int(walks[r])
            else:
                self.left_out[(*body, r)] = int(walks[r])

    def _ends_viable(self, r: int) -> NDArray[np.bool_]:
        """Whether enough edges of each base relation end where a relation ends: bool[R]."""
        if r not in self.last_viable:
            self.last_viable[r] = self.paths.edges_at(self.paths.of(2 * r + 1).rows, 1) >= self.need
        return self.last_viable[r]

    def _keep(self, body: tuple[int, ...], shape: Shape, pairs: Pairs, not_head: int = -1) -> None:
        """Add the rules of one body. ``not_head``: in a loop, the step between its own ends."""
        positive, known = self.paths.score(pairs)
        for head in np.flatnonzero(positive >= self.need).tolist():
            if shape != "path" and head == not_head:
                continue
            rule = self._rule(body, shape, head, int(positive[head]), int(known[head]), pairs)
            if self._enough(rule):
                self.rules[len(body)].append(rule)
                self.paths.mark(pairs, 2 * head, self.predicted[len(body)])
        if len(self.rules[len(body)]) > self.limits.max_rules:
            self._leave_out(len(body))

    def _leave_out(self, length: int) -> None:
        """Give up the rules of a length and of longer ones."""
        self.length = length - 1
        for longer in [own for own in self.rules if own >= length]:
            del self.rules[longer], self.predicted[longer]

    def _rule(self, body: tuple[int, ...], shape: Shape, head: int, positive: int, known: int, pairs: Pairs) -> Rule:
        by_a = self.paths.heads[2 * head] >= self.paths.heads[2 * head + 1]
        pca = known if by_a else self.paths.known_tails(pairs, 2 * head)
        return Rule(body, shape, head, positive, len(pairs), "a" if by_a else "b", pca, int(self.base[head]))

    def _enough(self, rule: Rule) -> bool:
        limits = self.limits
        return (
            rule.head_coverage >= limits.min_head_coverage
            and rule.std_confidence >= limits.min_std_confidence
            and rule.pca_confidence >= limits.min_pca_confidence
        )


def conjunction(rule: Rule) -> tuple[tuple[str, int, str], ...]:
    """Return the atoms of a rule's body, the variables named as in AMIE's output: ``("a", relation, "h")``, …"""
    names = {
        ("path", 2): "ahb",
        ("path", 3): "ahnb",
        ("loop at a", 3): "apab",
        ("loop at b", 3): "abpb",
    }[rule.shape, len(rule.body)]
    return tuple(zip(names, rule.body, names[1:], strict=False))
