"""The atlas' own queries: what its README says that words alone find."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kgr.data.known import build_known
from kgr.index.store import Store
from kgr.retrieval.evaluate import evaluate_ranking
from kgr.retrieval.retrieve import retrieve

README = (Path(__file__).resolve().parents[2] / "datasets/atlas/README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return build_known("atlas", tmp_path_factory.mktemp("atlas") / "store")


@pytest.mark.parametrize(("method", "row"), [("bm25", "BM25"), ("ql", "query likelihood, Dirichlet")])
def test_figures_of_the_readme(store: Store, method: str, row: str) -> None:
    ranking = retrieve(store, method=method)
    found = evaluate_ranking(store, ranking)
    figures = re.search(rf"^\| {row} \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", README, re.M)
    assert figures is not None
    measured = [found[name] for name in ("map", "ndcg@10", "recall@100")]
    assert measured == pytest.approx(list(map(float, figures.groups())), abs=0.001)
    assert f"{found['queries_without_results']} queries have no word that any text has" in README
    assert found["queries"] == 90
    assert 0.1 < found["map"] < 0.4  # neither useless nor perfect
