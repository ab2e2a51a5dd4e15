"""``kgr evaluate-ranking``, ``kgr fuse`` and ``kgr interpolate``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from collection_folder import write_collection_folder

from kgr import evaluate_ranking, read_ranking
from kgr.data.beir import build_beir

ONE = "q1 Q0 d1 1 3.0 one\nq1 Q0 d2 2 2.0 one\nq2 Q0 d9 1 1.0 one\n"
TWO = "q1 Q0 d2 1 9.0 two\n"
QRELS = "q1 0 d1 2\nq2 0 d2 1\nq2 0 d3 -1\n"

Files = tuple[str, str, str]
Command = Callable[..., Result]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    for name, text in {"qrels.txt": QRELS, "one.trec": ONE, "two.trec": TWO}.items():
        (tmp_path / name).write_text(text)
    return str(tmp_path / "qrels.txt"), str(tmp_path / "one.trec"), str(tmp_path / "two.trec")


def test_figures_as_a_table(files: Files, kgr: Command) -> None:
    done = kgr("evaluate-ranking", *files[:2], "--measures", "map,p@1", "--per-query")
    lines = ["2 judged queries", "", "map  0.5000", "p@1  0.5000", ""]
    lines += ["query     map     p@1", "q1     1.0000  1.0000", "q2     0.0000  0.0000"]
    assert done.stdout.splitlines() == lines
    assert "judgements with a negative grade: 1, not relevant" in done.stderr


def test_two_rankings_side_by_side(files: Files, kgr: Command) -> None:
    qrels, one, two = files
    done = kgr("evaluate-ranking", qrels, one, "--against", two, "--measures", "mrr")
    header, row = done.stdout.splitlines()[2:]
    assert " ".join(header.split()) == "this other difference t-test p randomisation p wins ties losses"
    assert row.split() == ["mrr", "0.5000", "0.0000", "0.5000", "0.5000", "1.0000", "1", "1", "0"]
    done = kgr("evaluate-ranking", qrels, one, "--against", two, "--measures", "mrr", "--only-retrieved")
    assert done.stdout.splitlines()[-1].split() == ["mrr", "1.0000", "0.0000", "1.0000", "1", "0", "0"]


def test_json_is_what_the_function_returns(files: Files, kgr_json: Callable[..., Any]) -> None:
    qrels, one, two = files
    options = ("--against", two, "--per-query", "--relevance-level", "2", "--seed", "3", "--store", "atlas")
    found = kgr_json("evaluate-ranking", qrels, one, *options)
    settings = {"against": two, "per_query": True, "relevance_level": 2, "seed": 3, "store": "atlas"}
    assert found == evaluate_ranking(qrels, one, **settings)  # type: ignore[arg-type]
    assert {"queries", "map", "ndcg@10", "p@10", "recall@100", "mrr@10"} <= set(found)
    assert found["unknown_documents"] == 3


def test_judgements_of_a_store(tmp_path: Path, kgr: Command, kgr_json: Callable[..., Any]) -> None:
    store = build_beir(write_collection_folder(tmp_path / "in"), tmp_path / "store").path
    (tmp_path / "f").write_text("q3 Q0 d1 1 1.0 x\n")
    args = ("evaluate-ranking", str(store), str(tmp_path / "f"))
    assert kgr_json(*args, "--name", "train")["map"] == 1
    assert "no query of the ranking is judged: the ranking has 'q3'" in kgr(*args, code=1).stderr


def test_errors_are_one_line(files: Files, tmp_path: Path, kgr: Command) -> None:
    qrels, one, _ = files
    (tmp_path / "bad").write_text(ONE + "q1 Q0 d3\n")
    for args, words in [
        ((qrels, str(tmp_path / "bad")), "bad:4: found 3 fields"),
        ((qrels, one, "--measures", "p"), "measures: found 'p', expected some of map"),
        ((qrels, one, "--name", "test"), "only a store keeps judgements by name"),
        (("no/such.txt", one), "/no/such.txt: no store here (no file CURRENT)"),
        (("no-such-set", one), "there is no file 'no-such-set'; as a store: unknown data set"),
    ]:
        failed = kgr("evaluate-ranking", *args, code=1)
        assert (failed.stdout, failed.stderr.count("\n")) == ("", 1)
        assert words in failed.stderr
    kgr("evaluate-ranking", qrels, str(tmp_path / "none"), code=2)


def test_fuse(files: Files, tmp_path: Path, kgr: Command, kgr_json: Callable[..., Any]) -> None:
    _, one, two = files
    out = tmp_path / "out.trec.gz"
    done = kgr_json("fuse", one, two, "--out", str(out), "-k", "0", "--weights", "1,0.25", "--tag", "both")
    assert done == {"out": str(out), "queries": 2, "documents": 3}
    assert read_ranking(out)["q1"] == [("d1", 1.0), ("d2", 0.75)]
    assert read_ranking(out).tag == "both"
    done = kgr("fuse", one, two, "--out", str(out), "--method", "minmax", "--depth", "1")
    assert done.stdout == f"{out}: 2 documents for 2 queries\n"
    assert read_ranking(out)["q1"] == [("d1", 1.0)]
    kgr("fuse", one, two, "--out", str(out), "--weights", "1,x", code=2)
    assert "found 1 ranking, expected at least two" in kgr("fuse", one, "--out", str(out), code=1).stderr


def test_interpolation(files: Files, tmp_path: Path, kgr: Command, kgr_json: Callable[..., Any]) -> None:
    qrels = files[0]
    (tmp_path / "other").write_text("q1 Q0 d1 1 1.0 x\nq1 Q0 d2 2 3.0 x\n")
    (tmp_path / "more").write_text(ONE + "q3 Q0 d1 1 1.0 one\nq2 Q0 d2 1 0.5 one\n")
    out = str(tmp_path / "out.trec")
    args = (
        "interpolate",
        str(tmp_path / "more"),
        str(tmp_path / "other"),
        "--qrels",
        qrels,
        "--folds",
        "2",
        "--out",
        out,
    )
    done = kgr(*args)
    assert "3 of 5 documents have no score in the other ranking" in done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines == [
        ["fold", "queries", "weight"],
        *([str(i), "1", "0.00"] for i in range(2)),
        ["not", "judged", "1", "0.00"],
    ]
    assert [key for key, _ in read_ranking(out)["q1"]] == ["d1", "d2"]
    found = kgr_json(*args, "--measure", "map", "--normalization", "zscore", "--depth", "1")
    assert found == {"out": out, "queries": 3, "weight": 0.0, "weights": [0.0, 0.0], "missing": 2}
    assert "normalization is" not in kgr(*args, "--folds", "9", code=1).stderr
