"""Archives are read member by member, in memory, and only plain files."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from kgr.data.published import read_archive
from kgr.errors import DataError

MEMBERS = {"train": "train.txt", "test": "test.txt"}


def archive(path: Path, **kinds: bytes | int) -> Path:
    """Write an archive of files (bytes) and links or devices (a tar type)."""
    with tarfile.open(path / "a.tar.gz", "w:gz") as tar:
        for name, content in kinds.items():
            info = tarfile.TarInfo(f"{name}.txt")
            if isinstance(content, bytes):
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                info.type, info.linkname = b"%d" % content, "/etc/passwd"
                tar.addfile(info)
    return path / "a.tar.gz"


def test_reads_members_in_their_order(tmp_path: Path) -> None:
    material = read_archive(archive(tmp_path, test=b"c\tr\ta\r\n", train=b"a\tr\tb\r\n"), MEMBERS)
    assert material.entities.keys == ["a", "b", "c"]
    assert {split: triples.tolist() for split, triples in material.splits.items()} == {
        "train": [[0, 0, 1]],
        "test": [[2, 0, 0]],
    }
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.gz"]


@pytest.mark.parametrize("kind", [1, 2, 3], ids=["hard link", "symbolic link", "device"])
def test_other_than_plain_files(tmp_path: Path, kind: int) -> None:
    with pytest.raises(DataError, match=r"a\.tar\.gz: test\.txt is no plain file"):
        read_archive(archive(tmp_path, train=b"a\tr\tb\n", test=kind), MEMBERS)


def test_missing_member(tmp_path: Path) -> None:
    for others in ({}, {"test": 5}):  # a folder is none
        with pytest.raises(DataError, match=r"a\.tar\.gz: has no member test\.txt"):
            read_archive(archive(tmp_path, train=b"a\tr\tb\n", **others), MEMBERS)


def test_malformed_line_and_cut_archive(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.tar\.gz/test\.txt:1: found 1 field"):
        read_archive(archive(tmp_path, train=b"a\tr\tb\n", test=b"a\n"), MEMBERS)
    lines = b"".join(b"%d\tr\t%d\n" % (i, i * i) for i in range(5000))
    path = archive(tmp_path, train=lines, test=lines)
    path.write_bytes(path.read_bytes()[:20000])
    with pytest.raises(DataError, match=r"a\.tar\.gz: \w+\.txt cannot be read"):
        read_archive(path, MEMBERS)
    path.write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"a\.tar\.gz: cannot be read"):
        read_archive(path, MEMBERS)
