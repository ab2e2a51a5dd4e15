"""Rankings ordered anew: scores of the first documents, the others as they were; passages, interruptions, bad input."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import text_models
from text_corpus import QUERIES, TEXTS, write_corpus

import kgr
from kgr.data.beir import build_beir
from kgr.data.topics import topics_of
from kgr.errors import ConfigError, DataError
from kgr.index.store import Store
from kgr.models.text_config import TextModelConfig
from kgr.models.text_pairs import PairScorer
from kgr.retrieval import rerank as module
from kgr.retrieval.ranking import Ranking, read_ranking

FOUND = {
    "q1": {f"d{i}": 30.0 - i for i in range(24)},
    "q2": {"d23": 5.0, "d7": 4.0, "d2": 3.0},
    "q3": {},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return text_models.save_cross_encoder(tmp_path_factory.mktemp("models") / "small-ranker")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    place = tmp_path_factory.mktemp("place")
    return build_beir(write_corpus(place / "corpus"), place / "store")


@pytest.fixture(scope="module")
def scores(folder: Path) -> dict[tuple[str, str], float]:
    """The score of each query and text, by the scorer itself."""
    pairs = [(query, text) for query in QUERIES.values() for text in TEXTS]
    return dict(zip(pairs, PairScorer(folder, TextModelConfig(device="cpu")).scores(pairs).tolist(), strict=True))


def rerank(store: Store, model: Any, **settings: Any) -> Ranking:
    return kgr.rerank(Ranking.build(FOUND), model, store=store, device="cpu", **settings)


def test_the_first_are_scored_and_the_others_follow(
    store: Store, folder: Path, scores: dict[tuple[str, str], float]
) -> None:
    said: list[str] = []
    seen: list[tuple[int, int]] = []
    found = rerank(store, folder, depth=5, batch=4, message=said.append, progress=lambda *done: seen.append(done))
    assert list(found) == ["q1", "q2", "q3"]
    own = found["q1"]
    first = sorted(range(5), key=lambda i: -scores[QUERIES["q1"], TEXTS[i]])
    assert [key for key, _ in own] == [f"d{i}" for i in [*first, *range(5, 24)]]
    assert [score for _, score in own[:5]] == pytest.approx([scores[QUERIES["q1"], TEXTS[i]] for i in first], abs=1e-4)
    assert [score for _, score in own[5:]] == pytest.approx([own[4][1] - 1 - i for i in range(19)])
    # the empty document was first, and goes last
    expected = {f"d{i}": scores[QUERIES["q2"], TEXTS[i]] for i in (7, 2)}
    assert dict(found["q2"][:2]) == pytest.approx(expected, abs=1e-4)
    assert found["q2"][2] == ("d23", pytest.approx(found["q2"][1][1] - 1))
    assert found["q3"] == []
    assert said[0] == "1 of 8 documents have no text in en: put after the others"
    assert seen[-1] == (8, 8)
    assert (found.tag, found.store, found.documents) == ("small-ranker", store, store.entries)
    assert found.score.dtype == np.float32


def test_the_best_passage_counts(store: Store, folder: Path) -> None:
    found = dict(rerank(store, folder, passages="max", words=6, stride=4, depth=24)["q1"])
    scorer = PairScorer(folder, TextModelConfig(device="cpu"))
    for i, text in enumerate(TEXTS):
        words = text.split()
        passages = [" ".join(words[first : first + 6]) for first in range(0, max(1, len(words) - 2), 4)]
        best = scorer.scores([(QUERIES["q1"], passage) for passage in passages]).max()
        assert found[f"d{i}"] == pytest.approx(best, abs=1e-4)


def test_equal_scores_are_ordered_by_entry(store: Store, tmp_path: Path) -> None:
    folder = text_models.save_cross_encoder(tmp_path / "flat", factor=0)
    found = rerank(store, folder, depth=4)["q1"]
    assert found[:4] == [(f"d{i}", 0.0) for i in range(4)]
    backwards = Ranking.build({"q1": {f"d{i}": float(i) for i in range(4)}})
    assert kgr.rerank(backwards, folder, store=store, device="cpu")["q1"] == [(f"d{i}", 0.0) for i in range(4)]


def test_files_and_what_is_said(store: Store, folder: Path, tmp_path: Path) -> None:
    Ranking.build(FOUND).save(tmp_path / "f.trec")
    out = tmp_path / "deep" / "g.trec.gz"
    said: list[str] = []
    found = kgr.rerank(tmp_path / "f.trec", folder, store=store, out=out, device="cpu", message=said.append)
    assert [path.name for path in out.parent.iterdir()] == ["g.trec.gz"]
    again = read_ranking(out, store)
    assert [again[query] for query in again] == [found[query] for query in again]
    assert gzip.decompress(out.read_bytes()).split(b"\n")[0].endswith(b" small-ranker")
    long = sum(len(text.split()) > 27 for text in TEXTS)  # besides three marks and the two words of q1
    assert said[-1] == f"{long} pairs of query and text are longer than 32 tokens: their beginning counts"


def test_an_interrupted_call_goes_on(
    store: Store, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCHES", 2)
    whole = rerank(store, folder, batch=3)
    plain, calls = PairScorer.scores, []

    def interrupted(scorer: PairScorer, pairs: Any) -> Any:
        calls.append(len(pairs))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return plain(scorer, pairs)

    monkeypatch.setattr(PairScorer, "scores", interrupted)
    out = tmp_path / "g.trec"
    with pytest.raises(KeyboardInterrupt):
        rerank(store, folder, batch=3, out=out)
    assert [path.name for path in tmp_path.iterdir()] == ["g.trec.partial"]
    said: list[str] = []
    found = rerank(store, folder, batch=3, out=out, message=said.append)
    assert said[0] == "going on after 12 of 27 documents"
    assert sum(calls[:2]) == 12
    assert sum(calls[3:]) == 25 - 12
    assert np.array_equal(found.document, whole.document)
    assert np.array_equal(found.score, whole.score)
    assert [path.name for path in tmp_path.iterdir()] == ["g.trec"]


@pytest.mark.parametrize(
    "other", [{"depth": 5}, {"max_length": 20}, {"topics": {"q1": "x", "q2": "y", "q3": "z"}}, {"batch": 2}]
)
def test_another_question_begins_anew(
    store: Store, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: dict[str, Any]
) -> None:
    expected = rerank(store, folder, **other)
    out = tmp_path / "g.trec"
    with monkeypatch.context() as patch:
        patch.setattr(Ranking, "save", lambda self, path: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            rerank(store, folder, out=out)
    said: list[str] = []
    found = rerank(store, folder, out=out, message=said.append, **other)
    assert not any("going on" in line for line in said)
    assert np.array_equal(found.score, expected.score)


def test_where_texts_and_queries_come_from(store: Store, folder: Path) -> None:
    topics = topics_of(store)
    ids = np.array([3, 1], np.int32)
    offsets, score = np.array([0, 2, 2, 2]), np.array([2, 1], np.float32)
    own = Ranking(topics.keys, store.entries, offsets, ids, score, topics=topics, store=store)
    found = kgr.rerank(own, folder, device="cpu")
    assert found.topics is topics
    other = kgr.rerank(own, folder, device="cpu", topics={"q1": "mountain", "q2": "", "q3": ""})
    assert not np.array_equal(found.score, other.score)
    with pytest.raises(DataError, match=r"queries 'q2', 'q3': 2 of 3 queries of the ranking are not among the 1 given"):
        kgr.rerank(own, folder, device="cpu", topics={"q1": "mountain"})
    with pytest.raises(ConfigError, match="store is needed"):
        kgr.rerank(Ranking.build(FOUND), folder, device="cpu")
    with pytest.raises(DataError, match=r"has no entries 'e1', 'e2': 2 documents of the ranking are not there"):
        kgr.rerank(Ranking.build({"q1": {"e1": 1.0, "d1": 2.0, "e2": 1.0}}), folder, store=store)


def test_documents_of_another_store_are_found_by_key(store: Store, folder: Path, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    lines = (corpus / "corpus.jsonl").read_text().splitlines(keepends=True)
    (corpus / "corpus.jsonl").write_text("".join(reversed(lines)))
    other = build_beir(corpus, tmp_path / "store")
    first = rerank(store, folder)
    found = kgr.rerank(first, folder, store=other, device="cpu")
    assert found.documents is other.entries
    assert dict(found["q1"]) == pytest.approx(dict(first["q1"]), abs=1e-4)


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"depth": 0}, "depth is 0, expected a whole number, at least 1"),
        ({"passages": "mean"}, "passages is 'mean', expected one of first, max"),
        ({"words": 3}, "words is 3, but passages is 'first', which does not read it: give max"),
        ({"passages": "max", "words": 3, "stride": 4}, "stride is 4, expected 1 to 3"),
        ({"fields": ["gloss"]}, "has no text 'gloss' in 'en'"),
        ({"max_length": 64}, "max_length is 64, but .* reads at most 32 tokens"),
    ],
)
def test_bad_wishes(store: Store, folder: Path, wishes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        rerank(store, folder, **wishes)


def test_a_ranking_of_nothing(store: Store, folder: Path) -> None:
    found = kgr.rerank(Ranking.build({"q1": {}}), folder, store=store, device="cpu")
    assert (len(found), len(found.score)) == (1, 0)
