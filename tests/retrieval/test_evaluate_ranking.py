"""Rankings against judgements: trec_eval's own files, pytrec_eval, and what is counted and said."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytrec_eval
from collection_folder import write_collection_folder
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kgr import evaluate_ranking, load_judgements, read_ranking
from kgr.data.beir import build_beir
from kgr.data.collection import build_corpus
from kgr.errors import ConfigError, DataError, UnknownKey
from kgr.index.keys import Keys
from kgr.rank.significance import randomisation_test
from kgr.retrieval.ranking import Ranking

CUTS = (1, 3, 5, 10, 100, 1000)

TRECS = {
    "map": "map",
    "ndcg": "ndcg",
    "mrr": "recip_rank",
    "rprec": "Rprec",
    "bpref": "bpref",
    **{f"map@{k}": f"map_cut_{k}" for k in CUTS},
    **{f"ndcg@{k}": f"ndcg_cut_{k}" for k in CUTS},
    **{f"p@{k}": f"P_{k}" for k in CUTS},
    **{f"recall@{k}": f"recall_{k}" for k in CUTS},
}
"""What trec_eval calls our measures."""


def trec_eval(qrels: dict[str, dict[str, int]], run: dict[str, dict[str, float]], level: int = 1) -> Any:
    wanted = {f"{name}.{','.join(map(str, CUTS))}" for name in ("map_cut", "ndcg_cut", "P", "recall")}
    wanted |= {"map", "ndcg", "recip_rank", "Rprec", "bpref"}
    return pytrec_eval.RelevanceEvaluator(qrels, wanted, relevance_level=level).evaluate(run)


def our_name(trecs: str) -> str | None:
    """Return what we call a measure of trec_eval's; None of one that we do not have."""
    plain = {"map": "map", "ndcg": "ndcg", "recip_rank": "mrr", "Rprec": "rprec", "bpref": "bpref"}
    cut = re.fullmatch(r"(map_cut|ndcg_cut|P|recall)_([0-9]+)", trecs)
    return f"{cut[1].removesuffix('_cut').lower()}@{cut[2]}" if cut else plain.get(trecs)


@pytest.mark.parametrize(("file", "figures"), [("out.test", 13), ("out.test.a", 41), ("out.test.aq", 4 * 41)])
def test_trec_evals_own_files(mirror: Path, file: str, figures: int) -> None:
    folder = mirror / "trec_eval"
    published = {}
    for line in (folder / file).read_text().splitlines():
        trecs, query, value = line.split()
        if name := our_name(trecs):
            published[name, query] = value
    assert len(published) == figures
    names = list(dict.fromkeys(name for name, _ in published))
    found = evaluate_ranking(folder / "qrels.test", folder / "results.test", measures=names, per_query=True)
    values = {**found["per_query"], "all": found}
    assert {(name, query): f"{values[query][name]:.4f}" for name, query in published} == published


@pytest.mark.parametrize("run", ["results.test", "results.trunc"])
@pytest.mark.parametrize("qrels", ["qrels.test", "qrels.rel_level"])
def test_the_same_files_by_pytrec_eval(mirror: Path, run: str, qrels: str) -> None:
    folder = mirror / "trec_eval"
    lines = [line.split() for line in (folder / qrels).read_text().splitlines()]
    judged: dict[str, dict[str, int]] = {}
    for query, _, document, grade in lines:
        judged.setdefault(query, {})[document] = int(grade)
    ranking = read_ranking(folder / run)
    for level in (1, 2):
        expected = trec_eval(judged, {query: dict(ranking[query]) for query in ranking}, level)
        found = evaluate_ranking(
            folder / qrels, ranking, measures=list(TRECS), only_retrieved=True, per_query=True, relevance_level=level
        )
        same(found["per_query"], expected)


def same(found: dict[str, dict[str, float]], expected: dict[str, dict[str, float]]) -> None:
    assert set(found) == set(expected)
    for query, own in found.items():
        for name, trecs in TRECS.items():
            assert own[name] == pytest.approx(expected[query][trecs], abs=1e-9), (query, name)


@pytest.mark.parametrize("seed", range(30))
def test_random_rankings_are_measured_as_by_pytrec_eval(seed: int) -> None:
    draw = random.Random(seed)
    documents = [f"{draw.choice(['d', 'D', 'é', '文', '🙂', 'd1'])}{i}" for i in range(60)]
    queries = [f"q{i}" for i in range(12)]
    grades = [-2, -1, 0, 0, 0, 1, 1, 2, 3]
    qrels = {q: {d: draw.choice(grades) for d in draw.sample(documents, draw.randint(1, 40))} for q in queries[:10]}
    for own in qrels.values():
        own[documents[0]] = 0  # trec_eval reads outside of its arrays where all grades are negative
    scores = [0.0, 1.0, -1.0, 2.5, 1 / 3] if seed % 2 else [draw.gauss(0, 1) for _ in range(500)]
    run = {q: {d: draw.choice(scores) for d in draw.sample(documents, draw.randint(1, 50))} for q in queries[2:]}
    level = 1 + seed % 3
    found = evaluate_ranking(
        qrels, run, measures=list(TRECS), only_retrieved=True, per_query=True, relevance_level=level
    )
    expected = trec_eval(qrels, run, level)
    assert len(expected) == 8
    same(found["per_query"], expected)
    every = evaluate_ranking(qrels, run, measures=list(TRECS), relevance_level=level)
    assert (every["queries"], every["queries_without_results"], every["queries_without_judgements"]) == (10, 2, 2)
    assert every["map"] == pytest.approx(found["map"] * 8 / 10)


def test_scores_tie_as_float32() -> None:
    qrels = {"q": {"a": 1, "b": 0}}
    for run in ({"q": {"a": 1.0, "b": 1.0}}, {"q": {"a": 1.0 + 1e-9, "b": 1.0}}):
        assert evaluate_ranking(qrels, run, measures=["mrr"])["mrr"] == 0.5  # b comes first: the last key
    assert evaluate_ranking(qrels, {"q": {"a": 1.0 + 1e-6, "b": 1.0}}, measures=["mrr"])["mrr"] == 1


def test_scores_as_far_apart_as_can_be() -> None:
    assert evaluate_ranking({"q": {"a": 1}}, {"q": {"b": 3e38, "a": -3e38}}, measures=["mrr"])["mrr"] == 0.5


@settings(deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_lines_means_nothing(draw: random.Random) -> None:
    run = {q: {f"d{i}": float(draw.randint(0, 3)) for i in range(8)} for q in "pq"}
    qrels = {q: {f"d{i}": draw.randint(-1, 2) for i in range(5)} for q in "pqr"}
    shuffled = {q: dict(draw.sample(sorted(run[q].items()), 8)) for q in "qp"}
    assert evaluate_ranking(qrels, run) == evaluate_ranking(qrels, shuffled)


def test_all_that_is_unusual_is_counted_and_said(tmp_path: Path, home: Path) -> None:
    qrels, run = tmp_path / "qrels.txt", tmp_path / "f.trec"
    qrels.write_text("q1 0 d1 1\nq1 0 d1 1\nq1 0 d2 -1\nq2 0 nowhere 2\n")
    run.write_text("q1 Q0 d1 1 1.0 x\nq3 Q0 d1 1 1.0 x\n")
    said: list[str] = []
    found = evaluate_ranking(qrels, run, store="atlas", message=said.append)
    counts = {name: found[name] for name in found if "_" in name}
    assert counts == {
        "queries_without_results": 1,
        "queries_without_judgements": 1,
        "negative_grades": 1,
        "repeated_judgements": 1,
        "unknown_documents": 3,
    }
    assert re.findall(r": (\d+), ", "\n".join(said)) == ["1", "1", "1", "1", "3"]
    assert (found["queries"], found["map"]) == (2, 0.5)
    assert evaluate_ranking(qrels, run, only_retrieved=True)["map"] == 1
    assert evaluate_ranking(qrels, run)["unknown_documents"] is None


def test_raw_codes_are_warned_of(mirror: Path) -> None:
    folder = mirror / "ir" / "cranfield"
    run = {str(query): {"184": 1.0} for query in range(1, 226)}
    said: list[str] = []
    found = evaluate_ranking(folder / "qrels.txt", run, message=said.append)
    assert found["negative_grades"] == 225
    assert "judgements with a negative grade: 225, not relevant, as in trec_eval: raw codes are none" in said
    assert evaluate_ranking(folder / "qrels-binary.txt", run)["negative_grades"] == 0


def test_judgements_of_every_kind(tmp_path: Path) -> None:
    store = build_beir(write_collection_folder(tmp_path / "in"), tmp_path / "store")
    run = {"q1": {"d3": 2.0}, "q2": {"d1": 2.0, "d2": 1.0}}
    expected = evaluate_ranking({"q2": {"d2": 1, "d1": 2}, "q1": {"d3": 0}}, run)
    kinds = (store, str(store.path), store.path, load_judgements(store), tmp_path / "in" / "qrels" / "test.tsv")
    for qrels in kinds:
        assert evaluate_ranking(qrels, run) == expected
    assert evaluate_ranking(store, {"q3": {"d1": 1.0}}, name="train")["ndcg@10"] == 1
    with pytest.raises(UnknownKey, match="unknown qrels 'dev'"):
        evaluate_ranking(store, run, name="dev")
    with pytest.raises(ConfigError, match="only a store keeps judgements by name"):
        evaluate_ranking(kinds[-1], run, name="train")
    of_store = Ranking(
        Keys.build(["q2"], what="query"),
        store.entries,
        np.array([0, 2]),
        store.entries.ids(["d1", "d2"]),
        np.array([2, 1], np.float32),
        store=store,
    )
    found = evaluate_ranking({"q2": {"d2": 1, "d9": 1}}, of_store)
    assert (found["unknown_documents"], found["recall@100"]) == (1, 0.5)
    with pytest.raises(DataError, match="no judgements are kept here"):
        evaluate_ranking(store_without_judgements(tmp_path), run)


def store_without_judgements(folder: Path) -> Path:
    (folder / "c.jsonl").write_text('{"id": "d1", "text": "x"}\n')
    return build_corpus(folder / "c.jsonl", folder / "plain").path


def test_two_rankings() -> None:
    generator = np.random.default_rng(0)
    qrels = {f"q{i}": {"a": 1} for i in range(30)}
    one = {q: {"a": float(generator.normal(0.9)), "b": 0.0} for q in qrels}
    two = {q: {"a": float(generator.normal()), "b": 0.0} for q in qrels}
    found = evaluate_ranking(qrels, one, against=two, measures=["mrr"], per_query=True)
    other = evaluate_ranking(qrels, two, measures=["mrr"], per_query=True)
    values = [[own["mrr"] for own in each["per_query"].values()] for each in (found, other)]
    compared = found["against"]["mrr"]
    assert compared["other"] == other["mrr"]
    assert compared["difference"] == pytest.approx(found["mrr"] - other["mrr"])
    assert compared["t_test"] == pytest.approx(stats.ttest_rel(*values).pvalue)
    assert compared["randomisation"] == randomisation_test(np.subtract(*values))
    other_draws = evaluate_ranking(qrels, one, against=two, measures=["mrr"], seed=1)["against"]["mrr"]
    assert 0 < abs(other_draws["randomisation"] - compared["randomisation"]) < 0.03
    pairs = list(zip(*values, strict=True))
    assert compared["wins"] == sum(a > b for a, b in pairs)
    assert compared["losses"] == sum(a < b for a, b in pairs)
    assert compared["wins"] + compared["ties"] + compared["losses"] == 30
    itself = evaluate_ranking(qrels, one, against=one, measures=["mrr"])["against"]["mrr"]
    assert (itself["difference"], itself["t_test"], itself["randomisation"], itself["ties"]) == (0, 1, 1, 30)


def test_two_rankings_of_other_queries() -> None:
    qrels = {q: {"a": 1} for q in "pqr"}
    one, two = {"p": {"a": 1.0}, "q": {"b": 1.0}}, {"q": {"a": 1.0}, "r": {"a": 1.0}}
    assert evaluate_ranking(qrels, one, against=two, measures=["mrr"])["queries"] == 3
    found = evaluate_ranking(qrels, one, against=two, measures=["mrr"], only_retrieved=True)
    assert (found["queries"], found["mrr"], found["against"]["mrr"]["other"]) == (1, 0, 1)
    assert found["against"]["mrr"]["t_test"] is None
    with pytest.raises(DataError, match="no judged query has results"):
        evaluate_ranking(qrels, {"p": {"a": 1.0}}, against=two, only_retrieved=True)


def test_what_cannot_be_evaluated() -> None:
    qrels = {"q": {"a": 1}}
    with pytest.raises(DataError, match="no query of the ranking is judged: the ranking has '1', the judgements"):
        evaluate_ranking(qrels, {"1": {"a": 1.0}})
    assert evaluate_ranking(qrels, {})["map"] == 0
    with pytest.raises(DataError, match="no judged query has results"):
        evaluate_ranking(qrels, {}, only_retrieved=True)
    with pytest.raises(DataError, match="found no judgements"):
        evaluate_ranking({"q": {}}, {"q": {"a": 1.0}})
    for grade in (0.5, float("nan"), 10**9):
        with pytest.raises(DataError, match=r"query 'q', document 'b': found grade .*, expected a whole number"):
            evaluate_ranking({"q": {"a": 1, "b": grade}}, {})  # type: ignore[dict-item]
    with pytest.raises(ConfigError, match="relevance_level is 0"):
        evaluate_ranking(qrels, {}, relevance_level=0)
    with pytest.raises(ConfigError, match="measures: found 'p'"):
        evaluate_ranking(qrels, {}, measures=["p"])
