"""Entity tables scored by ranges of rows, and hard answers ranked among drawn candidates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import oracle
import pytest
import torch
from random_graph import split_files

from kgr.data.build import build_store
from kgr.engine.run import Run
from kgr.errors import ConfigError
from kgr.graph.graph import build_graph
from kgr.index.store import Store
from kgr.models import MODELS
from kgr.multihop import scorer as scoring
from kgr.multihop.evaluate import evaluate
from kgr.multihop.popularity import Popularity
from kgr.multihop.run import MultihopRun, load_multihop, train_multihop
from kgr.multihop.sampled import draw_candidates
from kgr.multihop.scorer import Scorer
from kgr.query.sets import Queries, Ragged, default_set
from kgr.query.words import parse
from kgr.rank.metrics import query_metrics
from kgr.show.multihop import metrics_table

G, R, DIM = 300, 4, 6
SMALL = {"dim": 8, "batch": 16, "negatives": 8, "steps": 12, "device": "cpu", "log_every": 4, "checkpoint_every": 6}


def tables_of(name: str) -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor]:
    model, draw = MODELS[name](DIM, seed=1), torch.Generator().manual_seed(0)
    entities = torch.rand(G, model.entity_width(DIM), generator=draw) - 0.5
    entities[7] = entities[200]  # a tie across ranges
    return model, entities, torch.rand(2 * R, model.relation_width(DIM), generator=draw) - 0.5


def arguments_of(word: str, count: int = 5) -> np.ndarray:
    draw, slots = np.random.default_rng(2), parse(word).slots
    return np.array([[draw.integers(G if s == "A" else 2 * R) for s in slots] for _ in range(count)], np.int32)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_scores_by_ranges_are_those_of_the_whole_table(name: str, tmp_path: Path) -> None:
    model, entities, relations = tables_of(name)
    mapped = np.memmap(tmp_path / "rows", np.float32, "w+", shape=tuple(entities.shape))
    mapped[:] = entities
    for word in ("1p", "2i", "up"):
        arguments = arguments_of(word)
        whole = Scorer(model, entities, relations, rows=G).scores(parse(word), arguments)
        assert np.array_equal(whole[:, 7], whole[:, 200])
        for rows in (1, 64, 128, 299):
            scorer = Scorer(model, torch.from_numpy(mapped), relations, rows=rows)
            # products and sines of few rows may be made by another routine than those of many
            found = scorer.scores(parse(word), arguments)
            np.testing.assert_allclose(found, whole, rtol=1e-5, atol=1e-6, err_msg=f"{word} {rows}")


def test_a_table_is_scored_whole_where_memory_would_hold_another(monkeypatch: pytest.MonkeyPatch) -> None:
    model, entities, relations = tables_of("gqe")
    seen: list[int] = []
    monkeypatch.setattr(type(model), "candidates", lambda self, rows: seen.append(len(rows)) or rows)
    monkeypatch.setattr(scoring, "_RANGE", 100 * DIM * 4)
    for free in (2 * entities.nbytes, 2 * entities.nbytes - 1):
        monkeypatch.setattr(scoring, "free_memory", lambda free=free: free)
        Scorer(model, entities, relations).scores(parse("1p"), arguments_of("1p"))
    assert seen == [G, 100, 100, 100]


@pytest.mark.parametrize("name", sorted(MODELS))
def test_candidates_are_scored_by_their_own_rows_alone(name: str) -> None:
    model, entities, relations = tables_of(name)
    word, arguments = parse("2u"), arguments_of("2u")
    ids = np.random.default_rng(3).integers(0, G, (len(arguments), 9)).astype(np.int32)
    whole = Scorer(model, entities, relations).scores(word, arguments)
    spoilt = torch.full_like(entities, float("nan"))
    needed = np.union1d(ids, arguments[:, list(word.anchors)])
    spoilt[needed] = entities[needed]
    found = Scorer(model, spoilt, relations, rows=1).candidate_scores(word, arguments, ids)
    np.testing.assert_allclose(found, np.take_along_axis(whole, ids.astype(np.int64), 1), rtol=1e-4, atol=1e-4)


def test_nothing_is_made_of_all_entities_where_candidates_alone_are_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    model, entities, relations = tables_of("betae")
    seen: list[int] = []
    made = type(model).candidates
    monkeypatch.setattr(type(model), "candidates", lambda self, rows: seen.append(len(rows)) or made(self, rows))
    scorer, asked = Scorer(model, entities, relations, rows=G), (parse("1p"), arguments_of("1p"))
    scorer.candidate_scores(*asked, np.zeros((5, 9), np.int32))
    assert G not in seen
    scorer.scores(*asked)
    scorer.scores(*asked)
    assert seen.count(G) == 1


def queries_of(rows: int, entities: int, draw: np.random.Generator) -> tuple[Queries, Ragged]:
    """Queries with one to three hard answers among four to six answers, and all answers."""
    answers = [np.sort(draw.choice(entities, draw.integers(4, 7), replace=False)) for _ in range(rows)]
    hard = [np.sort(draw.choice(own, draw.integers(1, 4), replace=False)) for own in answers]
    easy = [np.setdiff1d(own, of) for own, of in zip(answers, hard, strict=True)]
    arguments = np.stack([np.arange(rows), np.zeros(rows)], axis=1).astype(np.int32)
    return Queries(parse("1p"), arguments, Ragged.of(easy), Ragged.of(hard)), Ragged.of(answers)


def test_candidates_are_no_answers_all_equally_likely_and_the_same_however_the_queries_are_cut() -> None:
    queries, answers = queries_of(1500, 12, np.random.default_rng(0))
    drawn = draw_candidates(queries, answers, 12, 4)
    counts, expected = np.zeros(12), np.zeros(12)
    for i in range(len(queries)):
        own, hard = drawn.ids[i], queries.hard[i]
        assert own[drawn.hard[i]].tolist() == hard.tolist()
        rivals = np.delete(own, drawn.excluded[i])
        others = np.setdiff1d(np.arange(12), answers[i])
        assert len(set(rivals.tolist())) == 4 and not set(rivals.tolist()) - set(others.tolist())
        counts[rivals] += 1
        expected[others] += 4 / len(others)
    assert ((counts - expected) ** 2 / expected).sum() < 35  # 11 degrees of freedom: once in 4,000 such tests
    for first, last in ((0, 1), (17, 20)):
        part = draw_candidates(queries.cut(first, last), answers.cut(first, last), 12, 4)
        for row, i in enumerate(range(first, last)):
            assert [np.delete(own.ids[at], own.excluded[at]).tolist() for own, at in ((part, row), (drawn, i))] == [
                np.delete(drawn.ids[i], drawn.excluded[i]).tolist()
            ] * 2
    every = draw_candidates(queries.cut(0, 9), answers.cut(0, 9), 12, 500)
    for i in range(9):
        rivals = np.delete(every.ids[i], every.excluded[i])
        assert sorted(rivals.tolist()) == np.setdiff1d(np.arange(12), answers[i]).tolist()


def test_popularity_of_candidates() -> None:
    graph = build_graph(oracle.random_triples(np.random.default_rng(0), 40, R, 300), 40, R)
    popularity, ids = Popularity(graph), np.random.default_rng(1).integers(0, 40, (5, 7))
    for word in ("1p", "pi", "2in", "2u"):
        arguments = arguments_of(word) % 40
        found = popularity.candidate_scores(parse(word), arguments, ids.astype(np.int32))
        assert np.array_equal(found, np.take_along_axis(popularity.scores(parse(word), arguments), ids, 1))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("store")
    return build_store(folder / "store", **split_files(folder, 40, 400, 340, 370))


@pytest.fixture(scope="module")
def run(store: Store, tmp_path_factory: pytest.TempPathFactory) -> MultihopRun:
    steering = {"eval_every": 6, "eval_queries": 5, "candidates": 6}
    return train_multihop(store, out=tmp_path_factory.mktemp("runs") / "run", model="gqe", **SMALL, **steering)


def test_hard_answers_are_ranked_among_the_candidates(
    store: Store, run: MultihopRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries, scorer = default_set(store, "test"), run._scorer
    metrics = run.evaluate(candidates=6)
    own = queries.queries["2i"]
    every = own.easy.union(own.hard)
    drawn, ranks = draw_candidates(own, every, store.entities, 6), []
    scores = scorer.scores(own.word, own.arguments)
    for i in range(len(own)):
        rivals = scores[i, np.delete(drawn.ids[i], drawn.excluded[i])]
        assert len(rivals) == 6
        ranks += [1 + (rivals > scores[i, answer]).sum() for answer in own.hard[i]]
    expected = query_metrics(np.array(ranks, np.float64), own.hard.offsets)
    assert {name: metrics["structures"]["2i"][name] for name in expected} == pytest.approx(expected)
    assert metrics["structures"]["2i"]["mrr"] > run.evaluate()["structures"]["2i"]["mrr"]
    monkeypatch.setattr(Scorer, "batch_of", lambda self, candidates: 3)
    assert run.evaluate(candidates=6) == metrics


def test_among_as_many_candidates_as_there_are_it_is_the_whole_ranking(store: Store, run: MultihopRun) -> None:
    whole, every = run.evaluate(), run.evaluate(candidates=store.entities)
    assert "candidates" not in whole and every["candidates"] == store.entities
    for name, own in whole["structures"].items():
        assert every["structures"][name] == (own and pytest.approx(own, abs=1e-3))  # rounding may part ties


def test_the_setting_holds_for_evaluations_during_training_and_at_its_end_and_is_told(
    store: Store, run: MultihopRun
) -> None:
    during = [line["metrics"] for line in run._run.metrics() if line.get("split") == "valid"]
    assert [metrics["candidates"] for metrics in during] == [6, 6]
    assert run.metrics["test"] == run.evaluate(candidates=6) and run.metrics["test"]["candidates"] == 6
    lines = metrics_table(run.metrics["test"]).splitlines()
    assert "ranked among 6 drawn entities" in lines[0] and lines[1].startswith("Biased:")
    assert "Biased" not in metrics_table(run.evaluate())
    before = len(run._run.metrics())
    settings = SMALL | {"eval_every": 6, "eval_queries": 5, "candidates": 6}
    train_multihop(store, out=run.path, model="gqe", **settings)
    assert len(run._run.metrics()) == before
    with pytest.raises(ConfigError, match="candidates was 6, now 7"):
        train_multihop(store, out=run.path, model="gqe", **(settings | {"candidates": 7}))
    with pytest.raises(ConfigError, match="candidates is 0, expected at least 1"):
        load_multihop(Run.open(run.path)).evaluate(candidates=0)


def test_a_picture_has_mrr_by_structure_and_says_that_it_is_biased(run: MultihopRun, drawn: list[Any]) -> None:
    assert run.plot() == run.path / "plot.png"
    axes = {each.get_title(): each for each in drawn[0].axes}
    curves = axes["MRR by structure, among 6 drawn candidates: biased, on valid"].get_lines()
    during = [line for line in run._run.metrics() if line.get("split") == "valid"]
    for line in curves:
        expected = [(of["step"], of["metrics"]["structures"][line.get_label()]["mrr"]) for of in during]
        assert list(zip(*line.get_data(), strict=True)) == expected and len(expected) == 2
    bars = axes["MRR, among 6 drawn candidates: biased, on test"].containers
    able = {name: own for name, own in run.metrics["test"]["structures"].items() if own and own["queries"]}
    assert len(able) == 9 == len(curves)
    for kind, figure in zip(bars, ("mrr", "popularity_mrr"), strict=True):
        assert [bar.get_height() for bar in kind] == [own[figure] for own in able.values()]


def test_evaluation_of_nothing_with_candidates(store: Store, run: MultihopRun) -> None:
    none = default_set(store, "test").head(0)
    metrics = evaluate(run._scorer, none, train=None, candidates=4)
    assert metrics["candidates"] == 4 and metrics["structures"]["1p"]["queries"] == 0
