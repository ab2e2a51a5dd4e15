"""Queries per CPU second of multi-hop training, sampler included: structures 1p 2p 3p 2i 3i equally."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch
from machine import figure

from kgr._config import make
from kgr.data.known import open_store
from kgr.engine.loop import train
from kgr.engine.run import begin
from kgr.multihop.config import MultihopConfig
from kgr.multihop.run import SECTIONS
from kgr.multihop.task import MultihopTask

STRUCTURES = dict.fromkeys(("1p", "2p", "3p", "2i", "3i"), 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", help="a store's folder or a known name, for instance fb15k-237")
    parser.add_argument("--model", default="gqe")
    parser.add_argument("--dim", type=int, default=400)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--negatives", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1, help="threads of torch; one more makes the batches")
    parser.add_argument("--steps", type=int, default=60, help="steps of one repeat, after a tenth to warm up")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    store = open_store(arguments.store)
    shape = {name: getattr(arguments, name) for name in ("model", "dim", "batch", "negatives", "steps")}
    fixed = {"structures": STRUCTURES, "device": "cpu", "checkpoint_every": 10**9, "log_every": 10**9}
    for repeat in range(arguments.repeats):
        config = make(MultihopConfig, {**shape, **fixed, "seed": repeat})
        rate, wall = _rate(store, config)
        figure(
            f"train_multihop/{store.name or store.path.name}/{arguments.model}", rate, "queries per CPU second",
            repeat=repeat, wall_rate=wall, **shape, torch_threads=arguments.threads,
        )  # fmt: skip


def _rate(store, config: MultihopConfig) -> tuple[float, float]:
    """Queries per CPU second and per second, from the first tenth of the steps to the last step."""
    task = MultihopTask(store, config, torch.device("cpu"))
    step, warm, marks = task.step, max(1, config.steps // 10), []

    def timed(slot):
        if slot.step == warm + 1:
            marks.append((time.process_time(), time.perf_counter()))
        loss = step(slot)
        if slot.step == config.steps:
            marks.append((time.process_time(), time.perf_counter()))
        return loss

    task.step = timed
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        with begin(out, task="multihop", store="", config=config, sections=store.fingerprints(SECTIONS)) as run:
            train(task, run, config)
    (cpu, wall), (cpu_end, wall_end) = marks
    queries = config.batch * (config.steps - 1 - warm)
    return queries / (cpu_end - cpu), queries / (wall_end - wall)


if __name__ == "__main__":
    main()
