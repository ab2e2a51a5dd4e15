"""What speaks for a sememe: votes of near references, shares among relatives, how frequent it is, its name.

Every source leaves a synset's own annotation out, so that it says of a reference what it says of a new synset.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from kgr.sememe.annotations import places_of, remainder, rows_at
from kgr.sememe.neighbours import Neighbours, Rule, nearest
from kgr.sememe.related import Related
from kgr.sememe.scorer import Evidence, Last, Scorer
from kgr.sememe.views import References, View, similarities

if TYPE_CHECKING:
    from kgr.sememe.annotations import Annotations
    from kgr.sememe.descriptions import Descriptions

Scores = dict[str, NDArray[np.float32]]
"""float32[B, C] by feature: of B synsets and C sememes, larger speaks more for it."""

Traces = dict[str, list[Evidence]]
"""By feature, where its value for one sememe comes from; weights are shares of it."""

ALL = "all views"
"""The views together."""

VOTE, MOST_SIMILAR = "vote by ", "most similar by "

DECAY = 0.95
NEAREST = 30
"""Of so many neighbours the most similar one with a sememe counts by itself."""


class Source(Protocol):
    """One kind of evidence, fitted on references."""

    def of(self, asked: Descriptions) -> Scores:
        """Return its scores by feature."""

    def why(self, asked: Descriptions, columns: Sequence[int]) -> list[Traces]:
        """Return where the scores of one synset and some sememes come from; of some features nothing can be said."""


@dataclasses.dataclass(frozen=True)
class Annotated:
    """T references and their sememes.

    Attributes
    ----------
    rows : int32[T]
        Among the annotations, ascending.
    labels : csr float32[T, C]
        What they have in train.
    keys, names : T texts
        Key, and first lemma.
    """

    rows: NDArray[np.int32]
    labels: csr_array
    keys: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, descriptions: Descriptions, annotations: Annotations, references: NDArray[np.int32]) -> Annotated:
        """Take what is known of references; ``descriptions`` are those of all S synsets."""
        keys = tuple(annotations.keys[row] for row in references.tolist())
        lemmas = (descriptions.lemmas[row] for row in references.tolist())
        names = tuple(own[0] if own else key for own, key in zip(lemmas, keys, strict=True))
        return cls(references, annotations.of("train")[references], keys, names)

    def own(self, asked: Descriptions) -> csr_array:
        """Return what those of B synsets that are references have: csr float32[B, C]."""
        return rows_at(self.labels, places_of(self.rows, asked.rows))

    def having(self, column: int) -> NDArray[np.bool_]:
        """Return which references have a sememe, bool[T]."""
        has: NDArray[np.bool_] = self.labels[:, [column]].toarray().ravel() > 0
        return has

    def spoke(self, places: NDArray[np.integer], weights: NDArray[np.floating], relation: str = "") -> list[Evidence]:
        """Return references as evidence, by their shares of the weight; by relation where one is given."""
        total = float(weights.sum()) or 1.0
        return [
            Evidence(
                "relation" if relation else "synset",
                f"{relation} {self.keys[place]}" if relation else self.keys[place],
                self.names[place],
                weight / total,
            )
            for place, weight in zip(places.tolist(), weights.tolist(), strict=True)
        ]


@dataclasses.dataclass(frozen=True)
class Votes:
    """What the nearest references by each view, and by all together, are annotated with.

    Attributes
    ----------
    annotated : Annotated
    views : (view, references as it sees them)
    rule : Rule
        How the views count together.
    neighbours : int
        So many vote; the share of the i-th is its similarity times :data:`DECAY` to the power i.
    together : float32[C, C]
        How many references have two sememes together.
    """

    annotated: Annotated
    views: Sequence[tuple[View, References]]
    rule: Rule
    neighbours: int
    together: NDArray[np.float32]
    _last: Last[dict[str, Neighbours]] = dataclasses.field(default_factory=Last, compare=False, repr=False)

    def of(self, asked: Descriptions) -> Scores:
        found: Scores = {}
        for name, near in self._nearest(asked).items():
            found[VOTE + name], found[MOST_SIMILAR + name] = self._vote(near), self._most_similar(near)
        found[VOTE + "sememes together"] = self._together(found[VOTE + ALL], self.annotated.own(asked).toarray())
        return found

    def _together(self, vote: NDArray[np.float32], own: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the votes for other sememes, each by the cosine of both over all references but the synset itself."""
        counts = self.together.diagonal()
        norms = np.sqrt(np.maximum(counts - own, 1))
        shares = vote / norms
        mine = own * (np.sum(shares * own, axis=1, keepdims=True) - shares)
        found: NDArray[np.float32] = remainder(shares @ self.together, shares * counts + mine) / norms
        return found

    def why(self, asked: Descriptions, columns: Sequence[int]) -> list[Traces]:
        near = self._nearest(asked)
        return [self._trace(near, self.annotated.having(column)) for column in columns]

    def _trace(self, nearest: Mapping[str, Neighbours], has: NDArray[np.bool_]) -> Traces:
        traces = {}
        for name, near in nearest.items():
            at = has[near.rows[0]]
            places, weights = near.rows[0, at], near.decayed(DECAY).weights[0, at]
            traces[VOTE + name] = self.annotated.spoke(places, weights)
            traces[MOST_SIMILAR + name] = self.annotated.spoke(places[:1], weights[:1])
        return traces

    def _nearest(self, asked: Descriptions) -> dict[str, Neighbours]:
        return self._last.of(asked, self._find)

    def _find(self, asked: Descriptions) -> dict[str, Neighbours]:
        near = {view.name: similarities(view, asked, references) for view, references in self.views}
        near[ALL] = self.rule.blend(near)
        return {name: nearest(similar, self.neighbours) for name, similar in near.items()}

    def _vote(self, near: Neighbours) -> NDArray[np.float32]:
        votes = near.decayed(DECAY)
        total = np.maximum(votes.weights.sum(axis=1, keepdims=True), np.float32(1e-9))
        shares: NDArray[np.float32] = (votes.matrix(len(self.annotated.rows)) @ self.annotated.labels).toarray() / total
        return shares

    def _most_similar(self, near: Neighbours) -> NDArray[np.float32]:
        rows, weights = near.rows[:, :NEAREST], np.maximum(near.weights[:, :NEAREST], 0)
        own = self.annotated.labels[rows.ravel()]
        counts = np.diff(own.indptr)
        at = np.repeat(np.repeat(np.arange(len(rows)), rows.shape[1]), counts)
        best = np.zeros((len(rows), own.shape[1]), np.float32)
        np.maximum.at(best, (at, own.indices), np.repeat(weights.ravel(), counts))
        return best


@dataclasses.dataclass(frozen=True)
class Shares:
    """What share of the relatives of each kind is annotated with a sememe."""

    annotated: Annotated
    related: Related

    def of(self, asked: Descriptions) -> Scores:
        found = self.related.of(asked)
        near = vstack(list(found.values()), format="csr")
        total = np.maximum(near.sum(axis=1), np.float32(1e-9))[:, None]
        shares = (near @ self.annotated.labels).toarray() / total
        return {f"share of {kind}": own for kind, own in zip(found, np.split(shares, len(found)), strict=True)}

    def why(self, asked: Descriptions, columns: Sequence[int]) -> list[Traces]:
        related = self.related.of(asked)
        return [self._trace(related, self.annotated.having(column)) for column in columns]

    def _trace(self, related: Mapping[str, csr_array], has: NDArray[np.bool_]) -> Traces:
        traces = {}
        for kind, near in related.items():
            at = has[near.indices]
            traces[f"share of {kind}"] = self.annotated.spoke(near.indices[at], near.data[at], kind)
        return traces


@dataclasses.dataclass(frozen=True)
class ClassFrequency:
    """How frequent sememes are among the references of the same class.

    A class is a lexicographer file of WordNet, or a part of speech where there is none.

    Attributes
    ----------
    annotated : Annotated
    lexname : uint8[W] or None
        Lexicographer files of WordNet's synsets.
    counts : float32[L, C]
        References of each class that have a sememe.
    sizes : float32[L]
        References of each class.
    """

    annotated: Annotated
    lexname: NDArray[np.uint8] | None
    counts: NDArray[np.float32]
    sizes: NDArray[np.float32]

    def of(self, asked: Descriptions) -> Scores:
        classes, own = classes_of(asked, self.lexname), self.annotated.own(asked).toarray()
        others = np.maximum(self.sizes[classes] - own.any(axis=1), 1)
        return {"frequency in its class": (self.counts[classes] - own) / others[:, None]}

    def why(self, asked: Descriptions, columns: Sequence[int]) -> list[Traces]:
        return [{} for _ in columns]


@dataclasses.dataclass(frozen=True)
class Scored:
    """What another method says, one that leaves a synset's own annotation out too."""

    scorer: Scorer

    def of(self, asked: Descriptions) -> Scores:
        return {f"score of {self.scorer.name}": self.scorer.scores(asked)}

    def why(self, asked: Descriptions, columns: Sequence[int]) -> list[Traces]:
        return [{} for _ in columns]


def fit_class_frequency(
    annotated: Annotated, references: Descriptions, lexname: NDArray[np.uint8] | None
) -> ClassFrequency:
    """Count the sememes of references by class."""
    classes, T = classes_of(references, lexname), len(annotated.rows)
    member = csr_array((np.ones(T, np.float32), (classes, np.arange(T))), (256, T))
    sizes = np.bincount(classes, minlength=256).astype(np.float32)
    return ClassFrequency(annotated, lexname, (member @ annotated.labels).toarray(), sizes)


def classes_of(asked: Descriptions, lexname: NDArray[np.uint8] | None) -> NDArray[np.int64]:
    """Return the class of each synset, int64[B]: part of speech, or 128 + the file of its first concept."""
    classes = asked.pos.astype(np.int64)
    if lexname is not None:
        starts, ends = asked.concepts.offsets[:-1], asked.concepts.offsets[1:]
        known = ends > starts
        classes[known] = 128 + lexname[asked.concepts.ids[starts[known]]].astype(np.int64)
    return classes


def cooccurrence(labels: csr_array) -> NDArray[np.float32]:
    """Return how many references have two sememes together: float32[C, C], on the diagonal how many have each."""
    found: NDArray[np.float32] = (labels.T @ labels).toarray()
    return found
