"""Speed of a store of synthetic keys: build, open, look up. One line of JSON per figure."""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from machine import figure

from kgr.errors import UnknownKey
from kgr.index.check import check_store
from kgr.index.keys import Keys
from kgr.index.store import Section, Store, create_store


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000, help="how many keys (default: %(default)s)")
    parser.add_argument(
        "--repeats", type=int, default=5, help="runs per figure; the median is kept (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="order of the look-ups (default: %(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder) / "store", arguments.keys, arguments.repeats, arguments.seed)


def synthetic(count: int) -> list[str]:
    """Half identifiers like Freebase's, half like Wikidata's."""
    return [f"/m/{i * 2654435761 % (1 << 40):x}" if i % 2 else f"Q{i}" for i in range(count)]


def measure(path: Path, count: int, repeats: int, seed: int) -> None:
    Keys.build(["compiled", "before"], what="key").find(["compiled"])
    keys = synthetic(count)
    seconds = cpu_seconds(lambda: Keys.build(keys, what="key"), 1)
    figure("keys built", round(count / seconds), "keys per CPU second", keys=count, threads=1)
    arrays = {**Keys.build(keys, what="key").arrays(), "kinds": np.ones(count, np.uint8)}
    sections = {"entries": Section(arrays)}
    seconds = cpu_seconds(lambda: create_store(path, sections, entities=count, counts={}, sources={}), 1)
    figure("store written", round(1000 * seconds, 1), "CPU ms", keys=count, threads=1)
    figure("store opened", round(1000 * wall_seconds(lambda: len(Store(path).entries), repeats), 2), "ms", keys=count)
    seconds = cpu_seconds(lambda: check_store(path), repeats)
    figure("store checked", round(1000 * seconds, 1), "CPU ms", keys=count, threads=1)
    look_up(Store(path).entries, keys, repeats, seed)


def look_up(table: Keys, keys: list[str], repeats: int, seed: int) -> None:
    asked = [*keys]
    random.Random(seed).shuffle(asked)
    if not np.array_equal(table.find(asked[:1000]), [table.id(key) for key in asked[:1000]]):
        raise SystemExit("wrong ids: no figure")
    absent = [key + "~" for key in asked]
    for name, wanted in (("present", asked), ("absent", absent), ("present, 10,000 at once", asked[:10_000])):
        rate = len(wanted) / cpu_seconds(lambda wanted=wanted: table.find(wanted), repeats)
        figure(f"keys looked up, {name}", round(rate), "keys per CPU second", keys=len(keys), threads=1)
    single = asked[:10_000]
    rate = len(single) / cpu_seconds(lambda: [table.id(key) for key in single], repeats)
    figure("keys looked up, one by one", round(rate), "keys per CPU second", keys=len(keys), threads=1)
    seconds = cpu_seconds(lambda: miss(table, asked[0] + "~"), repeats)
    figure("nearest keys of an unknown one", round(1000 * seconds, 1), "CPU ms", keys=len(keys), threads=1)


def miss(table: Keys, key: str) -> None:
    try:
        table.id(key)
    except UnknownKey:
        return
    raise SystemExit(f"{key} was found: no figure")


def cpu_seconds(run: Callable[[], object], repeats: int) -> float:
    return statistics.median(_taken(run, time.process_time) for _ in range(repeats))


def wall_seconds(run: Callable[[], object], repeats: int) -> float:
    return statistics.median(_taken(run, time.perf_counter) for _ in range(repeats))


def _taken(run: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    run()
    return clock() - start


if __name__ == "__main__":
    main()
