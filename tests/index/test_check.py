"""Verifying a store: every byte counts."""

import random

import numpy as np
import pytest

from kgr.errors import FormatError
from kgr.index.check import check_store
from kgr.index.keys import Keys
from kgr.index.store import Section, Store, create_store, extend_store


@pytest.fixture
def store(tmp_path):
    keys = Keys.build([f"Q{number}" for number in range(50)], what="entry").arrays()
    sections = {
        "entries": Section({**keys, "kinds": np.ones(50, np.uint8)}),
        "triples/train": Section({"ids": np.arange(60, dtype=np.int32).reshape(-1, 3)}),
        "queries/none": Section({"easy": np.zeros(0, np.int32)}),
    }
    return create_store(tmp_path / "store", sections, entities=50, counts={}, sources={})


def flip(path, at, by):
    data = bytearray(path.read_bytes())
    data[at] ^= by
    path.write_bytes(data)


def test_a_flipped_byte_is_found_in_its_array(store):
    draw = random.Random(0)
    for path in sorted(store.folder.rglob("*.npy")):
        section = path.parent.relative_to(store.folder).as_posix()
        for _ in range(20):
            at, by = draw.randrange(path.stat().st_size), draw.randrange(1, 256)
            flip(path, at, by)
            (finding,) = check_store(store.path)
            assert f"section {section!r}, array {path.stem!r}" in finding and "checksum" in finding
            flip(path, at, by)
    assert check_store(store.path) == []


@pytest.mark.parametrize("name", ["CURRENT", "v00000001/manifest.json"])
def test_a_flipped_byte_of_the_manifest_is_found_at_opening(store, name):
    draw, path = random.Random(1), store.path / name
    for at in draw.sample(range(path.stat().st_size), 60):
        by = draw.randrange(1, 256)
        flip(path, at, by)
        with pytest.raises(FormatError):
            Store(store.path)
        assert check_store(store.path)
        flip(path, at, by)
    assert check_store(store.path) == []


def test_strangers_are_named(store):
    (store.folder / "graph").mkdir()
    (store.folder / "graph" / "tail.npy").write_text("x")
    (store.path / "notes.txt").write_text("x")
    (store.path / "cache").mkdir()
    findings = "\n".join(check_store(store.path))
    assert "tail.npy: not in the manifest" in findings and "notes.txt: not part of a store" in findings
    assert len(check_store(store.path)) == 2
    Store(store.path)


def test_leftovers_of_a_killed_commit_are_named_and_go_with_the_next(store):
    (store.path / "v00000002").mkdir()
    (store.path / ".tmp-v00000002-1-aa").mkdir()  # process 1 lives, yet the lock says that it is not writing
    (store.path / ".tmp-CURRENT-1-aa").write_text("x")
    findings = check_store(store.path)
    assert len(findings) == 3 and all("left by an interrupted commit" in finding for finding in findings)
    new = extend_store(Store(store.path), {"vectors/a": Section({"rows": np.zeros(3)})})
    assert new.version == 2 and check_store(store.path) == []


def test_no_store(tmp_path):
    (finding,) = check_store(tmp_path / "nowhere")
    assert "no store here" in finding
