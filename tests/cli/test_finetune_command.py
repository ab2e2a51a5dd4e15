"""``kgr finetune-prop``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import text_models
from click.testing import Result
from judged_corpus import build_store, material, questions

from kgr.retrieval.ranking import Ranking, read_ranking

Kgr = Callable[..., Result]


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """A model, a store, judgements, queries and a ranking."""
    grades, run = material()
    lines = [f"{query} 0 {key} {grade}\n" for query, own in grades.items() for key, grade in own.items()]
    (tmp_path / "qrels").write_text("".join(lines))
    (tmp_path / "queries").write_text("".join(f"{key}\t{text}\n" for key, text in questions().items()))
    Ranking.build(run).save(tmp_path / "bm25.trec")
    model = text_models.save_encoder(tmp_path / "small")
    files = [f"--{name}={tmp_path / file}" for name, file in
             (("qrels", "qrels"), ("queries", "queries"), ("ranking", "bm25.trec"), ("out", "run"))]  # fmt: skip
    settings = ["--steps", "20", "--lr", "0.003", "--batch", "4", "--device", "cpu"]
    return ["finetune-prop", str(model), str(build_store(tmp_path).path), *files, *settings]


def test_few_queries(arguments: list[str], tmp_path: Path, kgr: Kgr, kgr_json: Callable[..., Any]) -> None:
    wishes = ("--train-queries", "10", "--eval-every", "10", "--loss", "pairwise")
    done = kgr(*arguments, *wishes)
    assert done.stdout.startswith("10 judged queries\n")
    assert "step 10: on valid, in percent: ndcg@10 " in done.stderr
    assert "8 queries to train on, 10.0 times each, 2 held out, 10 to test" in done.stderr
    found = kgr_json(*arguments, *wishes)
    kept = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    spent = {name: found[name] for name in ("seconds", "cpu_seconds")}
    assert found == {**kept[-1]["metrics"], "run": str(tmp_path / "run"), **spent, "steps": 20}
    assert len(read_ranking(tmp_path / "run" / "test.trec.gz")) == 10


def test_folds(arguments: list[str], tmp_path: Path, kgr: Kgr) -> None:
    done = kgr(*arguments, "--folds", "2")
    assert done.stdout.startswith("20 judged queries\n")
    assert len(read_ranking(tmp_path / "run" / "ranking.trec.gz")) == 20
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"fold-0", "fold-1", "ranking.trec.gz"}
    alone = kgr(*arguments[:-6], "--out", str(tmp_path / "one"), *arguments[-6:], "--folds", "2", "--fold", "1")
    assert alone.stdout.startswith("10 judged queries\n")


def test_all_queries(arguments: list[str], tmp_path: Path, kgr: Kgr) -> None:
    assert kgr(*arguments).stdout == ""
    assert (tmp_path / "run" / "config.json").is_file()
    message = "kgr: error: fold is 0, expected one below folds, which is 0\n"
    assert kgr(*arguments, "--fold", "0", code=1).stderr.endswith(message)
