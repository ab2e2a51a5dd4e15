from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import oracle
import pytest
from permissions import POSSIBLE, read_only

import kgr
from kgr.completion.run import CompletionRun, train_completion
from kgr.data.build import build_store
from kgr.data.collection import build_corpus
from kgr.engine.loop import Progress
from kgr.engine.run import Run
from kgr.errors import ConfigError, DataError, TrainingError
from kgr.index.store import Store
from kgr.multihop.run import load_multihop

SMALL = {"dim": 8, "batch": 16, "steps": 12, "device": "cpu", "log_every": 4, "checkpoint_every": 6}
STEERED = {"schedule": "plateau", "plateau_patience": 0, "keep_best": True, "early_stop": 3, "eval_every": 2, "lr": 1.0}
KINDS: list[dict[str, Any]] = [
    {},
    {"model": "conve", "dim": 200, "training": "kvsall", "loss": "bce", "label_smoothing": 0.1, "entity_dropout": 0.2},
    {"model": "rotate", "training": "negatives", "negatives": 4, "loss": "margin", "regularizer": "none"},
    {"model": "tucker", "relation_dropout": 0.1, "optimizer": "adam", "lr": 0.01, "reciprocal": False},
    {"relation_prediction": 0.1, **STEERED},
]


def build(folder: Path, **splits: np.ndarray) -> Store:
    for name, part in splits.items():
        lines = "".join(f"e{h}\tr{r}\te{t}\n" for h, r, t in part.tolist())
        (folder / f"{name}.tsv").write_text(lines, encoding="utf-8")
    return build_store(folder / "store", **{name: folder / f"{name}.tsv" for name in splits})


@pytest.fixture(scope="module")
def parts() -> dict[str, np.ndarray]:
    triples = np.random.default_rng(0).permutation(oracle.random_triples(np.random.default_rng(1), 40, 3, 400))
    return dict(zip(("train", "valid", "test"), np.split(triples, [340, 370]), strict=True))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, parts: dict[str, np.ndarray]) -> Store:
    return build(tmp_path_factory.mktemp("store"), **parts)


def weights(run: CompletionRun) -> dict[str, np.ndarray]:
    found = run._run.checkpoint()
    assert found is not None
    return {
        f"{name}/{key}": tensor.numpy() for name in found.manifest["files"] for key, tensor in found.read(name).items()
    }


def same(a: CompletionRun, b: CompletionRun) -> bool:
    x, y = weights(a), weights(b)
    return x.keys() == y.keys() and all(np.array_equal(x[name], y[name]) for name in x)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.get("model", "complex"))
@pytest.mark.parametrize("killed", [1, 8])
def test_a_killed_run_goes_on_as_if_nothing_had_been(
    store: Store, tmp_path: Path, kind: dict[str, Any], killed: int
) -> None:
    whole = train_completion(store, out=tmp_path / "whole", **SMALL | kind)

    def kill(progress: Progress) -> None:
        if progress.step >= killed and progress.loss is not None:
            raise Killed

    with pytest.raises(Killed):
        train_completion(store, out=tmp_path / "cut", progress=kill, **SMALL | kind | {"log_every": 1})
    resumed = train_completion(store, out=tmp_path / "cut", **SMALL | kind | {"threads": 3, "slots": 2})
    assert same(whole, resumed)
    assert resumed.metrics == whole.metrics


def test_a_run_is_loaded_and_evaluated_as_it_was_trained(store: Store, tmp_path: Path) -> None:
    run = train_completion(store, out=tmp_path / "run", **SMALL)
    assert set(run.metrics) == {"test"}
    metrics = run.metrics["test"]
    assert metrics["triples"] == 30
    loaded = kgr.load_run(tmp_path / "run")
    assert isinstance(loaded, CompletionRun)
    assert loaded.evaluate() == metrics
    assert loaded.evaluate("valid")["split"] == "valid"
    asked = np.array([3, 1, 2]), np.array([4, 0, 5])
    assert np.array_equal(loaded.scorer.scores(*asked), run.scorer.scores(*asked))


def test_a_picture_has_mrr_and_hits_over_the_steps(store: Store, tmp_path: Path, drawn: list[Any]) -> None:
    run = train_completion(store, out=tmp_path / "run", **SMALL | {"eval_every": 4})
    assert run.plot(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    axes = {each.get_title(): each for each in drawn[0].axes}
    during = [line for line in run._run.metrics() if line.get("split") == "valid"]
    for line in axes["MRR and Hits, on valid"].get_lines():
        expected = [(of["step"], of["metrics"][line.get_label()]) for of in during]
        assert list(zip(*line.get_data(), strict=True)) == expected and len(expected) > 1
    heights = [bar.get_height() for bar in axes["MRR, on test"].containers[0]]
    assert heights == [of["mrr"] for of in (run.metrics["test"], *run.metrics["test"]["sides"].values())]


def test_training_learns(store: Store, tmp_path: Path) -> None:
    metrics = train_completion(store, out=tmp_path / "run", **SMALL | {"steps": 150, "dim": 32, "batch": 64}).evaluate(
        "train"
    )
    assert metrics["mrr"] > 0.9


def test_epochs_are_kept_as_steps(store: Store, tmp_path: Path) -> None:
    settings = {name: value for name, value in SMALL.items() if name != "steps"}
    run = train_completion(store, out=tmp_path / "run", epochs=0.5, eval_epochs=0.25, eval_triples=4, **settings)
    edges = 2 * len(store.triples("train"))
    assert run.config.steps == -(-edges // 32)
    assert (run.config.epochs, run.config.eval_every) == (None, -(-edges // 64))
    lines = [line for line in run._run.metrics() if line.get("split") == "valid"]
    assert {line["metrics"]["triples"] for line in lines} == {4}
    longer = train_completion(store, out=tmp_path / "run", epochs=1, eval_epochs=0.25, eval_triples=4, **settings)
    assert longer.config.steps == -(-edges // 16)


def test_other_settings_are_refused_on_resume(store: Store, tmp_path: Path) -> None:
    train_completion(store, out=tmp_path / "run", **SMALL)
    with pytest.raises(ConfigError, match=r"entity_weight was None, now 0\.5"):
        train_completion(store, out=tmp_path / "run", entity_weight=0.5, **SMALL)


def test_the_better_weights_are_kept(store: Store, tmp_path: Path) -> None:
    run = train_completion(store, out=tmp_path / "run", **SMALL | STEERED | {"steps": 40})
    figures = [line["metrics"]["mrr"] for line in run._run.metrics() if line.get("split") == "valid"]
    assert run.evaluate("valid")["mrr"] == max(figures)
    assert kgr.load_run(tmp_path / "run").evaluate("valid")["mrr"] == max(figures)


def test_a_store_without_held_out_triples_trains(tmp_path: Path, parts: dict[str, np.ndarray]) -> None:
    store = build(tmp_path, train=parts["train"])
    told: list[str] = []
    run = train_completion(store, out=tmp_path / "run", message=told.append, **SMALL)
    assert run.metrics == {}
    assert "no valid or test triples, so the run is not evaluated" in told[-1]
    with pytest.raises(DataError, match="has no valid or test triples to evaluate on"):
        run.evaluate()
    with pytest.raises(ConfigError, match="has no valid triples: leave them out"):
        train_completion(store, out=tmp_path / "other", eval_every=3, **SMALL)


def test_a_store_with_valid_alone_is_evaluated_on_it(tmp_path: Path, parts: dict[str, np.ndarray]) -> None:
    store = build(tmp_path, train=parts["train"], valid=parts["valid"])
    run = train_completion(store, out=tmp_path / "run", **SMALL)
    assert set(run.metrics) == {"valid"}


@pytest.mark.parametrize("training", ["1vsall", "kvsall", "negatives"])
@pytest.mark.parametrize("reciprocal", [False, True])
def test_relations_and_entities_that_train_has_not(tmp_path: Path, training: str, reciprocal: bool) -> None:
    train = np.array([[0, 0, 1], [1, 0, 2], [2, 1, 0]])
    test = np.array([[0, 2, 1], [3, 0, 1], [0, 0, 2]])
    store = build(tmp_path, train=train, valid=test[:1], test=test)
    settings = {"training": training, "reciprocal": reciprocal, "eval_every": 4}
    run = train_completion(store, out=tmp_path / "run", **SMALL | settings)
    assert run.metrics["test"]["triples"] == 3


def test_a_store_of_documents_alone(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"_id": "d", "title": "", "text": "one"}\n', encoding="utf-8")
    store = build_corpus(tmp_path / "corpus.jsonl", tmp_path / "store")
    with pytest.raises(DataError, match="has no graph, only 1 documents"):
        train_completion(store, out=tmp_path / "run", **SMALL)


def test_a_rate_that_is_too_high(store: Store, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"the loss is|is not finite"):
        train_completion(store, out=tmp_path / "run", **SMALL | {"lr": 1000.0, "init_scale": 1e30})


def test_a_run_of_another_kind(store: Store, tmp_path: Path) -> None:
    train_completion(store, out=tmp_path / "run", **SMALL)
    with pytest.raises(ConfigError, match=re.escape("holds a run of 'completion', not 'multihop'")):
        load_multihop(Run.open(tmp_path / "run"))


def test_a_store_that_moved(parts: dict[str, np.ndarray], tmp_path: Path) -> None:
    store = build(tmp_path, **parts)
    train_completion(store, out=tmp_path / "run", **SMALL)
    shutil.rmtree(tmp_path / "store")
    with pytest.raises(kgr.FormatError, match="was trained from that store: if it was moved"):
        kgr.load_run(tmp_path / "run")


def test_a_run_by_relative_paths_may_be_moved_with_its_store(
    parts: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    build(Path(), **parts)
    run = train_completion("./store", out="run", **SMALL)
    asked = np.array([3, 1]), np.array([4, 0])
    monkeypatch.chdir(tmp_path)
    assert kgr.load_run("a/run").metrics == run.metrics
    assert np.array_equal(kgr.load_run("a/run").scorer.scores(*asked), run.scorer.scores(*asked))
    Path("a").rename("b")
    with pytest.raises(kgr.FormatError, match=f"{tmp_path}/a/store.*: if it was moved, write its place into the run's"):
        kgr.load_run("b/run")
    config = Path("b/run/config.toml")
    config.write_text(config.read_text().replace(f"{tmp_path}/a", f"{tmp_path}/b"))
    assert np.array_equal(kgr.load_run("b/run").scorer.scores(*asked), run.scorer.scores(*asked))


@pytest.mark.skipif(not POSSIBLE, reason="permissions bind root elsewhere than on Linux only")
def test_a_run_that_cannot_be_written_can_be_asked(store: Store, tmp_path: Path) -> None:
    train_completion(store, out=tmp_path / "run", **SMALL)
    with read_only(store.path, tmp_path / "run"):
        run = kgr.load_run(tmp_path / "run")
        said = run.predict(head="e1", relation="r1", k=3)
        with pytest.raises(PermissionError, match=str(tmp_path / "run")):
            train_completion(store, out=tmp_path / "run", **SMALL | {"steps": 20})
    assert kgr.load_run(tmp_path / "run").predict(head="e1", relation="r1", k=3) == said
