"""Texts and types: bytes exact in any script."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgr.errors import DataError
from kgr.index.keys import Keys
from kgr.index.texts import Texts, TextsBuilder
from kgr.index.types import Types

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), TEXT), max_size=30))
def test_texts_return_as_given(pairs):
    texts = Texts.build([row for row, _ in pairs], [text for _, text in pairs])
    for row in range(10):
        expected = [text for at, text in pairs if at == row]
        assert texts.all(row) == expected
        assert texts.first(row) == (expected[0] if expected else None)
    assert len(texts) == len(pairs)


@given(st.lists(st.tuples(st.integers(0, 8), TEXT), max_size=30))
def test_gathered_as_built(pairs):
    pairs.sort(key=lambda pair: pair[0])
    builder = TextsBuilder()
    for row, text in pairs:
        builder.add(row, text.encode())
    built = Texts.build([row for row, _ in pairs], [text for _, text in pairs])
    for name, array in builder.texts().arrays().items():
        assert array.dtype == built.arrays()[name].dtype
        assert array.tolist() == built.arrays()[name].tolist()
        assert not array.flags.writeable


def test_bytes_are_exact():
    texts_given = ["🙂👩‍👩‍👧", "‏שלום\u200f", "a\nb\r\n\t\0", "é", "e\u0301", ""]
    texts = Texts.build(range(6), texts_given)
    assert texts.bytes.tobytes() == "".join(texts_given).encode()
    assert [texts.first(row) for row in range(6)] == texts_given
    assert texts.rows.dtype == np.int32 and texts.offsets.dtype == np.int64


@pytest.mark.parametrize(
    ("rows", "texts", "message"),
    [([0], ["a", "b"], "1 rows for 2 texts"), ([-1], ["a"], "rows -1 to -1"), ([3], ["\ud800"], "row 3 is not valid")],
)
def test_bad_texts_are_refused(rows, texts, message):
    with pytest.raises(DataError, match=message):
        Texts.build(rows, texts)


def test_texts_are_read_only():
    for array in Texts.build([0], ["a"]).arrays().values():
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_types_of_entries():
    keys = Keys.build(["city", "country"], what="type")
    types = Types(keys, np.array([0, 1, 1, 3]), np.array([1, 0, 1], np.int32))
    back = Types.from_arrays(types.arrays())
    assert [back.of(entry).tolist() for entry in range(5)] == [[1], [], [0, 1], [], []]
    assert back.of(-1).tolist() == [] and back.keys.keys_of(back.of(2)) == ["city", "country"]
