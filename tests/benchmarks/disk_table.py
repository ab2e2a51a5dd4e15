"""Multi-hop training with a table on the disk that is larger than the memory it may have, beside one in memory.

The graphs are made up, with ids as skewed as ``freebase.py`` draws them: rows of anchors and positives are met by the
graph's skew, 128 negatives of a batch uniformly. The table has row-scalar Adagrad's number beside each row. Each
training is a process of its own; that of the disk in a control group of limited memory, page cache included, where the
system lets one be made (Linux, as root). The table in memory is of a smaller graph. The disk alone is measured by reads
and writes of single pages here and there in a file, past the page cache. No checkpoint is made; the folder is emptied.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import mmap
import os
import random
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import torch
from freebase import alone, draw, peak_bytes
from machine import figure

from kgr._config import make
from kgr.data.numbered import build_numbered
from kgr.engine.loop import Progress, train
from kgr.engine.run import Run, begin
from kgr.index.store import Store
from kgr.multihop.config import MultihopConfig
from kgr.multihop.task import MultihopTask

STRUCTURES = dict.fromkeys(("1p", "2p", "3p", "2i", "3i"), 1.0)
PAGE = 4096
TESTED = 2 << 30
"""Bytes of the file that the disk is measured with."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entities", type=int, default=200_000)
    parser.add_argument("--in-memory", type=int, default=100_000, help="entities of the graph whose table is in memory")
    parser.add_argument("--relations", type=int, default=1_000)
    parser.add_argument("--dim", type=int, default=400)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--every", type=int, default=50, help="steps of a line; the last third of them is called warm")
    parser.add_argument("--gib", type=float, default=1.0, help="memory that the training from the disk may have")
    parser.add_argument("--folder", type=Path, help="where the data lies while this runs (default: the system's)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        for entities, table in ((given.in_memory, "host"), (given.entities, "disk")):
            store = folder / str(entities)
            alone(build, store, entities, given.relations)
            if not alone(trained, store, table, given):
                figure(f"disk_table/{table}", None, "queries per second", failed=True)
        measure_disk(folder / "pages")


def build(path: Path, entities: int, relations: int) -> None:
    """Build a store of twice as many triples as entities."""
    columns = draw(np.random.default_rng(entities), 2 * entities, entities, relations)
    build_numbered(path, train=tuple(column.astype(np.int32) for column in columns))


@dataclasses.dataclass(frozen=True)
class Mark:
    """What had been spent at a step."""

    step: int
    wall: float
    cpu: float
    read: int
    written: int


class Enough(Exception):
    """Ends a training without a checkpoint."""


def trained(path: Path, table: str, given: argparse.Namespace) -> None:
    group = capped(int(given.gib * 2**30)) if table == "disk" else None
    torch.set_num_threads(1)
    settings = {"model": "gqe", "dim": given.dim, "optimizer": "row-adagrad", "table": table, "device": "cpu"}
    cadences = {"steps": 10**9, "log_every": given.every, "checkpoint_every": 10**9}
    config = make(MultihopConfig, {**settings, **cadences, "structures": STRUCTURES})
    marks: list[Mark] = []

    def progress(report: Progress) -> None:
        if report.loss is not None:
            marks.append(mark(report.step))
        if report.step >= given.steps:
            raise Enough

    start = time.perf_counter()
    with begin(path.with_suffix(".run"), task="benchmark", store="", config=config, sections={}) as run:
        task = MultihopTask(Store(path), config, torch.device("cpu"), folder=path)
        made = time.perf_counter() - start
        try:
            train(task, run, config, progress=progress)
        except Enough:
            report_on(table, run, marks, config.batch, entities=len(task.tables["entities"].weight), dim=given.dim,
                      seconds_to_make_the_table=round(made, 1), **memory(group))  # fmt: skip


def report_on(table: str, run: Run, marks: list[Mark], batch: int, **more: object) -> None:
    """Print the rate over the last third of the lines, and of every line."""
    first = marks[2 * len(marks) // 3 - 1]
    steps, wall, cpu, read, written = (b - a for a, b in zip(dataclasses.astuple(first), dataclasses.astuple(marks[-1]),
                                                             strict=True))  # fmt: skip
    lines = [line["stage_seconds"] for line in run.metrics() if line["step"] > first.step]
    stages = {
        stage: {kind: round(1000 * sum(line[stage][kind] for line in lines) / steps, 2) for kind in ("busy", "wait")}
        for stage in lines[0]
    }
    pairs = itertools.pairwise(marks)
    figure(
        f"disk_table/{table}", batch * steps / wall, "queries per second", per_cpu_second=round(batch * steps / cpu),
        milliseconds_per_step=stages, wall_per_step=round(1000 * wall / steps, 2),
        pages_read_per_step=round(read / PAGE / steps, 1), pages_written_per_step=round(written / PAGE / steps, 1),
        pages_read_per_second=round(read / PAGE / wall), pages_written_per_second=round(written / PAGE / wall),
        rates=[round(batch * (b.step - a.step) / (b.wall - a.wall)) for a, b in pairs], steps=marks[-1].step, **more,
    )  # fmt: skip


def mark(step: int) -> Mark:
    counts = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    spent = time.perf_counter(), time.process_time()
    return Mark(step, *spent, int(counts["read_bytes"]), int(counts["write_bytes"]))


def capped(limit: int) -> Path | None:
    """Move this process into a new control group, for it to have so much memory; None where that is not allowed.

    What it has already stays with its old group, and is taken off the limit of the new one.
    """
    limit -= resident()
    own = dict(line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().splitlines())
    first = Path("/sys/fs/cgroup", "memory") if "memory" in own else Path("/sys/fs/cgroup")
    folder = first / own.get("memory", own.get("", "/")).lstrip("/") / f"kgr-{os.getpid()}"
    try:
        folder.mkdir()
        (folder / ("memory.limit_in_bytes" if "memory" in own else "memory.max")).write_text(str(limit))
        (folder / "cgroup.procs").write_text(str(os.getpid()))
    except OSError:
        return None
    return folder


def resident() -> int:
    """Return the bytes of memory that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


def memory(group: Path | None) -> dict[str, object]:
    """Return the most memory this process had, mapped files included, and that of its group with its page cache."""
    found: dict[str, object] = {"peak_resident_gib": round(peak_bytes() / 2**30, 2)}
    for name in ("memory.max_usage_in_bytes", "memory.peak"):
        if group is not None and (group / name).exists():
            found["peak_of_group_gib"] = round(int((group / name).read_text()) / 2**30, 2)
    return {**found, "capped": group is not None}


def measure_disk(path: Path, threads: int = 16, seconds: float = 3.0) -> None:
    """Print how many single pages here and there a disk reads and writes in a second, asked by several threads."""
    with path.open("wb") as file:
        for _ in range(TESTED >> 20):
            file.write(os.urandom(1 << 20))
        os.fsync(file)
    descriptor = os.open(path, os.O_RDWR | os.O_DIRECT)
    for name, call in (("reads", os.preadv), ("writes", os.pwritev)):
        counts = [0] * threads
        end = time.perf_counter() + seconds

        def work(number: int, call=call, counts=counts, end=end) -> None:
            memory, chance = mmap.mmap(-1, PAGE), random.Random(number)
            while time.perf_counter() < end:
                call(descriptor, [memory], chance.randrange(TESTED // PAGE) * PAGE)
                counts[number] += 1

        workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        figure(
            f"disk_table/disk {name}", sum(counts) / seconds, "pages per second", page=PAGE, requests_at_once=threads
        )
    os.close(descriptor)


if __name__ == "__main__":
    main()
