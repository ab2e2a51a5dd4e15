from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from kgr.data.build import build_store
from kgr.data.vector_files import read_vectors
from kgr.errors import DataError, FormatError
from kgr.index.store import Store
from kgr.index.vectors import Vectors


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("store")
    (folder / "train.tsv").write_text("a\tr\tb c\nb c\ts\td\n")
    return build_store(folder / "store", train=folder / "train.tsv")


def held(vectors: Vectors) -> dict[int, list[float]]:
    rows = np.concatenate(list(vectors.blocks()))
    assert rows.dtype == np.float32
    return dict(zip(vectors.ids.tolist(), rows.tolist(), strict=True))


ROWS = {1: [1.0, 2.0], 2: [3.0, -0.5]}


@pytest.mark.parametrize(
    "text",
    [
        "x 0 0\nd 3 -5e-1\n",  # GloVe: the first line's key has no space
        "3 2\nb c 1.0 2.0\nx 0 0 \nd 3 -0.5 \n",  # word2vec, fastText
        "b c\t1\t2\nx\t0\t0\nd\t3\t-0.5\n",
        "b c\t1 2\nx\t0 0\nd\t3 -0.5\n",
    ],
)
def test_text_forms(store: Store, tmp_path: Path, text: str) -> None:
    for name, data in (("v.vec", text.encode()), ("v.txt.gz", gzip.compress(text.encode()))):
        (tmp_path / name).write_bytes(data)
        found = read_vectors(tmp_path / name, store).entries
        assert held(found.vectors) == {id: row for id, row in ROWS.items() if id == 2 or "b c" in text}
        assert (found.unknown, found.examples) == (1, ("x",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a 1 2\nd 3\n", r":2: found 'd 3', expected a key and 2 finite numbers"),
        ("a 1 2\nd 3 x\n", r":2: found 'd 3 x'"),
        ("a 1 2\nd 3 nan\n", r":2: found 'd 3 nan'"),
        ("a 1 2\nd 3 1e39\n", r":2: found 'd 3 1e39'"),
        ("a\n", ":1: found 'a'"),
        ("a 1 2\na 3 4\n", r":2: its key is there twice"),
        ("3 2\na 1 2\n", ":1: promises 3 vectors, found 1"),
        ("x 1 2\n", r"no key of it is an entry of .*; the first are 'x'"),
    ],
)
def test_bad_text(store: Store, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "v.vec").write_text(text)
    with pytest.raises(DataError, match=message):
        read_vectors(tmp_path / "v.vec", store)


def arrays(folder: Path, keys: str, rows: np.ndarray, name: str = "entities") -> Path:
    folder.mkdir(exist_ok=True)
    np.save(folder / f"{name}.npy", rows)
    (folder / f"{name}.txt").write_text(keys)
    return folder


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f8"])
def test_arrays_with_keys(store: Store, tmp_path: Path, dtype: str) -> None:
    rows = np.asfortranarray(np.array([[3, -0.5], [0, 0], [1, 2]], dtype))
    folder = arrays(tmp_path / "v", "d\nx\nb c\n", rows)
    for path in (folder, folder / "entities.npy"):
        found = read_vectors(path, store)
        assert held(found.entries.vectors) == ROWS
        assert (found.entries.unknown, found.relations, found.manifest) == (1, None, {})


def test_relations_are_directed(store: Store, tmp_path: Path) -> None:
    arrays(tmp_path / "v", "a\n", np.ones((1, 2)))
    arrays(tmp_path / "v", "^s\ns\nq\n", np.array([[1.0], [2.0], [3.0]]), "relations")
    found = read_vectors(tmp_path / "v", store).relations
    assert found is not None
    assert held(found.vectors) == {2: [2.0], 3: [1.0]}
    assert found.examples == ("q",)


@pytest.mark.parametrize(
    ("keys", "rows", "message"),
    [
        ("a\n", np.ones((2, 2)), "1 keys, but .* has 2 rows"),
        ("a\nd\na\n", np.ones((3, 2)), r"entities.txt:3: key 'a' is there twice"),
        ("a\n", np.ones(1), "floating-point numbers, a row per key"),
        ("a\n", np.ones((1, 2), int), "floating-point numbers, a row per key"),
        ("a\n", np.ones((1, 0)), "floating-point numbers, a row per key"),
        ("x\n", np.ones((1, 1)), "no key of it"),
    ],
)
def test_bad_arrays(store: Store, tmp_path: Path, keys: str, rows: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_vectors(arrays(tmp_path / "v", keys, rows), store)


def test_values_are_refused_when_they_are_read(store: Store, tmp_path: Path) -> None:
    found = read_vectors(arrays(tmp_path / "v", "x\na\n", np.array([[1.0], [np.inf]])), store)
    with pytest.raises(DataError, match="row 1 is not finite"):
        held(found.entries.vectors)


def test_files_that_are_none(store: Store, tmp_path: Path) -> None:
    for name, message in (("v.bin", "text form"), ("v.npy", "no such file"), ("v.vec", "cannot be read")):
        with pytest.raises(DataError, match=message):
            read_vectors(tmp_path / name, store)
    (tmp_path / "v.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(DataError, match="not an array of numbers"):
        read_vectors(tmp_path / "v.npy", store)
    np.save(tmp_path / "v.npy", np.array([None]))
    with pytest.raises(DataError, match="not an array of numbers"):
        read_vectors(tmp_path / "v.npy", store)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("{", "not the manifest of vectors"),
        (json.dumps({"format": "kgr-vectors", "version": 2, "files": {}}), "expected kgr-vectors 1"),
        (
            json.dumps({"format": "kgr-vectors", "version": 1, "files": {"entities.npy": "0"}}),
            "checksum is not the manifest's",
        ),
    ],
)
def test_bad_manifest(store: Store, tmp_path: Path, manifest: str, message: str) -> None:
    folder = arrays(tmp_path / "v", "a\n", np.ones((1, 2)))
    (folder / "manifest.json").write_text(manifest)
    with pytest.raises(FormatError, match=message):
        read_vectors(folder, store)
