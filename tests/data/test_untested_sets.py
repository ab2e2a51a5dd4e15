"""Sets whose own files kgr's tests have never had: archives of the same layout, made here, become stores."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import faulty_server
import numpy as np
import pytest
import torch
from betae_folder import P1, dump, write_folder

from kgr.data import known
from kgr.data.holdings import holding
from kgr.data.known import data_home, manifest_of, open_store
from kgr.errors import DataError, FetchError
from kgr.query.kept import kept_set
from kgr.query.keyed import write_arguments

LINES = {"train": b"Q1\tP1\tQ2\nQ2\tP1\tQ3\n", "valid": b"Q1\tP2\tQ3\n", "test": b"Q3\tP1\tQ1\n"}
COUNTS = {"entities": 3, "relations": 2, "train": 2, "valid": 1, "test": 1}
NELL_RELATIONS = ("concept:r", "concept:r_reverse", "concept:s", "concept:s_reverse")
NELL_COUNTS = {"entities": 4, "relations": 2, "train": 3, "valid": 1, "test": 1, "valid_queries": 1, "test_queries": 3}

Place = Callable[..., Path]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Put a set's archive in a mirror, and let its manifest expect other counts, perhaps other addresses."""
    monkeypatch.setenv("KGR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KGR_MIRROR", str(tmp_path / "mirror"))

    def put(name: str, content: bytes | None, counts: Mapping[str, int], *urls: str) -> Path:
        manifest = manifest_of(name)
        (own,) = manifest.files
        file = manifest.files[own].file
        assert manifest.untested and file is not None and not file.has_checksum
        files = {own: replace(manifest.files[own], file=replace(file, urls=urls))}
        changed = replace(manifest, counts=counts, files=files)
        monkeypatch.setattr(known, "manifest_of", lambda asked: changed if asked == name else manifest_of(asked))
        path = tmp_path / "mirror" / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is not None:
            path.write_bytes(content)
        return path

    return put


def zipped(members: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return packed.getvalue()


def tarred(members: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as file:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return packed.getvalue()


@pytest.mark.parametrize(("name", "prefix"), [("wikidata5m", "wikidata5m_transductive_"), ("yago3-10", "")])
def test_archives_of_splits(place: Place, name: str, prefix: str) -> None:
    place(name, tarred({f"{prefix}{split}.txt": lines for split, lines in LINES.items()}), COUNTS)
    store = open_store(name)
    assert {split: store.triples(split).tolist() for split in store.splits} == {
        "train": [[0, 0, 1], [1, 0, 2]],
        "valid": [[0, 1, 2]],
        "test": [[2, 0, 0]],
    }
    assert store.entries.keys_of(range(3)) == ["Q1", "Q2", "Q3"]


class TestBetae:
    """``nell-betae`` and ``fb15k-betae`` lie in one archive."""

    @pytest.fixture
    def members(self, tmp_path: Path) -> dict[str, bytes]:
        """The files of both; those that are not read are nothing that could be."""
        members = {}
        for name, relations in (("NELL-betae", NELL_RELATIONS), ("FB15k-betae", ("+r", "-r", "+s", "-s"))):
            folder = write_folder(tmp_path / name, relations)
            dump(folder / "valid-queries.pkl", {P1: {(0, (2,))}})
            dump(folder / "valid-easy-answers.pkl", {})
            dump(folder / "valid-hard-answers.pkl", {(0, (2,)): {3}})
            (folder / "train-queries.pkl").write_bytes(b"no pickle")
            members |= {f"{name}/{path.name}": path.read_bytes() for path in folder.iterdir()}
        return {**members, "NELL-q2b/train.txt": b"?"}

    @pytest.mark.parametrize("name", ["nell-betae", "fb15k-betae"])
    def test_a_store_with_its_queries(self, place: Place, members: dict[str, bytes], name: str) -> None:
        place(name, zipped(members), NELL_COUNTS)
        said: list[str] = []
        store = open_store(name, message=said.append)
        prefix = "concept:" if name == "nell-betae" else ""
        assert store.relations.keys_of(range(2)) == [f"{prefix}r", f"{prefix}s"]
        assert store.triples("train").tolist() == [[0, 0, 1], [1, 1, 2], [3, 0, 1]]
        own = kept_set(store, "betae", "test").queries["2p"]
        assert write_arguments(store, own.word, own.arguments[0]) == ["a", f"{prefix}s", f"^{prefix}r"]
        assert kept_set(store, "betae", "valid").queries["1p"].hard[0].tolist() == [3]
        assert [line.partition("answers against")[2] for line in said if line.startswith("query set betae")] == [
            " executed ones: none differs"
        ] * 2
        downloads = [path.name for path in (data_home() / "downloads/multihop").iterdir() if path.name[-4:] != "lock"]
        assert downloads == ["KG_data.zip"]  # what was unpacked to be read is gone

    def test_the_first_download_holds(self, place: Place, members: dict[str, bytes]) -> None:
        with faulty_server.serving(zipped(members)) as server:
            place("nell-betae", None, NELL_COUNTS, server.url())
            assert holding(known.manifest_of("nell-betae")).unverified == 1
            said: list[str] = []
            store = open_store("nell-betae", message=said.append)
            assert "KG_data.zip: no checksum is published; that of this download" in said[1]
            assert holding(known.manifest_of("nell-betae")).unverified == 0
            assert "sha256" in store.manifest["sources"]["files"]["archive"]
            place("fb15k-betae", None, NELL_COUNTS, server.url())
            open_store("fb15k-betae")
            assert len(server.ranges) == 1
        shutil.rmtree(data_home() / "downloads")
        shutil.rmtree(data_home() / "stores")
        place("nell-betae", zipped({**members, "stats.txt": b"new"}), NELL_COUNTS)
        pin = data_home() / "pins/multihop/KG_data.zip.json"
        with pytest.raises(FetchError, match=f"is its first download, kept in {pin}: remove that to believe"):
            open_store("nell-betae")
        pin.unlink()
        assert open_store("nell-betae").name == "nell-betae"

    def test_an_edge_without_its_inverse_is_said(self, place: Place, members: dict[str, bytes]) -> None:
        members["NELL-betae/train.txt"] = b"".join(members["NELL-betae/train.txt"].splitlines(keepends=True)[:-1])
        place("nell-betae", zipped(members), NELL_COUNTS)
        said: list[str] = []
        assert len(open_store("nell-betae", message=said.append).triples("train")) == 3
        archive = data_home() / "downloads/multihop/KG_data.zip"
        assert f"{archive}/NELL-betae/train.txt: 1 edges without their inverse: taken as both" in said

    def test_a_folder_that_is_not_there(self, place: Place, members: dict[str, bytes]) -> None:
        del members["NELL-betae/test-hard-answers.pkl"]
        place("nell-betae", zipped(members), NELL_COUNTS)
        with pytest.raises(DataError, match=r"KG_data\.zip: has no member NELL-betae/test-hard-answers\.pkl"):
            open_store("nell-betae")

    def test_other_counts_are_refused(self, place: Place, members: dict[str, bytes]) -> None:
        place("nell-betae", zipped(members), manifest_of("nell-betae").counts)
        with pytest.raises(DataError, match="nell-betae: found 4 entities, expected 63361"):
            open_store("nell-betae")


class Blocked:
    """Asks for a module that torch never loads from."""

    def __reduce__(self) -> Any:
        return os.system, ("exit",)


class Hostile:
    """A pickle of it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


class TestWikikg2:
    """Splits are saved by torch, mappings are packed CSV files."""

    @staticmethod
    def split(*triples: tuple[int, int, int], **more: Any) -> dict[str, Any]:
        columns = np.array(triples, np.int64).T
        return {**dict(zip(("head", "relation", "tail"), columns, strict=True)), **more}

    @pytest.fixture
    def splits(self) -> dict[str, Any]:
        corrupted = {name: np.zeros((1, 500), np.int64) for name in ("head_neg", "tail_neg")}
        return {
            "train": self.split((2, 0, 1), (0, 1, 2)),
            "valid": self.split((1, 1, 0), **corrupted),
            "test": self.split((0, 0, 0), **corrupted),
        }

    @staticmethod
    def packed(splits: Mapping[str, Any], **mappings: str) -> bytes:
        texts = {
            "nodeidx2entityid": "node idx,entity id\n0,Q7\n1,Q5\n2,Q42\n",
            "reltype2relid": "reltype,rel id\n1,P31\n0,P279\n",
        } | mappings
        members = {f"wikikg-v2/mapping/{name}.csv.gz": gzip.compress(text.encode()) for name, text in texts.items()}
        for name, content in splits.items():
            saved = io.BytesIO()
            torch.save(content, saved)
            members[f"wikikg-v2/split/time/{name}.pt"] = content if isinstance(content, bytes) else saved.getvalue()
        return zipped(members)

    def test_a_store(self, place: Place, splits: dict[str, Any]) -> None:
        place("ogbl-wikikg2", self.packed(splits), COUNTS)
        said: list[str] = []
        store = open_store("ogbl-wikikg2", message=said.append)
        assert [line.rpartition("/")[2] for line in said if "left out" in line] == [
            f"{split}.pt: head_neg, tail_neg left out: no triples" for split in ("valid", "test")
        ]
        assert store.entries.keys_of(range(3)) == ["Q7", "Q5", "Q42"]
        assert store.relations.keys_of(range(2)) == ["P279", "P31"]
        assert {split: store.triples(split).tolist() for split in store.splits} == {
            "train": [[2, 0, 1], [0, 1, 2]],
            "valid": [[1, 1, 0]],
            "test": [[0, 0, 0]],
        }

    def test_arrays_as_older_versions_saved_them(self, place: Place, splits: dict[str, Any]) -> None:
        saved = io.BytesIO()
        torch.save(splits["train"], saved, _use_new_zipfile_serialization=False)
        old = saved.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
        assert b"numpy.core.multiarray" in old
        place("ogbl-wikikg2", self.packed({**splits, "train": old}), COUNTS)
        assert open_store("ogbl-wikikg2").triples("train").tolist() == [[2, 0, 1], [0, 1, 2]]

    def test_nothing_else_is_executed(self, place: Place, splits: dict[str, Any], tmp_path: Path) -> None:
        splits["valid"]["head"] = Hostile(tmp_path / "executed")
        place("ogbl-wikikg2", self.packed(splits), COUNTS)
        with pytest.raises(
            DataError,
            match=r"v2\.zip/wikikg-v2/split/time/valid\.pt: cannot .*not an allowed global by default\. No checksum ",
        ):
            open_store("ogbl-wikikg2")
        assert not (tmp_path / "executed").exists()

    def test_the_refusal_does_not_advise_to_trust_the_file(self, place: Place, splits: dict[str, Any]) -> None:
        splits["valid"]["head"] = Blocked()
        place("ogbl-wikikg2", self.packed(splits), COUNTS)
        with pytest.raises(DataError, match=r"nothing in it was executed: Trying to load unsupported GLOBAL \S+system"):
            open_store("ogbl-wikikg2")

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"no such file", r"train\.pt: cannot be read as arrays of ids"),
            (b"hello", r"nothing in it was executed: it was not written by torch\.save\. No checksum is published of "),
            ([1], r"train\.pt: found no dict of arrays, expected head, relation, tail"),
            ({"head": np.zeros(1, int), "tail": np.zeros(1, int)}, r"train\.pt: found no dict of arrays"),
            ({"relation": np.array([0.5])}, r"train\.pt: cannot be read as arrays of ids, nothing in it was executed"),
            ({"relation": np.array(["a"], object)}, r"train\.pt: cannot be read as arrays of ids, .*ObjectDType"),
            ({"relation": [0, 0]}, r"train\.pt: relation is int64\[2\], expected one integer of each triple"),
            ({"relation": [[0], [0, 0]]}, r"train\.pt: cannot be read as arrays of ids"),
            ({"tail": np.zeros((1, 1), int)}, r"train\.pt: tail is int64\[1, 1\]"),
            ({"head": np.array([3])}, r"train\.pt: head of triple 0 is 3, expected an id from 0 to 2"),
            ({"relation": np.array([-1])}, r"train\.pt: relation of triple 0 is -1, expected an id from 0 to 1"),
        ],
    )
    def test_splits_that_are_none(self, place: Place, splits: dict[str, Any], content: Any, message: str) -> None:
        if isinstance(content, dict) and len(content) == 1:
            content = self.split((0, 0, 0)) | content
        place("ogbl-wikikg2", self.packed({**splits, "train": content}), COUNTS)
        with pytest.raises(DataError, match=message):
            open_store("ogbl-wikikg2")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("node idx,entity id\n0,Q7\n1,Q5\n3,Q42\n", r"csv\.gz:4: found id 3 among 3 keys, expected 0 to 2"),
            ("node idx,entity id\n0,Q7\n0,Q5\n2,Q42\n", r"csv\.gz:3: found '0,Q5', whose key or id an earlier"),
            ("node idx,entity id\n0,Q7\n1,\n2,Q42\n", r"csv\.gz:3: found '1,', expected an id and its key separated"),
            ("node idx,entity id\n0,Q7\n1,Q7\n2,Q42\n", r"csv\.gz:3: found '1,Q7', whose key or id an earlier"),
            ("0,Q7\n1,Q5\n2,Q42\n", r"csv\.gz:3: found id 2 among 2 keys, expected 0 to 1"),
        ],
    )
    def test_mappings_that_are_none(self, place: Place, splits: dict[str, Any], text: str, message: str) -> None:
        place("ogbl-wikikg2", self.packed(splits, nodeidx2entityid=text), COUNTS)
        with pytest.raises(DataError, match=message):
            open_store("ogbl-wikikg2")
