"""Commits under a full disk and under kill -9."""

import errno
import itertools
import random
import subprocess
import sys
import time

import numpy as np
import pytest

from kgr import _io
from kgr.errors import FormatError
from kgr.index.check import check_store
from kgr.index.keys import Keys
from kgr.index.store import Section, Store, create_store, extend_store


def sections():
    keys = Keys.build(["a", "b"], what="entry").arrays()
    entries = Section({**keys, "kinds": np.ones(2, np.uint8)})
    return {"entries": entries, "triples/train": Section({"ids": np.zeros((2, 3), np.int32)})}


def create(path):
    return create_store(path, sections(), entities=2, counts={}, sources={})


def extend(store):
    return extend_store(store, {"vectors/a": Section({"rows": np.ones((100, 3))})})


def names(folder):
    return sorted(path.name for path in folder.rglob("*") if path.name != ".lock")


class FullDisk:
    """From the ``last``-th call on, every write, sync and rename is refused."""

    def __init__(self, monkeypatch, last):
        self.calls, self.last = 0, last
        for name in ("_write", "_sync", "_rename"):
            monkeypatch.setattr(_io, name, self.wrap(getattr(_io, name)))

    def wrap(self, call):
        def refuse(*arguments):
            self.calls += 1
            if self.calls >= self.last:
                raise OSError(errno.ENOSPC, "No space left on device")
            return call(*arguments)

        return refuse


def test_full_disk_while_creating_leaves_nothing(tmp_path):
    for last in itertools.count(1):
        path = tmp_path / f"store{last}"
        with pytest.MonkeyPatch.context() as monkeypatch:
            disk = FullDisk(monkeypatch, last)
            try:
                create(path)
                break
            except OSError as error:
                assert error.errno == errno.ENOSPC
        if path.exists():  # only the last sync, that of a rename already done, comes after the fact
            assert names(tmp_path) != [] and check_store(path) == []
            assert disk.calls == last
            whole = last
        else:
            assert not list(tmp_path.glob(f"*{path.name}*"))
    assert last > 15 and whole == last - 1


def test_full_disk_while_extending_leaves_the_old_version(tmp_path):
    for last in itertools.count(1):
        store = create(tmp_path / f"store{last}")
        before = names(store.path)
        with pytest.MonkeyPatch.context() as monkeypatch:
            FullDisk(monkeypatch, last)
            try:
                extend(store)
                break
            except OSError as error:
                assert error.errno == errno.ENOSPC
        now = Store(store.path)
        assert check_store(store.path) == []
        if now.version == 1:
            assert names(store.path) == before
            assert extend(now).version == 2  # once there is room again
        else:
            whole = last
    assert last > 15 and whole == last - 1


def test_a_full_disk_says_where(tmp_path, monkeypatch):
    FullDisk(monkeypatch, 1)
    with pytest.raises(OSError, match=r"No space left on device: '.*entries.*\.npy'"):
        create(tmp_path / "store")


def test_sections_are_copied_where_links_are_refused(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(_io, "_link", refuse)
    store = create(tmp_path / "store")
    new = extend(store)
    assert check_store(store.path) == [] and new.entries.key(1) == "b"
    assert not (store.folder / "entries" / "bytes.npy").samefile(new.folder / "entries" / "bytes.npy")


@pytest.mark.skipif(sys.platform == "win32", reason="two writers are not kept apart there")
def test_two_writers_at_once_are_refused(tmp_path):
    store = create(tmp_path / "store")
    with _io.only_writer(store.path), pytest.raises(FormatError, match="another process is writing"):
        extend(store)
    assert extend(store).version == 2


COMMITS = """
import sys
import numpy as np
from kgr.index.store import Section, Store, extend_store
store = Store(sys.argv[1])
while True:
    number = store.version + 1
    store = extend_store(store, {"vectors/a": Section({"rows": np.full((20_000, 4), number)})})
    print(store.version, flush=True)
"""


def test_kill_at_random_moments_of_a_commit(tmp_path):
    """The version in force is the last one acknowledged, or the one after, and whole."""
    store, draw = extend(create(tmp_path / "store")), random.Random(0)
    interrupted = 0
    for _ in range(10):
        process = subprocess.Popen([sys.executable, "-c", COMMITS, str(store.path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        acknowledged = int(process.stdout.readline())
        time.sleep(draw.uniform(0, 0.05))
        process.kill()
        acknowledged = max([acknowledged, *map(int, process.stdout.read().split())])
        process.stdout.close()
        process.wait()
        store = Store(store.path)
        assert store.version in (acknowledged, acknowledged + 1)
        rows = store.section("vectors/a")["rows"]
        assert rows.shape == (20_000, 4) and (rows == store.version).all()
        findings = check_store(store.path)
        assert all("left by an interrupted commit" in finding for finding in findings)
        interrupted += bool(findings)
        store = extend_store(store, {"vectors/a": Section({"rows": np.full((20_000, 4), store.version + 1)})})
        assert check_store(store.path) == []
    assert interrupted >= 3  # else the kills missed the commits and this shows nothing
