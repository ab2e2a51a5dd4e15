"""``kgr pretrain-prop`` and ``evaluate-prop``."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import Result

import kgr as library

Kgr = Callable[..., Result]
KgrJson = Callable[..., Any]
SMALL = (
    "--steps", "2", "--batch", "4", "--window", "32", "--width", "32", "--heads", "2", "--layers", "1",
    "--vocabulary", "300", "--device", "cpu", "--mlm-start", "0",
)  # fmt: skip


def store_of(folder: Path) -> str:
    draw, path = random.Random(0), folder / "corpus.jsonl"
    words = [f"{a}{b}word" for a in "bcdfghjklm" for b in "aeiouy"]
    texts = [" ".join(draw.choices(words, k=30)) for _ in range(40)]
    path.write_text("".join(f'{{"id": "d{i}", "text": "{text}"}}\n' for i, text in enumerate(texts)))
    return str(library.build_corpus(path, folder / "store").path)


def test_pretrain_evaluate_and_rerank(kgr: Kgr, kgr_json: KgrJson, tmp_path: Path) -> None:
    store, run = store_of(tmp_path), str(tmp_path / "run")
    result = kgr("pretrain-prop", store, "--out", run, *SMALL)
    assert result.stdout.startswith("4 held-out documents, in percent")
    assert "… shown another document" in result.stdout and "masked word pieces told right" in result.stdout
    found = kgr_json("evaluate-prop", run)
    again = kgr_json("pretrain-prop", store, "--out", run, *SMALL)
    assert {name: again[name] for name in found} == found and (again["run"], again["steps"]) == (run, 2)
    assert kgr("evaluate-prop", run).stdout == result.stdout
    ranking, out = str(tmp_path / "F.trec"), tmp_path / "G.trec"
    kgr("retrieve", store, "--query", "baword beword", "--out", ranking, "-k", "3")
    queries = tmp_path / "queries.tsv"
    queries.write_text("1\tbaword beword\n")
    kgr("rerank", store, ranking, "--model", run, "--queries", str(queries), "--out", str(out), "--device", "cpu")
    assert len(out.read_text().splitlines()) == len(Path(ranking).read_text().splitlines()) > 0


def test_a_run_without_vectors_says_so(kgr: Kgr, tmp_path: Path) -> None:
    store, run = store_of(tmp_path), str(tmp_path / "run")
    kgr("pretrain-prop", store, "--out", run, *SMALL, "--objective", "prop")
    told = kgr("export-vectors", run, str(tmp_path / "vectors"), code=1).stderr
    assert "a ranker has no vectors of entities" in told


def test_a_checkpoint_that_is_none(kgr: Kgr, tmp_path: Path) -> None:
    told = kgr("convert-prop", str(tmp_path), str(tmp_path / "out"), code=1).stderr
    assert "has no config.json" in told
