"""Predictions of entities, relations, and facts of a relation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from link_table import link_store, planted

from kgr.completion.calibration import calibrate, probabilities
from kgr.completion.facts import predict_facts, write_facts
from kgr.completion.predict import check_asked, predict
from kgr.completion.shares import score_queries
from kgr.data.build import build_store
from kgr.data.known import open_store
from kgr.errors import ConfigError, DataError, UnknownKey
from kgr.graph.graph import load_graph
from kgr.index.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return link_store(tmp_path_factory.mktemp("predict"))


def triple(store: Store, split: str) -> tuple[str, str, str]:
    head, relation, tail = store.triples(split)[0].tolist()
    return store.entries.key(head), store.relations.key(relation), store.entries.key(tail)


@pytest.mark.parametrize("side", [0, 1])
def test_entities_by_score(store: Store, side: int) -> None:
    scorer, (head, relation, tail) = planted(store), triple(store, "test")
    calibration = calibrate(scorer, store)
    asked = {"relation": relation, **({"tail": tail} if side else {"head": head})}
    found = predict(scorer, store, **asked, k=30, calibration=calibration)
    entity, directed = store.entries.id(tail if side else head), 2 * store.relations.id(relation) + side
    row = scorer.table[entity, directed]
    assert [one.key for one in found.results] == store.entries.keys_of(np.argsort(-row))
    assert [one.score for one in found.results] == pytest.approx(np.sort(row)[::-1])
    train, whole = (load_graph(store, splits) for splits in (["train"], ["train", "valid", "test"]))
    known = dict.fromkeys(store.entries.keys_of(whole.tails(entity, directed)), "held-out")
    known |= dict.fromkeys(store.entries.keys_of(train.tails(entity, directed)), "graph")
    assert {one.key: one.known for one in found.results if one.known} == known
    assert found.known == {where: list(known.values()).count(where) for where in ("graph", "held-out")}
    assert calibration is not None
    chances = probabilities(
        calibration.logits(score_queries(scorer, train, np.array([[entity, directed]])), np.zeros(1))
    )[0]
    for one in found.results:
        wanted = None if one.known == "graph" else pytest.approx(chances[store.entries.id(one.key)])
        assert one.probability == wanted
    assert (found.head, found.tail) == ((None, tail) if side else (head, None))


def test_new_ones_alone(store: Store) -> None:
    scorer, (head, relation, _) = planted(store), triple(store, "train")
    every = predict(scorer, store, head=head, relation=relation, k=30)
    new = predict(scorer, store, head=head, relation=relation, k=30, new_only=True)
    assert new.results == tuple(one for one in every.results if one.known is None)
    assert new.known == every.known
    assert all(one.probability is None for one in every.results)


@pytest.mark.parametrize("split", ["train", "test"])
def test_relations_of_a_pair(store: Store, split: str) -> None:
    head, relation, tail = triple(store, split)
    found = predict(planted(store, bonus=20), store, head=head, tail=tail)
    assert len(found.results) == 3
    assert found.results[0].known is not None
    marks = {one.key: one.known for one in found.results}
    assert marks[relation] == ("graph" if split == "train" else "held-out")
    assert [one.score for one in found.results] == sorted((one.score for one in found.results), reverse=True)
    assert all(one.probability is None for one in found.results)


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"head": "e1"}, ConfigError, "give two of head, relation and tail"),
        ({"head": "e1", "relation": "r0", "tail": "e2"}, ConfigError, "give two"),
        ({"head": "e1", "relation": "r0", "k": 0}, ConfigError, "k is 0"),
        ({"head": "e99", "relation": "r0"}, UnknownKey, "unknown entry 'e99'; nearest"),
        ({"head": "e1", "relation": "r"}, UnknownKey, "unknown relation 'r'; nearest"),
    ],
)
def test_what_is_refused(store: Store, asked: dict[str, str], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        predict(planted(store), store, **asked)


def test_what_train_lacks_is_not_predicted(tmp_path: Path) -> None:
    """An entity, and two relations, that only valid has."""
    (tmp_path / "train.tsv").write_text("a\tr\tb\nb\tr\tc\n")
    (tmp_path / "valid.tsv").write_text("a\ts\tb\nnew\tr\ta\nnew\tt\ta\n")
    store = build_store(tmp_path / "store", train=tmp_path / "train.tsv", valid=tmp_path / "valid.tsv")
    with pytest.raises(DataError, match="train has no triples of relation 's', so nothing is learnt about it"):
        predict(planted(store), store, head="a", relation="s")
    for asked in ({"head": "new", "relation": "r"}, {"tail": "new", "relation": "r"}, {"head": "a", "tail": "new"}):
        with pytest.raises(DataError, match="train has no triples of entity 'new', so nothing is learnt about it"):
            predict(planted(store), store, **asked)
    assert [one.key for one in predict(planted(store), store, head="a", tail="b").results] == ["r"]


@pytest.mark.usefixtures("home")
def test_a_label_instead_of_a_key_is_told_whose_it_is() -> None:
    atlas = open_store("atlas")
    with pytest.raises(
        UnknownKey, match="unknown entry 'Switzerland': a key is asked for, and that is the label of terr"
    ):
        check_asked(atlas, "Switzerland", "capital", None, 10)
    label = atlas.label("relations", atlas.relations.id("in_region"))
    with pytest.raises(UnknownKey, match=f"unknown relation '{label}': a key is asked for, .* the label of in_region"):
        check_asked(atlas, "territory:CH", label, None, 10)


@pytest.mark.parametrize("k", [1, 5, 1000])
@pytest.mark.parametrize("calibrated", [False, True])
def test_facts_are_the_best_of_all(store: Store, k: int, calibrated: bool) -> None:
    scorer, train = planted(store, bonus=1), load_graph(store)
    whole = load_graph(store, ["train", "valid", "test"])
    calibration = calibrate(scorer, store) if calibrated else None
    rows = []
    loops = any(h == t and r == 0 for h, r, t in store.triples("train").tolist())
    for head in range(store.entities):
        scored = score_queries(scorer, train, np.array([[head, 0]], np.int32))
        order = calibration.logits(scored, np.zeros(1))[0] if calibration else scored.log_shares[0]
        for tail in range(store.entities):
            if tail not in whole.tails(head, 0) and (loops or tail != head) and len(train.tails(head, 0)):
                rows.append((-order[tail], store.entries.key(head), store.entries.key(tail), scored.scores[0, tail]))
    progress: list[int] = []
    key = store.relations.key(0)
    found = predict_facts(
        scorer, store, key, k=k, calibration=calibration, progress=lambda done, total: progress.append(done)
    )
    assert [(one.head, one.tail) for one in found] == [(head, tail) for _, head, tail, _ in sorted(rows)[:k]]
    assert [one.score for one in found] == pytest.approx([score for *_, score in sorted(rows)[:k]])
    chances = [float(probabilities(np.array(-order))) for order, *_ in sorted(rows)[:k]]
    assert [one.probability for one in found] == (pytest.approx(chances) if calibrated else [None] * len(found))
    assert sum(progress) == len(np.unique(store.triples("train")[store.triples("train")[:, 1] == 0, 0]))


def test_facts_as_a_file(store: Store, tmp_path: Path) -> None:
    scorer = planted(store)
    facts = predict_facts(scorer, store, "r1", k=3, calibration=calibrate(scorer, store))
    write_facts(tmp_path / "facts.tsv", facts)
    first, *lines = (tmp_path / "facts.tsv").read_text(encoding="utf-8").splitlines()
    assert first == "head\trelation\ttail\thead_label\ttail_label\tscore\tprobability"
    rows = [line.split("\t") for line in lines]
    assert [(row[0], row[1], row[2]) for row in rows] == [(fact.head, "r1", fact.tail) for fact in facts]
    assert [float(row[6]) for row in rows] == pytest.approx([fact.probability for fact in facts], abs=1e-6)


def test_an_entity_with_itself(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("a\tr\tb\nb\tr\ta\na\ts\ta\nb\ts\tc\nc\ts\tb\n")
    store = build_store(tmp_path / "store", train=tmp_path / "train.tsv")
    assert predict_facts(planted(store), store, "r") == ()
    of_s = {(fact.head, fact.tail) for fact in predict_facts(planted(store), store, "s")}
    assert of_s == {("a", "b"), ("a", "c"), ("b", "a"), ("b", "b"), ("c", "a"), ("c", "c")}


def test_a_relation_that_train_lacks(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("a\tr\tb\n")
    (tmp_path / "valid.tsv").write_text("a\ts\tb\n")
    store = build_store(tmp_path / "store", train=tmp_path / "train.tsv", valid=tmp_path / "valid.tsv")
    with pytest.raises(DataError, match="train has no triples of relation 's'"):
        predict_facts(planted(store), store, "s")
