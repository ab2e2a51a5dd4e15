"""Features of pairs of a synset and a sememe that may be its own: what every source says, and how they compare."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kgr._ragged import offsets_of
from kgr.sememe.names import LIKE, NameVectors, fit_names
from kgr.sememe.neighbours import Rule
from kgr.sememe.popularity import fit_popularity
from kgr.sememe.related import fit_related
from kgr.sememe.scorer import Evidence, Scorer
from kgr.sememe.sources import (
    ALL,
    MOST_SIMILAR,
    VOTE,
    Annotated,
    Scored,
    Scores,
    Shares,
    Source,
    Traces,
    Votes,
    cooccurrence,
    fit_class_frequency,
)
from kgr.sememe.views import View, known, references_of

if TYPE_CHECKING:
    from kgr.data.wordnet import WordNet
    from kgr.sememe.annotations import Annotations
    from kgr.sememe.descriptions import Descriptions

BLOCK = 256
"""So many synsets are scored at once: it bounds the memory."""

PROPOSING = ("share of up", "share of down", "share of near", "share of graph", "share of lemma", "share of sibling")
"""Features by which sememes become candidates, beside the votes by all views."""

NAMED = 6
"""So many sememes with the likest names are candidates too."""

CONTEXT = ("rank", "vote beside the best", "best vote", "most similar", "sememes expected", "part of speech")
"""What is said of a candidate beside the other candidates."""


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Candidates of B synsets, P in all, and F features of each.

    Attributes
    ----------
    offsets : int64[B + 1]
    columns : int32[P]
        Sememes, ascending for each synset.
    values : float32[P, F]
    """

    offsets: NDArray[np.int64]
    columns: NDArray[np.int32]
    values: NDArray[np.float32]

    @property
    def rows(self) -> NDArray[np.int64]:
        """To which of the synsets each pair belongs, int64[P]."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))


@dataclasses.dataclass(frozen=True)
class Features:
    """Proposes candidates and describes them.

    Attributes
    ----------
    sources : of evidence
    candidates : int
        About so many for each synset.
    names : F texts
        Of the features.
    views : of synsets
        By which the nearest references are found.
    """

    sources: Sequence[Source]
    candidates: int
    names: tuple[str, ...]
    views: Sequence[View]

    def knows(self, asked: Descriptions) -> bool:
        """Whether a view sees anything of the one synset: see :func:`kgr.sememe.views.known`."""
        return known(self.views, asked)

    def of(self, asked: Descriptions) -> Pairs:
        """Return the candidates of B synsets and their features."""
        blocks = [self._block(part) for part in _parts(asked)]
        offsets = offsets_of(np.concatenate([np.diff(pairs.offsets) for pairs in blocks]))
        columns = np.concatenate([pairs.columns for pairs in blocks])
        return Pairs(offsets, columns, np.concatenate([pairs.values for pairs in blocks]))

    def evidence(
        self, asked: Descriptions, columns: Sequence[int], gains: Sequence[Mapping[str, float]]
    ) -> list[list[Evidence]]:
        """Return what spoke for each of some sememes of one synset, the strongest first.

        ``gains`` say of each what every feature was worth, which goes to where the feature's value comes from.
        """
        told = [source.why(asked, columns) for source in self.sources]
        return [_strongest([own[place] for own in told], worth) for place, worth in enumerate(gains)]

    def _block(self, asked: Descriptions) -> Pairs:
        scores = _scores(self.sources, asked)
        chosen = self._candidates(scores)
        rows, columns = np.nonzero(chosen)
        values = [found[rows, columns] for found in (*scores.values(), *_context(scores, chosen, asked.pos).values())]
        return Pairs(offsets_of(chosen.sum(axis=1)), columns.astype(np.int32), np.stack(values, axis=1))

    def _candidates(self, scores: Scores) -> NDArray[np.bool_]:
        """Return which sememes are candidates of each synset, bool[B, C]."""
        proposed = 3 * scores[VOTE + ALL] + np.float32(1e-3) * scores["score of popularity"]
        for name in PROPOSING:
            if name in scores:
                proposed += scores[name]
        chosen = _largest(proposed, self.candidates)
        like = [found for name, found in scores.items() if name.startswith(LIKE)]
        if like:
            chosen |= _largest(np.sum(like, axis=0), NAMED)
        return chosen


def fit_features(
    descriptions: Descriptions,
    annotations: Annotations,
    references: NDArray[np.int32],
    *,
    views: Sequence[View],
    rule: Rule,
    scorers: Sequence[Scorer] = (),
    taxonomy: WordNet | None = None,
    name_vectors: Mapping[str, NDArray[np.float32]] = MappingProxyType({}),
    relations: Sequence[str] = (),
    neighbours: int = 60,
    candidates: int = 60,
) -> Features:
    """Fit every source on references.

    Parameters
    ----------
    descriptions : Descriptions
        Of all S synsets, in their order.
    references : int32[T]
        Rows of the synsets whose train sememes may be used, ascending.
    views : of synsets
        By which the nearest references are found.
    rule : Rule
        How the views count together.
    scorers : optional
        Other methods, fitted on the same references.
    taxonomy : WordNet, optional
        For relatives by WordNet, and for the lexicographer files.
    name_vectors : by view, optional
        Vectors of the names of sememes by the encoder of a dense view: float32[C, D], of norm 1.
    relations : of R texts, optional
        Names of the relations.
    neighbours : int
        References that vote by each view.
    candidates : int
        Sememes of each synset that are described, about.
    """
    annotated = Annotated.of(descriptions, annotations, references)
    seen = [(view, references_of(view, descriptions, references)) for view in views]
    named = fit_names(annotations.sememe_keys)
    lexname = None if taxonomy is None else taxonomy.lexname
    sources: list[Source] = [
        Votes(annotated, seen, rule, neighbours, cooccurrence(annotated.labels)),
        Shares(annotated, fit_related(descriptions, references, taxonomy, relations)),
        fit_class_frequency(annotated, descriptions.take(references), lexname),
        Scored(fit_popularity(annotations, references)),
        *(Scored(scorer) for scorer in scorers),
        named,
        *(NameVectors(view, name_vectors[view.name], named.names) for view in views if view.name in name_vectors),
    ]
    first = _scores(sources, descriptions.take(references[:1]))
    return Features(tuple(sources), candidates, (*first, *CONTEXT), views)


def _scores(sources: Sequence[Source], asked: Descriptions) -> Scores:
    found: Scores = {}
    for source in sources:
        found |= source.of(asked)
    return found


def _strongest(told: Sequence[Traces], gains: Mapping[str, float]) -> list[Evidence]:
    worth = {**gains, VOTE + ALL: sum(gains[name] for name in (VOTE + ALL, *CONTEXT[:2]))}
    total: dict[tuple[str, str], float] = defaultdict(float)
    found: dict[tuple[str, str], Evidence] = {}
    for name, traces in (each for own in told for each in own.items()):
        for one in traces:
            found[one.what, one.key] = one
            total[one.what, one.key] += worth[name] * one.weight
    weighed = [dataclasses.replace(found[key], weight=weight) for key, weight in total.items() if weight > 0]
    return sorted(weighed, key=lambda one: (-one.weight, one.key))


def _parts(asked: Descriptions) -> Iterator[Descriptions]:
    if len(asked.rows) <= BLOCK:
        yield asked
        return
    for first in range(0, len(asked.rows), BLOCK):
        yield asked.take(np.arange(first, min(first + BLOCK, len(asked.rows))))


def _largest(scores: NDArray[np.float32], count: int) -> NDArray[np.bool_]:
    """Return whether each is one of the largest so many of its row: bool[B, C]."""
    chosen = np.zeros(scores.shape, bool)
    if scores.shape[1] <= count:
        return ~chosen
    at = np.argpartition(-scores, count - 1, axis=1)[:, :count]
    np.put_along_axis(chosen, at, True, axis=1)
    return chosen


def _context(scores: Scores, chosen: NDArray[np.bool_], pos: NDArray[np.uint8]) -> Scores:
    vote, similar = scores[VOTE + ALL], scores[MOST_SIMILAR + ALL]
    order = np.argsort(np.where(chosen, -vote, np.inf), axis=1, kind="stable")
    rank = np.empty(vote.shape, np.float32)
    np.put_along_axis(rank, order, np.broadcast_to(np.arange(vote.shape[1], dtype=np.float32), vote.shape), axis=1)
    best = vote.max(axis=1, keepdims=True)
    whole = (best, similar.max(axis=1, keepdims=True), vote.sum(axis=1, keepdims=True), pos[:, None])
    spread = (np.broadcast_to(np.asarray(one, np.float32), vote.shape) for one in whole)
    return dict(zip(CONTEXT, (rank, vote / np.maximum(best, np.float32(1e-9)), *spread), strict=True))
