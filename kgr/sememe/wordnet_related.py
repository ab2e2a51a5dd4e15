"""Relatives of synsets by WordNet's pointers: above, below, beside, near in meaning, near in subject."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array, diags_array

if TYPE_CHECKING:
    from kgr.data.wordnet import WordNet
    from kgr.sememe.descriptions import Descriptions

LEVELS = 8
"""How many steps up hypernyms are looked for."""

FADING = 0.6
"""What a step more makes of a hypernym's weight."""

SIBLING_LEVELS = 2
"""Who has a hypernym in common at most so many steps up is a sibling."""

HYPERNYMS = ("@", "@i")
MEANING = ("+", "&", "\\", "=", ">", "*", "^", "$", "!")
"""Derivation, similarity, pertainym, attribute, cause, entailment, see also, verb group, antonym."""

ALIKE = ("+", "&", "\\")
ONWARD = ("@", "+", "&")
"""From a synset alike, these lead on to more that are near."""

SUBJECT = ("%p", "%m", "%s", "#p", "#m", "#s", ";c", "-c", ";r", "-r", ";u", "-u")
"""Parts, members, substance, and domains."""


@dataclasses.dataclass(frozen=True)
class WordNetRelated:
    """Ways from WordNet's W synsets to T references; float32[W, T] unless said.

    Attributes
    ----------
    hypernyms : float32[W, W]
        1 from a synset to its hypernyms.
    itself, children, below, near, lateral
        Which references a synset is, has as hyponyms (by one over the root of how many it has), has below it in two
        steps, near in meaning, near in subject.
    """

    hypernyms: csr_array
    itself: csr_array
    children: csr_array
    below: csr_array
    near: csr_array
    lateral: csr_array

    def of(self, asked: Descriptions) -> dict[str, csr_array]:
        """Return by kind how near each reference is to B synsets, float32[B, T]; itself may be among them."""
        here, given = (incidence(asked, step, self.hypernyms.shape[0]) for step in (0, 1))
        up = csr_array((len(asked.rows), self.itself.shape[1]), dtype=np.float32)
        siblings = up
        for level, above in enumerate(self._levels(here, given)):
            weighed = above * np.float32(FADING**level)
            up = up + weighed @ self.itself
            if level < SIBLING_LEVELS:
                siblings = siblings + weighed @ self.children
        found = {"up": up, "sibling": siblings, "down": here @ self.below}
        return {**found, "near": here @ self.near, "lateral": here @ self.lateral}

    def _levels(self, here: csr_array, given: csr_array) -> Iterator[csr_array]:
        """Yield the hypernyms one step up, two, …: float32[B, W], 1 for each, where it is met first, till the top."""
        seen, level = here, here @ self.hypernyms + given
        for _ in range(LEVELS):
            level = marked(level)
            level = level - level * seen
            level.eliminate_zeros()
            if not level.nnz:
                return
            yield level
            seen, level = seen + level, level @ self.hypernyms


def fit_wordnet_related(references: Descriptions, taxonomy: WordNet) -> WordNetRelated:
    """Prepare the look-up of relatives among T references."""
    W = len(taxonomy.lexname)
    itself = csr_array(incidence(references, 0, W).T)
    hypernyms = pointers(taxonomy, HYPERNYMS)
    hyponyms = csr_array(hypernyms.T)
    children = hyponyms @ itself
    onward = pointers(taxonomy, ALIKE) @ pointers(taxonomy, ONWARD)
    return WordNetRelated(
        hypernyms,
        itself,
        diags_array((1 / np.sqrt(np.maximum(hyponyms.sum(axis=1), 1))).astype(np.float32)) @ children,
        children + np.float32(0.5) * (hyponyms @ children),
        pointers(taxonomy, MEANING) @ itself + np.float32(0.4) * (onward @ itself),
        pointers(taxonomy, SUBJECT) @ itself,
    )


def incidence(descriptions: Descriptions, step: int, concepts: int) -> csr_array:
    """Return which of W concepts each description is (``step`` 0) or is right below (1): float32[B, W]."""
    rows = np.repeat(np.arange(len(descriptions.rows)), np.diff(descriptions.concepts.offsets))
    at = np.flatnonzero(descriptions.concepts.steps == step)
    places = rows[at], descriptions.concepts.ids[at]
    return marked(csr_array((np.ones(len(at), np.float32), places), (len(descriptions.rows), concepts)))


def pointers(taxonomy: WordNet, symbols: Collection[str]) -> csr_array:
    """Return 1 from each WordNet synset to those that pointers of these symbols lead to: float32[W, W]."""
    offsets, targets = taxonomy.related(*symbols)
    W = len(taxonomy.lexname)
    return marked(csr_array((np.ones(len(targets), np.float32), targets, offsets), (W, W)))


def marked(matrix: csr_array) -> csr_array:
    """Return 1 where there is something, float32."""
    matrix.sum_duplicates()
    return csr_array((np.ones(len(matrix.data), np.float32), matrix.indices, matrix.indptr), matrix.shape)
