from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from conftest import Place

from kgr.completion.config import CompletionConfig

SETTINGS = ["--dim", "8", "--batch", "16", "--steps", "20", "--log-every", "10"]


def test_every_setting_is_an_option(kgr: Callable[..., Result]) -> None:
    help = kgr("train-completion", "--help").output
    for field in dataclasses.fields(CompletionConfig):
        assert f"--{field.name.replace('_', '-')}" in help


def test_train_evaluate_and_go_on(
    place: Place, kgr: Callable[..., Result], kgr_json: Callable[..., Any], tmp_path: Path
) -> None:
    run = str(tmp_path / "run")
    metrics = kgr_json("train-completion", place.store, "--out", run, *SETTINGS)
    assert metrics["run"] == run
    assert metrics["steps"] == 20
    assert {"split", "mrr", "hits@1", "hits@3", "hits@10", "mr", "popularity_mrr", "cpu_seconds"} <= set(metrics)
    assert kgr_json("evaluate-completion", run)["mrr"] == metrics["mrr"]
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == [10, 20]
    longer = [*SETTINGS[:-4], "--steps", "30", "--log-every", "10"]
    again = kgr("train-completion", place.store, "--out", run, *longer)
    assert "going on from step 20 of 30" in again.stderr
    assert "MRR" in again.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--dim", "7"], "dim is 7, but complex needs an even number"),
        (["--norm", "1"], "norm is not read by model complex, only by transe"),
        (["--config", "nothing"], "neither a file nor a recipe of this store"),
        (["--early-stop", "3"], "eval_every"),
        (["--model", "conve", "--dim", "23"], "dim"),
    ],
)
def test_bad_settings(
    place: Place, kgr: Callable[..., Result], tmp_path: Path, options: list[str], message: str
) -> None:
    result = kgr("train-completion", place.store, "--out", str(tmp_path / "run"), *options, code=1)
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not result.stdout
