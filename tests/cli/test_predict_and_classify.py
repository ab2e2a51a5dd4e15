"""``kgr predict`` and ``kgr classify-triples``."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Kgr = Callable[..., Result]
KgrJson = Callable[..., Any]


@pytest.fixture(scope="module")
def linked(place: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run of a link predictor on the small graph."""
    from kgr.completion.run import train_completion

    run = tmp_path_factory.mktemp("linked") / "run"
    train_completion(place.store, out=run, model="distmult", dim=8, steps=20, batch=16, device="cpu")
    return str(run)


def test_tails(linked: str, kgr_json: KgrJson) -> None:
    found = kgr_json("predict", linked, "--head", "e1", "--relation", "r1", "-k", "3", "--language", "ar")
    assert (found["head"], found["relation"], found["tail"]) == ("e1", "r1", None)
    assert len(found["results"]) == 3
    assert set(found["results"][0]) == {"key", "label", "score", "probability", "known"}
    assert found["results"][0]["label"].startswith("دولة")
    assert {one["known"] for one in found["results"]} <= {"graph", "held-out", None}


def test_heads_and_relations(linked: str, kgr: Kgr) -> None:
    heads = kgr("predict", linked, "--tail", "e1", "--relation", "r1", "--new-only").stdout.splitlines()
    assert heads[0] == "? · r1 · Entity 1"
    assert heads[2].split() == ["rank", "head", "key", "score", "probability", "known"]
    assert not any("held-out" in line for line in heads[3:13])
    assert "it is at least this likely to be true" in heads[-1]
    relations = kgr("predict", linked, "--head", "e2", "--tail", "e1").stdout
    assert relations.startswith("Entity 2 · ? · Entity 1")
    assert "probability:" not in relations
    assert relations.splitlines()[-1].startswith("score: the log share of the tail")


def test_probabilities_are_fitted_once(linked: str, kgr: Kgr) -> None:
    arguments = ("predict", linked, "--head", "e1", "--relation", "r1")
    first = kgr(*arguments)
    kept = Path(linked) / "calibration.json"
    written = kept.stat().st_mtime_ns
    assert kgr(*arguments).stdout == first.stdout
    assert kept.stat().st_mtime_ns == written


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("--head", "e999", "--relation", "r1"), "unknown entry 'e999'"),
        (("--head", "e1", "--relation", "r999"), "unknown relation 'r999'"),
        (("--relation", "r999"), "unknown relation 'r999'"),
        (("--relation", "r1", "--out", "nowhere/facts.tsv"), "there is no folder nowhere"),
    ],
)
def test_what_is_asked_is_checked_before_anything_is_fitted(
    linked: str, kgr: Kgr, tmp_path: Path, asked: tuple[str, ...], message: str
) -> None:
    run = shutil.copytree(linked, tmp_path / "run")
    (run / "calibration.json").unlink(missing_ok=True)
    result = kgr("predict", str(run), *asked, code=2 if "--out" in asked else 1)
    assert message in " ".join(result.stderr.split())
    assert not (run / "calibration.json").exists()


def test_new_facts(linked: str, kgr: Kgr, kgr_json: KgrJson, tmp_path: Path) -> None:
    found = kgr_json("predict", linked, "--relation", "r1", "-k", "4")
    assert [set(one) for one in found["results"]] == [
        {"head", "relation", "tail", "head_label", "tail_label", "score", "probability"}
    ] * 4
    assert len(kgr("predict", linked, "--relation", "r1", "-k", "4").stdout.splitlines()) == 1 + 4 + 3
    result = kgr("predict", linked, "--relation", "r1", "-k", "4", "--out", str(tmp_path / "f.tsv"))
    assert result.stdout == ""
    assert "f.tsv: 4 facts" in result.stderr
    lines = (tmp_path / "f.tsv").read_text(encoding="utf-8").splitlines()
    assert [line.split("\t")[0] for line in lines[1:]] == [one["head"] for one in found["results"]]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--head", "e1"], 2, "give two of --head, --relation and --tail"),
        (["--head", "e1", "--relation", "r1", "--tail", "e2"], 2, "give two of"),
        (["--head", "e1", "--relation", "r1", "--out", "x"], 2, "--out is for the new facts"),
        (["--relation", "r1", "--new-only"], 2, "only new facts"),
        (["--head", "e77", "--relation", "r1"], 1, "unknown entry 'e77'; nearest: e"),
        (["--head", "e1", "--relation", "r7"], 1, "unknown relation 'r7'; nearest: r"),
    ],
)
def test_predict_refuses(linked: str, kgr: Kgr, arguments: list[str], code: int, message: str) -> None:
    assert message in kgr("predict", linked, *arguments, code=code).stderr


def test_classification(linked: str, kgr: Kgr, kgr_json: KgrJson) -> None:
    assert "--negatives relation" in kgr("classify-triples", linked, code=1).stderr
    found = kgr_json("classify-triples", linked, "--negatives", "relation", "--protocol", "published")
    assert (found["split"], found["protocol"], found["negatives"]) == ("test", "published", "relation")
    assert 0 < found["accuracy"] < 1 and 0 < found["f1"] < 1
    output = kgr("classify-triples", linked, "--negatives", "uniform", "--split", "valid", "--seed", "3").stdout
    assert "80 valid triples, facts and negatives with a random tail" in output


def test_a_run_of_another_task(trained: tuple[Any, Result], kgr: Kgr) -> None:
    assert "holds a run of 'multihop'" in kgr("predict", trained[0].run, "--relation", "r1", code=1).stderr


def test_another_step_is_another_calibration(place: Any, linked: str, kgr_json: KgrJson, tmp_path: Path) -> None:
    from kgr.completion.run import train_completion

    run = tmp_path / "run"
    shutil.copytree(linked, run)
    settings: dict[str, Any] = {"model": "distmult", "dim": 8, "batch": 16, "device": "cpu"}
    asked = ("predict", str(run), "--head", "e1", "--relation", "r1")
    before = kgr_json(*asked)
    train_completion(place.store, out=run, steps=60, **settings)
    assert kgr_json(*asked) != before
    assert '"step": 60' in (run / "calibration.json").read_text()
