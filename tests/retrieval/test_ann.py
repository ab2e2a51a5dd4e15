"""FAISS indexes: kept, mapped, made anew when the vectors change, and exact where they propose everything."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pytest

from kgr.errors import ConfigError, FormatError
from kgr.index.keys import Keys
from kgr.index.store import Section, Store, create_store, extend_store
from kgr.index.vectors import METRICS, Vectors, section_of
from kgr.retrieval import ann
from kgr.retrieval.ann import AnnIndex, build_index, faiss_threads, measured_recall, open_ann
from kgr.retrieval.config import RetrieveConfig, retrieve_config
from kgr.retrieval.exact import exact_search
from kgr.retrieval.retrieve import Found

KINDS = ("flat", "hnsw", "ivf")


@pytest.fixture(autouse=True)
def one_thread() -> object:
    with faiss_threads(1):
        yield


def config(kind: str, metric: str = "dot", **settings: object) -> RetrieveConfig:
    own = {"hnsw": {"hnsw_m": 16, "ef_construction": 40, "ef_search": 128}, "ivf": {"nlist": 8, "nprobe": 8}}.get(
        kind, {}
    )
    return retrieve_config("dense", {"ann": kind, "metric": metric, **own, **settings})


def clustered(n: int, *, several: bool = False) -> Vectors:
    draw = np.random.default_rng(0)
    rows = draw.standard_normal((10, 16))[draw.integers(0, 10, n)] + 0.3 * draw.standard_normal((n, 16))
    ids = np.sort(draw.integers(0, n // 4, n)) if several else np.arange(n)
    return Vectors(ids.astype(np.int32), rows.astype(np.float32))


def in_memory(vectors: Vectors, own: RetrieveConfig) -> AnnIndex:
    return AnnIndex(vectors, own, build_index(vectors, own), 0)


def same(one: Found, other: Found) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("several", [False, True], ids=["a row each", "passages"])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_proposed_is_scored_exactly(kind: str, metric: str, several: bool) -> None:
    """With all cells looked into, and candidates enough, nothing is missed; where many are wanted, never."""
    vectors = clustered(400, several=several)
    queries = clustered(20).rows
    index = in_memory(vectors, config(kind, metric))
    for k in (1, 7, 1000):
        assert same(index.search(queries, k), exact_search(vectors, queries, k, metric=metric))
    few, most = np.zeros(400, bool), np.ones(400, bool)
    few[:30], most[:30] = True, False
    for allowed in (few, most):
        found = index.search(queries, 5, allowed=allowed)
        assert same(found, exact_search(vectors, queries, 5, metric=metric, allowed=allowed))


def test_recall_is_the_share_of_the_nearest() -> None:
    vectors = clustered(2000)
    assert measured_recall(in_memory(vectors, config("ivf", "l2")), 10) == 1
    index = in_memory(vectors, config("ivf", "l2", nprobe=1))
    recall = measured_recall(index, 10)
    places = np.unique(np.linspace(0, 1999, ann.RECALL_QUERIES).astype(int))
    exact = exact_search(vectors, vectors.rows[places], 11, metric="l2")[1].reshape(-1, 11)[:, 1:]
    found, offsets = index.search(vectors.rows[places], 11)[1], index.search(vectors.rows[places], 11)[0]
    hits = [len(set(found[offsets[i] : offsets[i + 1]]) & set(exact[i])) for i in range(len(places))]
    assert 0 < recall < 1
    assert recall == pytest.approx(sum(hits) / exact.size)
    assert measured_recall(in_memory(clustered(1), config("flat")), 10) == 0  # no other to be found


@pytest.fixture
def store(tmp_path: Path) -> Store:
    keys = Keys.build([f"e{i}" for i in range(300)], what="entry").arrays()
    sections = {
        "entries": Section({**keys, "kinds": np.ones(300, np.uint8)}),
        "vectors/a": section_of(clustered(300), None),
    }
    return create_store(tmp_path / "store", sections, entities=300, counts={}, sources={})


def vectors_of(store: Store) -> Vectors:
    arrays = store.section("vectors/a")
    return Vectors(arrays["ids"], arrays["rows"])


def opened(store: Store, own: RetrieveConfig, k: int = 10) -> tuple[AnnIndex, list[str]]:
    said: list[str] = []
    return open_ann(store, "a", vectors_of(store), own, k=k, message=said.append), said


def test_an_index_is_kept_by_its_settings(store: Store) -> None:
    first, said = opened(store, config("hnsw", "l2"))
    assert len(said) == 3
    assert "HNSW, M 16, efConstruction 40, efSearch 128; recall@10 0.999 against exact search" in said[-1]
    again, said = opened(store, config("hnsw", "l2", ef_search=64), k=5)
    assert len(said) == 1
    assert "efSearch 64; recall@5" in said[0]
    queries = clustered(5).rows
    assert same(first.search(queries, 9), again.search(queries, 9))
    for own in (config("hnsw", "dot"), config("hnsw", "l2", ef_construction=41), config("flat")):
        assert len(opened(store, own)[1]) == 3
    assert len(list(store.cache.glob("faiss-*"))) == 4
    assert len(list(store.cache.glob("recall-*"))) == 5


def test_other_vectors_have_another_index(store: Store) -> None:
    opened(store, config("flat"))
    (before,) = store.cache.glob("faiss-*")
    other = Vectors(np.arange(300, dtype=np.int32), clustered(300).rows[::-1].copy())
    new = extend_store(store, {"vectors/a": section_of(other, None)})
    index, said = opened(new, config("flat"))
    assert len(said) == 3
    assert not before.exists()
    queries = clustered(5).rows
    assert same(index.search(queries, 3), exact_search(other, queries, 3))


@pytest.mark.parametrize("kind", KINDS)
def test_one_thread_builds_the_same_file(store: Store, kind: str) -> None:
    for part in ("one", "other"):
        faiss.write_index(build_index(clustered(500), config(kind)), str(store.path / part))
    assert (store.path / "one").read_bytes() == (store.path / "other").read_bytes()


def test_too_many_cells(store: Store) -> None:
    with pytest.raises(ConfigError, match="nlist is 301, expected at most 300"):
        opened(store, config("ivf", nlist=301))
    index, _ = opened(store, retrieve_config("dense", {"ann": "ivf"}))
    assert "nlist 69" in index.described


def test_an_index_that_cannot_be_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faiss, "write_index", lambda index, path: Path(path).write_bytes(b"another version's"))
    with pytest.raises(FormatError, match="cannot read it; delete the folder"):
        opened(store, config("flat"))
