from __future__ import annotations

import pytest

from kgr.errors import QueryError
from kgr.query.words import STRUCTURES, parse


def test_the_fourteen_structures() -> None:
    assert len(STRUCTURES) == 14
    slots = {name: parse(name).slots for name in STRUCTURES}
    assert slots["2i"] == "APAP"
    assert slots["pni"] == "APPAP"
    assert {name for name in STRUCTURES if parse(name).negates} == {"2in", "3in", "inp", "pin", "pni"}


def test_a_word_that_is_a_structure_bears_its_name() -> None:
    assert parse("APAPI") == parse("2i")
    assert parse("APPPP").name == "APPPP"


def test_nested_intersections_are_one_node() -> None:
    assert [part.op for part in parse("3i").tree.parts] == ["P", "P", "P"]
    assert [part.op for part in parse("APAPAPAPIII").tree.parts] == ["P"] * 4
    # not through a projection, nor through a negation
    assert len(parse("APAPIPAPI").tree.parts) == 2
    assert len(parse("APAPAPINI").tree.parts) == 2


@pytest.mark.parametrize(
    ("word", "branches"),
    [
        ("2u", [("AP", (0, 1)), ("AP", (2, 3))]),
        ("up", [("APP", (0, 1, 4)), ("APP", (2, 3, 4))]),
        ("APAPAPUI", [("APAPI", (0, 1, 2, 3)), ("APAPI", (0, 1, 4, 5))]),
        ("APAPAPUNI", [("APAPNIAPNI", (0, 1, 2, 3, 4, 5))]),
        ("APAPUNAPI", [("APAPNIAPNI", (4, 5, 0, 1, 2, 3))]),
    ],
)
def test_disjunctive_normal_form(word: str, branches: list[tuple[str, tuple[int, ...]]]) -> None:
    assert [(branch.word.word, branch.slots) for branch in parse(word).branches] == branches


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("PA", "position 1, 'P'"),
        ("AA", "at its end: 2 separate parts"),
        ("A", "a bare anchor"),
        ("APN", "a bare anchor or negation"),
        ("APAPNU", "position 6, 'U'"),
        ("APNP", "position 4, 'P'"),
        ("APNAPNI", "position 7, 'I'"),
        ("API", "too few parts"),
        ("AAI", "position 3, 'I': an anchor must be projected"),
        ("2x", "unknown structure '2x'; nearest: "),
        ("", "unknown structure ''"),
        ("AP" * 17 + "U" * 16, "17 branches"),
        (("AP" * 16 + "U" * 15) * 6 + "I" * 5, "of 287 letters, at most 256"),
        (("AP" * 16 + "U" * 15) * 4 + "I" * 3, "65536 branches"),
        ("A" + "P" * 1200, "1201 letters"),
    ],
)
def test_what_is_no_word_is_refused_at_its_position(word: str, message: str) -> None:
    with pytest.raises(QueryError, match="^.*" + message.replace("(", r"\(")):
        parse(word)
