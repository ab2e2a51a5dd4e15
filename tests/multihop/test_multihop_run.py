from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import oracle
import pytest
import torch
from random_graph import split_files, write_triples

from kgr.data.build import build_store
from kgr.engine.loop import Progress
from kgr.engine.ring import Slot
from kgr.engine.run import Run
from kgr.engine.table import DeviceTable
from kgr.errors import ConfigError, FormatError, QueryError, SamplerError, TrainingError, UnknownKey
from kgr.index.store import Store
from kgr.models import MODELS
from kgr.models.fields import FIELDS, NEGATING
from kgr.multihop.config import MultihopConfig
from kgr.multihop.run import MultihopRun, load_multihop, train_multihop
from kgr.multihop.task import MultihopTask
from kgr.query.inference import full_inference
from kgr.query.sets import Queries, QuerySet, Ragged, default_set, draw_queries
from kgr.query.words import STRUCTURES

SMALL = {"dim": 8, "batch": 16, "negatives": 8, "steps": 12, "device": "cpu", "log_every": 4, "checkpoint_every": 6}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("store")
    return build_store(folder / "store", **split_files(folder, 40, 400, 340, 370))


@pytest.fixture(scope="module")
def betae(store: Store, tmp_path_factory: pytest.TempPathFactory) -> MultihopRun:
    return train_multihop(store, out=tmp_path_factory.mktemp("runs") / "betae", model="betae", hidden=16, **SMALL)


def weights(run: MultihopRun) -> dict[str, np.ndarray]:
    found = run._run.checkpoint()
    assert found is not None
    return {
        f"{name}/{key}": tensor.numpy() for name in found.manifest["files"] for key, tensor in found.read(name).items()
    }


def same(a: MultihopRun, b: MultihopRun) -> bool:
    x, y = weights(a), weights(b)
    return x.keys() == y.keys() and all(np.array_equal(x[name], y[name]) for name in x)


def test_metrics_have_their_shape(betae: MultihopRun) -> None:
    metrics = betae.metrics["test"]
    assert list(metrics["structures"]) == list(STRUCTURES)
    assert set(metrics["structures"]["2i"]) == {"queries", "mrr", "hits@1", "hits@3", "hits@10", "popularity_mrr"}
    assert metrics["drawn"] is True
    values = [own["mrr"] for name, own in metrics["structures"].items() if "n" not in name]
    assert metrics["avg_p"] == pytest.approx(np.mean(values))
    assert 0 < metrics["avg_n"] < 1
    assert metrics["queries_fingerprint"] == default_set(betae.store, "test").fingerprint


@pytest.mark.parametrize("model", sorted(MODELS))
@pytest.mark.parametrize("loss", ["softmax", "margin"])
def test_every_model_and_loss_learns(store: Store, tmp_path: Path, model: str, loss: str) -> None:
    settings = SMALL | {"steps": 150, "log_every": 50, "lr": 0.01, "model": model, "loss": loss}
    settings |= {"hidden": 16} if "hidden" in FIELDS[model] else {}
    run = train_multihop(store, out=tmp_path / "run", **settings)
    losses = [line["loss"] for line in run._run.metrics() if "loss" in line]
    assert losses[-1] < losses[0]
    unable = [name for name, own in run.metrics["test"]["structures"].items() if own is None]
    assert unable == ([] if model in NEGATING else ["2in", "3in", "inp", "pin", "pni"])


def test_threads_slots_and_interruptions_change_nothing(store: Store, betae: MultihopRun, tmp_path: Path) -> None:
    settings = SMALL | {"model": "betae", "hidden": 16}
    threaded = train_multihop(store, out=tmp_path / "threaded", **settings, threads=3, slots=5)
    assert same(betae, threaded)

    def interrupt(progress) -> None:
        if progress.step == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_multihop(store, out=tmp_path / "cut", **settings, progress=interrupt)
    resumed = train_multihop(store, out=tmp_path / "cut", **settings)
    assert same(betae, resumed)
    timeless = [
        [{k: v for k, v in line.items() if "seconds" not in k and k != "rate"} for line in run._run.metrics()]
        for run in (resumed, betae)
    ]
    assert timeless[0] == timeless[1]


@pytest.mark.parametrize(
    "settings",
    [
        {"own_negatives": True},
        {"own_negatives": True, "negative_law": "range", "loss": "margin"},
        {"negative_law": "degree", "roots": "degree", "law": "edge", "weighting": "exact-count"},
        {"law": "overlap", "work_limit": 10_000, "structures": {"2in": 1.0}},
    ],
)
def test_every_way_of_drawing_trains_and_resumes(
    store: Store, betae: MultihopRun, tmp_path: Path, settings: dict[str, object]
) -> None:
    every = {**SMALL, "model": "betae", "hidden": 16, **settings}
    whole = train_multihop(store, out=tmp_path / "whole", **every)
    assert not same(whole, betae)
    train_multihop(store, out=tmp_path / "parts", **{**every, "steps": 6})
    parts = train_multihop(store, out=tmp_path / "parts", **{**every, "threads": 2})
    assert same(whole, parts)


def test_own_negatives_score_as_shared_ones_would(store: Store) -> None:
    """Each query's K own rows against the same rows shared by all."""
    from kgr.models.embed import word_own_scores, word_scores

    for name in MODELS:
        model = MODELS[name](6, seed=1)
        query = model.anchor(torch.rand(4, model.entity_width(6)))
        rows = torch.rand(5, model.entity_width(6))
        own = word_own_scores(model, [query, query + 0.1], rows.expand(4, 5, -1))
        assert torch.allclose(own, word_scores(model, [query, query + 0.1], rows), atol=1e-5)


def test_what_was_drawn_again_is_counted(tmp_path: Path) -> None:
    """Every entity answers what starts at entity 0."""
    triples = np.array([[0, 0, i] for i in range(12)] + [[i, 0, i + 1] for i in range(1, 11)], np.int32)
    run = train_multihop(
        build_store(tmp_path / "store", train=write_triples(tmp_path / "train.tsv", triples)),
        out=tmp_path / "run", model="gqe", structures={"1p": 1.0}, work_limit=10**6, **{**SMALL, "negatives": 40},
    )  # fmt: skip
    (counts,) = (array for name, array in weights(run).items() if name.endswith("sampling_counts"))
    assert counts[1] > 0
    assert counts[[0, 2]].tolist() == [0, 0]
    lines = [line for line in run._run.metrics() if "loss" in line]
    assert lines[-1]["crowded_queries"] == counts[1]


def test_another_seed_is_another_run(store: Store, betae: MultihopRun, tmp_path: Path) -> None:
    other = train_multihop(store, out=tmp_path / "run", model="betae", hidden=16, **SMALL, seed=1)
    assert not same(betae, other)


def test_a_loaded_run_answers_and_evaluates_alike(betae: MultihopRun) -> None:
    loaded = load_multihop(Run.open(betae.path))
    assert loaded.config == betae.config
    assert loaded.evaluate("test") == betae.metrics["test"]
    answers = loaded.answer("2i", ["e0", "r0", "e1", "^r1"], k=5)
    assert len(answers.results) == 5
    scores = [result.score for result in answers.results]
    assert scores == sorted(scores, reverse=True)


def test_known_answers_are_marked(store: Store, betae: MultihopRun) -> None:
    edges = {split: oracle.edges_of(store.triples(split).tolist()) for split in ("train", "valid", "test")}
    (head, relation), tails = next((key, tails) for key, tails in edges["test"].items() if tails)
    key = store.relations.key(relation >> 1)
    answers = betae.answer("1p", [store.entries.key(head), "^" * (relation & 1) + key], k=store.entities)
    for result in answers.results:
        entity = store.entries.id(result.key)
        if entity in edges["train"].get((head, relation), ()):
            assert result.known == "graph"
        elif any(entity in edges[split].get((head, relation), ()) for split in ("valid", "test")):
            assert result.known == "held-out"
        else:
            assert result.known is None
    assert answers.known["held-out"] >= len(tails)


def test_wrong_questions(betae: MultihopRun) -> None:
    with pytest.raises(QueryError, match="takes 4 keys"):
        betae.answer("2i", ["e0", "r0"])
    with pytest.raises(ConfigError, match="k is 0, expected at least 1"):
        betae.answer("1p", ["e3", "r0"], k=0)
    with pytest.raises(UnknownKey, match=r"nearest: .*e39"):
        betae.answer("1p", ["e399", "r0"])


def test_a_run_takes_no_other_settings_nor_another_graph(store: Store, betae: MultihopRun, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="dim was 8, now 9"):
        train_multihop(store, out=betae.path, model="betae", hidden=16, **(SMALL | {"dim": 9}))
    other = build_store(tmp_path / "other", train=write_triples(tmp_path / "t.tsv", store.triples("train")[:-1]))
    with pytest.raises(FormatError, match="fingerprint"):
        train_multihop(other, out=betae.path, model="betae", hidden=16, **SMALL)


@pytest.mark.parametrize("spoil", ["loss", "rows"])
def test_what_is_not_finite_stops_and_keeps_the_last_checkpoint(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: str
) -> None:
    task_step, table_step = MultihopTask.step, DeviceTable.step

    def spoil_loss(self: MultihopTask, slot: Slot) -> torch.Tensor:
        return task_step(self, slot) * (float("nan") if slot.step == 5 else 1)

    def spoil_rows(self: DeviceTable, lr: float) -> None:
        table_step(self, lr)
        if self.steps == 5:
            self.weight[0] = float("nan")

    if spoil == "loss":
        monkeypatch.setattr(MultihopTask, "step", spoil_loss)
    else:
        monkeypatch.setattr(DeviceTable, "step", spoil_rows)
    settings = SMALL | {"model": "gqe", "checkpoint_every": 1}
    task = MultihopTask(store, MultihopConfig(model="gqe", dim=8), torch.device("cpu"))
    of_loss = f"step 5, {task.describe(5)}: the loss is nan"
    message = of_loss if spoil == "loss" else "step 5: table entities is not finite"
    assert task.describe(5).removeprefix("structure ") in task.config.weights
    with pytest.raises(TrainingError, match=message):
        train_multihop(store, out=tmp_path / "run", **settings)
    found = Run.open(tmp_path / "run").checkpoint()
    assert found is not None
    assert found.step == 4
    assert all(np.isfinite(t.numpy()).all() for name in found.manifest["files"] for t in found.read(name).values())


def test_evaluations_need_something_held_out(tmp_path: Path) -> None:
    triples = oracle.random_triples(np.random.default_rng(1), 10, 2, 60)
    store = build_store(tmp_path / "store", train=write_triples(tmp_path / "t.tsv", triples))
    with pytest.raises(ConfigError, match=r"evaluations every 5 steps are asked for, but .* no valid triples"):
        train_multihop(store, out=tmp_path / "run", model="gqe", **SMALL, eval_every=5)
    assert not (tmp_path / "run").exists()


def test_evaluations_steer_by_their_mean_mrr(store: Store, tmp_path: Path) -> None:
    steering = {"eval_every": 2, "eval_queries": 20, "keep_best": True, "early_stop": 2, "schedule": "plateau"}
    settings = SMALL | {"model": "gqe", "lr": 0.5, "steps": 60, "checkpoint_every": 60, **steering}
    last: list[Progress] = []
    run = train_multihop(store, out=tmp_path / "run", **settings, progress=last.append)
    assert last[-1].ended == "early stop" and last[-1].best is not None and last[-1].best < last[-1].step < 60
    lines = [line for line in run._run.metrics() if line.get("split") == "valid"]
    means = [np.mean([own["mrr"] for own in line["metrics"]["structures"].values() if own]) for line in lines]
    assert lines[int(np.argmax(means))]["step"] == last[-1].best
    loaded = load_multihop(Run.open(tmp_path / "run"))
    assert loaded.evaluate() == run.metrics["test"]
    again = train_multihop(store, out=tmp_path / "run", **settings)
    assert again.evaluate() == run.metrics["test"]


def test_the_figure_leaves_out_what_was_not_evaluated(store: Store) -> None:
    task = MultihopTask(store, MultihopConfig(model="gqe", dim=4), torch.device("cpu"))
    structures = {"1p": {"queries": 9, "mrr": 0.2}, "2p": {"queries": 1, "mrr": 0.4}}
    none = {"2in": None, "up": {"queries": 0, "mrr": None}}
    assert task.figure({"structures": structures | none}) == pytest.approx(0.3)
    assert task.figure({"structures": none}) == 0


def test_full_inference_answers_alone_are_ranked(betae: MultihopRun) -> None:
    drawn = draw_queries(betae.store, ["2p", "2in"], count=20)
    narrowed = full_inference(betae.store, drawn)
    metrics = betae.evaluate(queries=drawn, hard=True)
    assert list(metrics["skipped"]) == ["hard"]
    assert metrics["queries_fingerprint"] == drawn.fingerprint
    assert metrics["structures"] == betae.evaluate(queries=narrowed)["structures"]
    assert metrics["structures"]["2p"]["queries"] == len(narrowed.queries["2p"]) < 20
    # 2in has one link outside its negation: each hard answer needs it
    assert metrics["structures"]["2in"] == betae.evaluate(queries=drawn)["structures"]["2in"]


def test_unranked_answers_are_no_rivals(betae: MultihopRun) -> None:
    own = draw_queries(betae.store, ["2p"], count=20).queries["2p"]
    firsts = np.isin(np.arange(len(own.hard.values)), own.hard.offsets[:-1])
    # the first hard answer of each query is ranked; the others are unranked here and known there: left out both ways
    known = Ragged.of([np.union1d(own.easy[i], own.hard[i][1:]) for i in range(len(own))])
    alike = Queries(own.word, own.arguments, known, Ragged.of([own.hard[i][:1] for i in range(len(own))]))
    metrics = [
        betae.evaluate(queries=QuerySet("test", True, {"2p": each}))["structures"]["2p"]
        for each in (own.ranking(firsts), alike)
    ]
    assert metrics[0] == metrics[1]


def test_a_mean_over_some_structures_is_none(betae: MultihopRun) -> None:
    metrics = betae.evaluate(queries=draw_queries(betae.store, ["2p", "2in"], count=5))
    assert metrics["structures"]["2p"]["queries"] == 5
    assert metrics["avg_p"] is None
    assert metrics["avg_n"] is None


def test_without_held_out_triples_training_says_what_it_cannot_do(tmp_path: Path) -> None:
    triples = oracle.random_triples(np.random.default_rng(1), 10, 2, 60)
    store = build_store(tmp_path / "store", train=write_triples(tmp_path / "t.tsv", triples))
    lines: list[str] = []
    run = train_multihop(store, out=tmp_path / "run", model="gqe", message=lines.append, **SMALL)
    assert run.metrics == {}
    assert any("no valid or test triples" in line for line in lines)


def test_structures_that_a_graph_cannot_host_are_left_out_and_named(tmp_path: Path) -> None:
    chain = np.array([[i, 0, i + 1] for i in range(60)], np.int32)
    store = build_store(tmp_path / "store", train=write_triples(tmp_path / "t.tsv", chain))
    lines: list[str] = []
    run = train_multihop(store, out=tmp_path / "run", model="gqe", message=lines.append, **SMALL)
    assert run.config.weights == {"1p": 10, "2p": 10, "3p": 10, "2i": 10}
    assert any("cannot host 3i" in line for line in lines)
    with pytest.raises(SamplerError, match=r"cannot host 3i, .* it hosts 1p"):
        train_multihop(store, out=tmp_path / "other", model="gqe", structures={"1p": 1, "3i": 1}, **SMALL)
    # nothing was trained there, so the folder takes other settings
    train_multihop(store, out=tmp_path / "other", model="gqe", structures={"1p": 1}, **SMALL)


def test_a_damaged_graph_is_refused_before_it_is_used(store: Store, tmp_path: Path) -> None:
    shutil.copytree(store.path, tmp_path / "store")
    damaged = Store(tmp_path / "store")
    file = damaged.folder / "graph" / "tail.npy"
    data = bytearray(file.read_bytes())
    data[-1] ^= 64
    file.unlink()
    file.write_bytes(data)
    with pytest.raises(FormatError, match=r"section 'graph', array 'tail'.*checksum"):
        train_multihop(damaged, out=tmp_path / "run", model="gqe", **SMALL)


def test_metrics_of_other_held_out_edges_are_not_taken_for_these(store: Store, tmp_path: Path) -> None:
    files = {
        split: write_triples(tmp_path / f"{split}.tsv", store.triples(split)) for split in ("train", "valid", "test")
    }
    one = build_store(tmp_path / "one", train=files["train"], test=files["test"])
    first = train_multihop(one, out=tmp_path / "run", model="gqe", **SMALL).metrics["test"]
    other = build_store(tmp_path / "other", train=files["train"], test=files["valid"])
    assert one.fingerprints(["entities"]) == other.fingerprints(["entities"])
    second = train_multihop(other, out=tmp_path / "run", model="gqe", **SMALL).metrics["test"]
    assert second["queries_fingerprint"] != first["queries_fingerprint"]
    assert second["queries_fingerprint"] == default_set(other, "test").fingerprint


def test_damaged_metrics_are_named(store: Store, tmp_path: Path) -> None:
    run = train_multihop(store, out=tmp_path / "run", model="gqe", **SMALL)
    (run.path / "metrics.jsonl").write_text('{"step": 1}\nnonsense\n')
    with pytest.raises(FormatError, match=r"metrics\.jsonl:2: not a line of metrics"):
        _ = run.metrics


def test_one_entity_and_relations_seen_only_in_test_train_and_evaluate(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("a\tr\ta\n")
    alone = build_store(tmp_path / "alone", train=tmp_path / "train.tsv")
    assert train_multihop(alone, out=tmp_path / "one", model="gqe", **SMALL).answer("1p", ["a", "r"]).results
    triples = oracle.random_triples(np.random.default_rng(1), 10, 2, 60)
    (tmp_path / "test.tsv").write_text("e1\tnew\te2\n")
    files = {"train": write_triples(tmp_path / "t.tsv", triples), "test": tmp_path / "test.tsv"}
    run = train_multihop(build_store(tmp_path / "store", **files), out=tmp_path / "two", model="gqe", **SMALL)
    assert run.metrics["test"]["structures"]["1p"]["queries"] > 0
