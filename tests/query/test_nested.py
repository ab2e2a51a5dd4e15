"""BetaE's nested tuples and words: there and back, and what is none."""

from __future__ import annotations

from typing import Any

import pytest

from kgr.errors import QueryError
from kgr.query.nested import flatten, nest, structure_of, word_of
from kgr.query.words import STRUCTURES, parse

STRUCTURES_OF_BETAE: dict[str, Any] = {
    "1p": ("e", ("r",)),
    "2p": ("e", ("r", "r")),
    "3p": ("e", ("r", "r", "r")),
    "2i": (("e", ("r",)), ("e", ("r",))),
    "3i": (("e", ("r",)), ("e", ("r",)), ("e", ("r",))),
    "ip": ((("e", ("r",)), ("e", ("r",))), ("r",)),
    "pi": (("e", ("r", "r")), ("e", ("r",))),
    "2in": (("e", ("r",)), ("e", ("r", "n"))),
    "3in": (("e", ("r",)), ("e", ("r",)), ("e", ("r", "n"))),
    "inp": ((("e", ("r",)), ("e", ("r", "n"))), ("r",)),
    "pin": (("e", ("r", "r")), ("e", ("r", "n"))),
    "pni": (("e", ("r", "r", "n")), ("e", ("r",))),
    "2u": (("e", ("r",)), ("e", ("r",)), ("u",)),
    "up": ((("e", ("r",)), ("e", ("r",)), ("u",)), ("r",)),
}
"""As KGReasoning names them."""


def test_structures() -> None:
    assert STRUCTURES_OF_BETAE.keys() == STRUCTURES.keys()
    for name, structure in STRUCTURES_OF_BETAE.items():
        assert structure_of(parse(name)) == structure
        assert word_of(structure) == parse(name)


@pytest.mark.parametrize("name", [*STRUCTURES, "APAPAPUNI", "APAPUPAPNI", "APAPIPAPAPUI"])
def test_queries_return(name: str) -> None:
    word = parse(name)
    arguments = tuple(range(10, 10 + len(word.slots)))
    assert flatten(nest(word, arguments)) == (word, arguments)


def test_order_of_arguments() -> None:
    word, arguments = flatten([[[5, [3, 4, -2]], [7, [0]]], [1, 2]])
    assert (word.word, arguments) == ("APPNAPIPP", (5, 3, 4, 7, 0, 1, 2))
    assert nest(parse("2u"), (1, 2, 3, 4)) == ((1, (2,)), (3, (4,)), (-1,))


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (3, "found 3, expected a nested query"),
        ((), "expected a nested query"),
        ((1, 2), "expected a nested query"),
        ((1, ()), "expected a nested query"),
        ((True, (1,)), "expected a nested query"),
        ((1, (2,), (3,)), "expected one anchor or query before the relations"),
        ((1, (2, -1)), "found relation -1"),
        ((-4, (2,)), "found anchor -4"),
        (((1, (2,)), (-1,)), "at least two parts to unite"),
        (((1, (2, -2)), (3, (4, -2))), "negated"),
        ((1, (-2, 2)), "AN"),
        ((1, (2, -2)), "bare anchor or negation"),
        ("ab", "found 'ab'"),
    ],
)
def test_what_is_no_query(query: Any, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        flatten(query)


@pytest.mark.parametrize("structure", [("e", ("x",)), ("e", (1,)), "e", None])
def test_what_is_no_structure(structure: Any) -> None:
    with pytest.raises(QueryError):
        word_of(structure)
