"""Triple classification and negatives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from link_table import TableScorer, link_store, planted

from kgr.completion.classify import best_threshold, classify
from kgr.completion.negatives import draw_negatives
from kgr.data.build import build_store
from kgr.data.known import open_store
from kgr.errors import ConfigError, DataError
from kgr.graph.graph import load_graph
from kgr.index.store import Store

labelled = st.lists(st.tuples(st.integers(-4, 4), st.booleans()), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return link_store(tmp_path_factory.mktemp("classify"))


@given(labelled)
def test_a_threshold_is_as_good_as_any(rows: list[tuple[int, bool]]) -> None:
    scores, true = np.array([score for score, _ in rows], float), np.array([fact for _, fact in rows])
    found = best_threshold(scores, true)
    right = {at: int(((scores >= at) == true).sum()) for at in np.arange(-4.5, 5)}
    assert ((scores >= found) == true).sum() == max(right.values())
    assert not (scores == found).any()


@given(labelled)
def test_a_published_threshold_is_the_least_best_score(rows: list[tuple[int, bool]]) -> None:
    scores, true = np.array([score for score, _ in rows], np.float32), np.array([fact for _, fact in rows])
    right = {float(at): int(((scores >= at) == true).sum()) for at in scores}
    best = min(at for at, count in right.items() if count == max(right.values()))
    assert best_threshold(scores, true, "published") == best


def test_planted_facts_are_found(store: Store) -> None:
    found = classify(planted(store, bonus=9), store)
    assert (found["split"], found["protocol"], found["negatives"], found["triples"]) == (
        "test",
        "corrected",
        "stored",
        120,
    )
    assert found["accuracy"] > 0.97
    assert found["baselines"]["popularity"]["accuracy"] < 0.7
    assert list(found["baselines"]) == ["random_negatives", "relation_prior", "popularity"]
    assert sum(own["triples"] for own in found["relations"].values()) == 120
    assert sum(own["valid_triples"] for own in found["relations"].values()) == 120


def test_noise_is_not(store: Store) -> None:
    assert 0.3 < classify(planted(store, bonus=0), store)["accuracy"] < 0.7


@pytest.mark.parametrize("side", [0, 1])
def test_the_side_is_chosen_on_valid(store: Store, side: int) -> None:
    found = classify(planted(store, sides=(side,), bonus=9, noise=2), store)
    assert found["side"] == ("tail", "head")[side]
    assert found["accuracy"] > 0.9
    published = classify(planted(store, sides=(side,), bonus=9, noise=2), store, protocol="published")
    assert published["side"] == "tail"
    assert (published["accuracy"] > 0.8) == (side == 0)


def test_measures_agree(store: Store) -> None:
    found = classify(planted(store, bonus=2), store)
    of_relations = [(own["triples"], own["accuracy"]) for own in found["relations"].values()]
    assert found["accuracy"] == pytest.approx(sum(size * share for size, share in of_relations) / 120)
    f1 = 2 * found["precision"] * found["recall"] / (found["precision"] + found["recall"])
    assert found["f1"] == pytest.approx(f1)
    assert 0 < found["valid"]["accuracy"] <= 1


def absent(folder: Path) -> tuple[Store, TableScorer]:
    """A store whose relation s is in test and not in valid; scores are 1 for facts and 0 for negatives."""
    lines = {
        "train": "a\tr\tb\na\ts\tb\nc\tr\td\n",
        "valid": "b\tr\tc\n",
        "valid_negatives": "b\tr\td\n",
        "test": "c\ts\td\n",
        "test_negatives": "d\ts\ta\nd\ts\tb\n",
    }
    for name, text in lines.items():
        (folder / f"{name}.tsv").write_text(text)
    store = build_store(folder / "store", **{name: folder / f"{name}.tsv" for name in lines})
    return store, planted(store, bonus=1, noise=0)


def test_a_relation_that_valid_lacks(tmp_path: Path) -> None:
    store, scorer = absent(tmp_path)
    published = classify(scorer, store, protocol="published")
    assert published["relations"]["s"] == {
        "triples": 3,
        "accuracy": pytest.approx(1 / 3),
        "f1": 0.5,
        "threshold": None,
        "valid_triples": 0,
    }
    corrected = classify(scorer, store)
    assert corrected["relations"]["s"]["accuracy"] == 1
    assert corrected["relations"]["s"]["threshold"] is not None


def test_negatives_are_missing(tmp_path: Path) -> None:
    store = link_store(tmp_path, negatives=False)
    with pytest.raises(DataError, match=r"has no valid_negatives.*--valid-negatives FILE.*--negatives relation"):
        classify(planted(store), store)
    assert classify(planted(store, bonus=9), store, negatives="relation")["accuracy"] > 0.95
    uniform = classify(planted(store), store, negatives="uniform")
    assert uniform["accuracy"] == uniform["baselines"]["random_negatives"]["accuracy"]


def test_facts_are_missing(tmp_path: Path) -> None:
    store = link_store(tmp_path, ("train", "test"))
    with pytest.raises(DataError, match="has no valid triples"):
        classify(planted(store), store)


@pytest.mark.parametrize("wrong", [{"protocol": "new"}, {"negatives": "hard"}, {"split": "train"}])
def test_what_is_not_allowed(store: Store, wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="expected"):
        classify(planted(store), store, **wrong)


@pytest.mark.parametrize("kind", ["uniform", "relation"])
def test_drawn_negatives_are_no_facts(store: Store, kind: str) -> None:
    facts, negatives = store.triples("test"), draw_negatives(store, "test", kind)
    assert (negatives[:, :2] == facts[:, :2]).all()
    assert not load_graph(store, ["train", "valid", "test"]).holds(negatives).any()
    assert np.array_equal(negatives, draw_negatives(store, "test", kind))
    assert not np.array_equal(negatives, draw_negatives(store, "test", kind, seed=1))


def test_tails_are_those_of_the_relation(tmp_path: Path) -> None:
    store, _ = absent(tmp_path)
    drawn = {draw_negatives(store, "valid", "relation", seed=seed)[0, 2] for seed in range(20)}
    assert store.entries.keys_of(sorted(drawn)) == ["b", "d"]
    assert store.entries.keys_of(draw_negatives(store, "test", "relation")[:, 2]) == ["b"]


def test_no_negative_is_left(tmp_path: Path) -> None:
    for name, tails in (("train", "ab"), ("valid", "c")):
        (tmp_path / f"{name}.tsv").write_text("".join(f"a\tr\t{tail}\n" for tail in tails))
    store = build_store(tmp_path / "store", train=tmp_path / "train.tsv", valid=tmp_path / "valid.tsv")
    with pytest.raises(DataError, match="no negative found for 'a' under 'r'"):
        draw_negatives(store, "valid", "relation")


def test_baselines_on_codex(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KGR_HOME", str(tmp_path))
    store = open_store("codex-s")
    same = TableScorer(np.zeros((store.entities, 1, 1)))
    same.triples = lambda triples, side: np.zeros(len(triples), np.float32)  # type: ignore[method-assign]
    found = classify(same, store, protocol="published")
    assert found["triples"] == 3656
    assert found["baselines"]["relation_prior"]["accuracy"] == pytest.approx(2855 / 3656)
    assert found["baselines"]["popularity"] == {
        "accuracy": pytest.approx(2936 / 3656),
        "f1": pytest.approx(0.81063, abs=1e-5),
    }
    assert found["baselines"]["random_negatives"] == {"accuracy": 0.5, "f1": pytest.approx(2 / 3)}
