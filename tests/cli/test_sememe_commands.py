"""``kgr train-sememes``, ``evaluate-sememes``, ``predict-sememes``, ``export-sememes`` and ``sememes``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from synset_families import write_set

from kgr.data.add_synsets import add_synset_texts
from kgr.data.babelsememe import build_babelsememe

Kgr = Callable[..., Result]
KgrJson = Callable[..., Any]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = write_set(tmp_path_factory.mktemp("synsets") / "in")
    built = build_babelsememe(folder, folder.parent / "store")
    return str(add_synset_texts(built, folder / "texts.jsonl").path)


@pytest.fixture(scope="module")
def run(store: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    from kgr.sememe.train import train_sememes

    return str(train_sememes(store, out=tmp_path_factory.mktemp("sememes") / "run", method="propagation").path)


def test_training_prints_figures(store: str, kgr: Kgr, kgr_json: KgrJson, tmp_path: Path) -> None:
    out = kgr("train-sememes", store, "--out", str(tmp_path / "a"), "--method", "propagation").stdout
    assert out.startswith("test, method propagation, protocol clean: in percent")
    found = kgr_json("train-sememes", store, "--out", str(tmp_path / "b"), "--method", "propagation")
    assert {"split", "protocol", "map", "f1", "by_pos", "run", "seconds", "cpu_seconds", "steps"} <= set(found)
    assert {"map", "f1", "synsets"} == set(found["by_pos"]["n"])


def test_evaluation(run: str, kgr: Kgr, kgr_json: KgrJson) -> None:
    found = kgr_json("evaluate-sememes", run, "--split", "valid")
    assert (found["split"], found["synsets"], found["method"]) == ("valid", 6, "propagation")
    lines = kgr("evaluate-sememes", run).stdout.splitlines()
    assert lines[2].split() == ["synsets", "number", "MAP", "F1"]
    assert "1 annotations with 1 sememes that training never met" in lines[-1]
    assert "unknown split 'tset'" in kgr("evaluate-sememes", run, "--split", "tset", code=1).stderr


def test_predictions(run: str, kgr: Kgr, kgr_json: KgrJson) -> None:
    found = kgr_json("predict-sememes", run, "bn:00000010n", "-k", "2")
    assert [own["key"] for own in found["results"]] == ["AnimalBeast|兽", "entity|实体"]
    assert {"key", "label", "score", "probability", "names", "why"} <= set(found["results"][0])
    assert found["results"][0]["annotated"] == "test"
    both = kgr_json("predict-sememes", run, "bn:00000010n", "bn:00000009n")
    assert [own["synset"] for own in both["predictions"]] == ["bn:00000010n", "bn:00000009n"]
    asked = ("--lemmas", "tomcat, mouser", "--gloss", "a male cat", "--hypernym", "bn:00000000n")
    new = kgr("predict-sememes", run, *asked).stdout
    assert new.startswith("tomcat: a male cat")
    assert "why AnimalBeast|兽" in new
    assert "synset:hypernym bn:00000000n" in new
    unknown = kgr("predict-sememes", run, "--gloss", "zzz").stdout
    assert "these are the most frequent sememes" in unknown


def test_commas_of_chinese_part_lemmas(run: str, kgr_json: KgrJson) -> None:
    above = ("--hypernym", "bn:00000000n", "-k", "3")
    asked = [kgr_json("predict-sememes", run, "--lemmas", text, *above) for text in ("cat，dog、cow；", "cat, dog,cow")]
    assert asked[0] == asked[1]
    assert asked[0]["label"] == "cat"


def test_whole_rankings(run: str, kgr_json: KgrJson, tmp_path: Path) -> None:
    out = tmp_path / "f.tsv"
    found = kgr_json("predict-sememes", run, "--split", "test", "--all", "--out", str(out))
    assert found == {"out": str(out), "synsets": 6}
    assert len(out.read_text().splitlines()) == 3 + 6 * 7


@pytest.mark.parametrize(
    "asked",
    [
        (),
        ("bn:00000010n", "--gloss", "x"),
        ("--all",),
        ("bn:00000010n", "--out", "f"),
        ("--gloss", "x", "--split", "test"),
    ],
)
def test_questions_that_are_none(run: str, kgr: Kgr, asked: tuple[str, ...]) -> None:
    assert "Usage" in kgr("predict-sememes", run, *asked, code=2).stderr


def test_exports(run: str, kgr: Kgr, kgr_json: KgrJson, tmp_path: Path) -> None:
    assert kgr_json("export-sememes", run, "--out", str(tmp_path / "f.jsonld"))["synsets"] == 12
    added = kgr_json("export-sememes", run, "--add", "guessed")
    assert added["split"] == "guessed"
    assert added["triples"] >= 12
    assert "one of both" in kgr("export-sememes", run, code=2).stderr


def test_look_ups(store: str, kgr: Kgr, kgr_json: KgrJson) -> None:
    found = kgr_json("sememes", store, "bn:00000010n", "-k", "1")
    assert [own["key"] for own in found["sememes"]] == ["AnimalBeast|兽", "rare|稀"]
    text = kgr("sememes", store, "bn:00000010n").stdout
    assert "sememes, annotated in test:" in text
    assert "synsets that have it: 11, the first ones:" in kgr("sememes", store, "人").stdout
    assert "unknown synset or sememe" in kgr("sememes", store, "bn:1n", code=1).stderr
