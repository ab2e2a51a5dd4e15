"""The nested tuples of BetaE's files and their words: ``((7, (2,)), (9, (4, -2)))`` is a 2in.

A query is ``(anchor, (relation, …))``, ``(query, (relation, …))``, ``(query, query, …)`` for an
intersection, and that with a last ``(-1,)`` for a union; -2 among the relations negates. A structure is
the same with ``e``, ``r``, ``n``, ``u`` instead of the numbers. Relations are directed ids, as ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kgr.errors import QueryError
from kgr.query.words import Node, Word, parse

UNION, NEGATION = -1, -2

_MARKS = {"e": 0, "r": 0, "n": NEGATION, "u": UNION}


def flatten(query: Any) -> tuple[Word, tuple[int, ...]]:
    """Turn a nested query, of tuples or lists, into its word and its arguments in word order.

    Raises
    ------
    QueryError
        It is not nested as queries are, or its word is none of the grammar.
    """
    letters: list[str] = []
    arguments: list[int] = []
    _walk(query, letters, arguments)
    return parse("".join(letters)), tuple(arguments)


def _walk(query: Any, letters: list[str], arguments: list[int]) -> None:
    if not isinstance(query, tuple | list) or len(query) < 2:
        raise QueryError(f"found {query!r}, expected a nested query such as (anchor, (relation,))")
    last = query[-1]
    if _is_chain(last) and list(last) != [UNION]:
        _walk_chain(query, letters, arguments)
        return
    united = _is_chain(last)
    branches = query[:-1] if united else query
    if len(branches) < 2:
        raise QueryError(f"found {query!r}, expected at least two parts to unite")
    for i, branch in enumerate(branches):
        _walk(branch, letters, arguments)
        letters.append(("U" if united else "I") * (i > 0))


def _walk_chain(query: Any, letters: list[str], arguments: list[int]) -> None:
    source, chain = query[0], query[-1]
    if len(query) != 2:
        raise QueryError(f"found {query!r}, expected one anchor or query before the relations")
    if _is_number(source):
        if source < 0:
            raise QueryError(f"found anchor {source}, expected an entity's id")
        letters.append("A")
        arguments.append(source)
    else:
        _walk(source, letters, arguments)
    for relation in chain:
        if relation < 0 and relation != NEGATION:
            raise QueryError(f"found relation {relation}, expected an id, or {NEGATION} for a negation")
        letters.append("N" if relation == NEGATION else "P")
        if relation != NEGATION:
            arguments.append(relation)


def _is_chain(part: Any) -> bool:
    return isinstance(part, tuple | list) and len(part) > 0 and all(map(_is_number, part))


def _is_number(part: Any) -> bool:
    return isinstance(part, int) and not isinstance(part, bool)


def word_of(structure: Any) -> Word:
    """Return the word of a nested structure such as ``(("e", ("r",)), ("e", ("r", "n")))``.

    Raises
    ------
    QueryError
        It is none.
    """
    return flatten(_numbers(structure))[0]


def _numbers(structure: Any) -> Any:
    if isinstance(structure, tuple | list):
        return [_numbers(part) for part in structure]
    if not isinstance(structure, str) or structure not in _MARKS:
        raise QueryError(f"found {structure!r} in a structure, expected one of {', '.join(_MARKS)}")
    return _MARKS[structure]


def nest(word: Word, arguments: Sequence[int]) -> tuple[Any, ...]:
    """Turn arguments in word order into the nested query: the inverse of :func:`flatten`."""
    return _nest(word.tree, [int(value) for value in arguments], NEGATION, UNION)


def structure_of(word: Word) -> tuple[Any, ...]:
    """Return a word's nested structure: the inverse of :func:`word_of`."""
    return _nest(word.tree, ["e" if letter == "A" else "r" for letter in word.slots], "n", "u")


def _nest(tree: Node, values: Sequence[Any], negation: Any, union: Any) -> tuple[Any, ...]:
    if tree.op in "IU":
        parts = tuple(_nest(part, values, negation, union) for part in tree.parts)
        return (*parts, (union,)) if tree.op == "U" else parts
    chain = []
    while tree.op in "PN":
        chain.append(values[tree.slot] if tree.op == "P" else negation)
        tree = tree.parts[0]
    source = values[tree.slot] if tree.op == "A" else _nest(tree, values, negation, union)
    return (source, tuple(reversed(chain)))
