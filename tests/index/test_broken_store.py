"""Short forms of ``tests/benchmarks/break_store.py``, and two who write at once, and a store that is moved."""

from __future__ import annotations

import errno
import random
from pathlib import Path

import pytest
from broken_store import KINDS, build, change, failing, failures, files_of, flipped, raised, whole
from click.testing import CliRunner
from permissions import POSSIBLE, read_only

from kgr import _io
from kgr.cli import cli
from kgr.errors import FormatError
from kgr.index.check import check_store
from kgr.index.store import Store


def test_flipped_bytes_of_every_kind_are_found(tmp_path: Path) -> None:
    store, draw = whole(tmp_path / "store"), random.Random(0)
    counted = sum(len(files_of(store, kind)) for kind in KINDS)
    assert counted == len([path for path in store.folder.rglob("*") if path.is_file()]) + 1  # and CURRENT
    for kind in KINDS:
        for path in files_of(store, kind):
            assert not flipped(store, path, draw)
    assert check_store(store.path) == []


@pytest.mark.parametrize("what", ["build", "commit"])
def test_a_failing_disk_leaves_the_old_or_the_new(what: str, tmp_path: Path) -> None:
    found = dict(failures(tmp_path, what, step=17))
    assert len(found) >= 4
    assert [lines for lines in found.values() if lines] == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_the_command_says_it_in_one_line(code: int, tmp_path: Path) -> None:
    build(tmp_path / "other")
    with failing(code, 3, lasting=True):
        done = CliRunner().invoke(
            cli, ["build", "--train", str(tmp_path / "train.tsv"), "--out", str(tmp_path / "store")]
        )
    assert done.exit_code == 1 and not (tmp_path / "store").exists()
    (line,) = [line for line in done.output.splitlines() if "error" in line]
    assert str(tmp_path) in line


def test_of_two_builds_at_once_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second is begun and ends when the first has all but its place."""
    rename, path = _io._rename, tmp_path / "store"

    def late(source: Path, target: Path) -> None:
        monkeypatch.setattr(_io, "_rename", rename)
        build(path)
        rename(source, target)

    monkeypatch.setattr(_io, "_rename", late)
    assert isinstance(raised(lambda: build(path)), FormatError)
    assert check_store(path) == [] and not list(tmp_path.glob(".tmp-*"))


def test_a_store_by_a_relative_path_may_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    build(Path("store"))
    monkeypatch.chdir(tmp_path)
    Path("a").rename("b")
    store = change(Store("b/store"))
    assert store.version == 2 and check_store("b/store") == []
    monkeypatch.chdir(tmp_path / "b")
    assert len(store.triples("train")) == 40  # opened where the program was, read where it is now


@pytest.mark.skipif(not POSSIBLE, reason="permissions bind root elsewhere than on Linux only")
def test_a_store_that_cannot_be_written_is_read_and_refuses_changes_in_one_line(tmp_path: Path) -> None:
    store, program = whole(tmp_path / "store"), CliRunner()
    (tmp_path / "texts.jsonl").write_text('{"id": "e1", "text": "x"}\n')
    with read_only(store.path):
        assert len(Store(store.path).triples("train")) == 40 and check_store(store.path) == []
        for command in ("check", "show"):
            assert program.invoke(cli, [command, str(store.path)]).exit_code == 0
        error = raised(lambda: change(Store(store.path)))
        assert isinstance(error, PermissionError) and error.filename.startswith(str(store.path))
        done = program.invoke(cli, ["add", str(store.path), "--format", "texts", str(tmp_path / "texts.jsonl")])
        assert done.exit_code == 1 and f"kgr: error: {store.path}" in done.output
    assert check_store(change(store).path) == []


def test_opened_stores_stay_as_they_are_while_one_writes(tmp_path: Path) -> None:
    store = build(tmp_path / "store")
    ids = store.entries.find([f"e{number}" for number in range(20)]).tolist()
    for _ in range(3):
        opened = [Store(store.path) for _ in range(4)]
        store = change(Store(store.path))
        assert [own.version for own in opened] == [store.version - 1] * 4
        assert all(own.entries.find([f"e{number}" for number in range(20)]).tolist() == ids for own in opened)
