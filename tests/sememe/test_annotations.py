"""Annotations by split; what a store may not say of synsets is refused by name."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from kgr.data.babelsememe import build_babelsememe
from kgr.errors import DataError, UnknownKey
from kgr.index.keys import Keys
from kgr.index.store import Section, Store, create_store, extend_store
from kgr.sememe.annotations import annotations_of, remainder, rows_at


def test_rows_and_columns(bare: Store) -> None:
    found = annotations_of(bare)
    assert (len(found.synsets), len(found.sememes)) == (66, 10)
    assert found.keys[:2] == ("bn:00000000n", "bn:00000001n")
    assert found.sememe_keys[0] == "AnimalBeast|兽"
    assert chr(found.pos[0]) == "n"
    assert chr(found.pos[34]) == "v"
    assert [len(found.rows(split)) for split in ("train", "valid", "test")] == [54, 6, 6]
    assert found.labels["train"][[0]].toarray().tolist() == [[1, 0, 0, 0, 0, 0, 0, 0, 0, 0]]
    assert found.labels["test"][[10]].indices.tolist() == [0, 9]
    assert found.seen(found.rows("train")).tolist() == [True] * 7 + [False] * 3
    assert found.counts(np.array([0, 1])).tolist() == [2, 0, 0, 0, 0, 0, 1, 0, 0, 0]
    with pytest.raises(UnknownKey, match="unknown split 'tset'; nearest: test; there are train, valid, test"):
        found.rows("tset")


def test_a_synset_in_two_splits_is_an_error(folder: Path, tmp_path: Path) -> None:
    store = build_babelsememe(_changed(folder, tmp_path, "test2id.txt", "0\t67\t0\n"), tmp_path / "store")
    with pytest.raises(DataError, match="bn:00000000n is annotated in train and in test"):
        annotations_of(store)


def test_a_label_twice_is_an_error(bare: Store, tmp_path: Path) -> None:
    copy = _copy(bare, tmp_path)
    triples = bare.triples("valid")
    store = extend_store(copy, {"triples/valid": Section({"ids": np.concatenate([triples, triples[:1]])})})
    with pytest.raises(DataError, match=r"valid has bn:00000009n synset:have_sememe AnimalBeast\|兽 twice"):
        annotations_of(store)


def test_no_annotations_are_an_error(folder: Path, tmp_path: Path) -> None:
    store = build_babelsememe(_changed(folder, tmp_path, "train2id.txt", "0 1 1\n"), tmp_path / "store")
    with pytest.raises(DataError, match="train has no triples of synset:have_sememe"):
        annotations_of(store)


def test_a_store_of_another_kind_is_an_error(tmp_path: Path) -> None:
    arrays = {**Keys.build(["a"], what="entry").arrays(), "kinds": np.array([1], np.uint8)}
    store = create_store(tmp_path / "store", {"entries": Section(arrays)}, entities=1, counts={}, sources={})
    with pytest.raises(DataError, match="found 0 synsets, 0 sememes and no relation synset:have_sememe"):
        annotations_of(store)


def _changed(folder: Path, tmp_path: Path, name: str, text: str) -> Path:
    copy = tmp_path / "in"
    copy.mkdir()
    for path in folder.glob("*2id.txt"):
        (copy / path.name).write_bytes(path.read_bytes())
    (copy / name).write_text(text)
    return copy


def _copy(store: Store, tmp_path: Path) -> Store:
    shutil.copytree(store.path, tmp_path / "copy")
    return Store(tmp_path / "copy")


def test_what_references_have(bare: Store) -> None:
    found = annotations_of(bare)
    rows = found.rows("train")[[1, 4]]
    labels = found.labels_of(rows)
    expected = np.zeros(labels.shape)
    expected[rows] = found.of("train")[rows].toarray()
    assert labels.toarray().tolist() == expected.tolist() and labels.nnz == expected.sum()
    assert rows_at(labels, np.array([rows[1], -1])).toarray().tolist() == [expected[rows[1]].tolist(), [0] * 10]


def test_a_remainder_is_no_rounding_error() -> None:
    whole, part = np.float32([[0.3, 0.1, 1e-7, 0.3]]), np.float32([[0.3 - 1e-7, 0.1 + 1e-8, 0, 0.1]])
    assert remainder(whole, part).tolist() == [[0, 0, np.float32(1e-7), np.float32(0.3) - np.float32(0.1)]]
