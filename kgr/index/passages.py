"""Passages: windows of so many words of a text, each so many words after the one before."""

from __future__ import annotations

import array
import dataclasses
import re
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from kgr.errors import ConfigError

# kana and Han, written without spaces
_ALONE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_WORD = re.compile(rf"[{_ALONE}]|[^\s{_ALONE}]+")


@dataclasses.dataclass(frozen=True)
class Passages:
    """How texts are cut into passages.

    A word is what stands between white space; each character of Chinese and Japanese is one.

    Attributes
    ----------
    words : int
        Words of a passage; the last of a text may have fewer.
    stride : int
        Words from the start of a passage to that of the next, at most ``words``: nothing is left out.

    Raises
    ------
    ConfigError
        ``words`` below 1, or ``stride`` not from 1 to ``words``.
    """

    words: int
    stride: int

    def __post_init__(self) -> None:
        if self.words < 1:
            raise ConfigError(f"words is {self.words}, expected at least 1")
        if not 1 <= self.stride <= self.words:
            raise ConfigError(f"stride is {self.stride}, expected 1 to {self.words}, the words of a passage")

    def spans(self, text: str) -> NDArray[np.int32]:
        """Cut a text: int32[p, 2], first character of each passage and the one after its last.

        The last passage is the first that reaches the last word; a text without words has none.
        """
        ends = array.array("i", chain.from_iterable(match.span() for match in _WORD.finditer(text)))
        words = np.frombuffer(ends, np.int32).reshape(-1, 2)
        count = 1 + max(0, -(-(len(words) - self.words) // self.stride)) if len(words) else 0
        first = np.arange(count) * self.stride
        last = np.minimum(first + self.words, len(words)) - 1
        return np.stack([words[first, 0], words[last, 1]], axis=1)


def whole(text: str) -> NDArray[np.int32]:
    """Return the span of a text as one passage, int32[1, 2]; of one without words none, int32[0, 2]."""
    return np.array([(0, len(text))][: bool(text.strip())], np.int32).reshape(-1, 2)


def passages_of(words: int, stride: int | None) -> Passages:
    """Return passages of so many words, by default one every half of them."""
    return Passages(words, max(1, words // 2) if stride is None else stride)
