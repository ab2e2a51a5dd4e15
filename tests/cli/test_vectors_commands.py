"""Vectors out of a run, into a store, and the entities near one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import Result

import kgr as public
from kgr.engine import checkpoint
from kgr.index.check import check_store
from kgr.index.store import Section, Store, extend_store
from kgr.index.vectors import kept_names, kept_vectors
from kgr.multihop.run import SECTIONS, MultihopRun
from kgr.multihop.task import MultihopTask

Kgr = Callable[..., Result]
KgrJson = Callable[..., Any]


@pytest.fixture
def run(trained: tuple[Any, Result]) -> MultihopRun:
    """The small graph's run."""
    return public.load_run(trained[0].run)


@pytest.fixture
def store(trained: tuple[Any, Result], tmp_path: Path) -> str:
    """A copy of the small graph's store, to be written."""
    shutil.copytree(trained[0].store, tmp_path / "store")
    return str(tmp_path / "store")


def test_what_is_exported_are_the_run_s_rows(run: Any, kgr: Kgr, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = kgr("export-vectors", str(run.path), str(out))
    assert f"{out}/entities.npy: 40 rows of 8 numbers: a point" in result.stdout
    entities, relations = np.load(out / "entities.npy"), np.load(out / "relations.npy")
    keys = {of: (out / f"{of}.txt").read_text().splitlines() for of in ("entities", "relations")}
    task = MultihopTask(run.store, run.config, torch.device("cpu"))
    run._run.restore(task.module, task.tables, run.store.fingerprints(SECTIONS))
    assert np.array_equal(entities, task.tables["entities"].weight.numpy())
    assert np.array_equal(relations, task.tables["relations"].weight.numpy())
    assert keys["entities"] == run.store.entries.keys_of(range(40))
    first, *_ = run.store.relations.keys_of(range(3))
    assert keys["relations"][:2] == [first, f"^{first}"]
    vectors = run.vectors()
    assert vectors.entity_keys == keys["entities"]
    assert vectors.relation_keys == keys["relations"]
    assert np.array_equal(vectors.entity(keys["entities"][7]), entities[7])
    assert np.array_equal(vectors.relation(keys["relations"][3]), relations[3])
    for ask in (vectors.entity, vectors.relation):
        with pytest.raises(public.UnknownKey, match="unknown"):
            ask("e4x")


def test_large_tables_pass_part_by_part(
    trained: tuple[Any, Result], run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {name: value for name, value in run._run.settings.items() if value is not None}
    monkeypatch.setattr(checkpoint, "PART_BYTES", 7 * 8 * 4)
    again = public.train_multihop(trained[0].store, out=tmp_path / "run", **settings)
    vectors = again.vectors()
    assert len(list(vectors._rows("entities").make())) == 6
    assert np.array_equal(vectors.entities, run.vectors().entities)
    vectors.save(tmp_path / "out")
    assert np.array_equal(np.load(tmp_path / "out" / "entities.npy"), vectors.entities)


def test_a_folder_that_is_taken_is_left_alone(run: Any, kgr: Kgr, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    assert "exists already" in kgr("export-vectors", str(run.path), str(tmp_path), code=1).stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_from_run_to_store(run: Any, kgr: Kgr, kgr_json: KgrJson, store: str, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    assert kgr_json("export-vectors", str(run.path), out)["model"] == "gqe"
    found = kgr_json("import-vectors", store, out, "--name", "gqe")
    assert found["entries"] == {"matched": 40, "unknown": 0, "missing": 0}
    assert found["relations"] == {"matched": 6, "unknown": 0, "missing": 0}
    assert check_store(store) == []
    entries, relations = kept_vectors(Store(store), "gqe")
    assert np.array_equal(entries.rows, run.vectors().entities)
    assert relations is not None
    assert np.array_equal(relations.rows, run.vectors().relations)
    for metric in ("cosine", "l2", "l1", "dot"):
        asked = ["e7", "-k", "3", "--metric", metric]
        own = kgr_json("nearest", str(run.path), *asked)["results"]
        assert own == kgr_json("nearest", store, *asked)["results"]
        assert len(own) == 3
        assert own[0]["label"] == f"Entity {own[0]['key'].removeprefix('e')}"
        assert [one["score"] for one in own] == sorted((one["score"] for one in own), reverse=True)
        for ann in ("flat", "hnsw", "ivf"):
            near = kgr_json("nearest", store, *asked, "--ann", ann)["results"]
            assert [one["key"] for one in near] == [one["key"] for one in own]
            assert [one["score"] for one in near] == pytest.approx([one["score"] for one in own], abs=1e-5)
    assert "export its vectors and import them" in kgr("nearest", str(run.path), "e7", "--ann", "flat", code=1).stderr
    assert "دولة" in kgr("nearest", store, "e7", "--vectors", "gqe", "--language", "ar").stdout
    # the run's sections did not change, so it goes on with this store's version
    assert public.nearest(run, "e7", k=1)[0].key == public.nearest(Store(store), "e7", k=1)[0].key


def test_vectors_of_others(kgr: Kgr, kgr_json: KgrJson, store: str, tmp_path: Path) -> None:
    file = tmp_path / "v.vec"
    file.write_text("3 2\ne1 1 0\nother 0 1\ne2 1 1\n")
    result = kgr("import-vectors", store, str(file), "--name", "mine")
    told = "entries: 2 vectors matched by key; 1 key is not in the store (such as 'other'); 38 entries have none"
    assert told in result.stderr
    assert [one["key"] for one in kgr_json("nearest", store, "e1")["results"]] == ["e2"]
    assert "'e3' has no vector among 'mine'" in kgr("nearest", store, "e3", code=1).stderr
    assert "nearest: e1" in kgr("nearest", store, "e1x", code=1).stderr
    assert "keeps such vectors already" in kgr("import-vectors", store, str(file), "--name", "mine", code=1).stderr
    file.write_text("e1 5\ne2 5\ne3 4\n")
    kgr("import-vectors", store, str(file), "--name", "mine", "--replace")
    assert [one["key"] for one in kgr_json("nearest", store, "e1", "--metric", "l2")["results"]] == ["e2", "e3"]
    kgr("import-vectors", store, str(file), "--name", "second")
    assert kept_names(Store(store)) == ("mine", "second")
    assert "keeps vectors mine, second: name one" in kgr("nearest", store, "e1", code=1).stderr
    assert (
        "unknown vectors 'secund'; nearest: second" in kgr("nearest", store, "e1", "--vectors", "secund", code=1).stderr
    )
    assert "name is 'a/b'" in kgr("import-vectors", store, str(file), "--name", "a/b", code=1).stderr


def test_without_vectors(trained: tuple[Any, Result], kgr: Kgr, tmp_path: Path) -> None:
    place, _ = trained
    assert "keeps no vectors" in kgr("nearest", place.store, "e1", code=1).stderr
    assert "is a run, which has its own" in kgr("nearest", place.run, "e1", "--vectors", "x", code=1).stderr
    assert "not a run folder" in kgr("export-vectors", place.store, str(tmp_path / "out"), code=1).stderr


def test_biases_of_imported_vectors_do_not_count(store: str) -> None:
    """A run whose rows end in a bias says so in its manifest, which the store keeps."""
    arrays = {"ids": np.arange(3, dtype=np.int32), "rows": np.array([[1, 0], [1, 9], [0, 0]], np.float32)}
    source = {"manifest": {"entities": {"biases": 1}}}
    extend_store(Store(store), {"vectors/conve": Section(arrays)}, sources={"vectors/conve": source})
    first, second, third = Store(store).entries.keys_of(range(3))
    assert [one.key for one in public.nearest(store, first, metric="l2")] == [second, third]
    arrays["rows"] = arrays["rows"].copy()
    extend_store(Store(store), {"vectors/conve": Section(arrays)}, sources={"vectors/conve": {}})
    assert [one.key for one in public.nearest(store, first, metric="l2")] == [third, second]
