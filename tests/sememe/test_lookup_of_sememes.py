"""Look-ups in the annotations of a store."""

from __future__ import annotations

import math

import pytest

import kgr
from kgr.errors import ConfigError, UnknownKey
from kgr.index.store import Store
from kgr.sememe.annotations import annotations_of
from kgr.sememe.descriptions import describe_new


def test_a_synset(told: Store) -> None:
    found = kgr.sememes(told, "bn:00000010n", k=3)
    assert (found.kind, found.split, found.asked.label) == ("synset", "test", "cat10")
    assert [own.key for own in found.sememes] == ["AnimalBeast|兽", "rare|稀"]
    assert found.sememes[0].names == {"en": "AnimalBeast", "zh": "兽"}
    assert len(found.synsets) == 3
    assert found.total == 10
    animal, entity, rare = math.log(66 / 11), math.log(66 / 30), math.log(66)
    assert found.synsets[0].key == "bn:00000000n"
    assert found.synsets[0].score == pytest.approx(animal / (animal + rare))
    least = kgr.sememes(told, "bn:00000010n", k=10).synsets[-1]
    assert least.score == pytest.approx(animal / (animal + rare + entity))


@pytest.mark.parametrize("name", ["AnimalBeast|兽", "animalbeast", "兽"])
def test_a_sememe_by_key_or_name(bare: Store, name: str) -> None:
    found = kgr.sememes(bare, name, k=2)
    assert (found.kind, found.asked.key, found.total, found.split) == ("sememe", "AnimalBeast|兽", 11, None)
    assert [own.key for own in found.synsets] == ["bn:00000000n", "bn:00000001n"]
    assert [(own.key, own.relation) for own in found.sememes] == [("entity|实体", "sememe:hypernym")]
    back = kgr.sememes(bare, "entity")
    assert [(own.key, own.relation) for own in back.sememes] == [("AnimalBeast|兽", "^sememe:hypernym")]


def test_unknown_names_are_helped(bare: Store) -> None:
    with pytest.raises(UnknownKey, match="unknown synset or sememe 'humen'; nearest: human"):
        kgr.sememes(bare, "humen")


def test_unknown_synsets_are_named_by_number_and_by_lemma(told: Store) -> None:
    with pytest.raises(UnknownKey, match=r"nearest: bn:00000010n \(cat10\), bn:00000009n \(cat9\), bn:00000008n"):
        kgr.sememes(told, "bn:00000012n")
    with pytest.raises(UnknownKey, match=r"'Cat3'; synsets with that lemma: bn:00000003n \(cat3\)"):
        kgr.sememes(told, "Cat3")
    with pytest.raises(UnknownKey, match=r"'catt3'; nearest: bn:00000003n \(cat3\), bn:00000009n \(cat9\)"):
        kgr.sememes(told, "catt3")
    with pytest.raises(UnknownKey, match=r"'bn:00000003'; nearest: bn:00000003n \(cat3\), "):
        kgr.sememes(told, "bn:00000003")
    with pytest.raises(UnknownKey, match="unknown synset or sememe ' ': found an empty key, expected one such as bn:0"):
        kgr.sememes(told, " ")
    with pytest.raises(UnknownKey, match=r"unknown synset 'entity\|实体': that is a sememe; kgr sememes shows"):
        describe_new(told, annotations_of(told), lemmas="x", hypernyms="entity|实体")
    with pytest.raises(ConfigError, match=r"language is '\?\?'"):
        kgr.sememes(told, "human", language="??")
