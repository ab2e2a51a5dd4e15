"""Keys: numbering, look-up, refusals, nearest keys."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgr.errors import DataError, UnknownKey
from kgr.index.keys import Keys

# any characters that a key may have, emoji, right-to-left and marks included
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\t\n\r\0")
KEY = st.text(CHARACTERS, min_size=1, max_size=12)
ANYTHING = st.text(st.characters(), max_size=8)  # lone surrogates and line feeds too


@settings(max_examples=150, deadline=None)
@given(keys=st.lists(KEY, unique=True, max_size=60), others=st.lists(ANYTHING, max_size=20))
def test_look_up_agrees_with_a_dict(keys, others):
    table, numbers = Keys.build(keys, what="key"), {key: id for id, key in enumerate(keys)}
    asked = [*reversed(keys), *others]
    ids = table.find(asked)
    assert ids.dtype == np.int32
    assert ids.tolist() == [numbers.get(key, -1) for key in asked]
    assert len(table) == len(keys) and table.keys_of(range(len(keys))) == keys
    assert table.bytes.tobytes() == "".join(keys).encode()


@settings(max_examples=60, deadline=None)
@given(st.lists(KEY, unique=True, max_size=30), st.integers(0, 30))
def test_extended_keys_are_those_built_at_once(keys, cut):
    extended, whole = Keys.build(keys[:cut], what="key").extended(keys[cut:]), Keys.build(keys, what="key")
    for name, array in whole.arrays().items():
        assert extended.arrays()[name].dtype == array.dtype
        assert np.array_equal(extended.arrays()[name], array)


def test_extended_by_a_present_key():
    with pytest.raises(DataError, match="key: key 'b' at 1 is there already"):
        Keys.build(["a", "b"], what="key").extended(["c", "b"])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text("ab", min_size=1, max_size=9), unique=True, min_size=1, max_size=200))
def test_likeness_does_not_mislead(keys):
    known, absent = keys[::2], keys[1::2]
    table = Keys.build(known, what="key")
    assert table.ids(known).tolist() == list(range(len(known)))
    assert (table.find(absent) == -1).all()


def test_many_keys_and_the_load_of_the_table():
    keys = [f"Q{number * 7919 % 1_000_003}" for number in range(100_000)]
    table = Keys.build(keys, what="entry")
    assert np.array_equal(table.find(keys), np.arange(len(keys)))
    assert len(table) <= 2 / 3 * len(table.table)
    taken = table.table[table.table >= 0]
    assert np.array_equal(np.sort(taken), np.arange(len(keys)))


def test_long_keys_and_one_byte_of_difference():
    keys = ["x" * 70_000 + end for end in "abc"]
    table = Keys.build(keys, what="key")
    assert table.find([*keys, "x" * 70_000 + "d", "x" * 70_000]).tolist() == [0, 1, 2, -1, -1]


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 100, 12_345])
def test_numbers_are_the_keys_in_digits(count):
    plain, table = Keys.build([str(id) for id in range(count)], what="key"), Keys.numbers(count, what="key")
    for name, array in plain.arrays().items():
        found = table.arrays()[name]
        assert found.dtype == array.dtype and np.array_equal(found, array)
    assert table.find(["7", str(count), "07", "-1"]).tolist() == [7 if count > 7 else -1, -1, -1, -1]


def test_no_keys():
    table = Keys.build([], what="relation")
    assert len(table) == 0 and table.find(["a"]).tolist() == [-1] and table.find([]).tolist() == []
    with pytest.raises(UnknownKey, match="relation 'a'"):
        table.id("a")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["a", "b", "c", "b"], "entities: key 'b' at 1 is repeated at 3"),
        (["a", ""], "entities: key '' at 1 is empty"),
        (["a", "b\tc"], r"entities: key 'b\\tc' at 1 has a tab"),
        (["a\nb", "c"], r"entities: key 'a\\nb' at 0 has a line feed"),
        (["a", "\n"], "at 1 has a line feed"),
        (["a\r"], "a carriage return"),
        (["a\0b"], "a NUL"),
        (["ok", "\ud800"], "at 1 is not valid Unicode"),
        ([""], "is empty"),
    ],
)
def test_bad_keys_are_refused(keys, message):
    with pytest.raises(DataError, match=message):
        Keys.build(keys, what="entities")


def test_characters_next_to_the_surrogates_are_kept():
    keys = ["\ud7ff", "\ue000", "힣", "🙂", "שלום", "مرحبا", "e\u0301", "\u00e9"]
    assert Keys.build(keys, what="key").keys_of(range(len(keys))) == keys


def test_unknown_key_names_the_nearest():
    table = Keys.build(["territory:CH", "territory:DE", "language:de", "city:2657896"], what="entity")
    with pytest.raises(UnknownKey, match=r"unknown entity 'teritory:CH'; nearest: territory:CH"):
        table.id("teritory:CH")
    with pytest.raises(UnknownKey, match="'first'"):
        table.ids(["language:de", "first", "second"])
    with pytest.raises(UnknownKey, match=r"\?\?"):  # no Unicode: a message nevertheless
        table.id("??\ud800")


def test_the_nearest_is_found_among_many():
    keys = [f"entity/{number:06d}" for number in range(200_000)]
    with pytest.raises(UnknownKey, match="entity/123456"):
        Keys.build(keys, what="entry").id("entity/1234567")


@pytest.mark.parametrize("id", [-1, 2])
def test_an_id_out_of_range_is_refused(id):
    with pytest.raises(UnknownKey, match=f"entry id {id}; there are 2"):
        Keys.build(["a", "b"], what="entry").key(id)


def test_arrays_are_read_only():
    for array in Keys.build(["a", "b"], what="key").arrays().values():
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_what_cannot_be_a_key_is_absent_and_shifts_nothing():
    table = Keys.build(["a", "b", "c"], what="key")
    assert table.find(["a\nb", "b", "", "\ud800", "\n", "c"]).tolist() == [-1, 1, -1, -1, -1, 2]
