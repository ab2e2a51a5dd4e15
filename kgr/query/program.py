"""A word compiled to the small tables that the kernels run.

Read right to left a word *draws* a query backward from an answer (``draws``, ``checks``); read left
to right it is a list of *sets*, each a conjunction or union of *literals* (``nodes``, ``literals``).
"""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr.query.words import Node, Word

# Columns of ``draws``: value[TO] gets a source of value[AT], or, where AT is -1, any entity.
AT, TO, RELATION, ANCHOR, NEXT, CHECK, CHECK_END = range(7)
# Columns of ``nodes``.
IS_UNION, FIRST, LAST = range(3)
# Columns of ``literals``: a signed set, that is the tails of arguments[ANCHOR_OF] or node NODE_OF, projected along
# arguments[ALONG] where that is not -1.
SIGN, ANCHOR_OF, NODE_OF, ALONG = range(4)

LAWS = ("relation", "edge")
"""How a query is grounded, going backward from a uniform pivot entity with incoming edges.

``relation`` (BetaE): at each step a uniform incoming relation, other than the way back along the step
after it in the same chain, then a uniform source. Every branch of a junction starts from the same
node. Without negation the positive is the pivot; with it, it is uniform among the answers, and a query
without one is drawn again.
``edge`` (SMORE): a uniform incoming edge, ways back allowed; a negated branch starts from a uniform
entity; the positive is the pivot, and a query that does not have it as an answer is drawn again.

In both, a query with two equal branches of one sign at a junction, operands in the same order, is drawn again.
"""


@dataclasses.dataclass(frozen=True)
class Program:
    """A word's tables for one law.

    Attributes
    ----------
    draws : int64[steps, 7]
        One backward step a row, from the answer to the anchors.
    checks : int64[pairs, 1 + 2 * width]
        Count n, then two groups of n arguments that must not be equal; run after the step that names them.
    nodes : int64[sets, 3]
        Sets, children first, the word's own last.
    literals : int64[n, 4]
        The literals of the nodes.
    values, slots : int
        Entities met while drawing; arguments.
    """

    draws: NDArray[np.int64]
    checks: NDArray[np.int64]
    nodes: NDArray[np.int64]
    literals: NDArray[np.int64]
    values: int
    slots: int


@lru_cache(maxsize=256)
def compile_word(word: Word, law: str) -> Program:
    """Compile a word for a grounding law."""
    compiler = _Compiler(by_relation=law == "relation")
    compiler.draw(word.tree, at=0, after=-1)
    compiler.node(word.tree)
    width = max((len(check) for check in compiler.checks), default=1)
    checks = [check + [0] * (width - len(check)) for check in compiler.checks] or [[0] * width]
    return Program(
        _table(compiler.draws),
        _table(checks),
        _table(compiler.nodes),
        _table(compiler.literals),
        compiler.values,
        len(word.slots),
    )


def _table(rows: list[list[int]]) -> NDArray[np.int64]:
    table: NDArray[Any] = np.array(rows, np.int64)
    table.flags.writeable = False
    return table


class _Compiler:
    def __init__(self, *, by_relation: bool) -> None:
        self.by_relation = by_relation
        self.values = 1
        self.draws: list[list[int]] = []
        self.checks: list[list[int]] = []
        self.nodes: list[list[int]] = []
        self.literals: list[list[int]] = []

    def draw(self, tree: Node, at: int, after: int) -> None:
        """Add the steps that ground ``tree`` so that value ``at`` is in it; ``after`` is the relation that follows."""
        if tree.op == "P":
            source = tree.parts[0]
            anchor = source.slot if source.op == "A" else -1
            to = self._value()
            excluded = after if self.by_relation else -1
            self.draws.append([at, to, tree.slot, anchor, excluded, len(self.checks), len(self.checks)])
            if source.op != "A":
                self.draw(source, to, tree.slot if source.op == "P" else -1)
            return
        for i, part in enumerate(tree.parts):
            inner, start = part, at
            if part.op == "N":
                inner = part.parts[0]
                if not self.by_relation:
                    start = self._value()
                    self.draws.append([-1, start, -1, -1, -1, len(self.checks), len(self.checks)])
            self.draw(inner, start, -1)
            self._differ(part, tree.parts[:i])

    def _differ(self, part: Node, earlier: tuple[Node, ...]) -> None:
        """Let the last step check that ``part`` differs from its earlier siblings of the same shape."""
        slots = _slots(part)
        for other in earlier:
            if _shape(other) == _shape(part):
                self.checks.append([len(slots), *slots, *_slots(other)])
        self.draws[-1][CHECK_END] = len(self.checks)

    def _value(self) -> int:
        self.values += 1
        return self.values - 1

    def node(self, tree: Node) -> int:
        """Add the set of ``tree`` after the sets that it is made from; return its number."""
        parts = tree.parts if tree.op in "IU" else (tree,)
        rows = [self._literal(part) for part in parts]
        self.nodes.append([int(tree.op == "U"), len(self.literals), len(self.literals) + len(rows)])
        self.literals += rows
        return len(self.nodes) - 1

    def _literal(self, part: Node) -> list[int]:
        sign = int(part.op != "N")
        inner = part if sign else part.parts[0]
        if inner.op != "P":
            return [sign, -1, self.node(inner), -1]
        source = inner.parts[0]
        if source.op == "A":
            return [sign, source.slot, -1, inner.slot]
        return [sign, -1, self.node(source), inner.slot]


def _slots(tree: Node) -> list[int]:
    own = [tree.slot] if tree.op in "AP" else []
    return own + [slot for part in tree.parts for slot in _slots(part)]


def _shape(tree: Node) -> str:
    return tree.op + "(" + ",".join(_shape(part) for part in tree.parts) + ")"
