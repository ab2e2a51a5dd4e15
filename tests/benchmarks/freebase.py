"""A graph as large as Freebase, made up: built, opened, sampled, each in a fresh process. JSON lines.

Full size: ``--entities 86000000 --triples 338000000 --relations 15000``, with 20 GB of disk. Shard ``i`` of the triples
is drawn with ``numpy.random.default_rng([seed, i])``. Ids are skewed: the density of an id's rank falls as a power of
it, 0.6 for heads, 0.75 for relations and tails. Half the triples have the relation that is their tail's own. The files
are opened and sampled as building left them: in the system's page cache as far as it holds them.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from machine import figure

from kgr.data.numbered import build_numbered
from kgr.graph.graph import build_graph, load_graph
from kgr.index.store import Store
from kgr.query.words import STRUCTURES, parse

Column = np.ndarray[Any, Any]

COLUMNS = ("head", "relation", "tail")
WORDS = {**{name: name for name in STRUCTURES}, "4p": "APPPP", "4i": "APAPIAPIAPI"}
SHARD = 1 << 22
STRIDE = 2654435761  # ranks become ids by it: hubs do not lie side by side


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entities", type=int, default=100_000)
    parser.add_argument("--triples", type=int, default=400_000)
    parser.add_argument("--relations", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where the data lies while this runs (default: the system's)")
    parser.add_argument("--structures", default=",".join(WORDS), help="default: %(default)s")
    parser.add_argument("--negatives", type=int, default=1024)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="CPU seconds for each structure, after a first batch"
    )
    parser.add_argument("--limit", type=float, default=60.0, help="seconds after which a structure is given up")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        for step in (generate, index, build, reopen):
            if not alone(step, folder, given):
                sys.exit(f"{step.__name__} failed")
        for structure in given.structures.split(","):
            if not alone(sample, folder, given, structure, limit=given.limit):
                figure(f"freebase/sampler/{structure}", None, "queries per CPU second", given_up_after=given.limit)


def alone(step: Callable[..., None], *arguments: Any, limit: float | None = None) -> bool:
    """Run a step in a new process; say whether it came to its end, in time."""
    process = multiprocessing.get_context("spawn").Process(target=step, args=arguments)
    process.start()
    process.join(limit)
    process.kill()
    process.join()
    return process.exitcode == 0


def generate(folder: Path, given: argparse.Namespace) -> None:
    start = Clock()
    files = [np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.int32, (given.triples,)) for name in COLUMNS]
    for shard in range(math.ceil(given.triples / SHARD)):
        part = slice(shard * SHARD, (shard + 1) * SHARD)
        columns = draw(np.random.default_rng([given.seed, shard]), len(files[0][part]), given.entities, given.relations)
        for file, column in zip(files, columns, strict=True):
            file[part] = column
    report("generated", round(start.wall(), 1), "seconds", given, cpu_seconds=round(start.cpu(), 1))


def draw(rng: np.random.Generator, size: int, entities: int, relations: int) -> tuple[Column, Column, Column]:
    """Draw heads, relations and tails: int64[size] each."""
    head, tail = skewed(rng.random(size), entities, 0.6), skewed(rng.random(size), entities, 0.75)
    own = skewed(tail * STRIDE % (1 << 32) / (1 << 32), relations, 0.75)
    return head, np.where(rng.random(size) < 0.5, own, skewed(rng.random(size), relations, 0.75)), tail


def skewed(uniform: Column, count: int, skew: float) -> Column:
    """Return ids below ``count`` for numbers in [0, 1)."""
    ranks = np.minimum((count * uniform ** (1 / (1 - skew))).astype(np.int64), count - 1)
    return ranks * STRIDE % count if math.gcd(STRIDE, count) == 1 else ranks


def index(folder: Path, given: argparse.Namespace) -> None:
    """Build the graph alone: what is held beside the triples, the program itself included."""
    columns = [np.load(folder / f"{name}.npy", mmap_mode="r") for name in COLUMNS]
    build_graph([column[:2] for column in columns], given.entities, given.relations)  # compiles
    before, start = peak_bytes(), Clock()
    graph = build_graph(columns, given.entities, given.relations)
    wall, cpu, peak = start.wall(), start.cpu(), peak_bytes()
    beside = peak - sum(column.nbytes for column in columns)
    report("graph built", round(wall, 1), "seconds", given, cpu_seconds=round(cpu, 1), directed_edges=graph.edges)
    report(
        "peak of the graph's building, beside the triples", round(beside / 2**30, 2), "GiB", given,
        bytes_per_directed_edge=round((beside - 12 * given.entities) / graph.edges, 2), before=round(before / 2**30, 2),
    )  # fmt: skip


def build(folder: Path, given: argparse.Namespace) -> None:
    start = Clock()
    store = build_numbered(folder / "store", train=[folder / f"{name}.npy" for name in COLUMNS])
    wall, cpu, peak = start.wall(), start.cpu(), peak_bytes()
    graph = load_graph(store)
    size, whole = folder_bytes(store.folder / "graph"), folder_bytes(store.folder)
    degrees = np.diff(graph.offsets[graph.fragments])
    report("store built", round(wall, 1), "seconds", given, cpu_seconds=round(cpu, 1))
    report("peak of the build", round(peak / 2**30, 2), "GiB", given, bytes_per_triple=round(peak / given.triples, 1))
    report(
        "graph on disk", size, "bytes", given, bytes_per_directed_edge=round(size / graph.edges, 2), store_bytes=whole,
        duplicates=store.manifest["counts"]["duplicates"], directed_edges=graph.edges, fragments=len(graph.relation),
        largest_degree=int(degrees.max()),
    )  # fmt: skip


def reopen(folder: Path, given: argparse.Namespace) -> None:
    start = Clock()
    graph = load_graph(Store(folder / "store"))
    seconds = start.wall()
    first = graph.tails(int(graph.tail[0]), int(graph.relation[0]))
    report("graph opened", round(seconds, 4), "seconds", given, with_a_look_up=round(start.wall(), 4), found=len(first))


def sample(folder: Path, given: argparse.Namespace, structure: str) -> None:
    from kgr.query.sampler import Sampler  # loads the compiler

    graph, word = load_graph(Store(folder / "store")), parse(WORDS.get(structure, structure))
    sampler = Sampler(graph, word, negatives=given.negatives, law="edge", seed=given.seed)
    first, step = Clock(), 0
    sampler.draw(0, given.batch)
    waited, start = first.wall(), Clock()
    while start.cpu() < given.seconds:
        step += 1
        sampler.draw(step, given.batch)
    report(
        f"sampler/{structure}", round(step * given.batch / start.cpu(), 1), "queries per CPU second", given,
        law="edge", negatives=given.negatives, batch=given.batch, batches=step, first_batch_seconds=round(waited, 2),
        peak_gib=round(peak_bytes() / 2**30, 2),
    )  # fmt: skip


class Clock:
    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def wall(self) -> float:
        return time.perf_counter() - self._wall

    def cpu(self) -> float:
        return time.process_time() - self._cpu


def report(name: str, value: float, unit: str, given: argparse.Namespace, **more: Any) -> None:
    size = {"entities": given.entities, "triples": given.triples, "relations": given.relations, "seed": given.seed}
    figure(f"freebase/{name}", value, unit, **size, **more)


def peak_bytes() -> int:
    """The most memory that this process has had, mapped files included; of Linux."""
    status = Path("/proc/self/status").read_text()
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
