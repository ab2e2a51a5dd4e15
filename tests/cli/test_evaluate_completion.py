"""``kgr evaluate-completion``: tables and JSON of a run made small."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

import kgr as package

Kgr = Callable[..., Result]


@pytest.fixture(scope="module")
def run(place: Any) -> str:
    out = str(place.folder / "links")
    package.train_completion(place.store, out=out, model="distmult", dim=8, batch=32, steps=20, threads=1)
    return out


def test_json_is_what_python_gives(kgr_json: Callable[..., Any], run: str) -> None:
    found = kgr_json("evaluate-completion", run)
    loaded = package.load_run(run)
    assert found == loaded.metrics["test"] == loaded.evaluate()
    assert {"split", "mrr", "hits@1", "hits@3", "hits@10", "mr", "popularity_mrr"} <= set(found)
    assert (found["split"], found["triples"], len(found["relations"])) == ("test", 42, 3)


def test_options_reach_the_evaluation(kgr_json: Callable[..., Any], run: str) -> None:
    found = kgr_json("evaluate-completion", run, "--split", "valid", "--limit", "7", "--rule-length", "1")
    assert (found["split"], found["triples"], found["limit"]) == ("valid", 7, 7)
    assert found["patterns"]["compositional"] is None


def test_tables(kgr: Kgr, run: str) -> None:
    output = kgr("evaluate-completion", run, "--top", "2").stdout
    assert output.startswith("test triples: ")
    assert "… 1 more relations" in output


def test_wrong_options(kgr: Kgr, run: str) -> None:
    assert "unknown split 'dev'" in kgr("evaluate-completion", run, "--split", "dev", code=1).stderr
    assert "rule_length is 9" in kgr("evaluate-completion", run, "--rule-length", "9", code=1).stderr
    assert "limit is 0" in kgr("evaluate-completion", run, "--limit", "0", code=1).stderr
