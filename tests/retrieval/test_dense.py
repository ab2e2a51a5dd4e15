"""Dense retrieval from texts to rankings, by exact search and by FAISS."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import text_models
from click.testing import CliRunner

import kgr
from kgr.cli import cli
from kgr.data.collection import build_corpus
from kgr.errors import ConfigError, UnknownKey
from kgr.index.store import Store, extend_store
from kgr.index.vectors import Vectors, kept_vectors, section_of
from kgr.models.text_config import EncoderConfig
from kgr.models.text_encoder import TextEncoder

WORDS = ("river", "city", "mountain", "of the city", "a lake", "bridge")
TEXTS = [f"{WORDS[i % 6]} {WORDS[i * i % 5]} {'xyz'[i % 3] * (i % 4)}" for i in range(30)]
QUERIES = {"q1": "the river", "q2": "  ", "q3": "mountain lake"}


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Path]:
    """Thirty documents, encoded whole by a small model, and the model's folder."""
    root = tmp_path_factory.mktemp("dense")
    corpus = root / "corpus.jsonl"
    corpus.write_text("".join(f"{json.dumps({'id': f'd{i}', 'text': text})}\n" for i, text in enumerate(TEXTS)))
    model = text_models.save_encoder(root / "small")
    store = build_corpus([corpus], root / "store")
    store = kgr.encode(store, model, name="whole", normalize=True, query_prefix="the ")
    return kgr.encode(store, model, name="passages", words=2, stride=1), model


def test_queries_meet_texts_by_the_same_encoder(encoded: tuple[Store, Path]) -> None:
    store, model = encoded
    said: list[str] = []
    ranking = kgr.retrieve(store, QUERIES, method="dense", vectors="whole", k=5, message=said.append)
    encoder = TextEncoder(model, EncoderConfig(normalize=True, query_prefix="the "))
    plain = encoder.encode([QUERIES["q1"]], query=True) @ encoder.encode(TEXTS).T
    best = np.argsort(-plain[0], kind="stable")[:5]
    assert [key for key, _ in ranking["q1"]] == [f"d{i}" for i in best]
    assert [score for _, score in ranking["q1"]] == pytest.approx(plain[0][best].tolist(), abs=1e-5)
    assert ranking["q2"] == []
    assert len(ranking["q3"]) == 5
    assert ranking.tag == "kgr-dense"
    assert any("1 of 3 queries have no results: q2" in line for line in said)


def test_the_best_passage_counts(encoded: tuple[Store, Path]) -> None:
    store, _ = encoded
    kept, _ = kept_vectors(store, "passages")
    assert len(kept.ids) > len(TEXTS)
    ranking = kgr.retrieve(store, QUERIES["q1"], method="dense", vectors="passages", metric="cosine", k=30)
    assert len(ranking["1"]) == len({key for key, _ in ranking["1"]}) == len(np.unique(kept.ids))
    whole = kgr.retrieve(
        store, QUERIES["q1"], method="dense", vectors="passages", metric="cosine", k=3, ann="hnsw", ef_search=200
    )
    assert whole["1"] == ranking["1"][:3]


def test_settings_that_do_not_fit(encoded: tuple[Store, Path]) -> None:
    store, _ = encoded
    wishes: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({}, ConfigError, "keeps vectors whole, passages: name one"),
        ({"vectors": "other"}, UnknownKey, "'other'"),
        ({"vectors": "whole", "language": "de"}, ConfigError, "are of texts in 'en'"),
        ({"vectors": "whole", "nprobe": 3}, ConfigError, "nprobe is read with ann 'ivf' only, and ann is None"),
        ({"vectors": "whole", "ann": "ivf", "hnsw_m": 3}, ConfigError, "hnsw_m is read with ann 'hnsw' only"),
        ({"vectors": "whole", "k1": 1.0}, ConfigError, "does not read k1"),
        ({"vectors": "whole", "fields": {"title": 1.0}}, ConfigError, "does not read them"),
    ]
    for settings, error, message in wishes:
        with pytest.raises(error, match=message):
            kgr.retrieve(store, "river", method="dense", **settings)
    made = kgr.encode(store, lambda texts: np.ones((len(texts), 2)), name="own")
    with pytest.raises(ConfigError, match=r"made by a callable: .* kgr\.search_vectors"):
        kgr.retrieve(made, "river", method="dense", vectors="own")


@pytest.fixture
def store(encoded: tuple[Store, Path], tmp_path: Path) -> Store:
    """A store of its own, with vectors from elsewhere: of every second document."""
    shutil.copytree(encoded[0].path, tmp_path / "store")
    draw = np.random.default_rng(0)
    vectors = Vectors(np.arange(0, 30, 2, dtype=np.int32), draw.standard_normal((15, 4)).astype(np.float32))
    return extend_store(Store(tmp_path / "store"), {"vectors/own": section_of(vectors, None)})


def test_vectors_are_searched_for_as_they_are(store: Store) -> None:
    kept, _ = kept_vectors(store, "own")
    rows = kept.array
    ranking = kgr.search_vectors(store, rows[:3], 4, vectors="own", metric="l2", keys=["a", "b", "c"])
    assert list(ranking) == ["a", "b", "c"]
    assert [ranking[key][0] for key in ranking] == [("d0", 0.0), ("d2", 0.0), ("d4", 0.0)]
    gaps = np.linalg.norm(rows - rows[1], axis=1)
    assert [key for key, _ in ranking["b"]] == [f"d{2 * i}" for i in np.argsort(gaps)[:4]]
    for kind in ("flat", "hnsw", "ivf"):
        again = kgr.search_vectors(store, rows[:3], 1, vectors="own", metric="l2", ann=kind, keys=["a", "b", "c"])
        assert [again[key] for key in again] == [ranking[key][:1] for key in ranking]
    (only,) = kgr.search_vectors(store, rows[0].tolist(), 9, vectors="own", ids=["d4", "d6", "d7"]).queries.keys_of([0])
    assert only == "1"
    found = kgr.search_vectors(store, rows[0], 9, vectors="own", ids=["d4", "d6", "d7"])["1"]
    assert sorted(key for key, _ in found) == ["d4", "d6"]


@pytest.mark.parametrize(
    ("queries", "settings", "message"),
    [
        (np.ones((1, 3)), {}, r"expected float32\[Q, 4\]"),
        (np.full((1, 4), 1e300), {}, "not finite"),
        (np.ones((1, 4)), {"keys": ["a", "b"]}, "keys are 2 for 1 queries"),
        (np.ones((1, 4)), {"model": "m"}, "model is the encoder"),
        (np.ones((1, 4)), {"threads": 0}, "threads is 0"),
        (np.ones((1, 4)), {"k": 0}, "k is 0"),
        (np.ones((1, 4)), {"metric": "l3"}, "metric is 'l3'"),
    ],
)
def test_bad_queries(store: Store, queries: np.ndarray, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        kgr.search_vectors(store, queries, vectors="own", **settings)


def test_a_read_only_store(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Indexes are made in a temporary folder."""

    def refuse(*arguments: Any, **more: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    expected, before = kgr.search_vectors(store, np.ones(4), 1, vectors="own")["1"], sorted(store.cache.iterdir())
    monkeypatch.setattr(Path, "mkdir", refuse)
    said: list[str] = []
    assert kgr.search_vectors(store, np.ones(4), 1, vectors="own", ann="flat", message=said.append)["1"] == expected
    assert "recall@1 1.000" in said[-1]
    assert sorted(store.cache.iterdir()) == before


def test_on_the_command_line(encoded: tuple[Store, Path], tmp_path: Path) -> None:
    store, out = encoded[0], tmp_path / "dense.trec"
    asked = [str(store.path), "--query", QUERIES["q1"], "--method", "dense", "--vectors", "whole", "-k", "3"]
    result = CliRunner().invoke(
        cli, ["retrieve", *asked, "--ann", "ivf", "--nlist", "4", "--nprobe", "4", "--out", str(out)]
    )
    assert result.exit_code == 0, result.output
    assert "IVF, nlist 4, nprobe 4; recall@3 1.000 against exact search" in result.stderr
    exact = kgr.retrieve(store, QUERIES["q1"], method="dense", vectors="whole", k=3)
    assert kgr.read_ranking(out)["1"] == exact["1"]
