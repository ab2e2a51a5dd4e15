"""Trainings of every task that are killed, that find the disk full, and whose files are damaged."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from benchmarks.kill_training import kill_training, own_settings, train_in
from killed_trainings import TRAININGS, differences

import kgr
from kgr import _io
from kgr.engine.run import Run
from kgr.errors import FormatError


@pytest.mark.parametrize("task", TRAININGS)
def test_what_comes_of_killed_trainings_is_what_comes_of_an_undisturbed_one(task: str, tmp_path: Path) -> None:
    found = kill_training(task, tmp_path, kills=2, each=2, steps=30, seed=0)
    assert (found["kills"], found["differ"]) == (2, {})


@pytest.fixture(params=TRAININGS)
def task(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def run_of(task: str, folder: Path, name: str = "run") -> Path:
    """Train in a few steps, with a checkpoint after each."""
    if not (folder / "store").exists():
        TRAININGS[task].prepare(folder)
    train_in(task, folder, folder / name, own_settings(task, 0, 4))
    return folder / name


def test_a_full_disk_costs_one_checkpoint_and_nothing_else(task: str, tmp_path: Path) -> None:
    whole, sync, places = run_of(task, tmp_path, "whole"), _io._sync_tree, list[str]()

    def full(folder: Path) -> None:
        if folder.parent.name == "checkpoints":
            places.append(folder.name)
            if len(places) == 2:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
        sync(folder)

    with mock.patch.object(_io, "_sync_tree", full), pytest.warns(UserWarning) as told:
        run = run_of(task, tmp_path)
    assert [str(one.message).partition("disk is full, ")[2] for one in told] == [
        "no checkpoint of step 2; the newest is of step 1"
    ]
    assert len(places) == 4 and differences(whole, run) == []


def test_flipped_bytes_of_every_file_are_refused(task: str, tmp_path: Path) -> None:
    run = run_of(task, tmp_path)
    trained = run / "graph" if task == "sememes" else run
    files = [path for path in (trained / "checkpoints" / "4").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".json", ".safetensors"}
    for path in files:
        with flipped(path), pytest.raises(FormatError, match=path.name):
            read_whole(trained)
    read_whole(trained)
    with flipped(trained / "checkpoints" / "4" / "module.safetensors"), pytest.raises(FormatError, match=r"module\."):
        kgr.load_run(run).evaluate() if task == "sememes" else run_of(task, tmp_path)


def read_whole(run: Path) -> None:
    """Read every file of the newest checkpoint."""
    found = Run.open(run).checkpoint()
    assert found is not None
    for name in found.manifest["files"]:
        found.read(name)


@contextlib.contextmanager
def flipped(path: Path) -> Iterator[None]:
    """Change a bit of a file for a while."""
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) * 3 // 5] ^= 1
    path.write_bytes(damaged)
    yield
    path.write_bytes(whole)


@pytest.mark.parametrize("task", ["prop", "finetune"])
def test_a_flipped_byte_of_the_weights_for_others_is_refused(task: str, tmp_path: Path) -> None:
    run = run_of(task, tmp_path)
    pairs = [("river", "the river of a city")]
    before = kgr.load_run(run).score(pairs)
    for name in ("model.safetensors", "checksums.json"):
        with flipped(run / name), pytest.raises(FormatError, match=name):
            kgr.load_run(run).score(pairs)
    (run / "checksums.json").unlink()  # a folder of others has none
    assert kgr.load_run(run).score(pairs) == pytest.approx(before)
