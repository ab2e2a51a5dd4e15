"""The words of logical queries: structures written as one postfix word over A P N I U.

``A`` is an anchor, ``P`` projects along a relation, ``N`` negates, ``I`` and ``U`` intersect and
unite the last two. The grammar is ``S = AP | SP | SSI | SSNI | SNSI | SSU``. A word's *arguments*
are its anchors and relations in word order: ``2i``, the word ``APAPI``, takes
``[anchor, relation, anchor, relation]``.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from functools import cached_property, lru_cache

from kgr.errors import QueryError, UnknownKey

STRUCTURES = {
    "1p": "AP",
    "2p": "APP",
    "3p": "APPP",
    "2i": "APAPI",
    "3i": "APAPIAPI",
    "pi": "APPAPI",
    "ip": "APAPIP",
    "2in": "APAPNI",
    "3in": "APAPIAPNI",
    "inp": "APAPNIP",
    "pin": "APPAPNI",
    "pni": "APPNAPI",
    "2u": "APAPU",
    "up": "APAPUP",
}
"""The fourteen structures of BetaE (arXiv 2010.11465) by name."""

MAX_BRANCHES = 16
MAX_LETTERS = 256


@dataclasses.dataclass(frozen=True)
class Node:
    """A node of a word's tree: ``slot`` is the argument of A and P, ``parts`` the operands.

    Nested I within I, and U within U, are one n-ary node, since models and evaluator see all
    branches at once.
    """

    op: str
    parts: tuple[Node, ...] = ()
    slot: int = -1


@dataclasses.dataclass(frozen=True)
class Branch:
    """A union-free part of a word's disjunctive normal form; ``slots`` are its arguments' places in the word's."""

    word: Word
    slots: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Word:
    """A parsed word. ``name`` is the structure's name where it has one, else the word itself."""

    name: str
    word: str
    tree: Node = dataclasses.field(repr=False, compare=False)

    @cached_property
    def slots(self) -> str:
        """One letter, A or P, per argument."""
        return "".join(letter for letter in self.word if letter in "AP")

    @property
    def negates(self) -> bool:
        """Whether the word has a negation."""
        return "N" in self.word

    @cached_property
    def anchors(self) -> tuple[int, ...]:
        """Places of the anchors among the arguments."""
        return tuple(i for i, letter in enumerate(self.slots) if letter == "A")

    @cached_property
    def relations(self) -> tuple[int, ...]:
        """Places of the relations among the arguments."""
        return tuple(i for i, letter in enumerate(self.slots) if letter == "P")

    @cached_property
    def branches(self) -> tuple[Branch, ...]:
        """The disjunctive normal form: the word's answers are the union of its branches' answers."""
        if "U" not in self.word:
            return (Branch(self, tuple(range(len(self.slots)))),)
        return tuple(_branch(tree) for tree in _unions(self.tree))

    @cached_property
    def positive(self) -> Branch:
        """The word without its negated parts."""
        return _branch(_without_negations(self.tree))

    @cached_property
    def steps(self) -> tuple[tuple[int, int], ...]:
        """The places of two relations that follow each other in a chain, a pair for each such step."""
        return tuple(_steps(self.tree))


def parse(name_or_word: str) -> Word:
    """Parse a structure's name (``"2i"``) or a word (``"APAPI"``).

    Raises
    ------
    QueryError
        Not a word of the grammar; the message names the position. Or more than 16 branches.
    """
    if name_or_word in STRUCTURES:
        return _parse(name_or_word, STRUCTURES[name_or_word])
    if not name_or_word or set(name_or_word) - set("APNIU"):
        hint = UnknownKey.of("structure", name_or_word, STRUCTURES)
        raise QueryError(f"{hint}; a structure is one of {', '.join(STRUCTURES)} or a word over A P N I U")
    if len(name_or_word) > MAX_LETTERS:
        raise QueryError(f"a word of {len(name_or_word)} letters, at most {MAX_LETTERS} are allowed")
    names = {word: name for name, word in STRUCTURES.items()}
    return _parse(names.get(name_or_word, name_or_word), name_or_word)


@lru_cache(maxsize=256)
def _parse(name: str, word: str) -> Word:
    stack: list[Node] = []
    slot = 0
    for position, letter in enumerate(word):
        _shift(word, position, letter, stack, slot)
        slot += letter in "AP"
    if len(stack) != 1 or stack[0].op in "AN":
        found = "a bare anchor or negation" if len(stack) == 1 else f"{len(stack)} separate parts"
        raise QueryError(f"word {word!r} at its end: {found}, expected one set (S = AP | SP | SSI | SSNI | SNSI | SSU)")
    parsed = Word(name, word, stack[0])
    _ = parsed.branches
    return parsed


def _shift(word: str, position: int, letter: str, stack: list[Node], slot: int) -> None:
    """Apply one letter to the stack of parsed parts."""
    where = f"word {word!r} at position {position + 1}, {letter!r}"
    if letter == "A":
        stack.append(Node("A", slot=slot))
        return
    operands = stack[-1:] if letter in "PN" else stack[-2:]
    if len(operands) < (1 if letter in "PN" else 2):
        raise QueryError(f"{where}: too few parts before it")
    ops = [part.op for part in operands]
    if letter == "P" and ops[0] == "N":
        raise QueryError(f"{where}: a negated part can only be intersected with one that is not negated")
    if letter in "NIU" and "A" in ops:
        raise QueryError(f"{where}: an anchor must be projected first (AP)")
    if (letter in "NU" and "N" in ops) or ops == ["N", "N"]:
        raise QueryError(f"{where}: a negated part can only be intersected with one that is not negated")
    del stack[-len(operands) :]
    if letter in "PN":
        stack.append(Node(letter, tuple(operands), slot if letter == "P" else -1))
    else:
        stack.append(_joined(letter, tuple(operands)))


def _unions(tree: Node) -> list[Node]:
    """Return the union-free trees of the disjunctive normal form."""
    if tree.op == "A":
        return [tree]
    if tree.op == "U":
        branches = [branch for part in tree.parts for branch in _unions(part)]
        _bound(len(branches))
        return branches
    if tree.op == "P":
        return [dataclasses.replace(tree, parts=(branch,)) for branch in _unions(tree.parts[0])]
    choices = [_negations(part) if part.op == "N" else [(branch,) for branch in _unions(part)] for part in tree.parts]
    _bound(math.prod(map(len, choices)))
    return [_intersection(*choice) for choice in itertools.product(*choices)]


def _negations(tree: Node) -> list[tuple[Node, ...]]:
    """N of a union is the intersection of the negated branches."""
    return [tuple(Node("N", (branch,)) for branch in _unions(tree.parts[0]))]


def _without_negations(tree: Node) -> Node:
    parts = tuple(_without_negations(part) for part in tree.parts if part.op != "N")
    if tree.op in "IU":
        return parts[0] if len(parts) == 1 else _joined(tree.op, parts)
    return dataclasses.replace(tree, parts=parts)


def _steps(tree: Node) -> list[tuple[int, int]]:
    inner = [step for part in tree.parts for step in _steps(part)]
    if tree.op == "P" and tree.parts[0].op == "P":
        inner.append((tree.parts[0].slot, tree.slot))
    return inner


def _intersection(*groups: tuple[Node, ...]) -> Node:
    return _joined("I", tuple(itertools.chain.from_iterable(groups)))


def _joined(op: str, parts: tuple[Node, ...]) -> Node:
    """One node of all parts: those of the same operation are taken apart."""
    return Node(op, tuple(itertools.chain.from_iterable(part.parts if part.op == op else (part,) for part in parts)))


def _bound(branches: int) -> None:
    if branches > MAX_BRANCHES:
        raise QueryError(f"a query of {branches} branches, at most {MAX_BRANCHES} are allowed: use fewer unions")


def _branch(tree: Node) -> Branch:
    letters, slots = _postfix(tree)
    return Branch(_parse(letters, letters), tuple(slots))


def _postfix(tree: Node) -> tuple[str, list[int]]:
    if tree.op == "A":
        return "A", [tree.slot]
    # what is not negated comes first, so that every prefix of an intersection is a set
    parts = [_postfix(part) for part in sorted(tree.parts, key=lambda part: part.op == "N")]
    slots = [slot for _, part in parts for slot in part]
    if tree.op in "PN":
        return parts[0][0] + tree.op, slots + ([tree.slot] if tree.op == "P" else [])
    return parts[0][0] + "".join(letters + tree.op for letters, _ in parts[1:]), slots
