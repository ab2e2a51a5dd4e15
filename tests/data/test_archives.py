"""Archives that want out of their folder, or more than their share: refused, with nothing left behind."""

from __future__ import annotations

import io
import random
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from kgr.data import archives
from kgr.data.archives import members, unpack
from kgr.errors import DataError

GOOD = {"a.txt": b"one", "b/c.txt": b"two", "b/d/e.txt": b""}
ZEROS = bytes(40 << 20)


def tar(path: Path, *entries: tuple[str, bytes | str, str]) -> Path:
    """Write files (their bytes) and, where a tar type is given, something that points to a path."""
    with tarfile.open(path, "w:gz") as file:
        for name, content, kind in entries:
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                file.addfile(info, io.BytesIO(content))
            else:
                info.type, info.linkname = getattr(tarfile, kind), content
                file.addfile(info)
    return path


def zipped(path: Path, *entries: tuple[str, bytes, int]) -> Path:
    """Write files with their Unix modes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content, mode in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            file.writestr(info, content)
    return path


def good(path: Path, kind: str) -> Path:
    if kind == "tar":
        return tar(path / "good", ("b", "", "DIRTYPE"), *((name, content, "") for name, content in GOOD.items()))
    return zipped(path / "good", ("b/", b"", stat.S_IFDIR), *((name, content, 0) for name, content in GOOD.items()))


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_unpacks_what_is_good(tmp_path: Path, kind: str) -> None:
    folder = unpack(good(tmp_path, kind), tmp_path / "out")
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == GOOD
    assert [name for name, _, _ in members(tmp_path / "good", lambda name: name != "b/c.txt")] == ["a.txt", "b/d/e.txt"]
    with pytest.raises(FileExistsError):
        unpack(tmp_path / "good", folder)


BAD = {
    "tar: up": lambda path: tar(path, ("../out.txt", b"x", "")),
    "tar: up inside": lambda path: tar(path, ("a/../../out.txt", b"x", "")),
    "tar: absolute": lambda path: tar(path, (f"{path.parent}/out.txt", b"x", "")),
    "tar: symbolic link": lambda path: tar(path, ("l", "/etc/passwd", "SYMTYPE")),
    "tar: through a link": lambda path: tar(path, ("l", "..", "SYMTYPE"), ("l/out.txt", b"x", "")),
    "tar: hard link": lambda path: tar(path, ("l", "../out.txt", "LNKTYPE")),
    "tar: device": lambda path: tar(path, ("d", "", "CHRTYPE")),
    "tar: pipe": lambda path: tar(path, ("d", "", "FIFOTYPE")),
    "tar: bomb": lambda path: tar(path, ("a", b"x", ""), ("zeros", ZEROS, "")),
    "tar: twice": lambda path: tar(path, ("a", b"x", ""), ("a", b"y", "")),
    "tar: file and folder": lambda path: tar(path, ("a", b"x", ""), ("a/b", b"y", "")),
    "zip: up": lambda path: zipped(path, ("../out.txt", b"x", 0)),
    "zip: absolute": lambda path: zipped(path, (f"{path.parent}/out.txt", b"x", 0)),
    "zip: backslash": lambda path: zipped(path, ("..\\out.txt", b"x", 0)),
    "zip: drive": lambda path: zipped(path, ("c:out.txt", b"x", 0)),
    "zip: symbolic link": lambda path: zipped(path, ("l", b"/etc/passwd", stat.S_IFLNK | 0o777)),
    "zip: device": lambda path: zipped(path, ("d", b"", stat.S_IFCHR)),
    "zip: bomb": lambda path: zipped(path, ("a", b"x", 0), ("zeros", ZEROS, 0)),
}


@pytest.mark.parametrize("kind", BAD)
def test_nothing_outside_the_target_and_nothing_in_it(tmp_path: Path, kind: str) -> None:
    archive = BAD[kind](tmp_path / "bad")
    with pytest.raises(DataError, match=r"bad: .*(leads elsewhere|no plain file|looks like a trap|cannot be written)"):
        unpack(archive, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["bad"]


def test_an_honest_archive_is_no_bomb(tmp_path: Path) -> None:
    content = random.Random(1).randbytes(archives.ALLOWANCE + 1)
    unpack(zipped(tmp_path / "big", ("big", content, 0)), tmp_path / "out")
    assert (tmp_path / "out" / "big").read_bytes() == content


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_damage_is_a_data_error(tmp_path: Path, kind: str) -> None:
    content = random.Random(2).randbytes(50_000)
    path = tmp_path / "a"
    whole = (tar(path, ("a", content, "")) if kind == "tar" else zipped(path, ("a", content, 0))).read_bytes()
    draw = random.Random(3)
    for number in range(60):
        damaged = bytearray(whole)
        if number % 2:
            del damaged[draw.randrange(len(damaged)) :]
        else:
            damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        try:  # what a checksum does not cover may differ; it is never wrong content, and never another error
            out = unpack(path, tmp_path / str(number))
        except DataError:
            continue
        assert [file.read_bytes() for file in out.rglob("*") if file.is_file()] in ([content], [])


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bad", ("ü", b"x", 0))
    path.write_bytes(path.read_bytes().replace("ü".encode(), b"\xff\xff"))
    with pytest.raises(DataError, match="bad: cannot be read"):
        unpack(path, tmp_path / "out")


def test_a_tar_archive_that_ends_in_a_zip_archive(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner", ("other", b"x", 0)).read_bytes()
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        info = tarfile.TarInfo("inner.zip")
        info.size = len(inner)
        file.addfile(info, io.BytesIO(inner))
    assert [name for name, _, _ in members(tmp_path / "a.tar")] == ["inner.zip"]


def test_an_encrypted_member(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bad", ("a", b"x", 0))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match="a is no plain file"):
        unpack(path, tmp_path / "out")
