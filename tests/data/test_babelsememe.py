"""BabelSememe's folders: ids of the source, kinds, names compared with ids; bad lines are named."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kgr
from kgr.data.babelsememe import build_babelsememe
from kgr.data.describe import entry
from kgr.data.id_lines import read_id_lines
from kgr.errors import DataError
from kgr.index.check import check_store
from kgr.index.kinds import ENTITY, SEMEME, SYNSET

FILES = {
    "entity2id.txt": "bn:1n\t0\r\nbn:2v\t1\r\nhuman|人\t3\r\nodd\t4\r\nbn:3n\t2",
    "relation2id.txt": "synset:have_sememe\t0\nsynset:hypernym\t1\nsememe:antonym\t2\n",
    "train2id.txt": "0 1 1\r\n3 4 2\r\n0\t3\t0\r\n",
    "valid2id.txt": "1\t3\t0\n",
    "test2id.txt": "2\t4\t0\n",
    "valid.txt": "bn:1n\todd\tsynset:have_sememe\nbn:2v\thuman|人\tsynset:have_sememe\n",
    "test.txt": "bn:9n\todd\tsynset:have_sememe",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for name, text in FILES.items():
        (tmp_path / "in" / name).write_text(text, newline="")
    return tmp_path / "in"


def test_a_folder_becomes_a_store(folder: Path, tmp_path: Path) -> None:
    said: list[str] = []
    store = build_babelsememe(folder, tmp_path / "store", message=said.append)
    assert store.entries.keys_of(range(5)) == ["bn:1n", "bn:2v", "bn:3n", "human|人", "odd"]
    assert store.kinds.tolist() == [ENTITY | SYNSET] * 3 + [ENTITY | SEMEME] * 2
    found = {split: store.triples(split).tolist() for split in store.splits}
    assert found == {"train": [[0, 1, 1], [3, 2, 4], [0, 0, 3]], "valid": [[1, 0, 3]], "test": [[2, 0, 4]]}
    assert [store.label("entries", 3, language) for language in ("en", "zh")] == ["human", "人"]
    assert store.label("entries", 4) == "odd"
    assert [entry(store, key).kind for key in ("bn:1n", "odd", "sememe:antonym")] == ["synset", "sememe", "relation"]
    counts = store.manifest["counts"]
    assert [counts[what] for what in ("synsets", "sememes", "left_out")] == [3, 2, 2]
    left_out = "left out, the ids are what counts"
    assert said[:3] == [
        f"{folder}/valid.txt: valid2id.txt lacks 1 of its triples: {left_out}: bn:1n synset:have_sememe odd",
        f"{folder}/test.txt: test2id.txt lacks 1 of its triples: {left_out}: bn:9n synset:have_sememe odd",
        f"{folder}/test2id.txt: test.txt lacks 1 of its triples: kept: bn:3n synset:have_sememe odd",
    ]
    assert check_store(store.path) == []


def test_names_need_not_be_there_and_files_may_be_packed(folder: Path, tmp_path: Path) -> None:
    for name in ("valid.txt", "test.txt"):
        (folder / name).unlink()
    (folder / "train2id.txt.gz").write_bytes(gzip.compress((folder / "train2id.txt").read_bytes()))
    (folder / "train2id.txt").unlink()
    store = build_babelsememe(folder, tmp_path / "store")
    assert len(store.triples("train")) == 3
    assert "left_out" not in store.manifest["counts"]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("entity2id.txt", "5\nbn:1n\t0\n", r"entity2id\.txt:1: found '5', expected a key and its id"),
        ("entity2id.txt", "bn:1n\t0\nx\t1.0\n", r"entity2id\.txt:2: found 'x\\t1\.0', expected a key and its id"),
        ("entity2id.txt", "bn:1n\t0\n\t1\n", r"entity2id\.txt:2: found '\\t1'"),
        ("entity2id.txt", "bn:1n\t0\nx\t0\n", r"entity2id\.txt:2: found 'x\\t0', whose key or id an earlier line has"),
        ("entity2id.txt", "x\t0\nx\t1\n", r"entity2id\.txt:2: found 'x\\t1', whose key or id an earlier line has"),
        ("entity2id.txt", "x\t0\ny\t2\n", r"entity2id\.txt:2: found id 2 among 2 keys, expected 0 to 1"),
        ("train2id.txt", "0 1 1\n0 5 1\n", r"train2id\.txt:2: found entity '5', expected an id from 0 to 4"),
        ("train2id.txt", "0 1 3\n", r"train2id\.txt:1: found relation '3', expected an id from 0 to 2"),
        ("train2id.txt", "0 1\n", r"train2id\.txt:1: found 2 fields: .*, tail and relation separated by tabs or sp"),
        ("train2id.txt", "0  1 1\n", r"train2id\.txt:1: found 4 fields"),
        ("train2id.txt", "0 1 \n", r"train2id\.txt:1: found an empty relation, expected head, tail and relation"),
        ("train2id.txt", "0 1 0\n", r"train2id\.txt:1: found it from 0 to 1, expected synset:have_sememe from"),
        ("relation2id.txt", "a\t0\nb\t1\nc\t2\n", r"relation2id\.txt: has no relation synset:have_sememe"),
        ("valid2id.txt", "1\t3\t0\n3\t4\t0\n", r"valid2id\.txt:2: found it from 3 to 4"),
        ("valid.txt", "bn:1n odd synset:have_sememe\n", r"valid\.txt:1: found 1 field: .*separated by tabs$"),
    ],
)  # fmt: skip
def test_bad_lines_are_named(folder: Path, tmp_path: Path, file: str, text: str, message: str) -> None:
    (folder / file).write_text(text)
    with pytest.raises(DataError, match=message):
        build_babelsememe(folder, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_missing_file_is_named(folder: Path, tmp_path: Path) -> None:
    (folder / "valid2id.txt").unlink()
    with pytest.raises(DataError, match=r"valid2id\.txt: no such file; a folder of BabelSememe has it"):
        build_babelsememe(folder, tmp_path / "store")


ALONE = "bn:2v\teat|吃 human|人\r\nbn:1n\thuman|人\r\nbn:9n\todd"


def test_annotations_alone_become_a_store(tmp_path: Path) -> None:
    (tmp_path / "synset_sememes.txt").write_text(ALONE, newline="")
    store = build_babelsememe(tmp_path, tmp_path / "store")
    assert store.entries.keys_of(range(6)) == ["bn:2v", "bn:1n", "bn:9n", "eat|吃", "human|人", "odd"]
    assert store.kinds.tolist() == [ENTITY | SYNSET] * 3 + [ENTITY | SEMEME] * 3
    assert store.splits == ("train",)
    assert store.triples("train").tolist() == [[0, 0, 3], [0, 0, 4], [1, 0, 4], [2, 0, 5]]
    assert [store.label("entries", 3, language) for language in ("en", "zh")] == ["eat", "吃"]
    assert check_store(store.path) == []
    found = kgr.sememes(store, "bn:1n")
    assert [own.key for own in found.sememes] == ["human|人"]
    assert [own.key for own in found.synsets] == ["bn:2v"]
    assert [own.key for own in kgr.sememes(store, "人").synsets] == ["bn:2v", "bn:1n"]
    with pytest.raises(DataError, match="no synset is annotated in valid"):
        kgr.train_sememes(store, out=tmp_path / "run", method="popularity")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bn:1n\ta\nbn:2n\n", r":2: found 'bn:2n', expected a synset, whose key begins with bn:, a tab, and sememes"),
        ("bn:1n a\n", r":1: found 'bn:1n a', expected a synset"),
        ("a\tbn:1n\n", r":1: found 'a\\tbn:1n', expected a synset"),
        ("bn:1n\ta  b\n", r":1: found 'bn:1n\\ta  b', expected a synset"),
        ("bn:1n\ta\tb\n", r":1: found 'bn:1n\\ta\\tb', expected a synset"),
        ("bn:1n\ta bn:2n\n", r":1: found synset 'bn:2n' among the sememes of bn:1n"),
        ("bn:1n\ta\nbn:2n\ta b a\n", r":2: found sememe 'a' of bn:2n again"),
        ("bn:1n\ta\nbn:1n\tb\n", r":2: found synset 'bn:1n' again"),
        ("bn:1n\ta\n\nbn:2n\tb\n", r":2: found '', expected a synset"),
        ("", r": found no triples"),
    ],
)
def test_bad_lines_of_annotations_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "synset_sememes.txt").write_text(text)
    with pytest.raises(DataError, match=rf"synset_sememes\.txt{message}"):
        build_babelsememe(tmp_path, tmp_path / "store")
    assert not (tmp_path / "store").exists()


@given(st.permutations(range(8)))
def test_id_lines_come_in_any_order(tmp_path_factory: pytest.TempPathFactory, ids: list[int]) -> None:
    path = tmp_path_factory.mktemp("ids") / "entity2id.txt"
    path.write_text("".join(f"k{id}\t{id}\n" for id in ids))
    assert read_id_lines(path) == [f"k{id}" for id in range(8)]
