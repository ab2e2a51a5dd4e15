"""Lines to ids: exact keys, order of first appearance, and errors that name the line."""

from __future__ import annotations

from itertools import chain, repeat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgr.data.lines import Numbering, numbered_lines
from kgr.data.triples import parse_triples, read_triples
from kgr.errors import DataError


def read(data: bytes, tmp_path: Path) -> tuple[list[list[int]], list[str], list[str]]:
    path = tmp_path / "t.tsv"
    path.write_bytes(data)
    entities, relations = Numbering(), Numbering()
    triples = read_triples(path, entities, relations)
    assert triples.dtype == np.int32
    assert triples.shape == (len(triples), 3)
    return triples.tolist(), entities.keys, relations.keys


@pytest.mark.parametrize(
    "data",
    [
        b"b\tr\ta\na\ts\tc\n",
        b"b\tr\ta\na\ts\tc",
        b"b\tr\ta\r\na\ts\tc\r\n",
        b"\xef\xbb\xbfb\tr\ta\r\na\ts\tc\r\n\r\n\n",
    ],
    ids=["plain", "no end", "CRLF", "BOM and empty end"],
)
def test_order_of_first_appearance(data: bytes, tmp_path: Path) -> None:
    assert read(data, tmp_path) == ([[0, 0, 1], [1, 1, 2]], ["b", "a", "c"], ["r", "s"])


def test_several_files_are_one_list(tmp_path: Path) -> None:
    (tmp_path / "1").write_text("a\tr\tb\n")
    (tmp_path / "2").write_text("c\tr\ta\n")
    entities, relations = Numbering(), Numbering()
    assert read_triples([tmp_path / "1", tmp_path / "2"], entities, relations).tolist() == [[0, 0, 1], [2, 0, 0]]


def test_keys_are_kept_exactly(tmp_path: Path) -> None:
    keys = [
        "👩‍👩‍👧‍👦 family",
        "مرحبا بالعالم",
        " spaces ",
        "line\u2028separator",
        "\x0bvertical",
        "é",
        "e\u0301",
        "\ufeff",
    ]
    lines = "".join(f"{key}\tr\t{key}\n" for key in keys)
    assert read(("x\tr\tx\n" + lines).encode(), tmp_path)[1] == ["x", *keys]


@pytest.mark.parametrize("data", [b"", b"\n", b"\r\n\r\n", b"\xef\xbb\xbf"])
def test_nothing(data: bytes, tmp_path: Path) -> None:
    assert read(data, tmp_path) == ([], [], [])


@pytest.mark.parametrize(
    ("data", "line", "found"),
    [
        (b"a\tr\tb\na\tr\nc\tr\td\n", 2, "2 fields: 'a\\\\tr'"),
        (b"a\tr\tb\tc\n", 1, "4 fields"),
        (b"a r b\n", 1, "1 field: 'a r b'"),
        (b"a\tr\tb\n\nc\tr\td\n", 2, "an empty line"),
        (b"a\tr\tb\na\t\tb\n", 2, "an empty relation"),
        (b"\tr\tb\n", 1, "an empty head"),
        (b"a\tr\t\n", 1, "an empty tail"),
        (b"a\tr\tb\na\tr\tb\xff\n", 2, "byte 0xff"),
        ("a\tr\té\n".encode("latin-1"), 1, "byte 0xe9"),
        ("\ufeffa\tr\tb\n".encode("utf-16-le"), 1, "a UTF-16 byte order mark"),
        (b"a\tr\tb\na\rb\tr\tc\n", 2, "a carriage return"),
        (b"a\tr\tb\na\0b\tr\tc\n", 2, "a NUL"),
    ],
)
def test_malformed_lines(data: bytes, line: int, found: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"t\.tsv:{line}: found {found}.*expected"):
        read(data, tmp_path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere: cannot be read: No such file"):
        read_triples(tmp_path / "nowhere", Numbering(), Numbering())


FIELD = st.text(st.characters(exclude_characters="\t\n\r\0", exclude_categories=["Cs"]), min_size=1, max_size=4)


@given(st.lists(st.tuples(FIELD, FIELD, FIELD), max_size=9), st.integers(1, 9), st.sampled_from(["\n", "\r\n"]))
def test_any_cut_into_blocks(rows: list[tuple[str, str, str]], size: int, end: str) -> None:
    data = "".join("\t".join(row) + end for row in rows).encode()
    if data.startswith(b"\xef\xbb\xbf"):
        data = b"\xef\xbb\xbf" + data  # the first of two marks is the file's
    blocks = [data[at : at + size] for at in range(0, len(data), size)]
    entities, relations = Numbering(), Numbering()
    triples = parse_triples(blocks, "t", entities, relations)
    found = [(entities.keys[h], relations.keys[r], entities.keys[t]) for h, r, t in triples]
    assert found == rows
    assert entities.keys == list(dict.fromkeys(key for h, _, t in rows for key in (h, t)))


@given(st.lists(st.sampled_from(["a\tr\tb", "", "a\tr"]), max_size=7), st.integers(1, 9))
def test_line_of_the_error_in_any_cut(lines: list[str], size: int) -> None:
    data = "\n".join(lines).encode()
    blocks = [data[at : at + size] for at in range(0, len(data), size)]
    while lines and not lines[-1]:
        lines.pop()
    wrong = [number for number, line in enumerate(lines, 1) if line != "a\tr\tb"]
    if wrong:
        with pytest.raises(DataError, match=rf"^t:{wrong[0]}: "):
            parse_triples(blocks, "t", Numbering(), Numbering())
    else:
        assert len(parse_triples(blocks, "t", Numbering(), Numbering())) == len(lines)


def test_a_line_without_an_end_is_refused() -> None:
    """Whatever the length of the file."""
    blocks = chain((b"a\tr\tb\n",), repeat(bytes(1 << 20).replace(b"\0", b"x")))
    with pytest.raises(DataError, match=r"a:2: found a line or record of more than 64 MiB"):
        list(numbered_lines(blocks, "a"))
