"""One store served to several processes at once: look-ups of keys, texts and neighbours, and the memory of each alone.

Each process opens the store itself. One process alone is measured before all of them together; every answer is checked
against what the store was made from.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from machine import figure

from kgr.data.numbered import build_numbered
from kgr.graph.graph import load_graph
from kgr.index.store import Section, Store, extend_store
from kgr.index.texts import Texts

MEMORY = "private memory"

BLOCK = 10_000
"""Look-ups at once."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entities", type=int, default=1_000_000, help="(default: %(default)s)")
    parser.add_argument("--processes", type=int, default=4, help="that open it at once (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each kind of look-up (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where the store lies for a while")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        path = build(Path(folder) / "store", given.entities)
        for processes in (1, given.processes):
            for what, found in measure(path, processes, given.seconds).items():
                unit = "MB of each alone" if what == MEMORY else "by each per CPU second"
                figure(
                    what, round(statistics.mean(found)), unit, processes=processes, each=found, entities=given.entities
                )


def build(path: Path, entities: int) -> Path:
    """Build a store whose entity ``i`` has the key and the label ``i``, and the tails ``(7 i + r) mod G``."""
    heads = np.arange(entities, dtype=np.int64)
    triples = np.concatenate([np.stack([heads, heads * 0 + r, (7 * heads + r) % entities], 1) for r in range(3)])
    store = build_numbered(path, train=triples)
    labels = Texts.build(heads, [str(head) for head in heads.tolist()])
    return extend_store(store, {"text/entries/en.label": Section(labels.arrays())}).path


def measure(path: Path, processes: int, seconds: float) -> dict[str, list[float]]:
    """Return what each process did in a CPU second, by kind, and its private memory in MB."""
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(processes)
    with context.Pool(processes, _begin, (start,)) as pool:
        found = pool.starmap(look_up, [(path, number, seconds) for number in range(processes)], chunksize=1)
    return {what: [each[what] for each in found] for what in found[0]}


_start: Any = None


def _begin(start: Any) -> None:
    global _start
    _start = start


def look_up(path: Path, number: int, seconds: float) -> dict[str, float]:
    """Look up as much as goes in so many seconds of each kind, when all processes are ready."""
    store, draw = Store(path), np.random.default_rng(number)
    graph, labels = load_graph(store), store.texts("entries", "label", "en")
    assert labels is not None

    def keys(ids: np.ndarray) -> bool:
        return np.array_equal(store.entries.find([str(id) for id in ids.tolist()]), ids)

    def texts(ids: np.ndarray) -> bool:
        return [labels.first(id) for id in ids.tolist()] == [str(id) for id in ids.tolist()]

    def neighbours(ids: np.ndarray) -> bool:
        return all(graph.tails(id, 2).tolist() == [(7 * id + 1) % store.entities] for id in ids.tolist())

    found = {}
    for what, ask in (("keys", keys), ("texts", texts), ("neighbours", neighbours)):
        blocks = (draw.integers(0, store.entities, BLOCK) for _ in itertools.count())
        ask(next(blocks))  # what is compiled is there
        _start.wait()
        found[f"{what} looked up"] = _rate(ask, blocks, seconds)
    return {**found, MEMORY: round(_private() / 1e6, 1)}


def _rate(ask: Callable[[np.ndarray], bool], blocks: Iterator[np.ndarray], seconds: float) -> float:
    done, end, cpu = 0, time.perf_counter() + seconds, time.process_time()
    while time.perf_counter() < end:
        if not ask(next(blocks)):
            raise SystemExit("a wrong answer: no figure")
        done += BLOCK
    return round(done / (time.process_time() - cpu))


def _private() -> int:
    """Return the bytes that this process shares with no other."""
    kept = Path("/proc/self/smaps_rollup").read_text()
    return sum(1024 * int(size) for size in re.findall(r"Private_\w+: +(\d+) kB", kept))


if __name__ == "__main__":
    main()
