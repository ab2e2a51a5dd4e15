"""Texts of a store as vectors: whole and in passages, interrupted, and queries by the same encoder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import text_models
from text_corpus import TEXTS, write_corpus

import kgr
from kgr.data.beir import build_beir
from kgr.errors import ConfigError, FormatError, UnknownKey
from kgr.index.check import check_store
from kgr.index.store import Section, Store, extend_store
from kgr.index.texts import Texts
from kgr.index.vectors import kept_names, kept_vectors, source_of
from kgr.models.text_encoder import TextEncoder
from kgr.retrieval import encode as module
from kgr.retrieval.encode import query_encoder
from kgr.vectors import nearest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return text_models.save_encoder(tmp_path_factory.mktemp("models") / "small-encoder")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return build_beir(write_corpus(tmp_path / "corpus"), tmp_path / "store", index=False)


def arrays(store: Store, name: str) -> dict[str, np.ndarray]:
    return {of: np.array(array) for of, array in store.section(f"vectors/{name}").items()}


def test_each_entry_with_a_text_has_its_vector(store: Store, folder: Path) -> None:
    said: list[str] = []
    seen: list[tuple[int, int]] = []
    found = kgr.encode(
        store, folder, device="cpu", batch=4, message=said.append, progress=lambda *done: seen.append(done)
    )
    assert kept_names(found) == ("small-encoder",)
    own = arrays(found, "small-encoder")
    assert own["ids"].dtype == own["starts"].dtype == own["ends"].dtype == np.int32
    assert own["ids"].tolist() == list(range(23))
    assert [text[a:b] for text, a, b in zip(TEXTS, own["starts"], own["ends"], strict=True)] == TEXTS
    encoder = TextEncoder(folder)
    assert own["rows"] == pytest.approx(encoder.encode(TEXTS), abs=1e-5)
    long = encoder.truncated
    assert 0 < long < 23
    assert said == [
        f"23 vectors of 16 numbers, of 23 entries; 1 without text have none; "
        f"{long} texts are longer than 32 tokens: their beginning counts"
    ]
    assert seen[-1] == (24, 24)
    assert check_store(found.path) == []
    assert not list(found.cache.iterdir())
    source = source_of(found, "small-encoder")
    assert source["encoder"]["model"] == str(folder)
    assert source["counts"] == {"entries": 23, "empty": 1, "vectors": 23}
    assert source["texts"]["fields"] == ["body"]
    assert [one.key for one in nearest(found, "d1", k=3)] != []


def test_passages_repeat_their_entry(store: Store, folder: Path) -> None:
    found = kgr.encode(store, folder, device="cpu", name="p", words=5, stride=3, normalize=True)
    own = arrays(found, "p")
    expected = [
        (i, " ".join(words[first : first + 5]))
        for i, words in enumerate(text.split() for text in TEXTS)
        for first in range(0, max(1, len(words) - 2), 3)
    ]
    cut = [(int(i), TEXTS[i][a:b]) for i, a, b in zip(own["ids"], own["starts"], own["ends"], strict=True)]
    assert cut == expected
    rows = TextEncoder(folder).encode([text for _, text in expected])
    assert own["rows"] == pytest.approx(rows / np.linalg.norm(rows, axis=1, keepdims=True), abs=1e-5)
    assert source_of(found, "p")["texts"]["passages"] == {"words": 5, "stride": 3}
    near = nearest(found, "d3", k=30)
    assert len({one.key for one in near}) == len(near) == 22
    best = {i: (own["rows"][own["ids"] == i] @ own["rows"][own["ids"] == 3].T).max() for i in range(23) if i != 3}
    assert {int(one.key[1:]): one.score for one in near} == pytest.approx(best, abs=1e-5)


def test_fields_and_language(store: Store, tmp_path: Path) -> None:
    title = Texts.build([0, 5], ["One", "Five"])
    store = extend_store(store, {"text/entries/en.title": Section(title.arrays())})
    seen: list[str] = []

    def model(texts: list[str]) -> Any:
        seen.extend(texts)
        return [[len(text)] for text in texts]

    both = kgr.encode(store, model, name="both", prefix="- ")
    assert f"- One\n{TEXTS[0]}" in seen
    assert arrays(both, "both")["rows"][5, 0] == len("- Five\n") + len(TEXTS[5])
    one = kgr.encode(both, model, name="title", fields=["title"])
    assert arrays(one, "title")["ids"].tolist() == [0, 5]
    assert source_of(one, "title")["counts"] == {"entries": 2, "empty": 22, "vectors": 2}
    with pytest.raises(ConfigError, match=r"fields: .* has no text 'gloss' in 'en'; in no language"):
        kgr.encode(store, model, name="x", fields=["gloss"])
    with pytest.raises(ConfigError, match=r"language is 'de': .* has no texts of entries in it; languages: en"):
        kgr.encode(store, model, name="x", language="de")


class Interrupting:
    """Lets a function run so many times, then interrupts it."""

    def __init__(self, function: Callable[..., Any], times: int) -> None:
        self.function, self.times, self.calls = function, times, 0

    def __call__(self, *arguments: Any, **more: Any) -> Any:
        self.calls += 1
        if self.calls > self.times:
            raise KeyboardInterrupt
        return self.function(*arguments, **more)


def test_an_interrupted_call_goes_on_and_gives_the_same(
    store: Store, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCHES", 2)
    settings: dict[str, Any] = {"device": "cpu", "batch": 3, "words": 7}
    whole = kgr.encode(shutil.copytree(store.path, tmp_path / "whole"), folder, **settings)
    plain = TextEncoder.encode
    first = Interrupting(plain, 4)
    with monkeypatch.context() as patch:
        patch.setattr(TextEncoder, "encode", lambda *given, **more: first(*given, **more))
        with pytest.raises(KeyboardInterrupt):
            kgr.encode(store, folder, **settings)
    assert kept_names(Store(store.path)) == ()
    kept = store.cache / "encode-small-encoder.partial"
    with kept.open("ab") as file:
        file.write(b"\0" * 70)  # part of what was being written
    said: list[str] = []
    second = Interrupting(plain, 99)
    with monkeypatch.context() as patch:
        patch.setattr(TextEncoder, "encode", lambda *given, **more: second(*given, **more))
        found = kgr.encode(store, folder, message=said.append, **settings)
    assert said[0].startswith("going on after ")
    assert second.calls < first.calls + 10
    expected, own = arrays(whole, "small-encoder"), arrays(found, "small-encoder")
    assert all(np.array_equal(expected[of], own[of]) for of in expected)
    assert not kept.exists()


def test_another_question_begins_anew(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_kept", Interrupting(len, 0))
    with pytest.raises(KeyboardInterrupt):
        kgr.encode(store, folder, device="cpu")
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        kgr.encode(store, folder, device="cpu", pooling="cls", message=said.append)
    assert not any("going on" in line for line in said)
    with pytest.raises(KeyboardInterrupt):
        kgr.encode(store, folder, device="cpu", pooling="cls", message=said.append)
    assert said[-2] == "going on after 23 vectors"


def test_texts_that_change_meanwhile_are_not_mixed(store: Store) -> None:
    def model(texts: list[str]) -> Any:
        if len(texts) > 1:
            extend_store(store, {"text/entries/en.title": Section(Texts.build([0], ["One"]).arrays())})
        return [[1.0] for _ in texts]

    found = kgr.encode(store, model, name="x")  # another field: the texts are the same
    assert {"vectors/x", "text/entries/en.title"} <= set(found.sections)

    def changing(texts: list[str]) -> Any:
        if len(texts) > 1:
            extend_store(Store(store.path), {"text/entries/en.body": Section(Texts.build([0], ["One"]).arrays())})
        return [[1.0] for _ in texts]

    with pytest.raises(FormatError, match="texts were changed while they were encoded"):
        kgr.encode(found, changing, name="y")


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"name": "a/b"}, "name is 'a/b', expected letters"),
        ({}, "name is needed where the model is a callable"),
        ({"name": "x", "stride": 2}, "stride is 2, but no words of a passage are given"),
        ({"name": "x", "words": 2, "stride": 3}, "stride is 3, expected 1 to 2"),
        ({"name": "x", "pooling": "max"}, "pooling is 'max', expected one of cls, mean, last"),
        ({"name": "x", "batch": 3}, "batch is 3, but a callable does not read it"),
        ({"name": "x", "max_lenght": 3}, "unknown setting 'max_lenght'; nearest: max_length"),
    ],
)
def test_bad_wishes(store: Store, wishes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        kgr.encode(store, len, **wishes)


def test_names_are_not_taken_twice(store: Store) -> None:
    found = kgr.encode(store, lambda texts: np.ones((len(texts), 2)), name="x")
    with pytest.raises(ConfigError, match="keeps such vectors already"):
        kgr.encode(found, len, name="x")
    again = kgr.encode(found, lambda texts: np.ones((len(texts), 3)), name="x", replace=True)
    assert kept_vectors(again, "x")[0].rows.shape == (23, 3)


def test_queries_are_encoded_as_the_texts_were(store: Store, folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "model"
    shutil.copytree(folder, own)
    settings: dict[str, Any] = {"pooling": "cls", "normalize": True, "query_prefix": "the ", "max_length": 9}
    found = kgr.encode(store, own, device="cpu", name="x", **settings)
    encoder = query_encoder(found, "x", device="cpu", batch=1)
    said = ("pooling", "normalize", "prefix", "query_prefix", "max_length", "weights")
    assert {of: encoder.settings[of] for of in said} == {of: source_of(found, "x")["encoder"][of] for of in said}
    query = encoder.encode(["city"], query=True)
    assert query == pytest.approx(encoder.encode(["the city"]), abs=1e-6)
    assert np.linalg.norm(query) == pytest.approx(1)
    query_encoder(found, "x", device="cpu", pooling="cls", model=own.rename(tmp_path / "moved"))
    with pytest.raises(ConfigError, match=r"no config\.json there"):
        query_encoder(found, "x", device="cpu")
    other = text_models.save_encoder(tmp_path / "other", seed=1)
    with pytest.raises(FormatError, match=r"with weights .* but those of .*other are .*: give that model, or encode"):
        query_encoder(found, "x", device="cpu", model=other)
    with pytest.raises(ConfigError, match="expected a folder or name of that model, found a callable"):
        query_encoder(found, "x", model=lambda texts: np.ones((len(texts), 16)))
    with pytest.raises(ConfigError, match=r"pooling is 'mean', but .* vectors 'x' were made with 'cls': leave it out"):
        query_encoder(found, "x", pooling="mean")
    with pytest.raises(UnknownKey, match="unknown vectors 'y'; "):
        query_encoder(found, "y")


def test_queries_by_a_callable(store: Store) -> None:
    def model(texts: list[str]) -> Any:
        return [[len(text), 1] for text in texts]

    found = kgr.encode(store, model, name="c", query_prefix="ab")
    for other in (None, "a/b"):
        with pytest.raises(ConfigError, match="were made by a callable: give it as model"):
            query_encoder(found, "c", model=other)
    assert query_encoder(found, "c", model=model).encode(["x"], query=True).tolist() == [[3, 1]]


def test_changed_texts_are_told(store: Store) -> None:
    model = lambda texts: np.ones((len(texts), 1))  # noqa: E731
    found = kgr.encode(store, model, name="c")
    said: list[str] = []
    query_encoder(found, "c", model=model, message=said.append)
    assert not said
    changed = extend_store(found, {"text/entries/en.body": Section(Texts.build([0], ["One"]).arrays())})
    query_encoder(changed, "c", model=model, message=said.append)
    assert len(said) == 1
    assert "texts were changed since they were encoded" in said[0]


def test_vectors_that_are_not_of_texts(store: Store, tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_text("d0 1 2\n")
    found = kgr.import_vectors(store, tmp_path / "v.txt", name="v").store
    with pytest.raises(ConfigError, match="vectors 'v' were not made from texts"):
        query_encoder(found, "v")


def test_a_store_without_words(tmp_path: Path) -> None:
    store = build_beir(write_corpus(tmp_path / "corpus", [" ", ""]), tmp_path / "store")
    with pytest.raises(ConfigError, match=r"has no texts of entries in it|no entry has a text"):
        kgr.encode(store, lambda texts: np.ones((len(texts), 1)), name="x")
