"""Neighbours: the nearest, the published rule by its formula, the tuned one, what speaks for a sememe."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.sparse import csr_array

from kgr.index.store import Store
from kgr.sememe.annotations import Annotations, annotations_of
from kgr.sememe.dense_view import DenseView, Encoded, unit
from kgr.sememe.descriptions import Descriptions, describe
from kgr.sememe.measure import average_precisions
from kgr.sememe.neighbours import Rule, fit_neighbours, fit_spbs_sr, nearest, tune_rule
from kgr.sememe.popularity import fit_popularity
from kgr.sememe.views import View, fit_views, references_of, similarities

Known = tuple[Descriptions, Annotations, np.ndarray]


@pytest.fixture(scope="module")
def known(told: Store) -> Known:
    annotations = annotations_of(told)
    return describe(told, annotations), annotations, annotations.rows("train")


@pytest.fixture(scope="module")
def views(known: Known) -> tuple[View, ...]:
    return fit_views(*known)


def test_the_nearest_first_and_of_equal_ones_the_first() -> None:
    found = nearest(np.array([[1, 3, 2, 3, 2], [0, 0, 0, 0, 0]], np.float32), 3)
    assert found.rows.tolist() == [[1, 3, 2], [0, 1, 2]]
    assert found.weights.tolist() == [[3, 3, 2], [0, 0, 0]]
    assert nearest(np.array([[1, 2]], np.float32), 5).rows.tolist() == [[1, 0]]
    less = nearest(np.array([[1, 2, -1]], np.float32), 3).decayed(0.5)
    assert less.weights.tolist() == [[1, 0.25, 0]]
    assert less.matrix(3).toarray().tolist() == [[0.25, 1, 0]]


def test_published_rule_by_its_formula(known: Known, views: tuple[View, ...]) -> None:
    descriptions, annotations, rows = known
    asked = descriptions.take(annotations.rows("test"))
    words = next(view for view in views if view.name == "words")
    near = similarities(words, asked, references_of(words, descriptions, rows))
    labels = annotations.of("train")[rows].toarray()
    expected = np.zeros((len(asked), labels.shape[1]))
    for row, own in enumerate(near):
        for rank, other in enumerate(np.argsort(-own, kind="stable")[:100], start=1):
            expected[row] += max(own[other], 0) * labels[other] * 0.8**rank
    prior = 1e-6 * fit_popularity(annotations, rows).scores(asked)
    assert np.allclose(fit_spbs_sr(*known, views).scores(asked), expected + prior, atol=1e-6)


def test_a_synset_is_no_evidence_for_itself(known: Known, views: tuple[View, ...]) -> None:
    """Its own sememes may be any others; and the published protocol reads those of others, not its own."""
    descriptions, annotations, rows = known
    turned = {split: csr_array(labels[:, ::-1]) for split, labels in annotations.labels.items()}
    for split, protocol in (("train", "clean"), ("test", "published")):
        row = int(annotations.rows(split)[3])
        labels = annotations.of(split).tolil(copy=True)
        labels[row] = turned[split][[row]].toarray()
        other = dataclasses.replace(annotations, labels={**annotations.labels, split: csr_array(labels.tocsr())})
        asked = descriptions.take([row])
        one, two = (fit_spbs_sr(descriptions, who, rows, views, protocol=protocol) for who in (annotations, other))
        assert np.allclose(one.scores(asked), two.scores(asked), rtol=0, atol=1e-9), split
        beside = descriptions.take(annotations.rows(split)[:3])
        differ = not np.allclose(one.scores(beside), two.scores(beside), rtol=0, atol=1e-4)
        assert differ, f"{split}: the others do see it"


def test_published_reads_what_clean_does_not(known: Known, views: tuple[View, ...]) -> None:
    _, annotations, rows = known
    clean, published = (fit_spbs_sr(*known, views, protocol=protocol) for protocol in ("clean", "published"))
    assert len(clean.keys) == len(rows)
    assert len(published.keys) == sum(len(annotations.rows(split)) for split in ("train", "valid", "test"))


def test_tuning_is_better_on_valid_and_reads_no_test(known: Known, views: tuple[View, ...]) -> None:
    descriptions, annotations, rows = known
    asked, gold = descriptions.take(annotations.rows("valid")), annotations.of("valid")[annotations.rows("valid")]
    random = np.random.default_rng(0)
    noise = [unit(random.normal(size=(len(descriptions), 2)).astype(np.float32)) for _ in range(8)]
    views = (views[1], *(DenseView(f"noise {place}", Encoded(rows)) for place, rows in enumerate(noise)))
    start = Rule({view.name: 1.0 for view in views}, 0.95, 2.0)
    rule = tune_rule(*known, views)
    plain, tuned = (
        average_precisions(fit_neighbours(*known, views, own).scores(asked), gold).mean() for own in (start, rule)
    )
    assert tuned > plain
    blind = dataclasses.replace(annotations, labels={**annotations.labels, "test": annotations.of("test") * 0})
    assert tune_rule(descriptions, blind, rows, views) == rule


def test_a_view_of_no_weight_is_not_asked(known: Known, views: tuple[View, ...]) -> None:
    found = fit_neighbours(*known, views, Rule({"words": 1.0, "graph": 0.0}, 0.9))
    assert [view.name for view, _ in found.views] == ["words"]


def test_what_spoke_sums_to_the_score(known: Known, views: tuple[View, ...]) -> None:
    descriptions, annotations, _ = known
    found = fit_neighbours(*known, views, Rule({view.name: 1.0 for view in views}, 0.95, 2.0))
    asked = descriptions.take(annotations.rows("test")[:1])
    scores = found.scores(asked)[0]
    best = int(scores.argmax())
    (why,) = found.why(asked, [best])
    assert sum(own.weight for own in why) == pytest.approx(float(scores[best]), abs=1e-5)
    assert [own.weight for own in why] == sorted((own.weight for own in why), reverse=True)
    column = annotations.of("train")[:, [best]].toarray().ravel()
    assert why and all(column[annotations.keys.index(own.key)] == 1 for own in why)


def test_without_any_neighbour_popularity_orders(known: Known, views: tuple[View, ...]) -> None:
    descriptions, annotations, rows = known
    asked = dataclasses.replace(descriptions.take([0]).without_edges().without_texts(), rows=np.array([-1], np.int32))
    found = fit_spbs_sr(*known, views).scores(asked)
    popular = fit_popularity(annotations, rows).scores(asked)
    assert np.array_equal(np.argsort(-found, kind="stable"), np.argsort(-popular, kind="stable"))
