"""Probabilities fitted on valid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from link_table import link_store, planted

from kgr.completion.calibration import (
    Calibration,
    Observed,
    calibrate,
    expected_error,
    fit,
    kept_calibration,
    observe,
    probabilities,
    reliability,
)
from kgr.completion.propensity import fit_propensity
from kgr.completion.shares import score_queries
from kgr.data.build import build_store
from kgr.graph.graph import load_graph
from kgr.index.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return link_store(tmp_path_factory.mktemp("calibration"))


def test_a_logistic_law_is_found_again() -> None:
    rng = np.random.default_rng(0)
    statistics = np.c_[np.ones(60_000), rng.normal(size=(60_000, 2))]
    law = np.array([-2.0, 1.5, -0.5])
    held = rng.random(60_000) < probabilities(statistics @ law)
    np.testing.assert_allclose(fit(statistics, held, np.ones(60_000)), law, atol=0.06)
    weights = np.where(held, 3.0, 1.0)  # three times the odds: the constant moves by log 3
    np.testing.assert_allclose(fit(statistics, held, weights), law + np.array([np.log(3), 0, 0]), atol=0.06)


@pytest.mark.parametrize("held", [[False] * 4, [True] * 4, [False, False, True, True]])
def test_what_can_be_told_apart_gives_a_finite_law(held: list[bool]) -> None:
    statistics = np.c_[np.ones(4), np.arange(4.0)]
    law = fit(statistics, np.array(held), np.ones(4))
    assert np.isfinite(law).all()
    assert ((probabilities(statistics @ law) > 0.5) == held).all()


def test_what_is_observed(store: Store) -> None:
    scorer = planted(store)
    observed = observe(scorer, store, "valid")
    train, both = load_graph(store), load_graph(store, ["train", "valid"])
    facts = {(h, 2 * r, t) for h, r, t in store.triples("valid").tolist()}
    facts |= {(t, 2 * r + 1, h) for h, r, t in store.triples("valid").tolist()}
    assert observed.held.sum() == len(facts)  # 30 entities: all candidates are looked at
    assert observed.query[-1] + 1 == 180 == len(both.relation)  # every entity under every directed relation
    assert (observed.weights == 1).all()
    assert len(observed.held) == 180 * 30 - train.edges
    law = Calibration((0.5, 2.0, -1.0, 0.25, 0.75, -0.5), 0)
    logits = observed.statistics @ np.array(law.weights)
    head, relation, _ = store.triples("valid")[0].tolist()
    scored = score_queries(scorer, train, np.array([[head, 2 * relation]], np.int32))
    wanted = np.delete(law.logits(scored, np.zeros(1))[0], scored.known[0])
    queries = sorted({(e, d) for e, d, _ in facts})
    own = observed.query == queries.index((head, 2 * relation))
    np.testing.assert_allclose(np.sort(logits[own]), np.sort(wanted), atol=1e-5)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """200 people, all born somewhere, 40 of them dead; four more deaths are held out in valid, four in test."""
    folder = tmp_path_factory.mktemp("people")
    born = [f"p{person}\tborn\tc{person % 10}" for person in range(200)]
    died = [f"p{person}\tdied\tc{person * 7 % 10}" for person in range(48)]
    parts = {"train": born + died[:40], "valid": died[40:44], "test": died[44:]}
    for split, lines in parts.items():
        (folder / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return build_store(folder / "store", **{split: folder / f"{split}.tsv" for split in parts})


def test_what_is_observed_without_answers(people: Store) -> None:
    """The living have the odds of death; nobody is asked who was born in a person."""
    observed, train = observe(planted(people), people, "valid"), load_graph(people)
    assert observed.query[-1] + 1 == 2 * 200 + 2 * 10 and (observed.weights == 1).all()
    unanswered = observed.statistics[:, 4] == 1
    assert len(np.unique(observed.query[unanswered])) == 160
    np.testing.assert_allclose(observed.statistics[unanswered, 5], np.log(40 / 161))
    assert not observed.statistics[~unanswered, 5].any() and observed.held.sum() == 8
    living = np.array([(people.entries.id("p100"), 2 * people.relations.id("died"))], np.int32)
    scored, law = score_queries(planted(people), train, living), Calibration((0.5, 2.0, -1.0, 0.25, 0.75, -0.5), 0)
    expected = 0.5 + 2 * scored.log_shares[0] + 0.75 - 0.5 * 3.0
    np.testing.assert_allclose(law.logits(scored, np.array([3.0]))[0], expected, atol=1e-6)


def test_most_of_the_living_are_not_said_to_have_died(people: Store) -> None:
    """Of 160 for whom train has no place of death valid has four: that all together die somewhere is that likely."""
    scorer = planted(people, noise=0.1)
    found, train = calibrate(scorer, people), load_graph(people)
    assert found is not None and found.error is not None and found.error < 0.02
    died = 2 * people.relations.id("died")
    living = [people.entries.id(f"p{person}") for person in range(40, 200)]
    queries = np.array([(person, died) for person in living], np.int32)
    scored, odds = score_queries(scorer, train, queries), fit_propensity(train).log_odds(queries)
    chances = probabilities(found.logits(scored, odds)).max(axis=1)
    assert 4 / 160 / 4 < chances.mean() < 4 * 4 / 160


def test_relations_that_go_together(people: Store) -> None:
    propensity, ids = fit_propensity(load_graph(people)), people.relations.id
    person, city = people.entries.id("p100"), people.entries.id("c1")
    born, died = 2 * ids("born"), 2 * ids("died")
    assert propensity.own(person).tolist() == [born]
    assert propensity.of(person)[[born, died, born + 1]].tolist() == pytest.approx([200 / 201, 40 / 201, 0])
    odds = propensity.log_odds(np.array([(person, died), (city, died)], np.int32))
    assert odds == pytest.approx([np.log(40 / 161), -np.log(people.entities)])


def test_probabilities_are_what_is_found(store: Store) -> None:
    progress: list[tuple[int, int]] = []
    found = calibrate(planted(store, bonus=4), store, progress=lambda *done: progress.append(done))
    assert found is not None
    assert found.facts == 120
    assert found.weights[1] > 0.5
    assert found.error is not None and found.error < 0.25  # of 60 facts
    assert {total for _, total in progress} == {180}  # every entity under every directed relation
    assert sum(done for done, _ in progress) == 2 * 180  # for valid and for test
    bins = reliability(found, observe(planted(store, bonus=4), store, "valid"))
    assert sum(each["candidates"] * each["held_out"] for each in bins) == pytest.approx(120)
    assert sum(each["candidates"] * each["probability"] for each in bins) == pytest.approx(120, rel=0.01)


def test_splits_that_are_not_there(tmp_path: Path) -> None:
    alone = link_store(tmp_path / "train", ("train",), negatives=False)
    assert calibrate(planted(alone), alone) is None
    without = link_store(tmp_path / "valid", ("train", "valid"), negatives=False)
    found = calibrate(planted(without), without)
    assert found is not None and found.error is None


def test_graphs_that_leave_no_candidates(tmp_path: Path) -> None:
    """An entity with a loop alone: every answer is known, so there is nothing to fit or to measure on."""
    for split in ("train", "valid", "test"):
        (tmp_path / f"{split}.tsv").write_text("a\tr\ta\n")
    files = {split: tmp_path / f"{split}.tsv" for split in ("train", "valid", "test")}
    loop = build_store(tmp_path / "store", **files)
    assert len(observe(planted(loop), loop, "valid").held) == 0
    assert calibrate(planted(loop), loop) is None


def test_bins() -> None:
    statistics = np.zeros((4, 6))
    statistics[:, 0] = np.log([1 / 9, 1 / 9, 1 / 9, 3])  # 10%, 10%, 10%, 75%
    observed = Observed(
        statistics, np.array([True, False, False, True]), np.array([1.0, 1, 2, 1]), np.array([0, 0, 1, 1])
    )
    bins = reliability(Calibration((1, 0, 0, 0, 0, 0), 2), observed)
    assert [(each["candidates"], each["held_out"]) for each in bins] == [(4, 0.25), (1, 1)]
    assert expected_error(bins) == pytest.approx((4 * 0.15 + 1 * 0.25) / 5)
    assert [each["candidates"] for each in reliability(Calibration((1, 0, 0, 0, 0, 0), 2), observed, first=1)] == [3]


def test_a_calibration_is_kept(tmp_path: Path) -> None:
    made: list[Calibration | None] = []

    def keep(step: int, one: Calibration | None) -> Calibration | None:
        return kept_calibration(tmp_path / "c.json", {"step": step}, lambda: made.append(one) or one)

    first, second = Calibration((1.0, 2.0, 3.0, 4.0, 5.0, 6.0), 5, 0.5), None
    assert keep(1, first) == first
    assert keep(1, second) == first
    assert keep(2, second) is None
    assert keep(2, first) is None
    (tmp_path / "c.json").write_text("{")
    assert keep(2, first) == first
    assert made == [first, None, first]
