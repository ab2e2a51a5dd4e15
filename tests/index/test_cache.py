"""The cache: made once, mapped, verified, cleared, and done without where nothing can be kept."""

import errno
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from mapping import is_mapped

from kgr import _io
from kgr.errors import FormatError
from kgr.index.cache import cached, cached_folder
from kgr.index.check import check_store
from kgr.index.keys import Keys
from kgr.index.store import Section, Store, create_store, extend_store


@pytest.fixture
def store(tmp_path):
    entries = Section({**Keys.build(["a"], what="entry").arrays(), "kinds": np.ones(1, np.uint8)})
    other = Section({"rows": np.arange(3)})
    return create_store(tmp_path / "store", {"entries": entries, "vectors/a": other}, entities=1, counts={}, sources={})


class Maker:
    """Counts how often it is asked."""

    def __init__(self):
        self.times = 0

    def __call__(self):
        self.times += 1
        return {"x": np.arange(1000, dtype=np.int32), "none": np.zeros((0, 2), np.uint16)}


def entries(store, kind="thing"):
    return sorted(store.cache.glob(f"{kind}-*"))


def ask(store, make, kind="thing", made_from=("vectors/a", "entities")):
    found = cached(store, kind, made_from, make)
    assert {name: (array.dtype.str, array.tolist()) for name, array in found.items()} == {
        "x": ("<i4", list(range(1000))),
        "none": ("<u2", []),
    }
    return found


def test_what_is_made_is_kept_and_mapped(store):
    make = Maker()
    for found in (
        ask(store, make),
        ask(Store(store.path), make),
        ask(store, make, made_from=("entities", "vectors/a")),
    ):
        assert is_mapped(found["x"]) and not found["x"].flags.writeable
    assert make.times == 1 and len(entries(store)) == 1
    assert check_store(store.path) == []
    ask(store, make, "other")
    ask(store, make, made_from=("entities",))
    assert make.times == 3 and len(entries(store)) == 2


def flip(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def rewrite(path, **changed):
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, **changed}))


DAMAGES = {
    "a bit": lambda folder: flip(folder / "x.npy"),
    "a cut file": lambda folder: (folder / "x.npy").write_bytes((folder / "x.npy").read_bytes()[:-1]),
    "a missing file": lambda folder: (folder / "none.npy").unlink(),
    "no manifest": lambda folder: (folder / "manifest.json").unlink(),
    "half a manifest": lambda folder: (folder / "manifest.json").write_text("{"),
    "no object": lambda folder: (folder / "manifest.json").write_text("[]"),
    "another version": lambda folder: rewrite(folder / "manifest.json", version=0),
    "no descriptions": lambda folder: rewrite(folder / "manifest.json", files={"x.npy": None}),
}


@pytest.mark.parametrize("damage", list(DAMAGES))
def test_what_is_damaged_is_made_anew(store, damage):
    make = Maker()
    ask(store, make)
    DAMAGES[damage](entries(store)[0])
    ask(store, make)
    ask(store, make)
    assert make.times == 2


def test_what_is_of_other_sections_is_removed(store):
    make = Maker()
    ask(store, make, made_from=["vectors/a"])
    (gone,) = entries(store)
    ask(store, make, made_from=["entities"])
    ask(store, make, "other", ["vectors/a"])
    (store.cache / ".tmp-thing-0-killed").mkdir()
    new = extend_store(store, {"vectors/a": Section({"rows": np.arange(4)})})
    ask(new, make)
    assert gone not in entries(store) and len(entries(store)) == 2
    assert len(entries(store, "other")) == 1 and not list(store.cache.glob(".tmp-*"))
    ask(new, make, made_from=["entities"])
    assert make.times == 4


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOSPC])
@pytest.mark.parametrize("call", ["_write", "_rename"])
def test_a_place_where_nothing_can_be_kept(store, code, call, monkeypatch):
    def refuse(*arguments):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(_io, call, refuse)
    make = Maker()
    assert not is_mapped(ask(store, make)["x"])
    assert make.times == 1 and entries(store) == [] and not list(store.cache.glob(".tmp-*"))


def test_a_cache_that_cannot_be_entered(store):
    store.cache.write_text("a file where the folder would be")
    with pytest.raises(OSError, match="cache"):  # not what a full or closed place says
        ask(store, Maker())


def test_unknown_sections_are_refused(store):
    with pytest.raises(FormatError, match="no section 'vectors/b'"):
        ask(store, Maker(), made_from=["vectors/b"])


def write_nested(folder):
    (folder / "segments").mkdir()
    (folder / "segments" / "one").write_text("content")


def test_folders_are_kept_by_sections_and_settings(store):
    folders = {
        cached_folder(store, "thing", ["vectors/a"], write_nested, settings=settings)
        for settings in (None, {"m": 1}, {"m": 2}, {"m": 1})
    }
    assert folders == set(entries(store)) and len(folders) == 3
    (damaged, *_) = folders
    (damaged / "segments" / "one").write_text("contemt")
    calls = []
    for settings in (None, {"m": 1}, {"m": 2}):
        found = cached_folder(
            store, "thing", ["vectors/a"], lambda folder: calls.append(write_nested(folder)), settings=settings
        )
        assert (found / "segments" / "one").read_text() == "content"
    assert len(calls) == 1


def test_a_folder_that_cannot_be_kept_is_temporary(store, monkeypatch):
    def refuse(*arguments):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(_io, "_write", refuse)
    found = cached_folder(store, "thing", ["vectors/a"], write_nested)
    assert (found / "segments" / "one").read_text() == "content"
    assert store.cache not in found.parents and entries(store) == []


RACE = """
import sys, time, numpy as np
from kgr.index.cache import cached, cached_folder
from kgr.index.store import Store
def make():
    print("made", flush=True)
    time.sleep(0.3)
    return {"x": np.arange(1000)}
print(len(cached(Store(sys.argv[1]), "thing", ["entities"], make)["x"]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="two writers are not kept apart there")
def test_processes_at_once_make_it_once(store):
    command = [sys.executable, "-c", RACE, str(store.path)]
    racers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [racer.communicate()[0].split() for racer in racers]
    assert sorted(said) == [["1000"], ["1000"], ["made", "1000"]]
