"""Relatives of synsets: by the graph, by lemmas, by WordNet's pointers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kgr._ragged import offsets_of
from kgr.sememe.descriptions import Concepts, Descriptions, Edges
from kgr.sememe.related import SHARERS, fit_related
from kgr.sememe.wordnet_related import FADING, fit_wordnet_related

POINTERS = (
    ("dog", "@", "canine"),
    ("wolf", "@", "canine"),
    ("canine", "@", "animal"),
    ("Rex", "@i", "dog"),
    ("doggy", "+", "dog"),
    ("tail", "#p", "dog"),
)
NAMES = ("dog", "wolf", "canine", "animal", "Rex", "doggy", "tail")


@dataclass(frozen=True)
class SmallWordNet:
    """As much of a taxonomy as relatives ask for."""

    lexname: NDArray[np.uint8]

    def related(self, *symbols: str) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        chosen = [[NAMES.index(to) for name, kind, to in POINTERS if name == own and kind in symbols] for own in NAMES]
        flat = np.array([to for each in chosen for to in each], np.int32)
        return offsets_of([len(each) for each in chosen]), flat


WORDNET = SmallWordNet(np.zeros(len(NAMES), np.uint8))


def described(
    rows: list[int], *, lemmas: list[tuple[str, ...]], concepts: list[int], steps: int = 0, edges: tuple = ()
) -> Descriptions:
    """Describe synsets that each are one concept, or none (-1); ``edges``: (place, relation, other row)."""
    B, ordered = len(rows), sorted(edges)
    known = [concept for concept in concepts if concept >= 0]
    counts = np.bincount([place for place, _, _ in ordered], minlength=B)
    return Descriptions(
        np.array(rows, np.int32),
        np.full(B, ord("n"), np.uint8),
        tuple(lemmas),
        ("",) * B,
        ((),) * B,
        Concepts(
            offsets_of([concept >= 0 for concept in concepts]),
            np.array(known, np.int32),
            np.full(len(known), steps, np.uint8),
        ),
        Edges(
            offsets_of(counts),
            np.array([other for _, _, other in ordered], np.int32),
            np.array([relation for _, relation, _ in ordered], np.int32),
        ),
    )


def whole() -> Descriptions:
    """All of :data:`NAMES`, and nothing else."""
    return described(list(range(7)), lemmas=[(name,) for name in NAMES], concepts=list(range(7)))


def weights(near: csr_array, names: tuple[str, ...] = NAMES) -> dict[str, float]:
    """Return the relatives of the one synset that was asked for."""
    return {names[place]: round(float(weight), 4) for place, weight in zip(near.indices, near.data, strict=True)}


def test_wordnet_leads_up_down_and_beside() -> None:
    related = fit_wordnet_related(whole(), WORDNET)  # type: ignore[arg-type]
    found = {kind: weights(near) for kind, near in related.of(whole().take([0])).items()}
    assert found["up"] == {"canine": 1.0, "animal": FADING}
    root = round(1 / np.sqrt(2), 4)
    assert found["sibling"] == {"dog": root, "wolf": root, "canine": FADING}
    assert found["down"] == {"Rex": 1.0}
    assert found["near"] == found["lateral"] == {}
    assert weights(related.of(whole().take([5]))["near"]) == {"dog": 1.0, "canine": 0.4}
    assert weights(related.of(whole().take([6]))["lateral"]) == {"dog": 1.0}


def test_what_is_two_steps_below_counts_half() -> None:
    related = fit_wordnet_related(whole(), WORDNET)  # type: ignore[arg-type]
    assert weights(related.of(whole().take([2]))["down"]) == {"dog": 1.0, "wolf": 1.0, "Rex": 0.5}


def test_a_new_synset_below_a_concept_has_its_relatives() -> None:
    related = fit_wordnet_related(whole(), WORDNET)  # type: ignore[arg-type]
    new = described([-1], lemmas=[("poodle",)], concepts=[0], steps=1)
    found = {kind: weights(near) for kind, near in related.of(new).items()}
    assert found["up"] == {"dog": 1.0, "canine": FADING, "animal": round(FADING**2, 4)}
    assert found["sibling"] == {"Rex": 1.0, "dog": round(FADING / np.sqrt(2), 4), "wolf": round(FADING / np.sqrt(2), 4)}
    assert found["down"] == {}


def test_only_references_are_relatives_and_none_of_itself() -> None:
    related = fit_related(whole(), np.array([0, 1, 3], np.int32), WORDNET)  # type: ignore[arg-type]
    found = related.of(whole().take([0]))
    names = ("dog", "wolf", "animal")
    assert weights(found["up"], names) == {"animal": FADING}
    assert weights(found["sibling"], names) == {"wolf": round(1 / np.sqrt(2), 4)}


def test_edges_are_told_apart_by_relation_and_direction() -> None:
    edges = ((0, 2, 1), (1, 3, 0), (0, 4, 2), (2, 5, 0), (0, 4, 2), (2, 5, 0))
    all_of = described([0, 1, 2], lemmas=[(), (), ()], concepts=[-1] * 3, edges=edges)
    related = fit_related(all_of, np.array([0, 1, 2], np.int32), relations=("zero", "one", "two"))
    found = {kind: weights(near, ("a", "b", "c")) for kind, near in related.of(all_of.take([0])).items()}
    assert found == {
        "one": {"b": 1.0},
        "^one": {},
        "two": {"c": 2.0},
        "^two": {},
        "other": {},
        "^other": {},
        "graph": {"b": 1.0, "c": 1.0},
        "lemma": {},
    }
    assert weights(related.of(all_of.take([2]))["^two"], ("a", "b", "c")) == {"a": 2.0}


def test_a_shared_lemma_makes_relatives_unless_too_many_share_it() -> None:
    count = SHARERS + 1
    lemmas = [("Bank", "slope") if row < 2 else ("thing",) for row in range(count + 2)]
    all_of = described(list(range(count + 2)), lemmas=lemmas, concepts=[-1] * (count + 2))
    related = fit_related(all_of, np.arange(count + 2, dtype=np.int32))
    names = tuple(map(str, range(count + 2)))
    assert weights(related.of(all_of.take([0]))["lemma"], names) == {"1": 2.0}
    assert weights(related.of(all_of.take([2]))["lemma"], names) == {}
    new = described([-1], lemmas=[("BANK",)], concepts=[-1])
    assert weights(related.of(new)["lemma"], names) == {"0": 1.0, "1": 1.0}
