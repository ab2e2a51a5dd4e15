"""``kgr encode`` and ``kgr rerank``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import text_models
from click.testing import Result
from text_corpus import write_corpus

from kgr.data.beir import build_beir
from kgr.index.store import Store
from kgr.index.vectors import kept_vectors, source_of
from kgr.retrieval.ranking import Ranking, read_ranking

Kgr = Callable[..., Result]
KgrJson = Callable[..., Any]


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(build_beir(write_corpus(tmp_path / "corpus"), tmp_path / "store").path)


def test_encode(store: str, kgr: Kgr, kgr_json: KgrJson, tmp_path: Path) -> None:
    model = str(text_models.save_encoder(tmp_path / "small"))
    settings = ("--device", "cpu", "--pooling", "cls", "--normalize", "--batch", "4")
    result = kgr("encode", store, "--model", model, *settings)
    assert result.stdout == f"{store}: vectors 'small' of 23 entries\n"
    assert "23 vectors of 16 numbers, of 23 entries; 1 without text have none" in result.stderr
    said = source_of(Store(store), "small")["encoder"]
    assert (said["pooling"], said["normalize"]) == ("cls", True)
    passages = ("--words", "10", "--stride", "10", "--name", "p", "--field", "body", "--language", "en")
    found = kgr_json("encode", store, "--model", model, "--device", "cpu", *passages)
    assert found["name"] == "p"
    assert found["counts"]["vectors"] == len(kept_vectors(Store(store), "p")[0].ids) > 23
    taken = kgr("encode", store, "--model", model, "--name", "p", code=1)
    assert taken.stderr.startswith("kgr: error: name is 'p'")
    assert kgr("nearest", store, "d1", "--vectors", "p", "-k", "2").stdout.count("\n") >= 2


def test_rerank(store: str, kgr: Kgr, kgr_json: KgrJson, tmp_path: Path) -> None:
    model = str(text_models.save_cross_encoder(tmp_path / "small"))
    before, after = tmp_path / "f.trec", tmp_path / "g.trec"
    Ranking.build({"q1": {"d1": 2.0, "d5": 1.0}, "q2": {"d9": 1.0}}).save(before)
    asked = ("rerank", store, str(before), "--model", model, "--out", str(after), "--device", "cpu")
    result = kgr(*asked, "--passages", "max", "--words", "5", "--depth", "1")
    assert result.stdout == f"{after}: 3 results of 2 queries\n"
    assert [key for key, _ in read_ranking(after)["q1"]] == ["d1", "d5"]
    (tmp_path / "q.tsv").write_text("q1\tmountain\nq2\triver\n")
    found = kgr_json(*asked, "--queries", str(tmp_path / "q.tsv"))
    assert found == {"out": str(after), "tag": "small", "queries": 2, "results": 3}
    refused = kgr(*asked, "--words", "5", code=1)
    assert refused.stderr == "kgr: error: words is 5, but passages is 'first', which does not read it: give max\n"
