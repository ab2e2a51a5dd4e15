"""Views: what each compares by, the same for synsets of a store and new ones, and what they may not learn."""

from __future__ import annotations

from dataclasses import replace
from math import log, sqrt
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse
from synset_folder import built_synsets
from wordnet_folder import write_wordnet

from kgr.data.add_synsets import add_synset_texts, add_wordnet
from kgr.data.wordnet import open_wordnet, ranks_of
from kgr.errors import DataError
from kgr.index.store import Store
from kgr.sememe.annotations import Annotations, annotations_of
from kgr.sememe.concept_views import Closure
from kgr.sememe.dense_view import Encoded
from kgr.sememe.descriptions import Descriptions, describe, describe_new
from kgr.sememe.edges import agreement
from kgr.sememe.graph_view import SELF, Neighbourhood
from kgr.sememe.views import View, fit_views, references_of, similarities
from kgr.sememe.word_views import SYLLABIC, pieces


def known(store: Store) -> tuple[Descriptions, Annotations]:
    annotations = annotations_of(store)
    return describe(store, annotations), annotations


def views_of(store: Store, **more: object) -> dict[str, View]:
    descriptions, annotations = known(store)
    fitted = fit_views(descriptions, annotations, annotations.rows("train"), **more)  # type: ignore[arg-type]
    return {view.name: view for view in fitted}


def dense(view: View, asked: Descriptions) -> NDArray[np.float32]:
    found = view.features(asked)
    return found.toarray() if issparse(found) else found


@pytest.fixture(scope="module")
def wordnet(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Six synsets, five of them in a made-up WordNet."""
    folder = tmp_path_factory.mktemp("wordnet")
    return add_wordnet(built_synsets(folder), write_wordnet(folder / "wordnet"), index=False)


def test_features_are_of_norm_one_and_the_material_says_which(told: Store, bare: Store, wordnet: Store) -> None:
    assert list(views_of(bare)) == ["class", "graph"]
    assert list(views_of(told)) == ["words", "pieces", "class", "graph", "related words"]
    whole = views_of(wordnet, taxonomy=open_wordnet(wordnet))
    assert list(whole) == ["words", "pieces", "class", "graph", "related words", "hypernym words", "closure"]
    for store, views in ((told, views_of(told)), (wordnet, whole)):
        for view in views.values():
            norms = np.linalg.norm(dense(view, known(store)[0]), axis=1)
            assert np.all((norms == 0) | (abs(norms - 1) < 1e-5)) and norms.any(), view.name


def test_words_by_hand(tmp_path: Path) -> None:
    (tmp_path / "texts.tsv").write_text(
        "key\tlabel.en\tgloss.en\nbn:00000002n\tred cat\tred\nbn:00000001n\tcat\t\nbn:00000003n\tdog\t\n"
    )
    store = add_synset_texts(built_synsets(tmp_path), tmp_path / "texts.tsv", index=False)
    descriptions, annotations = known(store)
    words = views_of(store)["words"]
    red, cat = (1 + log(2)) * (1 + log(6 / 1)), 1 + log(6 / 2)
    found = similarities(words, descriptions, references_of(words, descriptions, annotations.rows("train")))
    assert annotations.rows("train").tolist() == [0, 1, 3]
    assert found[0, 1] == pytest.approx(cat / sqrt(red**2 + cat**2), rel=1e-6)
    assert (found[0, 0], found[1, 1], found[2].tolist()) == (-1, -1, [0, 0, 0])


def test_pieces_of_words() -> None:
    assert list(pieces(["ab"])) == [" ab", "ab ", " ab "]
    assert list(pieces(["a"])) == [" a "]
    assert list(pieces(["猫科"], SYLLABIC)) == ["猫", "科", " 猫", "猫科", "科 ", " 猫科", "猫科 "]
    assert "cdef " in set(pieces(["abcdef"])) and "cdef" in set(pieces(["abcdef"]))


def test_a_new_synset_in_the_same_words_has_the_same_features(told: Store) -> None:
    descriptions, annotations = known(told)
    for name, view in views_of(told).items():
        one = descriptions.take([3])
        new = describe_new(told, annotations, lemmas=one.lemmas[0], gloss=one.gloss[0], pos=chr(int(one.pos[0])))
        if name in ("words", "pieces", "class"):
            assert np.array_equal(dense(view, new), dense(view, one)), name
        else:
            assert not dense(view, new).any(), name


def test_hidden_edges_are_seen_by_no_view(told: Store) -> None:
    descriptions, _ = known(told)
    views = views_of(told)
    for name in ("graph", "related words"):
        assert not dense(views[name], descriptions.take([3, 4]).without_edges()).any(), name
        assert dense(views[name], descriptions.take([3])).any(), name


def test_the_graph_by_its_formula(told: Store) -> None:
    """Neighbours in one step and in two, by matrices that are not sparse."""
    descriptions, annotations = known(told)
    rows = annotations.rows("train")
    weights = agreement(descriptions, annotations.of("train")) ** 2
    edges = np.zeros((len(descriptions), len(descriptions)))
    owners = np.repeat(np.arange(len(descriptions)), np.diff(descriptions.edges.offsets))
    np.add.at(edges, (owners, descriptions.edges.others), weights[descriptions.edges.relations >> 1])
    roots = 1 / np.sqrt(np.where(edges.sum(1), edges.sum(1), np.inf))
    step = roots[:, None] * edges * roots
    reached = SELF * np.diag(edges.any(1)) + step + step @ step
    reached *= np.sqrt(np.log1p(len(edges) / np.maximum((reached > 0).sum(0), 1)))
    norms = np.linalg.norm(reached, axis=1, keepdims=True)
    expected = reached / np.where(norms, norms, 1)
    view = views_of(told)["graph"]
    found = similarities(view, descriptions, references_of(view, descriptions, rows))
    own = np.arange(len(edges))[:, None] == rows
    assert np.allclose(np.where(own, -1, expected @ expected[rows].T), found, atol=1e-5)


def test_relations_weigh_what_their_ends_share(told: Store) -> None:
    """Only the sememes of the references count: those of others may be anything."""
    descriptions, annotations = known(told)
    some = annotations.rows("train")[:-9]
    random = np.random.default_rng(1)
    mixed = annotations.of("train")[random.permutation(len(descriptions))]
    relations = random.integers(0, 6, len(descriptions.edges.relations)).astype(np.int32)
    descriptions = replace(descriptions, edges=descriptions.edges._replace(relations=relations))
    kept = np.isin(np.arange(mixed.shape[0]), some)
    other = csr_array(mixed.multiply(kept[:, None]))
    other.eliminate_zeros()
    given = (replace(annotations, labels={"train": labels}) for labels in (mixed, other))
    one, two = (Neighbourhood.fit(descriptions, own, some, inductive=False).relations for own in given)
    assert np.array_equal(one, two) and len(set(one.tolist())) > 1


def test_inductive_views_know_the_references_alone(told: Store) -> None:
    descriptions, annotations = known(told)
    rows = annotations.rows("train")
    held = annotations.rows("test")
    gloss = tuple("quite other words" if row in held else text for row, text in enumerate(descriptions.gloss))
    changed = replace(descriptions, gloss=gloss)
    same = {}
    for inductive in (True, False):
        found = []
        for material in (descriptions, changed):
            views = fit_views(material, annotations, rows, inductive=inductive)
            near = [similarities(view, material.take(rows), references_of(view, material, rows)) for view in views]
            found.append(np.stack(near))
        same[inductive] = np.array_equal(*found)
    assert same == {True: True, False: False}


def test_closure_by_hand(wordnet: Store) -> None:
    """Digit, a number, a thing; the other number is beside it, which is a verb."""
    taxonomy = open_wordnet(wordnet)
    assert taxonomy is not None
    closure = Closure(taxonomy)
    keys = ["bn:00000001n", "bn:00000002n", "bn:00000004n", "bn:00000005v", "bn:00000006v"]
    digit, number, thing, count, verb = ranks_of(keys, taxonomy.pos, "here").tolist()
    assert closure.tokens({digit: 1.0}) == pytest.approx({digit: 1, number: 0.7, thing: 0.49})
    assert closure.tokens({number: 1.0}) == pytest.approx(
        {number: 1, thing: 0.7, verb: 0.49, count: 0.343, ("beside", verb): 0.7}
    )


def test_a_hypernym_in_wordnet_places_a_new_synset(wordnet: Store) -> None:
    descriptions, annotations = known(wordnet)
    views = views_of(wordnet, taxonomy=open_wordnet(wordnet))
    new = describe_new(wordnet, annotations, lemmas=["cipher"], hypernyms=["bn:00000002n"])
    for name in ("closure", "hypernym words", "class", "graph", "related words"):
        view = views[name]
        found = similarities(view, new, references_of(view, descriptions, annotations.rows("train")))
        assert found[0, 0] > 0 and (found[0].argmax() == 0 or name == "related words"), name


def test_vectors_of_a_store_and_of_new_synsets(told: Store) -> None:
    descriptions, _ = known(told)
    rows = np.eye(len(descriptions), 3, dtype=np.float32)
    asked = replace(descriptions.take([1, 1]), rows=np.array([1, -1], np.int32))
    made = Encoded(rows, lambda new: np.full((len(new), 3), 2, np.float32))
    for encoded, last in ((made, [3**-0.5] * 3), (Encoded(rows), [0, 0, 0])):
        view = views_of(told, vectors={"mine": encoded})["mine"]
        assert np.allclose(view.features(asked), [[0, 1, 0], last])


def test_nothing_to_compare_by_is_an_error(told: Store) -> None:
    descriptions, annotations = known(told)
    silent = replace(descriptions.without_texts().without_edges(), pos=np.zeros(len(descriptions), np.uint8))
    with pytest.raises(DataError, match="nothing to compare synsets by"):
        fit_views(silent, annotations, annotations.rows("train"))
