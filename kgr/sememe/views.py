"""Views: ways of comparing synsets by what is known of them, each by its own features."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from kgr.errors import DataError
from kgr.index.analysis import Analyzer, AnalyzerConfig
from kgr.sememe.concept_views import CLASS, fit_classes, fit_closure, fit_hypernym_words
from kgr.sememe.dense_view import DenseView, Encoded
from kgr.sememe.graph_view import Neighbourhood, fit_graph, fit_related_words
from kgr.sememe.word_views import WORDS, fit_pieces, fit_words

if TYPE_CHECKING:
    from kgr.data.wordnet import WordNet
    from kgr.sememe.annotations import Annotations
    from kgr.sememe.descriptions import Descriptions


class View(Protocol):
    """One way of comparing synsets: the inner product of their features."""

    @property
    def name(self) -> str:
        """By which weights are given and evidence is told."""

    def features(self, asked: Descriptions) -> Any:
        """Return the features of synsets: float32[B, F], sparse or not, rows of norm 1, or 0 where nothing is known."""


@dataclasses.dataclass(frozen=True)
class References:
    """Synsets as a view sees them, ready to be compared with.

    Attributes
    ----------
    rows : int32[T]
        Rows of the annotations.
    columns : float32[F, T], sparse or not
        Their features.
    """

    rows: NDArray[np.int32]
    columns: Any


def fit_views(
    descriptions: Descriptions,
    annotations: Annotations,
    references: NDArray[np.int32],
    *,
    taxonomy: WordNet | None = None,
    vectors: Mapping[str, Encoded] | None = None,
    language: str = "en",
    inductive: bool = False,
) -> tuple[View, ...]:
    """Fit every view that the material allows.

    Parameters
    ----------
    descriptions : Descriptions
        Of all S synsets, in their order.
    annotations : Annotations
        Whose labels of train say how much the relations among the references are worth; nothing else is read of them.
    references : int32[T]
        Rows of those that others are compared with.
    taxonomy : WordNet, optional
        For hypernyms and lexicographer files.
    vectors : by name, optional
        Of the S synsets, and how those of new ones are made.
    language : str
        Of the texts.
    inductive : bool
        Take words, weights and neighbours from the references alone: no other synset of the store leaves a trace.

    Raises
    ------
    DataError
        The material allows none.
    """
    known = descriptions.take(references) if inductive else descriptions
    analyzer = Analyzer(AnalyzerConfig(language=language))
    graph = Neighbourhood.fit(descriptions, annotations, references, inductive=inductive)
    words = fit_words(known, analyzer)
    views: list[View | None] = [
        words,
        fit_pieces(known, analyzer),
        fit_classes(known, taxonomy),
        fit_graph(descriptions, graph),
        fit_related_words(descriptions, graph, words),
    ]
    if taxonomy is not None:
        views += [fit_hypernym_words(known, taxonomy, analyzer), fit_closure(known, taxonomy)]
    views += [DenseView(name, encoded) for name, encoded in (vectors or {}).items()]
    found = tuple(view for view in views if view is not None)
    if not found:
        raise DataError(
            f"found nothing to compare synsets by: no texts in {language}, WordNet, relations or vectors that the "
            "settings read; add texts with kgr add, or read more of the store"
        )
    return found


def references_of(view: View, descriptions: Descriptions, rows: NDArray[np.int32]) -> References:
    """Return references as a view sees them; ``descriptions`` are those of all synsets, in their order."""
    features = view.features(descriptions.take(rows))
    return References(rows, csr_array(features.T) if issparse(features) else np.ascontiguousarray(features.T))


def known(views: Sequence[View], asked: Descriptions) -> bool:
    """Whether views see anything of the one synset that is asked.

    Its class alone says nothing of it. An encoder has a vector for every text, of words that nobody knows too: what it
    makes of a new synset counts only where no view of words is there to tell.
    """
    words = any(view.name == WORDS for view in views)
    unseen = words and int(asked.rows[0]) < 0
    telling = (view for view in views if view.name != CLASS and not (unseen and isinstance(view, DenseView)))
    return any(float(abs(view.features(asked)).sum()) > 0 for view in telling)


def similarities(view: View, asked: Descriptions, references: References) -> NDArray[np.float32]:
    """Return how similar synsets are to each reference: float32[B, T], at most 1; -1 of one to itself.

    So no synset is evidence for itself.
    """
    found = view.features(asked) @ references.columns
    dense: NDArray[np.float32] = found.toarray() if issparse(found) else found
    at = np.searchsorted(references.rows, asked.rows)
    own = references.rows[np.minimum(at, len(references.rows) - 1)] == asked.rows
    dense[np.flatnonzero(own), at[own]] = -1
    return dense
