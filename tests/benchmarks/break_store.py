"""Stores killed while they are built and changed, on failing disks, and with bytes flipped: is anything lost or unseen?

Kills: afterwards the version in force is the last that was acknowledged or the one after, whole, and the next commit
removes what was left. Disks: each write, sync and rename of a build and of a commit fails in turn, for want of room or
by an error of the disk; the store is the old one or the new one, and one error is raised that names a path. Flips: a
byte of each kind of file is changed, over and over; ``check_store`` must find each.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path += [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

from broken_store import KINDS, build, change, failures, files_of, flipped, whole, wrong_after_kill
from machine import figure

from kgr.index.store import Store

LONGEST = 0.4
"""Seconds after which a process is killed at the latest."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="kill -9 at random moments (default: %(default)s)")
    parser.add_argument("--flips", type=int, default=1000, help="of each kind of file (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of moments and bytes (default: %(default)s)")
    given = parser.parse_args()
    bad = False
    with tempfile.TemporaryDirectory() as folder:
        for name, unit, found in (
            ("kills", "kills", kills(Path(folder) / "kills", given.kills, given.seed)),
            ("failing disk", "calls", failing(Path(folder) / "disk")),
            ("flips", "flips", flips(Path(folder) / "flips", given.flips, given.seed)),
        ):
            figure(f"break store: {name}", found.pop("done"), unit, **found, seed=given.seed)
            bad |= bool(found["wrong"])
    sys.exit(bad)


def kills(folder: Path, count: int, seed: int) -> dict[str, Any]:
    """Kill processes that build a store and then change it again and again."""
    folder.mkdir()
    draw, context = random.Random(seed), multiprocessing.get_context("fork")
    building = interrupted = 0
    wrong: list[str] = []
    path = folder / "store"
    change(build(folder / "warm"))  # what is compiled and imported is there in each process from the start
    for number in range(count):
        if draw.random() < 0.5:
            shutil.rmtree(path, ignore_errors=True)
        acknowledged = Store(path).version if path.exists() else 0
        building += not acknowledged
        own, other = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(path, other))
        process.start()
        other.close()
        process.join(draw.uniform(0, LONGEST))
        process.kill()
        process.join()
        try:
            while True:
                acknowledged = own.recv()
        except EOFError:
            own.close()
        found, leftovers = wrong_after_kill(path, acknowledged)
        interrupted += leftovers
        wrong += [f"{number}: {line}" for line in found]
    return {"done": count, "building": building, "interrupted": interrupted, "wrong": wrong}


def _work(path: Path, acknowledged: Any) -> None:
    store = Store(path) if path.exists() else build(path)
    while True:
        acknowledged.send(store.version)
        store = change(store)


def failing(folder: Path) -> dict[str, Any]:
    """Let each call fail in turn."""
    folder.mkdir()
    done, wrong = 0, list[str]()
    for what in ("build", "commit"):
        for call, found in failures(folder / what, what):
            done += 1
            wrong += [f"{what}, {call}: {line}" for line in found]
    return {"done": done, "wrong": wrong}


def flips(folder: Path, count: int, seed: int) -> dict[str, Any]:
    """Flip bytes of each kind of file."""
    folder.mkdir()
    store, draw, wrong, done = whole(folder / "store"), random.Random(seed), list[str](), 0
    for kind in KINDS:
        for _ in range(count):
            done += 1
            if found := flipped(store, draw.choice(files_of(store, kind)), draw):
                wrong.append(f"{kind}: {found}")
    return {"done": done, "kinds": list(KINDS), "wrong": wrong}


if __name__ == "__main__":
    main()
