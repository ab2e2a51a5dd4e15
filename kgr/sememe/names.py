"""Sememes whose names are in a synset's texts, or like them."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kgr.sememe.scorer import Evidence
from kgr.sememe.views import View

if TYPE_CHECKING:
    from kgr.sememe.descriptions import Descriptions

LIKE = "name by "

_JOINT = re.compile(r"(?<=[a-z])(?=[A-Z])|[_ ]+")
_WORD = re.compile(r"\w+")


@dataclasses.dataclass(frozen=True)
class Names:
    """Looks for the English names of C sememes in texts.

    Attributes
    ----------
    names : C texts
        In lower case, words parted by blanks.
    columns : by words of a name
        Columns of the sememes that have it.
    longest : int
        Words of the longest name.
    """

    names: tuple[str, ...]
    columns: Mapping[tuple[str, ...], list[int]]
    longest: int

    def of(self, asked: Descriptions) -> dict[str, NDArray[np.float32]]:
        """Return 1 where a name is in the lemmas, and in the gloss: float32[B, C] each."""
        glosses = [(gloss,) for gloss in asked.gloss]
        return {"name in lemmas": self._found(asked.lemmas), "name in gloss": self._found(glosses)}

    def why(self, asked: Descriptions, columns: Sequence[int]) -> list[dict[str, list[Evidence]]]:
        """Return the names, where they were found."""
        found = self.of(asked)
        return [
            {where: [Evidence("text", self.names[column], where, 1.0)] for where in found if found[where][0, column]}
            for column in columns
        ]

    def _found(self, texts: Sequence[Iterable[str]]) -> NDArray[np.float32]:
        found = np.zeros((len(texts), len(self.names)), np.float32)
        for row, own in enumerate(texts):
            for text in own:
                found[row, self._columns(text)] = 1
        return found

    def _columns(self, text: str) -> list[int]:
        words = _WORD.findall(text.lower())
        sizes = range(1, self.longest + 1)
        spans = (tuple(words[first : first + size]) for size in sizes for first in range(len(words) - size + 1))
        return [column for span in spans for column in self.columns.get(span, ())]


def fit_names(sememe_keys: Sequence[str]) -> Names:
    """Take the English names of sememes, whose keys are ``english|chinese``: ``AlgaeFungi`` is two words."""
    words = [tuple(word.lower() for word in _JOINT.split(key.split("|")[0]) if word) for key in sememe_keys]
    columns: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for column, name in enumerate(words):
        columns[name].append(column)
    return Names(tuple(" ".join(name) for name in words), dict(columns), max(map(len, words), default=0))


@dataclasses.dataclass(frozen=True)
class NameVectors:
    """How like a synset's vector is to that of each sememe's name.

    Attributes
    ----------
    view : View
        Dense.
    vectors : float32[C, D]
        Of the names, of norm 1.
    names : C texts
    """

    view: View
    vectors: NDArray[np.float32]
    names: tuple[str, ...]

    def of(self, asked: Descriptions) -> dict[str, NDArray[np.float32]]:
        """Return the cosines: float32[B, C]."""
        return {LIKE + self.view.name: np.asarray(self.view.features(asked) @ self.vectors.T, np.float32)}

    def why(self, asked: Descriptions, columns: Sequence[int]) -> list[dict[str, list[Evidence]]]:
        """Return the names."""
        feature = LIKE + self.view.name
        return [{feature: [Evidence("text", self.names[column], "like the name", 1.0)]} for column in columns]
