from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgr.errors import ConfigError
from kgr.index.passages import Passages, whole


def cut(text: str, words: int, stride: int) -> list[str]:
    return [text[first:last] for first, last in Passages(words, stride).spans(text).tolist()]


def test_windows_overlap_and_reach_the_end() -> None:
    assert cut("a b  c\nd e", 3, 2) == ["a b  c", "c\nd e"]
    assert cut(" a b c d e f ", 3, 2) == ["a b c", "c d e", "e f"]
    assert cut("a b", 3, 1) == ["a b"]
    assert cut("", 3, 1) == cut(" \n", 3, 1) == []


def test_words_of_scripts_without_spaces() -> None:
    assert cut("北京是首都 ok", 3, 3) == ["北京是", "首都 ok"]
    assert cut("كَتَبَ हिन्दी москва", 1, 1) == ["كَتَبَ", "हिन्दी", "москва"]


@given(st.integers(0, 30), st.integers(1, 6), st.integers(1, 6))
def test_every_word_is_in_a_passage_and_no_passage_is_in_another(n: int, words: int, stride: int) -> None:
    stride = min(stride, words)
    passages = [passage.split() for passage in cut(" ".join(map(str, range(n))), words, stride)]
    assert sorted({int(word) for passage in passages for word in passage}) == list(range(n))
    assert [passage[0] for passage in passages] == [str(i * stride) for i in range(len(passages))]
    assert all(len(passage) == words for passage in passages[:-1])
    assert all(int(later[-1]) > int(earlier[-1]) for earlier, later in pairwise(passages))


def test_a_whole_text() -> None:
    assert whole("ab c").tolist() == [[0, 4]]
    assert whole(" \n").shape == (0, 2)


@pytest.mark.parametrize(
    ("words", "stride", "message"), [(0, 1, "words is 0"), (3, 0, "stride is 0"), (3, 4, "1 to 3")]
)
def test_bad_wishes(words: int, stride: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Passages(words, stride)
