"""BetaE's form on the command line: written, built from, evaluated by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from kgr.query.kept import kept_set
from kgr.query.sets import draw_queries
from kgr.runs import load_run

Kgr = Callable[..., Result]

SETTINGS = ["--model", "gqe", "--dim", "8", "--batch", "16", "--negatives", "8", "--steps", "10", "--log-every", "10"]


def test_from_a_store_to_a_store_and_its_figures(
    kgr: Kgr, kgr_json: Callable[..., Any], place: Any, tmp_path: Path
) -> None:
    folder, store, run = (str(tmp_path / name) for name in ("betae", "store", "run"))
    options = ["--structures", "1p,2i,2in", "--count", "9", "--train-count", "12", "--betae", folder]
    written = kgr_json("sample", place.store, *options)
    assert list(written["splits"]) == ["train", "valid", "test"]
    assert written["splits"]["train"]["2i"]["queries"] == 12
    assert written["splits"]["train"]["2i"]["easy"] == 0
    assert written["splits"]["test"]["2in"]["queries"] == 9
    built = kgr("build", "--format", "betae", folder, "--out", store)
    assert built.stderr.count("stored answers against executed ones: none differs") == 2
    assert "test queries" in built.stdout
    kgr("train-multihop", store, "--out", run, *SETTINGS)
    found = kgr_json("evaluate-multihop", run, "--queries", "betae")
    assert (found["split"], found["drawn"]) == ("test", False)
    assert list(found["structures"]) == ["1p", "2i", "2in"]
    assert found["structures"]["2i"]["queries"] == 9
    opened = load_run(run).store
    assert found["queries_fingerprint"] == kept_set(opened, "betae", "test").fingerprint
    # the same queries, drawn: only what the table says of them differs
    drawn = load_run(run).evaluate(queries=draw_queries(opened, ["1p", "2i", "2in"], count=9))
    assert drawn["structures"]["2i"]["mrr"] == pytest.approx(found["structures"]["2i"]["mrr"])
    table = kgr("evaluate-multihop", run, "--queries", "betae", "--split", "valid").stdout
    assert "valid queries" in table
    assert "no published table" not in table
    refused = kgr("evaluate-multihop", run, "--queries", "beta", code=1).stderr
    assert "unknown query set 'beta'; nearest: betae; the store keeps betae, and there is no file beta" in refused


def test_written_table(kgr: Kgr, place: Any, tmp_path: Path) -> None:
    options = ["--structures", "1p", "--count", "500", "--betae", str(tmp_path / "betae")]
    result = kgr("sample", place.store, *options)
    assert [line.split()[:2] for line in result.stdout.splitlines()] == [
        ["split", "structure"], ["train", "1p"], ["valid", "1p"], ["test", "1p"],
    ]  # fmt: skip
    assert "train 1p: " in result.stderr
    assert "asked for" in result.stderr
    assert "empty folder" in kgr("sample", place.store, *options, code=1).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["sample", "STORE"],
        ["sample", "STORE", "--out", "x", "--betae", "y"],
        ["sample", "STORE", "--betae", "y", "--split", "test"],
        ["sample", "STORE", "--out", "x", "--train-count", "3"],
        ["sample", "STORE", "--betae", "y", "--hard"],
        ["sample", "STORE", "--out", "x", "--stats"],
        ["sample", "STORE", "--betae", "y", "--stats"],
        ["sample", "STORE", "--stats", "--split", "test"],
        ["sample", "STORE", "--stats", "--hard"],
        ["sample", "STORE", "--stats", "--train-count", "3"],
        ["sample", "STORE", "--out", "x", "--roots", "degree"],
        ["build", "--format", "betae", "--out", "x"],
        ["build", "--format", "betae", "folder"],
        ["build", "--format", "betae", "folder", "--out", "x", "--train", "y"],
    ],
)
def test_usage(kgr: Kgr, place: Any, arguments: list[str]) -> None:
    assert "Usage:" in kgr(*(place.store if word == "STORE" else word for word in arguments), code=2).stderr
