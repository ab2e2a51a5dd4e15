"""A word compiled to the small tables that the kernels run.

Read right to left a word *draws* a query backward from an answer (``draws``, ``checks``, ``edges``);
read left to right it is a list of *sets*, each a conjunction or union of *literals* (``nodes``,
``literals``).
"""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kgr.query.words import Node, Word

# Columns of ``draws``. A row where AT is an entity's place draws a source of value[AT] into value[TO], one where it is
# ANY any entity, and one where it is OTHER another common tail of the ``edges`` FIRST_OF to LAST_OF than value[BESIDE].
AT, TO, RELATION, ANCHOR, NEXT, FIRST_OF, LAST_OF = range(7)
BESIDE = RELATION
ANY, OTHER = -1, -2
# Columns of ``nodes``; the literal that reads the node, and the node whose literal that is.
IS_UNION, FIRST, LAST, READER, PARENT = range(5)
# Columns of ``literals``: a signed set, that is the tails of arguments[ANCHOR_OF] or node NODE_OF, projected along
# arguments[ALONG] where that is not -1.
SIGN, ANCHOR_OF, NODE_OF, ALONG = range(4)

LAWS = ("relation", "edge", "overlap")
"""How a query is grounded, going backward from a pivot entity with incoming edges.

``relation`` (BetaE): at each step a uniform incoming relation, other than the way back along the step
after it in the same chain, then a uniform source. Every branch of a junction starts from the same
node. Without negation the positive is the pivot; with it, it is uniform among the answers, and a query
without one is drawn again.
``edge`` (SMORE): a uniform incoming edge, ways back allowed; a negated branch starts from a uniform
entity; the positive is the pivot, and a query that does not have it as an answer is drawn again.
``overlap``: steps as in ``relation``. A negated branch starts from another answer of the positive part, so that
it takes something away, found without enumerating them: of the edges that lead from the positive branches into
the junction's node v, take the fragment with the fewest tails, n, and one of its n - 1 tails other than v,
uniformly; where that is no tail of the other edges, the query is drawn again. (A union leads in by its first
branch.) The positive is the pivot, and a query that does not have it as an answer is drawn again. Given the
pivot, a grounding is thus as likely as its steps, times 1 / (n - 1) for every tail that its negated branch may
have started from.

In all, a query with two equal branches of one sign at a junction, operands in the same order, is drawn again.
"""


ROOTS = ("uniform", "degree")
"""How the pivot is drawn: a uniform entity, or the tail of a uniform directed edge."""

NEGATIVES = ("uniform", "degree", "range")
"""How negatives are drawn, before those that are answers are left out.

``uniform``: any entity alike; ``degree``: the tail of a uniform directed edge; ``range`` (of one's own negatives
only): a uniform entity of those that have an edge into them under the query's last relation (of a junction's or a
union's branches, one chosen for the query, uniformly); where half of the draws allowed did not give K negatives,
the rest are uniform entities.
"""


class Steps(NamedTuple):
    """How a query is drawn, as kernels take it.

    Attributes
    ----------
    draws : int64[steps, 7]
        One backward step a row, from the answer to the anchors.
    checks : int64[pairs, 1 + 2 * width]
        Count n, then two groups of n arguments that must not be equal; run after the step that names them.
    edges : int64[n, 2]
        Edges drawn before: place of the source, argument that is the relation.
    """

    draws: NDArray[np.int64]
    checks: NDArray[np.int64]
    edges: NDArray[np.int64]


class Tables(NamedTuple):
    """The sets of a word, as kernels take them.

    Attributes
    ----------
    nodes : int64[sets, 5]
        Sets, children first, the word's own last.
    literals : int64[n, 4]
        The literals of the nodes.
    """

    nodes: NDArray[np.int64]
    literals: NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Program:
    """A word's tables for one law, the number of entities met while drawing, and that of its arguments."""

    steps: Steps
    tables: Tables
    values: int
    slots: int

    @property
    def hops(self) -> bool:
        """Whether any set is made from another one, and not from anchors alone."""
        return len(self.tables.nodes) > 1


@lru_cache(maxsize=256)
def compile_word(word: Word, law: str) -> Program:
    """Compile a word for a grounding law."""
    compiler = _Compiler(law)
    compiler.draw(word.tree, at=0, after=-1)
    compiler.node(word.tree)
    compiler.link()
    width = max((len(check) for check in compiler.checks), default=1)
    checks = [check + [0] * (width - len(check)) for check in compiler.checks] or [[0] * width]
    steps = Steps(_table(compiler.draws), _table(checks), _table(compiler.edges or [[0, 0]]))
    tables = Tables(_table(compiler.nodes), _table(compiler.literals))
    return Program(steps, tables, compiler.values, len(word.slots))


def _table(rows: list[list[int]]) -> NDArray[np.int64]:
    table: NDArray[Any] = np.array(rows, np.int64)
    table.flags.writeable = False
    return table


class _Compiler:
    def __init__(self, law: str) -> None:
        self.law = law
        self.values = 1
        self.draws: list[list[int]] = []
        self.checks: list[list[int]] = []
        self.edges: list[list[int]] = []
        self.nodes: list[list[int]] = []
        self.literals: list[list[int]] = []

    def draw(self, tree: Node, at: int, after: int) -> list[tuple[int, int]]:
        """Add the steps that ground ``tree`` so that value ``at`` is in it; ``after`` is the relation that follows.

        Returns the edges that lead into ``at``: (place of the source, argument that is the relation).
        """
        if tree.op == "P":
            source = tree.parts[0]
            anchor = source.slot if source.op == "A" else -1
            to = self._value()
            excluded = -1 if self.law == "edge" else after
            self.draws.append([at, to, tree.slot, anchor, excluded, len(self.checks), len(self.checks)])
            if source.op != "A":
                self.draw(source, to, tree.slot if source.op == "P" else -1)
            return [(to, tree.slot)]
        into: list[tuple[int, int]] = []
        for i, part in enumerate(self._order(tree)):
            if part.op == "N":
                self.draw(part.parts[0], self._start(at, into), -1)
            else:
                own = self.draw(part, at, -1)
                into += own if tree.op == "I" or not into else []
            self._differ(part, self._order(tree)[:i])
        return into

    def _order(self, tree: Node) -> list[Node]:
        """Return the branches as they are drawn: where a negated one depends on the others, after them."""
        return sorted(tree.parts, key=lambda part: part.op == "N" and self.law == "overlap")

    def _start(self, at: int, into: list[tuple[int, int]]) -> int:
        """Add the draw of the node from which a negated branch starts; return its place."""
        if self.law == "relation":
            return at
        start = self._value()
        if self.law == "edge":
            self.draws.append([ANY, start, -1, -1, -1, 0, 0])
        else:
            self.draws.append([OTHER, start, at, -1, -1, len(self.edges), len(self.edges) + len(into)])
            self.edges += map(list, into)
        return start

    def _differ(self, part: Node, earlier: list[Node]) -> None:
        """Let the last step check that ``part`` differs from its earlier siblings of the same shape."""
        slots = _slots(part)
        for other in earlier:
            if _shape(other) == _shape(part):
                self.checks.append([len(slots), *slots, *_slots(other)])
        self.draws[-1][LAST_OF] = len(self.checks)

    def _value(self) -> int:
        self.values += 1
        return self.values - 1

    def node(self, tree: Node) -> int:
        """Add the set of ``tree`` after the sets that it is made from; return its number."""
        parts = tree.parts if tree.op in "IU" else (tree,)
        rows = [self._literal(part) for part in parts]
        self.nodes.append([int(tree.op == "U"), len(self.literals), len(self.literals) + len(rows), -1, -1])
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

    def link(self) -> None:
        """Let every node know the literal that reads it."""
        for parent, (_, first, last, *_) in enumerate(self.nodes):
            for reader in range(first, last):
                node = self.literals[reader][NODE_OF]
                if node >= 0:
                    self.nodes[node][READER:] = [reader, parent]


def _slots(tree: Node) -> list[int]:
    own = [tree.slot] if tree.op in "AP" else []
    return own + [slot for part in tree.parts for slot in _slots(part)]


def _shape(tree: Node) -> str:
    return tree.op + "(" + ",".join(_shape(part) for part in tree.parts) + ")"
