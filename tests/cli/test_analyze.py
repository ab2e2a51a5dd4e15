"""``kgr analyze``: tables, JSON, a figure."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import kgr as package

Kgr = Callable[..., Result]

# of 400 random triples, nearly everything follows from something, and little of that is worth a line
LOOSE = ["--min-positive", "1", "--min-pca-confidence", "0"]


def test_json_is_what_python_gives(kgr_json: Callable[..., Any], place: Any) -> None:
    found = kgr_json("analyze", place.store, *LOOSE)
    assert set(found) == {"splits", "graph", "relations", "inversions", "rules", "left_out", "lengths_left_out"}
    own = package.analyze(place.store, min_positive=1, min_pca_confidence=0.0)
    assert found["relations"] == own.relations
    assert {"symmetry", "triples"} <= set(found["relations"]["r0"])
    assert found["rules"] == list(own.rules)
    assert found["graph"]["triples"] == len({*_lines(place, "train"), *_lines(place, "valid"), *_lines(place, "test")})


def _lines(place: Any, split: str) -> list[str]:
    return (place.folder / f"{split}.tsv").read_text().splitlines()


def test_options_reach_the_search(kgr_json: Callable[..., Any], place: Any) -> None:
    rules = kgr_json("analyze", place.store, *LOOSE, "--length", "2", "--splits", "train, valid")["rules"]
    assert {rule["length"] for rule in rules} == {2}
    train = kgr_json("analyze", place.store, *LOOSE, "--length", "1", "--splits", "train")
    assert (train["graph"]["triples"], train["rules"]) == (300, [])
    assert kgr_json("analyze", place.store, "--max-walks", "1")["left_out"]
    assert kgr_json("analyze", place.store, *LOOSE, "--max-rules", "1")["lengths_left_out"] == [2, 3]


def test_too_many_rules_are_left_out_and_said(kgr: Kgr, place: Any) -> None:
    table = kgr("analyze", place.store, *LOOSE, "--max-rules", "1").stdout
    assert "all rules of length 2 and 3: more than --max-rules of length 2" in table
    assert "left out" not in kgr("analyze", place.store, *LOOSE).stdout


def test_tables(kgr: Kgr, place: Any) -> None:
    output = kgr("analyze", place.store, *LOOSE, "--top", "2").stdout
    assert ["entities", "40"] in [line.split() for line in output.splitlines()]
    assert "… 1 more relations: --top, or all with --json" in output
    assert " => ?a r" in output
    assert "thing 100.0%" in output
    cut = kgr("analyze", place.store, "--max-walks", "1").stdout
    assert "more walks than asked for" in cut


def test_wrong_options(kgr: Kgr, place: Any) -> None:
    assert "length is 4, expected a whole number" in kgr("analyze", place.store, "--length", "4", code=1).stderr
    assert "nearest: valid" in kgr("analyze", place.store, "--splits", "vaild", code=1).stderr


@pytest.mark.parametrize("option", ["--out", "--plot"])
def test_figure(kgr: Kgr, place: Any, tmp_path: Path, option: str) -> None:
    pytest.importorskip("matplotlib")
    result = kgr("analyze", place.store, option, str(tmp_path / "figure.png"))
    content = (tmp_path / "figure.png").read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(content[16:20], "big") == 1680
    assert result.stderr == f"{tmp_path / 'figure.png'}: drawn\n"
    assert "relations" in result.stdout


def test_a_figure_without_matplotlib(kgr: Kgr, place: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = kgr("analyze", place.store, "--out", str(tmp_path / "figure.png"), code=1)
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert 'pip install "kgr[plot]"' in result.stderr
    assert not (tmp_path / "figure.png").exists()
