"""Views of WordNet: what a synset is a kind of, the words of that, and its part of speech and lexicographer file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kgr.index.analysis import Analyzer
from kgr.sememe.bags import Bag, BagView, fit_bags
from kgr.sememe.word_views import smooth, words_of

if TYPE_CHECKING:
    from kgr.data.wordnet import WordNet
    from kgr.sememe.descriptions import Descriptions

CLASS = "class"
"""The name of the view of what kind of thing a synset is."""

DECAY = 0.7
"""What a concept is worth of one below it."""

BESIDE = 0.7
"""What a concept is worth that a pointer of another kind leads to."""

UP = ("@", "@i")
ALIKE = ("+", "\\", "&", "=")
"""Derivation, pertainym, similarity, attribute: what is above one of these is above the synset too, worth less."""

ASIDE = ("*", ">", "^", "$", "#m", "#s", "#p", "%m", "%s", "%p", ";c", ";r", ";u")
"""Entailment, cause, see also, verb group, members, substances, parts, domains: they count themselves."""


class Closure:
    """What is above and beside the concepts of a taxonomy."""

    def __init__(self, taxonomy: WordNet) -> None:
        self._up, self._alike, self._aside = (taxonomy.related(*symbols) for symbols in (UP, ALIKE, ASIDE))

    def above(self, concepts: dict[int, float]) -> dict[int, float]:
        """Return concepts and all above them, each by its weight along the best way there.

        Parameters
        ----------
        concepts : by concept
            Weights to begin with.
        """
        found: dict[int, float] = {}
        level = concepts
        while level:
            better = {concept: weight for concept, weight in level.items() if weight > found.get(concept, 0)}
            found.update(better)
            level = {}
            for concept, weight in better.items():
                for target in _targets(self._up, concept):
                    level[target] = max(level.get(target, 0), DECAY * weight)
        return found

    def tokens(self, own: dict[int, float]) -> Bag:
        """Return the tokens of a synset that is some concepts, or is below some: those above, and those beside."""
        alike = Counter(target for concept in own for target in _targets(self._alike, concept))
        near = {*alike, *(target for concept in own for target in _targets(self._aside, concept))}
        starts = {**dict.fromkeys(alike, DECAY * DECAY), **own}
        return {**self.above(starts), **{("beside", target): BESIDE for target in near}}


def fit_closure(descriptions: Descriptions, taxonomy: WordNet) -> BagView | None:
    """Compare by what synsets are a kind of, and by what pointers lead to."""
    closure = Closure(taxonomy)

    def tokens(asked: Descriptions) -> list[Bag]:
        return [closure.tokens(own) for own in _concepts(asked)]

    return fit_bags("closure", tokens, descriptions, idf=np.log1p)


def fit_hypernym_words(descriptions: Descriptions, taxonomy: WordNet, analyzer: Analyzer) -> BagView | None:
    """Compare by the words of lemmas and glosses, and of the lemmas of what is above."""
    closure = Closure(taxonomy)
    known: dict[int, list[str]] = {}

    def lemma_words(concept: int) -> list[str]:
        if concept not in known:
            known[concept] = analyzer.terms(" ".join(taxonomy.lemmas.all(concept)))
        return known[concept]

    def tokens(asked: Descriptions) -> list[Bag]:
        bags: list[Bag] = []
        for own, found in zip(_concepts(asked), words_of(asked, analyzer), strict=True):
            bag: dict[str, float] = dict(found)
            for concept, weight in closure.above(own).items():
                for word in lemma_words(concept):
                    bag[word] = max(bag.get(word, 0), weight)
            bags.append(bag)
        return bags

    return fit_bags("hypernym words", tokens, descriptions, idf=smooth)


def fit_classes(descriptions: Descriptions, taxonomy: WordNet | None) -> BagView | None:
    """Compare by part of speech and lexicographer file; None where all are of one."""

    def tokens(asked: Descriptions) -> list[Bag]:
        bags: list[dict[str, float]] = [{f"pos {pos}": 1.0} if pos else {} for pos in asked.pos.tolist()]
        if taxonomy is not None:
            for bag, own in zip(bags, _concepts(asked), strict=True):
                bag.update((f"file {taxonomy.lexname[concept]}", 1.0) for concept in own)
        return [*bags]

    view = fit_bags(CLASS, tokens, descriptions, idf=np.ones_like)
    return None if view is None or len(view.columns) == 1 else view


def _concepts(asked: Descriptions) -> Iterator[dict[int, float]]:
    """Yield the concepts of each synset, 1 of its own, less of those that it is below."""
    offsets, ids, steps = asked.concepts
    weights = (DECAY ** steps.astype(np.float64)).tolist()
    places, concepts = offsets.tolist(), ids.tolist()
    for first, last in pairwise(places):
        yield dict(zip(concepts[first:last], weights[first:last], strict=True))


def _targets(related: tuple[NDArray[np.int64], NDArray[np.int32]], concept: int) -> list[int]:
    offsets, targets = related
    found: list[int] = targets[offsets[concept] : offsets[concept + 1]].tolist()
    return found
