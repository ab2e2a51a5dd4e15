"""Vectors that a store keeps, as views of runs; a new synset is encoded from the same fields, if a model is known."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import kgr
from kgr.errors import UnknownKey
from kgr.index.store import Store
from kgr.sememe.annotations import annotations_of
from kgr.sememe.dense_view import DenseView, Encoded, encoded_of, name_vectors_of, text_of
from kgr.sememe.descriptions import describe, describe_new
from kgr.sememe.train import train_sememes
from kgr.sememe.views import known
from kgr.sememe.word_views import WORDS


def counts(texts: list[str]) -> np.ndarray:
    """Encode texts by how often they have some words."""
    words = ("animal", "plant", "water", "person")
    return np.array([[text.count(word) for word in words] for text in texts], np.float32)


@pytest.fixture(scope="module")
def encoded(told: Store, tmp_path_factory: pytest.TempPathFactory) -> Store:
    copy = tmp_path_factory.mktemp("encoded") / "store"
    shutil.copytree(told.path, copy)
    return kgr.encode(copy, counts, name="toy", language="en")


def test_rows_are_those_of_synsets(encoded: Store) -> None:
    annotations = annotations_of(encoded)
    said: list[str] = []
    found = encoded_of(encoded, annotations, "toy", said.append)
    assert found.rows.shape == (66, 4)
    assert found.rows[3].tolist() == [1, 0, 0, 0]
    assert not found.rows[25].any()
    assert name_vectors_of(encoded, annotations, "toy").shape == (10, 4)
    assert found.encode is None
    assert said == [f"{encoded.path}: no model is known to have made vectors 'toy': new synsets will have none"]
    with pytest.raises(UnknownKey, match="unknown vectors 'tyo'; nearest: toy"):
        encoded_of(encoded, annotations, "tyo")


def test_the_text_of_a_new_synset_is_that_of_the_store(encoded: Store) -> None:
    annotations = annotations_of(encoded)
    known = describe(encoded, annotations)
    fields = ["label", "alias", "gloss"]
    assert text_of(known, 1, fields) == "cat1\ncat thing\na animal kept fur of kind 1"
    new = describe_new(encoded, annotations, lemmas=["cat1", "cat thing"], gloss="a animal kept fur of kind 1")
    assert text_of(new, 0, fields) == text_of(known, 1, fields)
    assert text_of(new, 0, ["label", "alias"]) == "cat1\ncat thing"


def test_words_say_whether_a_new_synset_is_known_not_an_encoder(encoded: Store, tmp_path: Path) -> None:
    """An encoder has a vector for every text, of words that nobody knows too."""
    material = train_sememes(encoded, out=tmp_path / "run", method="neighbours", vectors="toy").scores.material
    every = DenseView("toy", Encoded(material.vectors["toy"].rows, lambda asked: np.ones((len(asked), 4), np.float32)))
    words = [view for view in material.views if view.name == WORDS]
    unknown, animal = (describe_new(encoded, material.annotations, gloss=gloss) for gloss in ("qqqq", "animal"))
    assert not known([*words, every], unknown) and known([*words, every], animal)
    assert known([every], unknown)
    assert known([*words, every], material.asked([3])) and not known([every], material.asked([25]))


def test_a_run_reads_vectors(encoded: Store, tmp_path: Path) -> None:
    run = train_sememes(encoded, out=tmp_path / "run", method="spbs-sr", vectors="toy")
    by_words = train_sememes(encoded, out=tmp_path / "words", method="spbs-sr")
    assert [view.name for view, _ in run.scores.scorer.views] == ["toy"]  # type: ignore[attr-defined]
    assert not np.array_equal(run.scores.rows(np.arange(66)), by_words.scores.rows(np.arange(66)))
    assert run.predict("bn:00000003n", k=1).results[0].key == "AnimalBeast|兽"
    assert kgr.load_run(tmp_path / "run").evaluate() == run.metrics["test"]
    with pytest.raises(UnknownKey, match="unknown vectors 'other'"):
        train_sememes(encoded, out=tmp_path / "none", method="spbs-sr", vectors="other")
