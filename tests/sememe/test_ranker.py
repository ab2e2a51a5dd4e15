"""The learned ranker, and the features that it learns from."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from kgr.errors import FormatError
from kgr.index.store import Store
from kgr.sememe.annotations import Annotations, annotations_of
from kgr.sememe.descriptions import Descriptions, describe, describe_new
from kgr.sememe.features import Features, fit_features
from kgr.sememe.measure import average_precisions
from kgr.sememe.neighbours import Rule
from kgr.sememe.popularity import fit_popularity
from kgr.sememe.propagation import fit_propagation
from kgr.sememe.ranker import Ranker, RankerConfig, fit_ranker, held, load_ranker
from kgr.sememe.sources import Votes
from kgr.sememe.views import fit_views

pytest.importorskip("lightgbm", reason="needs LightGBM: pip install kgr[sememe]")

SMALL = RankerConfig(members=2, rounds=20, every=10, leaves=4, pairs_of_leaf=2, seed=1)


@pytest.fixture(scope="module")
def annotations(told: Store) -> Annotations:
    return annotations_of(told)


@pytest.fixture(scope="module")
def descriptions(told: Store, annotations: Annotations) -> Descriptions:
    return describe(told, annotations)


def features_of(descriptions: Descriptions, annotations: Annotations) -> Features:
    references = annotations.rows("train")
    views = fit_views(descriptions, annotations, references)
    rule = Rule({view.name: 1.0 for view in views}, 0.95, 2.0)
    propagation = fit_propagation(descriptions, annotations, references)
    return fit_features(
        descriptions, annotations, references, views=views, rule=rule, scorers=[propagation], candidates=6
    )


def ranker_of(descriptions: Descriptions, annotations: Annotations) -> Ranker:
    features = features_of(descriptions, annotations)
    return fit_ranker(features, descriptions, annotations, annotations.rows("train"), SMALL)


@pytest.fixture(scope="module")
def ranker(descriptions: Descriptions, annotations: Annotations) -> Ranker:
    return ranker_of(descriptions, annotations)


def test_it_beats_popularity(ranker: Ranker, descriptions: Descriptions, annotations: Annotations) -> None:
    rows = annotations.rows("test")
    gold, asked = annotations.of("test")[rows], descriptions.take(rows)
    popular = fit_popularity(annotations, annotations.rows("train"))
    found = average_precisions(ranker.scores(asked), gold).mean()
    assert found > average_precisions(popular.scores(asked), gold).mean() + 0.1
    assert found > 0.8


def test_scores_are_of_each_synset_alone(ranker: Ranker, descriptions: Descriptions) -> None:
    whole = ranker.scores(descriptions)
    assert whole.shape == (len(descriptions), len(ranker.frequency)) and whole.dtype == np.float32
    for row in (0, 20, 41):
        np.testing.assert_allclose(ranker.scores(descriptions.take([row]))[0], whole[row], rtol=1e-5)


def test_other_sememes_stay_below_candidates(ranker: Ranker, descriptions: Descriptions) -> None:
    pairs, scores = ranker.features.of(descriptions), ranker.scores(descriptions)
    chosen = np.zeros(scores.shape, bool)
    chosen[pairs.rows, pairs.columns] = True
    assert not chosen.all() and chosen.any(axis=1).all()
    assert (np.where(chosen, np.inf, scores).min(axis=1) >= 0).all()
    assert (np.where(chosen, 0, scores).max(axis=1) < np.where(chosen, scores, np.inf).min(axis=1)).all()


def test_a_synset_knows_nothing_of_its_own_annotation(descriptions: Descriptions, annotations: Annotations) -> None:
    row = int(annotations.rows("train")[7])
    train = annotations.of("train").tolil()
    train[row] = 0
    train[row, 3] = 1
    changed = dataclasses.replace(annotations, labels={**annotations.labels, "train": train.tocsr()})
    one, other = (features_of(descriptions, some).of(descriptions.take([row])) for some in (annotations, changed))
    ours = dict(zip(one.columns.tolist(), one.values, strict=True))
    theirs = dict(zip(other.columns.tolist(), other.values, strict=True))
    agreement = features_of(descriptions, annotations).names.index("score of propagation")
    both = set(ours) & set(theirs)
    assert both
    for column in both:  # relations weigh as in all of train: of that one synset is a trace
        np.testing.assert_allclose(np.delete(ours[column], agreement), np.delete(theirs[column], agreement), rtol=1e-5)


def test_sememes_together_are_counted_over_the_others(descriptions: Descriptions, annotations: Annotations) -> None:
    """By the cosine of two columns without the synset's own row; rare ones that it alone has are with none."""
    references = annotations.rows("train")
    labels = annotations.of("train").tolil(copy=True)
    labels[references[7], 9] = 1
    lonely = dataclasses.replace(annotations, labels={**annotations.labels, "train": csr_array(labels.tocsr())})
    votes = next(one for one in features_of(descriptions, lonely).sources if isinstance(one, Votes))
    for row in (int(references[7]), int(annotations.rows("test")[0])):
        found = votes.of(descriptions.take([row]))
        others = lonely.of("train")[references[references != row]].toarray()
        cosines = others.T @ others / np.sqrt(np.maximum(np.outer(others.sum(0), others.sum(0)), 1))
        np.fill_diagonal(cosines, 0)
        expected = found["vote by all views"] @ cosines
        np.testing.assert_allclose(found["vote by sememes together"], expected, rtol=1e-4, atol=1e-6)
        assert (found["vote by sememes together"][0, 9] > 0) == (row != references[7])


def test_neither_valid_nor_test_is_learned_from(
    ranker: Ranker, descriptions: Descriptions, annotations: Annotations
) -> None:
    rows = annotations.rows("test")
    gold = annotations.of("test").tolil()
    gold[rows] = gold[rows[::-1]]
    permuted = dataclasses.replace(annotations, labels={**annotations.labels, "test": gold.tocsr()})
    again = ranker_of(descriptions, permuted)
    np.testing.assert_array_equal(again.scores(descriptions), ranker.scores(descriptions))


def test_a_new_synset_is_scored_by_what_is_said_of_it(ranker: Ranker, told: Store, annotations: Annotations) -> None:
    new = describe_new(told, annotations, lemmas=["soup99"], gloss="a hot bowl of food", pos="v")
    scores = ranker.scores(new)[0]
    assert annotations.sememe_keys[int(scores.argmax())] == "edible|食物"


def test_why_names_synsets_that_have_the_sememe(
    ranker: Ranker, descriptions: Descriptions, annotations: Annotations
) -> None:
    asked = descriptions.take(annotations.rows("test")[:1])
    column = int(ranker.scores(asked)[0].argmax())
    (told,) = ranker.why(asked, [column])
    weights = [one.weight for one in told]
    assert told and weights == sorted(weights, reverse=True) and weights[-1] > 0
    have = {annotations.keys[row] for row in annotations.of("train")[:, [column]].tocoo().coords[0].tolist()}
    assert {one.key.split()[-1] for one in told if one.what != "text"} <= have


def test_a_sememe_that_is_no_candidate_has_no_evidence(ranker: Ranker, descriptions: Descriptions) -> None:
    asked = descriptions.take([0])
    other = np.setdiff1d(np.arange(len(ranker.frequency)), ranker.features.of(asked).columns)[0]
    best = int(ranker.scores(asked)[0].argmax())
    assert ranker.why(asked, [int(other)]) == [[]]
    assert ranker.why(asked, [int(other), best]) == [[], *ranker.why(asked, [best])]


def test_it_comes_back_as_it_was_written(ranker: Ranker, descriptions: Descriptions, tmp_path: Path) -> None:
    kept = ranker.write(tmp_path)
    again = load_ranker(ranker.features, ranker.frequency, tmp_path, kept)
    np.testing.assert_array_equal(again.scores(descriptions), ranker.scores(descriptions))
    with pytest.raises(FormatError, match="other features"):
        load_ranker(ranker.features, ranker.frequency, tmp_path, {**kept, "features": ["vote"]})
    with pytest.raises(FormatError, match="missing or damaged"):
        load_ranker(ranker.features, ranker.frequency, tmp_path / "none", kept)


def test_pairs_hold_what_the_labels_say(descriptions: Descriptions, annotations: Annotations) -> None:
    rows = annotations.rows("train")
    pairs, labels = features_of(descriptions, annotations).of(descriptions.take(rows)), annotations.of("train")[rows]
    np.testing.assert_array_equal(held(pairs, labels), labels.toarray()[pairs.rows, pairs.columns])
    assert pairs.values.shape == (len(pairs.columns), pairs.values.shape[1]) and np.isfinite(pairs.values).all()
