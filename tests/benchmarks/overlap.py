"""Where the time of multi-hop training goes: each stage's busy and waiting milliseconds per step, and the share waited.

Settings are the defaults, structures and their weights too. Of the lines of metrics the first is left out: kernels are
compiled in it, and slots are empty.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch
from machine import figure

from kgr._config import make
from kgr.data.known import open_store
from kgr.engine.config import TABLES
from kgr.engine.device import device_of
from kgr.engine.loop import train
from kgr.engine.run import begin
from kgr.engine.stages import STAGES
from kgr.multihop.config import MultihopConfig
from kgr.multihop.task import MultihopTask


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", help="a store's folder or a known name, for instance fb15k-237")
    parser.add_argument("--models", nargs="+", default=["gqe", "betae"])
    parser.add_argument("--table", choices=TABLES, default="host")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="producer threads")
    parser.add_argument("--torch-threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--every", type=int, default=50, help="steps of a line of metrics")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.torch_threads)
    store = open_store(arguments.store)
    for model in arguments.models:
        settings = {"model": model, "table": arguments.table, "threads": arguments.threads, "steps": arguments.steps}
        cadences = {"log_every": arguments.every, "checkpoint_every": 10**9}
        config = make(MultihopConfig, {**settings, **cadences, "device": arguments.device})
        lines = trained(MultihopTask(store, config, device_of(arguments.device)), config)
        report(f"overlap/{store.name or store.path.name}/{model}", lines, arguments)


def trained(task, config) -> list[dict]:
    """Train in a folder that is thrown away; return the lines of metrics."""
    with (
        tempfile.TemporaryDirectory() as folder,
        begin(Path(folder) / "run", task="benchmark", store="", config=config, sections={}) as run,
    ):
        train(task, run, config)
        return [line for line in run.metrics() if "loss" in line]


def report(name: str, lines: list[dict], arguments: argparse.Namespace) -> None:
    first, rest = lines[0], lines[1:]
    steps = rest[-1]["step"] - first["step"]
    wall, cpu = (rest[-1][clock] - first[clock] for clock in ("seconds", "cpu_seconds"))
    sums = {
        stage: {kind: sum(line["stage_seconds"][stage][kind] for line in rest) for kind in ("busy", "wait")}
        for stage in STAGES
    }
    waited = sums["compute"]["wait"] + sums["gather"]["wait"]
    stages = {
        stage: {kind: round(1000 * seconds / steps, 2) for kind, seconds in own.items()} for stage, own in sums.items()
    }
    figure(
        name, 100 * waited / wall, "percent of the time waited by the trainer", milliseconds_per_step=stages,
        wall_per_step=round(1000 * wall / steps, 2), cpu_per_step=round(1000 * cpu / steps, 2), steps=steps,
        table=arguments.table, producer_threads=arguments.threads,
    )  # fmt: skip


if __name__ == "__main__":
    main()
