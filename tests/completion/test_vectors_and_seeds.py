"""Vectors out of link models and into their trainings, and trainings with several seeds."""

from __future__ import annotations

import shutil
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import oracle
import pytest

from kgr.completion.run import CompletionRun, train_completion
from kgr.completion.seeds import train_completion_seeds
from kgr.data.build import build_store
from kgr.errors import ConfigError, DataError
from kgr.index.store import Store, extend_store
from kgr.index.vectors import Vectors, section_of
from kgr.show.seeds import seeds_table
from kgr.vectors import import_vectors, nearest

SMALL: dict[str, Any] = {"dim": 8, "batch": 32, "steps": 6, "device": "cpu", "log_every": 3}


def write(path: Path, triples: np.ndarray) -> Path:
    path.write_text("".join(f"e{h}\tr{r}\te{t}\n" for h, r, t in triples.tolist()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("store")
    triples = np.random.default_rng(0).permutation(oracle.random_triples(np.random.default_rng(1), 30, 3, 200))
    parts = zip(("train", "valid", "test"), np.split(triples, [160, 180]), strict=True)
    return build_store(folder / "store", **{name: write(folder / f"{name}.tsv", part) for name, part in parts})


@pytest.fixture(scope="module")
def reciprocal(store: Store, tmp_path_factory: pytest.TempPathFactory) -> CompletionRun:
    return train_completion(store, out=tmp_path_factory.mktemp("runs") / "complex", **SMALL)


@pytest.fixture(scope="module")
def based(store: Store, tmp_path_factory: pytest.TempPathFactory) -> CompletionRun:
    """A run whose relations are not reciprocal."""
    return train_completion(store, out=tmp_path_factory.mktemp("runs") / "base", reciprocal=False, **SMALL)


def test_rows_are_the_scorer_s(reciprocal: CompletionRun, based: CompletionRun) -> None:
    for run in (reciprocal, based):
        vectors, scorer = run.vectors(), run.scorer
        assert np.array_equal(vectors.entities, scorer.entities.numpy())
        assert np.array_equal(vectors.relations, scorer.relations.numpy())
    first, *_ = reciprocal.store.relations.keys_of(range(3))
    assert reciprocal.vectors().relation_keys[:2] == [first, f"^{first}"]
    assert reciprocal.vectors().manifest["relations"]["directed"]
    assert based.vectors().relation_keys == based.store.relations.keys_of(range(3))
    assert not based.vectors().manifest["relations"]["directed"]
    assert np.array_equal(based.vectors().relation("r1"), based.vectors().relations[based.store.relations.id("r1")])
    with pytest.raises(LookupError, match=r"unknown relation '\^r1'"):
        based.vectors().relation("^r1")
    assert len(nearest(based, "e1", k=3)) == 3


def test_a_bias_is_exported_and_does_not_make_near(store: Store, tmp_path: Path) -> None:
    run = train_completion(store, out=tmp_path / "run", model="conve", **(SMALL | {"dim": 200, "regularizer": "none"}))
    vectors = run.vectors()
    assert vectors.entities.shape == (30, 201)
    assert vectors.manifest["entities"]["biases"] == 1
    query, rows = vectors.entity("e1")[:200], vectors.entities[:, :200]
    scores = rows @ query / np.linalg.norm(rows, axis=1) / np.linalg.norm(query)
    vectors.save(tmp_path / "vectors")
    kept = import_vectors(shutil.copytree(store.path, tmp_path / "store"), tmp_path / "vectors", name="conve").store
    for of in (run, kept):
        near = nearest(of, "e1", k=29)
        order = sorted(set(range(30)) - {store.entries.id("e1")}, key=lambda entity: -scores[entity])
        assert [one.key for one in near] == store.entries.keys_of(order)


def started(store: Store, out: Path, start: str, **settings: Any) -> tuple[CompletionRun, list[str]]:
    """A run that moved nothing since its start, and what was told."""
    told: list[str] = []
    chosen = SMALL | {"lr": 0.0, "steps": 1} | settings
    return train_completion(store, out=out, start=start, message=told.append, **chosen), told


def test_a_training_starts_from_exported_vectors(
    store: Store, reciprocal: CompletionRun, based: CompletionRun, tmp_path: Path
) -> None:
    reciprocal.vectors().save(tmp_path / "vectors")
    run, told = started(store, tmp_path / "run", str(tmp_path / "vectors"))
    assert np.array_equal(run.vectors().entities, reciprocal.vectors().entities)
    assert np.array_equal(run.vectors().relations, reciprocal.vectors().relations)
    assert any("30 of 30 entities start" in line for line in told)
    # one row per base relation: forward rows alone are taken
    run, told = started(store, tmp_path / "base", str(tmp_path / "vectors"), reciprocal=False)
    assert np.array_equal(run.vectors().relations, reciprocal.vectors().relations[::2])
    based.vectors().save(tmp_path / "base-vectors")
    run, told = started(store, tmp_path / "wider", str(tmp_path / "base-vectors"))
    assert np.array_equal(run.vectors().relations[::2], based.vectors().relations)
    assert any("3 of 6 rows of relations start" in line for line in told)


def test_a_training_starts_from_no_passages(store: Store, tmp_path: Path) -> None:
    rows = Vectors(np.array([0, 0, 1], np.int32), np.ones((3, 8), np.float32))
    copied = Store(shutil.copytree(store.path, tmp_path / "store"))
    kept = extend_store(copied, {"vectors/passages": section_of(rows, None)})
    with pytest.raises(ConfigError, match="which has several vectors of an entity"):
        train_completion(kept, out=tmp_path / "run", start="passages", model="distmult", **SMALL)


def test_a_training_starts_from_kept_vectors(reciprocal: CompletionRun, tmp_path: Path) -> None:
    (tmp_path / "v.vec").write_text("e1 " + "1 " * 8 + "\n")
    folder = tmp_path / "store"
    build_store(folder, train=write(tmp_path / "train.tsv", np.array([[0, 0, 1], [1, 0, 2], [2, 1, 0]])))
    store = import_vectors(folder, tmp_path / "v.vec", name="mine").store
    run, told = started(store, tmp_path / "run", "mine")
    plain = train_completion(store, out=tmp_path / "plain", **(SMALL | {"lr": 0.0, "steps": 1}))
    changed = (run.vectors().entities != plain.vectors().entities).any(axis=1)
    assert np.flatnonzero(changed).tolist() == [store.entries.id("e1")]
    assert (run.vectors().entity("e1") == 1).all()
    assert any("1 of 3 entities start from mine" in line for line in told)
    # what is taken up again starts from its checkpoint
    again = train_completion(store, out=tmp_path / "run", start="mine", **(SMALL | {"lr": 0.0, "steps": 2}))
    assert np.array_equal(again.vectors().entities, run.vectors().entities)
    with pytest.raises(ConfigError, match="vectors have 8 numbers, but an entity of this model has 10"):
        started(store, tmp_path / "other", "mine", dim=10)
    with pytest.raises(ConfigError, match=r"start is 'nothing': no such path, nor vectors that .* keeps \(mine\)"):
        started(store, tmp_path / "none", "nothing")


def test_relations_of_another_width_are_left_out(store: Store, reciprocal: CompletionRun, tmp_path: Path) -> None:
    reciprocal.vectors().save(tmp_path / "vectors")
    run, told = started(store, tmp_path / "run", str(tmp_path / "vectors"), model="rescal")
    assert np.array_equal(run.vectors().entities, reciprocal.vectors().entities)
    assert any("relations are left out: they have 8 numbers, but those of this model 64" in line for line in told)


def test_seeds(store: Store, tmp_path: Path) -> None:
    found = train_completion_seeds(store, out=tmp_path, seeds=3, **SMALL)
    assert [run.path.name for run in found.runs] == ["seed-0", "seed-1", "seed-2"]
    assert [run.config.seed for run in found.runs] == [0, 1, 2]
    own = [run.metrics["test"] for run in found.runs]
    assert len({one["mrr"] for one in own}) == 3
    metrics = found.metrics
    assert metrics["split"] == "test"
    for name in ("mrr", "hits@10"):
        values = [one[name] for one in own]
        assert metrics["mean"][name] == pytest.approx(sum(values) / 3)
        assert metrics["sd"][name] == pytest.approx(statistics.stdev(values))
        assert [run[name] for run in metrics["runs"]] == values
    alone = train_completion(store, out=tmp_path / "alone", seed=1, **SMALL)
    assert alone.metrics["test"]["mrr"] == own[1]["mrr"]
    told: list[str] = []
    again = train_completion_seeds(store, out=tmp_path, seeds=[2, 0], message=told.append, **SMALL)
    assert [run["mrr"] for run in again.metrics["runs"]] == [own[2]["mrr"], own[0]["mrr"]]
    assert f"seed 2: {tmp_path / 'seed-2'}" in told
    assert found.summary(lambda run: {"x": run.config.seed, "y": None})["mean"] == {"x": 1}
    lines = seeds_table(metrics).splitlines()
    assert lines[2].split() == ["figure", "seed", "0", "seed", "1", "seed", "2", "mean", "sd"]
    assert f"{100 * metrics['mean']['mrr']:.2f}" in next(line for line in lines if line.startswith("mrr"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seeds": 1}, "at least two different"),
        ({"seeds": [1, 1]}, "at least two different"),
        ({"seed": 0}, "seed is 0 beside seeds"),
    ],
)
def test_bad_seeds(store: Store, tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        train_completion_seeds(store, out=tmp_path, **settings)
    assert not list(tmp_path.iterdir())


def test_nothing_held_out_for_seeds(tmp_path: Path) -> None:
    store = build_store(tmp_path / "store", train=write(tmp_path / "train.tsv", np.array([[0, 0, 1]])))
    with pytest.raises(DataError, match="no valid or test triples"):
        train_completion_seeds(store, out=tmp_path / "runs", **SMALL)
