"""A table of many rows in the host's memory: what training on it takes of the device's memory, and its rate.

Batches are of rows drawn evenly, as good as those of a sampler for what they cost, and the loss is of L1 distances
from shared negatives. The defaults are Freebase's entities and a table of 34 GB.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from machine import figure

from kgr.engine.device import device_of
from kgr.engine.optim import ROW_OPTIMIZERS
from kgr.engine.table import Table, uniform
from kgr.engine.tables import make_table
from kgr.models.distance import l1_distances


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=86_000_000)
    parser.add_argument("--dim", type=int, default=100)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--negatives", type=int, default=1024)
    parser.add_argument("--optimizer", choices=tuple(ROW_OPTIMIZERS), default="row-adagrad")
    parser.add_argument("--steps", type=int, default=200, help="steps that are timed, after a tenth to warm up")
    parser.add_argument("--device", default="cuda")
    arguments = parser.parse_args()
    device = device_of(arguments.device)
    shape = {name: getattr(arguments, name) for name in ("rows", "dim", "batch", "negatives", "optimizer", "steps")}
    table = make_table(
        "host", arguments.rows, arguments.dim, optimizer=arguments.optimizer, device=device, init=uniform(0.1), key=1
    )
    rate = trained(table, arguments, device)
    figure("host_table/rate", round(rate, 1), "queries per second", **shape)
    if device.type == "cuda":
        peak = torch.cuda.max_memory_reserved(device) / 1e9
        figure("host_table/peak", round(peak, 3), "GB of the device's memory", **shape)


def trained(table: Table, arguments: argparse.Namespace, device: torch.device) -> float:
    """Train all steps, each batch announced one step ahead; return the queries per second."""
    draw = np.random.default_rng(0)
    warm = max(1, arguments.steps // 10)
    coming = announced(table, draw, arguments)
    for step in range(warm + arguments.steps):
        if step == warm:
            start = moment(device)
        ids, coming = coming, announced(table, draw, arguments)
        rows = table.gather(ids)
        query, negatives = rows[: arguments.batch], rows[-arguments.negatives :]
        l1_distances(query, negatives).mean().backward()
        table.step(0.01)
    seconds = moment(device) - start
    table.flush()
    return arguments.steps * arguments.batch / seconds


def announced(table: Table, draw: np.random.Generator, arguments: argparse.Namespace) -> torch.Tensor:
    """Return the distinct rows of a batch: of an anchor and an answer for each query, and of the negatives."""
    ids = np.unique(draw.integers(arguments.rows, size=2 * arguments.batch + arguments.negatives))
    table.prefetch(ids)
    return torch.from_numpy(ids)


def moment(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


if __name__ == "__main__":
    main()
