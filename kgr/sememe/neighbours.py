"""Nearest references, and the rule of SPBS-SR (arXiv 1912.01795): sememes of the near count, less by rank."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kgr.errors import DataError
from kgr.sememe.dense_view import DenseView
from kgr.sememe.measure import average_precisions
from kgr.sememe.popularity import Popularity, fit_popularity
from kgr.sememe.scorer import Evidence
from kgr.sememe.views import References, View, known, references_of, similarities
from kgr.sememe.word_views import WORDS

if TYPE_CHECKING:
    from kgr.sememe.annotations import Annotations
    from kgr.sememe.descriptions import Descriptions

WEIGHTS = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0)
DECAYS = (0.9, 0.95, 0.98)
POWERS = (1.0, 2.0, 3.0, 4.0)
"""What is tried of each setting."""

SHORTLIST = 1000
"""References that are looked at while settings are tried."""

_ROUNDS = 3
_PRIOR = 1e-6  # orders by frequency the sememes that no neighbour has
_BLOCK = 512  # synsets at once


@dataclasses.dataclass(frozen=True)
class Neighbours:
    """The references nearest to each of B synsets, the nearest first.

    Attributes
    ----------
    rows : int32[B, K]
        Columns of the similarities that they were found in.
    weights : float32[B, K]
        Similarities.
    """

    rows: NDArray[np.int32]
    weights: NDArray[np.float32]

    def decayed(self, decay: float) -> Neighbours:
        """Return them with weights that count less by rank: times ``decay`` to the power 1, 2, …; none below 0."""
        by_rank = np.float32(decay) ** np.arange(1, self.rows.shape[1] + 1, dtype=np.float32)
        return Neighbours(self.rows, np.maximum(self.weights, 0) * by_rank)

    def matrix(self, references: int) -> csr_array:
        """Return the weights as a sparse matrix: float32[B, T]."""
        B, K = self.rows.shape
        return csr_array((self.weights.ravel(), self.rows.ravel(), np.arange(B + 1) * K), (B, references))


def nearest(similarities: NDArray[np.float32], k: int) -> Neighbours:
    """Return the ``k`` largest of each row, or all where there are fewer; of equal ones, the first references first.

    Parameters
    ----------
    similarities : float32[B, T]
    """
    k = min(k, similarities.shape[1])
    least = -np.partition(-similarities, k - 1, axis=1)[:, k - 1 : k] if k else similarities[:, :0]
    found = np.empty((len(similarities), k), np.int32)
    for row, (own, bound) in enumerate(zip(similarities, least, strict=True)):
        at = np.flatnonzero(own >= bound)
        found[row] = at[np.argsort(-own[at], kind="stable")[:k]]
    return Neighbours(found, np.take_along_axis(similarities, found, axis=1))


@dataclasses.dataclass(frozen=True)
class Rule:
    """How the nearest references count.

    Attributes
    ----------
    weights : by view
        Of its similarities in their sum, none below 0; a view that is not named does not count.
    decay : float
        What a place in the order is worth of the one before.
    power : float
        Of the sum of similarities, which makes it what a reference counts.
    count : int
        K: how many count.
    """

    weights: Mapping[str, float]
    decay: float
    power: float = 1.0
    count: int = 100

    def blend(self, near: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return what references may count by all views, float32[B, T], from similarities by each."""
        parts = [np.float32(weight) * near[name] for name, weight in self.weights.items() if weight]
        total: NDArray[np.float32] = np.maximum(sum(parts), 0)
        return total if self.power == 1 else total ** np.float32(self.power)

    def neighbours(self, near: Mapping[str, NDArray[np.float32]]) -> Neighbours:
        """Return the references that count and how much."""
        return nearest(self.blend(near), self.count).decayed(self.decay)


PUBLISHED = Rule({}, decay=0.8)
"""How references count in SPBS-SR's code, by whichever views."""


@dataclasses.dataclass(frozen=True)
class NearestSynsets:
    """Scores by the sememes of the nearest references: the sum of what each of them counts.

    Attributes
    ----------
    name : str
    views : (view, references as it sees them)
    rule : Rule
    labels : csr float32[T, C]
        What the references have.
    popularity : Popularity
        Orders the sememes that none of them has; of a synset without any neighbour, all.
    keys, lemmas : T texts
        Of the references, for explanations.
    """

    name: str
    views: tuple[tuple[View, References], ...]
    rule: Rule
    labels: csr_array
    popularity: Popularity
    keys: tuple[str, ...]
    lemmas: tuple[str, ...]

    def scores(self, asked: Descriptions) -> NDArray[np.float32]:
        """Return float32[B, C]; a reference does not count for itself."""
        found = np.float32(_PRIOR) * self.popularity.scores(asked)
        for first in range(0, len(asked), _BLOCK):
            part = slice(first, first + _BLOCK)
            some = asked.take(np.arange(len(asked))[part])
            found[part] += (self.near(some).matrix(len(self.keys)) @ self.labels).toarray()
        return found

    def near(self, asked: Descriptions) -> Neighbours:
        """Return the references that count for each synset."""
        return self.rule.neighbours({view.name: similarities(view, asked, own) for view, own in self.views})

    def knows(self, asked: Descriptions) -> bool:
        """Whether its views see anything of the synset: see :func:`kgr.sememe.views.known`."""
        return known([view for view, _ in self.views], asked)

    def why(self, asked: Descriptions, columns: Sequence[int]) -> list[list[Evidence]]:
        """Return the references that have each sememe and count, by how much."""
        near = self.near(asked)
        return [self._have(near, column) for column in columns]

    def _have(self, near: Neighbours, column: int) -> list[Evidence]:
        rows, weights = near.rows[0], near.weights[0]
        has = self.labels[:, [column]].toarray().ravel()[rows] > 0
        pairs = zip(rows[has].tolist(), weights[has].tolist(), strict=True)
        return [Evidence("synset", self.keys[row], self.lemmas[row], weight) for row, weight in pairs if weight > 0]


def fit_neighbours(
    descriptions: Descriptions,
    annotations: Annotations,
    references: NDArray[np.int32],
    views: Sequence[View],
    rule: Rule,
    *,
    name: str = "neighbours",
) -> NearestSynsets:
    """Fit a rule over views that it names to the train sememes of the references."""
    used = [view for view in views if rule.weights.get(view.name)]
    lemmas = descriptions.lemmas
    return NearestSynsets(
        name,
        tuple((view, references_of(view, descriptions, references)) for view in used),
        rule,
        annotations.of("train")[references],
        fit_popularity(annotations, references),
        tuple(annotations.keys[row] for row in references.tolist()),
        tuple(lemmas[row][0] if lemmas[row] else "" for row in references.tolist()),
    )


def fit_spbs_sr(
    descriptions: Descriptions,
    annotations: Annotations,
    references: NDArray[np.int32],
    views: Sequence[View],
    *,
    protocol: str = "clean",
) -> NearestSynsets:
    """Fit SPBS-SR: the 100 nearest by the cosine of vectors, less by 0.8 with each place.

    The vectors are those that the store keeps; without any, words, and WordNet's closure where it is there, one after
    the other as one vector. Where the protocol is "published", the sememes of valid and of the other test synsets
    count too, as in the paper's code.

    Raises
    ------
    DataError
        There are neither vectors nor words nor WordNet.
    """
    dense = [view.name for view in views if isinstance(view, DenseView)]
    chosen = dense or [view.name for view in views if view.name in (WORDS, "closure")]
    if not chosen:
        raise DataError(
            "SPBS-SR compares vectors, words or WordNet's closure, and the store has none of them: add texts with kgr "
            "add, or vectors with kgr encode and --vectors"
        )
    rule = dataclasses.replace(PUBLISHED, weights=dict.fromkeys(chosen, 1.0))
    if protocol == "published":
        annotations = annotations.published()
        references = annotations.rows("train")
    return fit_neighbours(descriptions, annotations, references, views, rule, name="spbs-sr")


def tune_rule(
    descriptions: Descriptions, annotations: Annotations, references: NDArray[np.int32], views: Sequence[View]
) -> Rule:
    """Return the rule of the highest mean average precision on valid, by one setting after another.

    Only references that are among the :data:`SHORTLIST` nearest by the plain sum of all views are looked at.
    """
    rows = annotations.rows("valid")
    gold = annotations.of("valid")[rows]
    labels = annotations.of("train")[references]
    shortlist, near = _shortlist(descriptions, references, rows, views)
    popular = np.float32(_PRIOR) * fit_popularity(annotations, references).scores(descriptions.take(rows))

    def value(rule: Rule) -> float:
        found = rule.neighbours(near)
        found = dataclasses.replace(found, rows=np.take_along_axis(shortlist, found.rows, axis=1))
        scores = (found.matrix(len(references)) @ labels).toarray() + popular
        return float(average_precisions(scores, gold).mean())

    best = Rule(dict.fromkeys(near, 1.0), 0.95, 2.0)
    figure = value(best)
    for _ in range(_ROUNDS):
        before = figure
        for changes in _changes(best):
            for other in changes(best):
                if any(other.weights.values()) and (found := value(other)) > figure:
                    best, figure = other, found
        if figure == before:
            break
    return best


Changes = Callable[[Rule], list[Rule]]
"""The rules that differ from one in one setting."""


def _changes(rule: Rule) -> list[Changes]:
    def weight(name: str) -> Changes:
        return lambda now: [dataclasses.replace(now, weights={**now.weights, name: value}) for value in WEIGHTS]

    return [
        *(weight(name) for name in rule.weights),
        lambda now: [dataclasses.replace(now, decay=decay) for decay in DECAYS],
        lambda now: [dataclasses.replace(now, power=power) for power in POWERS],
    ]


def _shortlist(
    descriptions: Descriptions, references: NDArray[np.int32], rows: NDArray[np.int32], views: Sequence[View]
) -> tuple[NDArray[np.int32], dict[str, NDArray[np.float32]]]:
    """Return the references nearest to each row by the plain sum of all views, and their similarities by each."""
    known = [(view, references_of(view, descriptions, references)) for view in views]
    parts = []
    for first in range(0, len(rows), _BLOCK):
        asked = descriptions.take(rows[first : first + _BLOCK])
        near = {view.name: similarities(view, asked, own) for view, own in known}
        found = nearest(np.sum(list(near.values()), axis=0), SHORTLIST).rows
        parts.append((found, {name: np.take_along_axis(similar, found, axis=1) for name, similar in near.items()}))
    shortlists = np.concatenate([found for found, _ in parts])
    return shortlists, {view.name: np.concatenate([near[view.name] for _, near in parts]) for view in views}
