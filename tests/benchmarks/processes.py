"""Rows per CPU second through a table that processes share: looked up and moved.

``torchrun --nproc-per-node 2 tests/benchmarks/processes.py`` measures two processes, plain ``python`` one.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from machine import figure

from kgr.engine.memory import keep_freed
from kgr.engine.optim import ROW_OPTIMIZERS
from kgr.engine.processes import Processes, joined
from kgr.engine.sharded import ShardedTable
from kgr.engine.shares import Share
from kgr.engine.table import DeviceTable, uniform


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--width", type=int, default=200)
    parser.add_argument("--ids", type=int, default=100_000, help="uniform ids of a step and process")
    parser.add_argument("--optimizer", default="adagrad", choices=sorted(ROW_OPTIMIZERS))
    parser.add_argument("--steps", type=int, default=10, help="of one repeat")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed()  # as training does
    with joined("cpu") as processes:
        share = Share(arguments.rows, processes.rank, processes.size)
        optimizer = ROW_OPTIMIZERS[arguments.optimizer]()
        local = DeviceTable(
            share, arguments.width, optimizer=optimizer, device=torch.device("cpu"), init=uniform(0.1), key=0
        )
        table = ShardedTable(local, processes)
        step(table, arguments, processes, 0)
        for repeat in range(arguments.repeats):
            rate = measured(table, arguments, processes, 1 + repeat * arguments.steps)
            if processes.first:
                figure(
                    "processes/table", rate, "rows per CPU second", repeat=repeat, processes=processes.size,
                    **{name: getattr(arguments, name) for name in ("rows", "width", "ids", "optimizer", "steps")},
                )  # fmt: skip


def measured(table: ShardedTable, arguments: argparse.Namespace, processes: Processes, first: int) -> float:
    """Return rows per CPU second of all processes together."""
    seconds, rows = 0.0, 0
    for number in range(first, first + arguments.steps):
        taken, moved = step(table, arguments, processes, number)
        seconds, rows = seconds + taken, rows + moved
    totals = processes.sum(np.array([seconds, rows], np.float64))
    return float(totals[1] / totals[0])


def step(table: ShardedTable, arguments: argparse.Namespace, processes: Processes, number: int) -> tuple[float, int]:
    """Look rows up and move them; return the CPU seconds that it took, making ids and gradients left out, and rows."""
    draw = np.random.default_rng([number, processes.rank])
    ids = torch.from_numpy(np.unique(draw.integers(0, arguments.rows, arguments.ids)))
    grad = torch.ones(len(ids), arguments.width)
    processes.any(True)  # all begin at once
    start = time.process_time()
    rows = table.gather(ids)
    rows.grad = grad
    table.step(0.01)
    return time.process_time() - start, len(ids)


if __name__ == "__main__":
    main()
