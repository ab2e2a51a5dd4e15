"""Retrieval from a store: queries in any form, fields, filters, and what is said and refused."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kgr
from kgr.data.build import build_store
from kgr.data.topics import Topics
from kgr.index.keys import Keys
from kgr.index.store import Store
from kgr.retrieval.filters import allowed_entries, read_keys


def found(store: Store | Path, query: str, **settings: Any) -> list[str]:
    return [key for key, _ in kgr.retrieve(store, query, **settings)["1"]]


def test_best_first(corpus: Store) -> None:
    ranking = kgr.retrieve(corpus, "flutter of a wing", k=3)
    assert list(ranking) == ["1"]
    assert [key for key, _ in ranking["1"]] == ["d1", "d5", "d2"]
    scores = [score for _, score in ranking["1"]]
    assert scores == sorted(scores, reverse=True)
    assert ranking.tag == "kgr-bm25"
    assert ranking.store is not None and len(ranking.documents) == 5


def test_an_empty_document_counts_and_is_never_found(corpus: Store) -> None:
    ranking = kgr.retrieve(corpus, "wing flutter heat cone hypersonic flow laminar")
    assert {key for key, _ in ranking["1"]} == {"d1", "d2", "d3", "d5"}
    (share,) = kgr.explain(corpus, "cone", "d3").terms
    assert share.statistic == pytest.approx(np.log(1 + (5 - 1 + 0.5) / 1.5))  # N is 5


def test_a_ranking_is_saved_and_read_again(corpus: Store, tmp_path: Path) -> None:
    ranking = kgr.retrieve(corpus, {"q1": "wing", "q2": "flow"})
    ranking.save(tmp_path / "run.trec")
    again = kgr.read_ranking(tmp_path / "run.trec", corpus)
    assert {query: again[query] for query in again} == {query: ranking[query] for query in ranking}
    assert again.tag == "kgr-bm25"


def test_queries_in_any_form(corpus: Store, tmp_path: Path) -> None:
    path = tmp_path / "queries.tsv"
    path.write_text("a\twing\nb\tflow\n")
    topics = Topics(Keys.build(["a", "b"], what="query"), ["wing", "flow"])
    forms = [kgr.retrieve(corpus, form) for form in (path, str(path), topics, {"a": "wing", "b": "flow"})]
    assert all({query: own[query] for query in own} == {q: forms[0][q] for q in forms[0]} for own in forms)
    listed = kgr.retrieve(corpus, ["wing", "flow"])
    assert [listed["1"], listed["2"]] == [forms[0]["a"], forms[0]["b"]]
    assert len(kgr.retrieve(corpus, [])) == 0
    long = "wing " * 1000
    assert found(corpus, long) == found(corpus, "wing")
    with pytest.raises(kgr.DataError, match="no queries are kept"):
        kgr.retrieve(corpus)


@pytest.mark.parametrize("query", ["the of and", "zzzz qqqq", "", "?!"])
def test_nothing_to_look_for_is_said(corpus: Store, query: str) -> None:
    said: list[str] = []
    ranking = kgr.retrieve(corpus, {"empty": query, "full": "wing"}, message=said.append)
    assert ranking["empty"] == [] and ranking["full"]
    assert said[-2:] == [
        "1 of 2 queries have only stop words, or words that no text has",
        "1 of 2 queries have no results: empty",
    ]


def test_fields_are_scored_by_themselves(corpus: Store) -> None:
    title, body = (dict(kgr.retrieve(corpus, "flow", fields={name: 1})["1"]) for name in ("title", "body"))
    both = dict(kgr.retrieve(corpus, "flow", fields={"title": 3.0, "body": 0.5})["1"])
    assert set(title) == {"d5"} and set(both) == {"d3", "d5"} == set(body)
    assert both["d5"] == pytest.approx(3 * title["d5"] + 0.5 * body["d5"], rel=1e-6)
    assert both["d3"] == pytest.approx(0.5 * body["d3"], rel=1e-6)


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("method", ["bm25", "ql"])
def test_threads_and_batches_change_nothing(
    corpus: Store, method: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries = ["wing flow", "heat", "none", "cone wing", "high speed flutter"]
    whole = kgr.retrieve(corpus, queries, method=method)
    monkeypatch.setattr("kgr.retrieval.lexical._BATCH", 2)
    done: list[tuple[int, int]] = []
    own = kgr.retrieve(corpus, queries, method=method, threads=threads, progress=lambda *at: done.append(at))
    assert own.document.tobytes() == whole.document.tobytes() and own.score.tobytes() == whole.score.tobytes()
    assert done[-1] == (5, 5)


def test_ids_are_a_filter(corpus: Store, tmp_path: Path) -> None:
    assert set(found(corpus, "wing flow", ids=["d3", "d2"])) == {"d2", "d3"}
    assert found(corpus, "wing flow", ids=["d4"]) == []
    with pytest.raises(kgr.UnknownKey, match="d9"):
        kgr.retrieve(corpus, "wing", ids=["d9"])
    (tmp_path / "keys").write_text("\ufeffd3\n\n d2 \n", encoding="utf-8")
    assert read_keys(tmp_path / "keys") == ["d3", "d2"]
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "bytes").write_bytes(b"d1\n\xff\n")
    for name, reason in (("empty", "no keys"), ("bytes", "not UTF-8 at byte 3")):
        with pytest.raises(kgr.DataError, match=reason):
            read_keys(tmp_path / name)


@pytest.fixture
def graph(tmp_path: Path) -> Store:
    """Three entities with types and labels."""
    (tmp_path / "train.tsv").write_text("a\tr\tb\nb\tr\tc\n")
    rows = "a\tcity\tRed town\nb\tcity,port\tRed harbour\nc\triver\tRed river\n"
    (tmp_path / "entities.tsv").write_text("key\ttypes\tlabel.en\n" + rows.replace(",", " "))
    return build_store(tmp_path / "graph", train=tmp_path / "train.tsv", entities_table=tmp_path / "entities.tsv")


def test_kinds_and_types_are_filters(graph: Store) -> None:
    assert found(graph, "red") == ["a", "b", "c"]  # equal scores: by id
    assert found(graph, "red", types=["river"]) == ["c"]
    assert found(graph, "red", types=["river", "city"], ids=["b", "c"]) == ["b", "c"]
    assert found(graph, "red", kind="entity") == ["a", "b", "c"]
    assert found(graph, "red", kind="document") == []
    assert allowed_entries(graph) is None
    for wrong in ({"kind": "person"}, {"types": ["rivr"]}):
        with pytest.raises(kgr.UnknownKey, match="unknown"):
            kgr.retrieve(graph, "red", **wrong)


def test_types_of_a_store_without_types(corpus: Store) -> None:
    with pytest.raises(kgr.ConfigError, match="has no types"):
        kgr.retrieve(corpus, "wing", types=["city"])


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"mu": 10}, "method 'bm25' does not read mu"),
        ({"method": "ql", "k1": 1.0}, "method 'ql' does not read k1"),
        ({"method": "ql", "jm_lambda": 0.2}, "smoothing 'dirichlet' does not read jm_lambda"),
        ({"method": "ql", "smoothing": "jm", "mu": 5}, "smoothing 'jm' does not read mu"),
        ({"b": 1.5}, "b is 1.5, expected a number, at least 0 and at most 1"),
        ({"k": 0}, "k is 0"),
        ({"threads": 0}, "threads is 0"),
        ({"fields": {}}, "expected names with weights"),
        ({"fields": {"title": 0}}, "expected names with weights"),
        ({"fields": {"title": 1e-46}}, "expected names with weights from 1e-06 to 1e"),
        ({"fields": {"title": float("inf")}}, "expected names with weights"),
        ({"fields": {"title": "2"}}, "expected names with weights"),
        ({"fields": ["title"]}, "expected names with weights"),
        ({"k1": 1e308}, "k1 is 1e.308, expected a number, at least 0 and at most"),
        ({"method": "ql", "mu": 1e300}, "mu is 1e.300"),
        ({"method": "dense", "fields": {"title": 1}}, "does not read them"),
    ],
)
def test_settings_that_are_refused(corpus: Store, settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(kgr.ConfigError, match=reason):
        kgr.retrieve(corpus, "wing", **settings)


def test_extreme_settings_find_each_entry_once(corpus: Store) -> None:
    for settings in (
        {"k1": 1e6, "fields": {"body": 1e-6}},
        {"k1": 0, "fields": {"body": 1e6, "title": 1e-6}},
        {"method": "ql", "mu": 1e9, "fields": {"body": 1e-6}},
        {"method": "ql", "smoothing": "jm", "jm_lambda": 0.999999, "fields": {"body": 1e-6}},
    ):
        assert sorted(found(corpus, "wing flutter", **settings)) == ["d1", "d2", "d5"]


def test_any_k_and_batch(corpus: Store) -> None:
    assert found(corpus, "wing", k=10**12) == found(corpus, "wing")


def test_a_field_that_the_index_of_all_texts_leaves_out(tmp_path: Path) -> None:
    (tmp_path / "more.jsonl").write_text('{"id": "a", "text": "wing", "url": "zebra"}\n')
    store = kgr.build_corpus(tmp_path / "more.jsonl", tmp_path / "more", fields=("url",))
    assert found(store, "zebra") == []
    assert found(store, "zebra", fields={"url": 1.0}) == ["a"]


@pytest.mark.parametrize("settings", [{"method": "bm52"}, {"fields": {"titel": 1}}])
def test_names_that_are_not_there(corpus: Store, settings: dict[str, Any]) -> None:
    with pytest.raises(kgr.UnknownKey, match=r"nearest: (bm25|title)"):
        kgr.retrieve(corpus, "wing", **settings)


def test_another_analyser_is_refused(corpus: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    kgr.retrieve(corpus, "wing")
    monkeypatch.setattr("kgr.index.analysis.VERSION", 0)
    with pytest.raises(kgr.FormatError, match="version"):
        kgr.retrieve(corpus, "wing")


def test_an_index_with_other_settings_is_searched_by_them(corpus: Store) -> None:
    kgr.index_texts(corpus, stem=False, stop_words=False)
    assert found(corpus, "wings") == ["d1", "d2"]
    assert set(found(corpus, "the")) == {"d1", "d2", "d5"}


def test_what_was_indexed_since_the_store_was_opened_is_searched(corpus: Store) -> None:
    kgr.retrieve(corpus, "wing")
    kgr.index_texts(corpus, stem=False)
    assert found(corpus, "wings") == ["d1", "d2"]  # by the store as it was opened first


def test_a_read_only_store(corpus: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = kgr.build_corpus(tmp_path / "corpus.jsonl", tmp_path / "plain", index=False)

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("kgr.index.text_index.index_store", refuse)
    said: list[str] = []
    ranking = kgr.retrieve(plain, "wing flow", message=said.append)
    assert any("in memory" in line for line in said)
    monkeypatch.undo()
    assert ranking["1"] == kgr.retrieve(corpus, "wing flow")["1"]
