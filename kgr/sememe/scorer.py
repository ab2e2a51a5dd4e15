"""What every method is: scores of all sememes for synsets that are described, and why."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from kgr.sememe.descriptions import Descriptions


@dataclasses.dataclass(frozen=True)
class Evidence:
    """One thing that spoke for a sememe.

    Attributes
    ----------
    what
        "synset": an annotated synset that is like the one that was asked; "relation": one that a relation leads
        to; "text": words.
    key
        Of the synset; of the relation, a blank, and the synset that it leads to; or the words.
    label
        For people.
    weight
        How much it said; larger is more. Comparable among the evidence of one answer only.
    """

    what: Literal["synset", "relation", "text"]
    key: str
    label: str
    weight: float


class Scorer(Protocol):
    """A fitted method. It knows B synsets by their descriptions alone, those of the store and new ones alike."""

    @property
    def name(self) -> str:
        """By which weights are given and evidence is told."""

    def scores(self, asked: Descriptions) -> NDArray[np.float32]:
        """Score all sememes: float32[B, C], larger is better, finite.

        A synset that is among the method's own references is left out of the evidence for itself; only models with
        a vector of each synset (:class:`kgr.sememe.graph_train.GraphScorer`) cannot. The scores of a synset do not
        depend on the others that are asked with it.
        """
        ...

    def knows(self, asked: Descriptions) -> bool:
        """Whether anything that is known of the one synset that is asked says something to the method."""
        ...


@runtime_checkable
class Explainer(Protocol):
    """A method that can say why."""

    def why(self, asked: Descriptions, columns: Sequence[int]) -> list[list[Evidence]]:
        """Return what spoke for each of some sememes of the one synset that is asked, the strongest first."""
        ...


Found = TypeVar("Found")


class Last(Generic[Found]):
    """Keeps what was found last: the scores of a synset and the reasons for them come from the same neighbours."""

    def __init__(self) -> None:
        self._last: tuple[Descriptions | None, Found | None] = (None, None)

    def of(self, asked: Descriptions, find: Callable[[Descriptions], Found]) -> Found:
        """Return what ``find`` gives of these very descriptions, the object, without finding it twice in a row."""
        known, found = self._last
        if known is not asked or found is None:
            found = find(asked)
            self._last = asked, found
        return found
