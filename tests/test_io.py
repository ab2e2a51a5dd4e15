"""Files that are whole or not there."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kgr import _io
from kgr.errors import FormatError

DTYPES = st.sampled_from([np.uint8, np.uint16, np.int32, np.int64, np.float32, np.float64, np.bool_])


@settings(max_examples=60, deadline=None)
@given(array=DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0))))
def test_array_returns_as_written(tmp_path_factory, array):
    path = tmp_path_factory.mktemp("array") / "a.npy"
    _io.write_array(path, array)
    back = _io.read_array(path)
    assert back.dtype == array.dtype and back.shape == array.shape and back.tobytes() == array.tobytes()
    assert np.load(path).tobytes() == array.tobytes()  # plain .npy
    with pytest.raises(ValueError, match="read-only"):
        back[...] = 0


def test_a_view_is_written_in_order(tmp_path):
    array = np.arange(24).reshape(4, 6).T[::2]
    _io.write_array(tmp_path / "a.npy", array)
    assert np.array_equal(_io.read_array(tmp_path / "a.npy"), array)


def test_pieces_are_written_as_the_whole(tmp_path):
    array = np.arange(24, dtype=np.uint16).reshape(8, 3)
    parts = [array[:3], array[:0], array[3:4], array[4:].copy(order="F")]
    _io.write_array(tmp_path / "whole.npy", array)
    _io.write_array(tmp_path / "pieces.npy", _io.Pieces(array.dtype, array.shape, lambda: iter(parts)))
    assert (tmp_path / "pieces.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


@pytest.mark.parametrize(
    ("part", "found"),
    [
        (np.zeros((2, 3), np.int32), "a piece is of int32, expected int64"),
        (np.zeros((1, 3), int), "24 bytes, expected 48"),
    ],
)
def test_other_pieces_are_refused(tmp_path, part, found):
    with pytest.raises(ValueError, match=found):
        _io.write_array(tmp_path / "a.npy", _io.Pieces(np.dtype(np.int64), (2, 3), lambda: [part]))


def test_objects_are_refused(tmp_path):
    with pytest.raises(ValueError, match="objects"):
        _io.write_array(tmp_path / "a.npy", np.array([{}]))


@pytest.mark.parametrize("change", ["cut", "longer", "header", "no header", "empty", "pickle"])
def test_damaged_array_is_refused(tmp_path, change):
    path = tmp_path / "a.npy"
    _io.write_array(path, np.arange(10))
    data = path.read_bytes()
    if change == "pickle":
        np.save(path, np.array([{}]), allow_pickle=True)
    else:
        changes = {
            "cut": data[:-1],
            "longer": data + b"\0",
            "header": data.replace(b"descr", b"dexcr"),
            "no header": data[128:],
            "empty": b"",
        }
        path.write_bytes(changes[change])
    with pytest.raises(FormatError, match=r"a\.npy"):
        _io.read_array(path)


def test_digest_is_blake2b_256(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    assert _io.digest(tmp_path / "f") == "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"


def test_replaced_text_is_exact(tmp_path):
    for text in ("one\n", "zwei\r\n", "שלום 🙂"):
        _io.replace_text(tmp_path / "f", text)
        assert (tmp_path / "f").read_bytes() == text.encode()
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_folder_appears_at_the_end(tmp_path):
    target = tmp_path / "deep" / "target"
    with _io.atomic_folder(target) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "f").write_text("x")
        assert folder.parent == target.parent and folder.name.startswith(".tmp-target-")
        assert not target.exists()
    assert (target / "sub" / "f").read_text() == "x"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_folder_leaves_nothing_on_an_exception(tmp_path, error):
    with pytest.raises(error), _io.atomic_folder(tmp_path / "target") as folder:
        (folder / "f").write_text("x")
        raise error
    assert not list(tmp_path.iterdir())


def test_folder_does_not_replace_what_is_there(tmp_path):
    (tmp_path / "target").mkdir()
    with _io.atomic_folder(tmp_path / "target") as folder:  # an empty folder gives way
        (folder / "f").write_text("old")
    with pytest.raises(FileExistsError, match="target"), _io.atomic_folder(tmp_path / "target"):
        pass
    assert (tmp_path / "target" / "f").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_leftovers_of_the_dead_are_removed_and_of_the_living_kept(tmp_path):
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    number = int(dead.stdout)
    for name in (f".tmp-target-{number}-aa", f".tmp-other-{number}-aa", ".tmp-target-1-aa", ".tmp-target-x"):
        (tmp_path / name).mkdir()
    (tmp_path / f".tmp-target-{number}-bb").write_text("a file")
    _io.remove_leftovers(tmp_path / "target")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {f".tmp-other-{number}-aa", ".tmp-target-1-aa", ".tmp-target-x"}


def test_leftovers_of_others_whose_names_go_on_are_theirs(tmp_path: Path) -> None:
    """``wiki-1234`` is written while ``wiki`` is: 1234 is no process."""
    with _io.atomic_folder(tmp_path / f"wiki-{1 << 30}") as other:
        _io.replace_text(tmp_path / "wiki", "x")
        _io.remove_leftovers(tmp_path / "wiki")
        assert other.is_dir()


def test_what_is_signed_is_found_changed() -> None:
    told = json.loads(_io.signed({"b": [1, (2, "é")], "a": None, "c": {"x": 0.1}}))
    assert _io.intact(told)
    assert not _io.intact({**told, "a": 0}) and not _io.intact({"b": 1}) and not _io.intact({**told, "d": 1})


def test_files_are_moved_in_place_of_others(tmp_path: Path) -> None:
    for name, text in (("from/a", "new"), ("from/b", "b"), ("to/a", "old"), ("to/c", "c")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    _io.move_files(tmp_path / "from", tmp_path / "to")
    assert {path.name: path.read_text() for path in (tmp_path / "to").iterdir()} == {"a": "new", "b": "b", "c": "c"}


def test_links_share_and_copies_do_where_links_are_refused(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("x")
    _io.link_or_copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "a").samefile(tmp_path / "b")

    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(_io, "_link", refuse)
    _io.link_or_copy(tmp_path / "a", tmp_path / "c")
    assert (tmp_path / "c").read_text() == "x" and not (tmp_path / "a").samefile(tmp_path / "c")


@pytest.mark.parametrize("call", ["_write", "_sync", "_rename"])
def test_a_full_disk_names_the_file(tmp_path, monkeypatch, call):
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_io, call, full)
    with pytest.raises(OSError, match="No space left") as caught:
        _io.replace_text(tmp_path / "f", "x")
    if call != "_rename":  # os.replace says both names itself
        assert "f" in Path(caught.value.filename).name
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="two writers are not kept apart there")
def test_one_writer_at_a_time(tmp_path):
    again = "import sys, pathlib; from kgr import _io\nwith _io.only_writer(pathlib.Path(sys.argv[1])): pass"
    command = [sys.executable, "-c", again, str(tmp_path)]
    with _io.only_writer(tmp_path):
        second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert second.returncode == 1 and "another process is writing it" in second.stderr
    assert subprocess.run(command, check=False).returncode == 0


def test_a_temporary_folder_is_gone_after(tmp_path: Path) -> None:
    killed = tmp_path / f".tmp-spool-{2**22 + 1}-0123"  # no system numbers a process so high
    killed.mkdir()
    with _io.temporary_folder(tmp_path / "spool") as folder:
        assert folder.parent == tmp_path
        assert [*tmp_path.iterdir()] == [folder]
        (folder / "file").write_text("")
    assert [*tmp_path.iterdir()] == []
