"""``kgr build --format rdf``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

LINES = """<http://e/a> <http://e/p> <http://e/b> .
<http://e/a> <http://www.w3.org/2000/01/rdf-schema#label> "A"@EN .
<http://e/a> <http://e/born> "1900" .
<http://e/b> <http://e/born> "1901" .
<http://e/b> <http://e/died> "1950" .
bad
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "a.nt"
    path.write_text(LINES)
    return str(path)


def test_a_store_from_rdf(kgr: Callable[..., Result], kgr_json: Callable[..., Any], file: str, tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    result = kgr("build", "--format", "rdf", file, "--strip", "http://e/", "--out", store)
    assert result.stdout.splitlines()[0] == f"store: {store}"
    last = result.stdout.split("\n\n")[-1].splitlines()
    assert [line.split() for line in last] == [
        ["literals", "left", "out"],
        ["http://e/born", "2"],
        ["http://e/died", "1"],
    ]
    assert "1 lines are no statements: set aside in" in result.stderr
    (aside,) = (tmp_path / "store.quarantine.jsonl").read_text().splitlines()
    assert json.loads(aside)["place"] == f"{file}:6"
    assert "A" in kgr("show", store, "a").stdout

    options = ("--literals", "keep", "--language", "de", "--syntax", "nq")
    found = kgr_json("build", "--format", "rdf", file, "--out", str(tmp_path / "two"), *options)
    assert (found["counts"]["train"], found["counts"]["quarantined"]) == (1, 1)
    assert found["literals"] == {
        "kept": True,
        "by_predicate": {"http://e/born": 2, "http://e/died": 1},
        "fields": {"http://e/born": "born", "http://e/died": "died"},
    }
    assert (tmp_path / "two" / "v00000001" / "text" / "entries" / "de.born").is_dir()


def test_strict(kgr: Callable[..., Result], file: str, tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    stderr = kgr("build", "--format", "rdf", file, "--strict", "--out", store, code=1).stderr
    assert f"kgr: error: {file}:6: found no statement of N-Triples: " in stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--format", "rdf", "--out", "s"), "--format rdf takes files or folders and --out, no other files"),
        (("--format", "rdf", "a.nt", "--train", "b.tsv", "--out", "s"), "takes files or folders and --out, no other"),
        (("--format", "rdf", "a.nt"), "a store made from files needs a folder: --out STORE"),
        (("--format", "rdf", "a.nt", "--prefix", "x", "--out", "s"), "--prefix is for documents"),
        (("--format", "corpus", "a.jsonl", "--literals", "keep", "--out", "s"), "--literals is for --format rdf"),
        (("atlas", "--strip", "http://e/"), "--strip is for --format rdf"),
        (("atlas", "--strict"), "--strict is for documents"),
    ],
)
def test_usage(arguments: tuple[str, ...], message: str, kgr: Callable[..., Result]) -> None:
    assert message in kgr("build", *arguments, code=2).stderr
