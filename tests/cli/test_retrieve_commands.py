"""``kgr retrieve`` and ``kgr explain``."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import kgr as package
from kgr._config import settings
from kgr.cli.retrieve import retrieve
from kgr.data.collection import build_corpus
from kgr.retrieval.config import METHOD_FIELDS, METHODS, RetrieveConfig

Call = Callable[..., Result]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three documents and their store."""
    folder = tmp_path_factory.mktemp("corpus")
    rows = [
        {"id": "d1", "title": "Wing flutter", "text": "The flutter of wings."},
        {"id": "d2", "title": "", "text": "Heated \x1b[31m wings"},
        {"id": "d3", "title": "Cones", "text": "A cone in a flow"},
    ]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "queries.tsv").write_text("q1\twing flutter\nq2\tthe of\nq3\tcone\n")
    (folder / "ids").write_text("d2\nd3\n")
    return str(build_corpus(folder / "corpus.jsonl", folder / "store").path)


def test_one_query_is_shown(corpus: str, kgr: Call) -> None:
    output = kgr("retrieve", corpus, "--query", "wing flutter").stdout
    assert output.splitlines()[0] == "1: wing flutter"
    assert output.splitlines()[1].split() == ["rank", "key", "title", "or", "label", "score"]
    assert output.splitlines()[2].split()[:4] == ["1", "d1", "Wing", "flutter"]
    assert output.splitlines()[3].strip() == "*Wing* *flutter* The *flutter* of *wings*."
    assert "\x1b" not in output


def test_a_run_file_is_written(corpus: str, kgr: Call, kgr_json: Callable[..., Any], tmp_path: Path) -> None:
    queries = str(Path(corpus).parent / "queries.tsv")
    done = kgr("retrieve", corpus, "--queries", queries, "-k", "1", "--out", str(tmp_path / "run.trec"))
    assert done.stdout == ""
    assert "1 of 3 queries have only stop words" in done.stderr
    assert "1 of 3 queries have no results: q2" in done.stderr
    lines = (tmp_path / "run.trec").read_text().splitlines()
    assert [line.split()[:4] + line.split()[5:] for line in lines] == [
        ["q1", "Q0", "d1", "1", "kgr-bm25"],
        ["q3", "Q0", "d3", "1", "kgr-bm25"],
    ]
    out = str(tmp_path / "run.trec.gz")
    told = kgr_json("retrieve", corpus, "--queries", queries, "-k", "1", "--out", out, "--threads", "2")
    assert told == {"out": out, "queries": 3, "results": []}
    assert gzip.decompress(Path(out).read_bytes()).decode().splitlines() == lines


def test_json_has_results_by_query(corpus: str, kgr_json: Callable[..., Any]) -> None:
    queries = str(Path(corpus).parent / "queries.tsv")
    told = kgr_json("retrieve", corpus, "--queries", queries, "--show", "2")
    assert [(own["query"], own["text"]) for own in told["results"]] == [
        ("q1", "wing flutter"),
        ("q2", "the of"),
        ("q3", "cone"),
    ]
    first = told["results"][0]["results"]
    assert [own["key"] for own in first] == ["d1", "d2"]
    assert [own["score"] for own in first] == [score for _, score in package.retrieve(corpus, "wing flutter")["1"]]
    assert set(first[0]) == {"key", "label", "score", "snippet"}
    assert told["results"][1]["results"] == []


def test_options_reach_the_search(corpus: str, kgr_json: Callable[..., Any]) -> None:
    def keys(*options: str) -> list[str]:
        told = kgr_json("retrieve", corpus, "--query", "wing flutter cone", *options)
        return [own["key"] for own in told["results"][0]["results"]]

    assert set(keys()) == {"d1", "d2", "d3"}
    assert set(keys("--ids", str(Path(corpus).parent / "ids"))) == {"d2", "d3"}
    assert keys("--field", "title=2") == ["d1", "d3"]
    assert keys("--field", "title=0.5", "--field", "body")[0] == "d1"
    assert keys("--kind", "entity") == []
    assert len(keys("-k", "2")) == 2
    given = kgr_json("retrieve", corpus, "--query", "cone", "--method", "ql", "--smoothing", "jm", "--jm-lambda", "0.4")
    expected = package.retrieve(corpus, "cone", method="ql", smoothing="jm", jm_lambda=0.4)["1"]
    assert given["results"][0]["results"][0]["score"] == expected[0][1]


@pytest.mark.parametrize(
    ("options", "code", "reason"),
    [
        (["--query", "x", "--queries", "F"], 2, "not both"),
        (["--query", "x", "--out", "/nowhere/run"], 2, "there is no folder"),
        (["--query", "x", "--field", "title=much"], 2, "expected a number"),
        (["--query", "x", "--field", "title", "--field", "title=2"], 2, "different names"),
        (["--query", "x", "--mu", "5"], 1, "does not read mu"),
        (["--query", "x", "--field", "titel"], 1, "nearest: title"),
        (["--query", "x", "--kind", "paper"], 1, "unknown kind 'paper'"),
        ([], 1, "no queries are kept here"),
    ],
)
def test_what_is_refused(corpus: str, kgr: Call, options: list[str], code: int, reason: str) -> None:
    assert reason in kgr("retrieve", corpus, *options, code=code).stderr


def test_a_long_query_is_shown_in_part(corpus: str, kgr: Call) -> None:
    shown = kgr("retrieve", corpus, "--query", "wing " * 20_000).stdout.splitlines()
    assert shown[0].startswith("1: wing wing") and shown[0].endswith(" …") and len(shown[0]) < 220
    assert shown[2].split()[1] == "d1"


def test_explain(corpus: str, kgr: Call, kgr_json: Callable[..., Any]) -> None:
    output = kgr("explain", corpus, "d1", "--query", "the wings flutter").stdout.splitlines()
    assert output[0].startswith("Wing flutter (d1): score ")
    assert output[1].split()[:3] == ["index", "term", "words"]
    assert output[-1] == "not counted, stop words or in no text: the"
    told = kgr_json("explain", corpus, "d1", "--query", "the wings flutter", "--method", "ql")
    assert told["statistic"] == "share"
    assert told["score"] == pytest.approx(sum(own["contribution"] for own in told["terms"]))
    assert "not found" in kgr("explain", corpus, "d3", "--query", "wings").stdout


def test_every_setting_is_an_option_and_read_by_a_method() -> None:
    options = {parameter.name for parameter in retrieve.params}
    names = set(settings(RetrieveConfig))
    assert names <= options
    assert set(METHOD_FIELDS) == set(METHODS)
    assert {name for own in METHOD_FIELDS.values() for name in own} == names
