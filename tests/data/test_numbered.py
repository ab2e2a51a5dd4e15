"""A store of triples that are numbers: as from files of their keys, from arrays of any kind, all or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kgr.data import numbered
from kgr.data.build import build_store
from kgr.data.numbered import build_numbered
from kgr.errors import DataError, FormatError
from kgr.graph.graph import load_graph
from kgr.index.check import check_store
from kgr.index.store import Store

Rows = np.ndarray[Any, Any]


def drawn(seed: int, count: int, entities: int = 30) -> Rows:
    rng = np.random.default_rng(seed)
    return np.stack(
        [rng.integers(entities, size=count), rng.integers(3, size=count), rng.integers(entities, size=count)], 1
    )


TRAIN, VALID, NEGATIVES = drawn(0, 400), drawn(1, 50, 35), drawn(2, 80)


def listed(path: Path, rows: Rows) -> Path:
    path.write_text("".join(f"{head}\t{relation}\t{tail}\n" for head, relation, tail in rows))
    return path


def test_it_is_the_store_of_their_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All but the numbering: with texts, ids are in order of first appearance."""
    monkeypatch.setattr(numbered, "_BLOCK", 7)
    said: list[str] = []
    splits = {"train": TRAIN, "valid": VALID, "valid_negatives": NEGATIVES}
    store = build_numbered(tmp_path / "store", name="mine", message=said.append, **splits)
    assert check_store(store.path) == []
    assert (store.name, store.entities, store.entries.key(34), store.relations.key(2)) == ("mine", 35, "34", "2")
    assert store.entries.ids(["0", "9", "10", "34"]).tolist() == [0, 9, 10, 34]
    files = {split: listed(tmp_path / f"{split}.tsv", rows) for split, rows in splits.items()}
    expected_said: list[str] = []
    expected = build_store(tmp_path / "other", message=expected_said.append, **files)
    assert store.manifest["counts"]["duplicates"] > 5 and store.manifest["counts"]["repeated"] > 0
    unseen = {"entities": 35 - expected.entities, "unseen_entities": 35 - expected.entities}  # held-out ids have gaps
    counts = {what: count + unseen.get(what, 0) for what, count in expected.manifest["counts"].items()}
    assert store.manifest["counts"] == counts
    assert [line.split(": ")[-1] for line in said[:4]] == [line.split(": ")[-1] for line in expected_said[:4]]
    for split in splits:
        keys = [
            [expected.entries.key(head), expected.relations.key(relation), expected.entries.key(tail)]
            for head, relation, tail in expected.triples(split)
        ]
        found = store.triples(split)
        assert found.dtype == np.int32 and found.tolist() == np.array(keys, int).tolist()
    graph = load_graph(store)
    assert graph.edges == 2 * store.manifest["counts"]["train"] and graph.holds(TRAIN).all()


@pytest.mark.parametrize("dtype", [np.int64, np.uint16])
def test_arrays_and_files_give_the_same(dtype: type, tmp_path: Path) -> None:
    train = TRAIN.astype(dtype)
    np.save(tmp_path / "rows.npy", train)
    np.save(tmp_path / "fortran.npy", np.asfortranarray(train))
    columns = [tmp_path / f"{name}.npy" for name in "hrt"]
    for path, column in zip(columns, train.T, strict=True):
        np.save(path, column)
    forms = (train, tuple(train.T), list(train.T), str(tmp_path / "rows.npy"), tmp_path / "fortran.npy", columns)
    stores = [build_numbered(tmp_path / str(place), train=form) for place, form in enumerate(forms)]
    names = stores[0].sections
    assert len({tuple(store.fingerprints(names).items()) for store in stores}) == 1
    assert [store.manifest["sources"]["files"].get("train") for store in stores[2:]] == [
        None, [str(tmp_path / "rows.npy")], [str(tmp_path / "fortran.npy")], list(map(str, columns)),
    ]  # fmt: skip


def test_a_split_may_be_empty(tmp_path: Path) -> None:
    np.save(tmp_path / "none.npy", TRAIN[:0])
    store = build_numbered(tmp_path / "store", train=TRAIN, test=tmp_path / "none.npy")
    assert store.triples("test").shape == (0, 3) and check_store(store.path) == []


@pytest.mark.parametrize(
    ("train", "found"),
    [
        (TRAIN[:0], "train: found no triples, expected at least one"),
        (TRAIN * [1, 1, -1], r"train: found ids from -29 to \d+, expected 0 to 2\^31 - 2"),
        (np.array([[0, 0, 2**31 - 1]]), "train: found ids from 0 to 2147483647, expected"),
        (np.array([[0, 2**40, 1]]), "train: found ids from 1099511627776 to"),
        (TRAIN.astype(float), "train: columns of triples are of float64"),
        (TRAIN[:, :2], r"train: triples are of shape \(400, 2\)"),
        (np.array([[0, 0, 2**31 - 3]]), "train: found ids up to 2,147,483,645 in 1 triples; an id that is not used"),
        (["a.npy", "b.npy"], "a.npy, b.npy: found 2 files, expected one of rows or three of columns"),
        ("absent.npy", "absent.npy: no such file"),
        (__file__, r"test_numbered.py: not an array of numbers"),
    ],
)
def test_what_is_refused_leaves_nothing(train: Any, found: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=found):
        build_numbered(tmp_path / "store", train=train)
    assert list(tmp_path.iterdir()) == []


def test_archives_are_refused_and_so_is_another_store(tmp_path: Path) -> None:
    np.savez(tmp_path / "all.npz", TRAIN)
    with pytest.raises(DataError, match=r"all\.npz: found an archive of arrays"):
        build_numbered(tmp_path / "store", train=tmp_path / "all.npz")
    build_numbered(tmp_path / "store", train=TRAIN)
    with pytest.raises(FormatError, match="already"):
        build_numbered(tmp_path / "store", train=TRAIN[:5])
    assert len(Store(tmp_path / "store").triples("train")) > 5
