"""A store from files: ids, counts, what is unusual, what is refused, all of it or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from kgr import _io
from kgr.data.build import build_store
from kgr.data.splits import first_occurrences
from kgr.errors import DataError, FormatError
from kgr.graph.graph import load_graph
from kgr.index.check import check_store
from kgr.index.store import Store


class Folder:
    """Writes files of the given lines and builds a store of them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.said: list[str] = []

    def build(self, out: str = "store", name: str = "", **files: str) -> Store:
        paths: dict[str, Any] = {}
        for split, text in files.items():
            paths[split] = self.path / f"{split}.tsv"
            paths[split].write_bytes(text.encode())
        return build_store(self.path / out, name=name, message=self.said.append, **paths)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def counts(store: Store) -> dict[str, int]:
    return {name: count for name, count in store.manifest["counts"].items() if count}


def test_everything(folder: Folder) -> None:
    store = folder.build(
        train="b\tr\ta\na\ts\tc\n",
        valid="b\tr\tc\n",
        test="c\ts\tb\n",
        valid_negatives="a\tr\tb\n",
        test_negatives="c\tr\tc\n",
        entities_table="key\ttypes\tlabel.en\talias.en\tlabel.ar\nc\tx y\t\t1|2\t\na\ty\tAa 🏙\t\tمرحبا\n",
        relations_table="key\tlabel.en\ns\tsees\n",
        types_table="key\tlabel.de\ny\tStadt\n",
        name="mine",
    )
    assert (store.name, store.entities) == ("mine", 3)
    assert store.entries.keys_of(range(3)) == ["b", "a", "c"]
    assert store.relations.keys_of(range(2)) == ["r", "s"]
    assert store.kinds.tolist() == [1, 1, 1]
    assert store.splits == ("train", "valid", "test", "valid_negatives", "test_negatives")
    found = {split: store.triples(split).tolist() for split in store.splits}
    assert found == {
        "train": [[0, 0, 1], [1, 1, 2]],
        "valid": [[0, 0, 2]],
        "test": [[2, 1, 0]],
        "valid_negatives": [[1, 0, 0]],
        "test_negatives": [[2, 0, 2]],
    }
    assert store.types is not None
    assert store.types.keys.keys_of([0, 1]) == ["y", "x"]
    assert [store.types.of(entry).tolist() for entry in range(3)] == [[], [0], [1, 0]]
    assert [store.label("entries", entry) for entry in range(3)] == ["b", "Aa 🏙", "c"]
    assert store.label("entries", 1, "ar") == "مرحبا"
    assert store.texts("entries", "alias", "en").all(2) == ["1", "2"]  # type: ignore[union-attr]
    assert (store.label("relations", 1), store.label("types", 0, "zh")) == ("sees", "Stadt")
    assert counts(store) == {
        "entities": 3, "relations": 2, "types": 2,
        "train": 2, "valid": 1, "test": 1, "valid_negatives": 1, "test_negatives": 1,
    }  # fmt: skip
    graph = load_graph(store)
    assert (graph.entities, graph.edges, graph.directed) == (3, 4, 4)
    assert graph.tails(1, 1).tolist() == [0]
    assert check_store(store.path) == []
    assert folder.said == []


def test_valid_and_test_may_be_missing_or_empty(folder: Folder) -> None:
    assert folder.build(train="a\tr\ta\n").splits == ("train",)  # a graph of one entity
    store = folder.build("other", train="a\tr\tb\n", valid="", test="")
    assert store.triples("valid").shape == (0, 3)
    assert counts(store) == {"entities": 2, "relations": 1, "train": 1}


@pytest.mark.parametrize("train", ["", "\n", "\ufeff"])
def test_nothing_to_train_on(folder: Folder, train: str) -> None:
    with pytest.raises(DataError, match=r"train\.tsv: found no triples, expected at least one"):
        folder.build(train=train, test="a\tr\tb\n")
    assert not (folder.path / "store").exists()


def test_duplicates_within_a_split_are_removed_and_counted(folder: Folder) -> None:
    store = folder.build(
        train="c\tr\td\na\tr\tb\nc\tr\td\na\tr\tb\nc\tr\td\nd\tr\tc\n", test_negatives="a\tr\tc\na\tr\tc\n"
    )
    assert store.triples("train").tolist() == [[0, 0, 1], [2, 0, 3], [1, 0, 0]]
    assert counts(store) == {
        "entities": 4, "relations": 1, "train": 3, "test_negatives": 1, "duplicates": 4,
    }  # fmt: skip
    assert folder.said == [
        f"{folder.path}/train.tsv: 3 duplicate triples removed",
        f"{folder.path}/test_negatives.tsv: 1 duplicate triples removed",
    ]


def test_what_two_splits_share_is_kept_and_counted(folder: Folder) -> None:
    store = folder.build(train="a\tr\tb\nb\tr\ta\n", valid="a\tr\tb\n", test="a\tr\tb\n", test_negatives="b\tr\ta\n")
    assert [len(store.triples(split)) for split in store.splits] == [2, 1, 1, 1]
    assert store.manifest["counts"]["repeated"] == 2
    assert store.manifest["counts"]["true_negatives"] == 1
    assert "2 triples occur in more than one of train, valid, test: kept" in folder.said[0]
    assert "test_negatives.tsv: 1 negatives are triples of the graph: kept" in folder.said[1]


def test_unseen_in_train_is_kept_counted_and_said(folder: Folder) -> None:
    store = folder.build(train="a\tr\tb\n", test="a\tonly-in-test\tb\nnew\tr\tb\n", test_negatives="far\tr\tb\n")
    assert store.relations.keys_of([1]) == ["only-in-test"]
    assert store.entities == 4
    assert store.manifest["counts"]["unseen_entities"] == 2
    assert store.manifest["counts"]["unseen_relations"] == 1
    assert folder.said == [
        "2 entities do not occur in train: kept, nothing is learnt about them",
        "1 relations do not occur in train: kept, nothing is learnt about them",
    ]


def test_rows_without_a_key_in_the_graph_are_said(folder: Folder) -> None:
    table = "key\tlabel.en\na\tA\n" + "".join(f"x{i}\tX\n" for i in range(5))
    store = folder.build(train="a\tr\tb\n", entities_table=table, types_table="key\tlabel.en\nt\tT\n")
    assert store.label("entries", 0) == "A"
    assert folder.said == [
        f"{folder.path}/entities_table.tsv: 5 rows are left out, the graph has no such key: x0, x1, x2, …",
        f"{folder.path}/types_table.tsv: 1 rows are left out, the graph has no such key: t",
    ]


def test_several_files_and_texts_of_any_script(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes("🏙 city\tنسبة\t城市\r\n".encode())
    (tmp_path / "2").write_bytes("\ufeffעיר\tنسبة\t🏙 city\n".encode())
    store = build_store(tmp_path / "store", train=[tmp_path / "1", tmp_path / "2"])
    assert store.entries.keys_of(range(3)) == ["🏙 city", "城市", "עיר"]
    assert store.relations.key(0) == "نسبة"
    assert store.triples("train").tolist() == [[0, 0, 1], [2, 0, 0]]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"train": "a\tr\tb\na\tb\n"}, r"train\.tsv:2: found 2 fields.*expected head, relation and tail"),
        ({"train": "a\tr\tb\n", "test": "a\tr\tb\n\na\tr\tc\n"}, r"test\.tsv:2: found an empty line"),
        ({"train": "a\tr\tb\n", "entities_table": "key\tlabel.en\na\n"}, r"entities_table\.tsv:2: found 1 field,"),
        ({"train": "a\tr\tb\n", "entities_table": "key\ttypes\na\tx\0y\n"}, r"entities_table\.tsv:2: found a NUL"),
    ],
)
def test_bad_input_leaves_nothing(folder: Folder, files: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        folder.build(**files)
    assert {path.name for path in folder.path.iterdir()} == {f"{name}.tsv" for name in files}


def test_a_full_disk_leaves_nothing(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, array: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(_io, "write_array", refuse)
    with pytest.raises(OSError, match="No space left"):
        folder.build(train="a\tr\tb\n")
    assert [path.name for path in folder.path.iterdir()] == ["train.tsv"]


def test_an_existing_store_is_refused_and_stays(folder: Folder) -> None:
    folder.build(train="a\tr\tb\n")
    with pytest.raises(FormatError, match="already"):
        folder.build(train="c\tr\td\n")
    assert Store(folder.path / "store").entries.key(0) == "a"


@given(arrays.arrays(np.int32, st.tuples(st.integers(0, 12), st.just(3)), elements=st.integers(0, 2)))
def test_first_occurrences(triples: Any) -> None:
    rows = [tuple(row) for row in triples.tolist()]
    assert first_occurrences(triples).tolist() == [row not in rows[:place] for place, row in enumerate(rows)]


def test_a_relation_that_looks_inverted_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("a\tr\tb\na\t^r\tb\n")
    with pytest.raises(DataError, match=r"relation '\^r': begins with \^"):
        build_store(tmp_path / "store", train=tmp_path / "train.tsv")
    assert not (tmp_path / "store").exists()
