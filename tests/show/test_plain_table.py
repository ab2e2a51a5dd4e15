from __future__ import annotations

import pytest

from kgr.show.table import clean, size, table, width


@pytest.mark.parametrize(
    ("text", "columns"),
    [("", 0), ("abc", 3), ("瑞士", 4), ("ｆ", 2), ("e\u0301", 1), ("سويسرا", 6), ("عُمان", 4), ("a\u200db", 2)],
)
def test_width(text: str, columns: int) -> None:
    assert width(text) == columns


def test_clean_keeps_all_but_controls() -> None:
    assert clean("a\tb\nc\x1b[31m\u2028d") == "a b c [31m d"
    assert clean("عُمان 🇨🇭 瑞士") == "عُمان 🇨🇭 瑞士"


def test_columns_are_aligned() -> None:
    rows = [["瑞士", "1", "x"], ["Oman", "1,000"], ["", "20", "y"]]
    assert table(["name", "count", ""], rows, "lrl").split("\n") == [
        "name  count",
        "瑞士      1  x",
        "Oman  1,000",
        "         20  y",
    ]


def test_no_header_and_no_rows() -> None:
    assert table(["", ""], [["a", "b"]], "ll") == "a  b"
    assert table(["a", "bc"], [], "lr") == "a  bc"


def test_a_cell_stays_on_its_line() -> None:
    assert table(["a"], [["x\ny"]], "l") == "a\nx y"


@pytest.mark.parametrize(("count", "words"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_500_000, "2.5 MB")])
def test_size(count: int, words: str) -> None:
    assert size(count) == words
