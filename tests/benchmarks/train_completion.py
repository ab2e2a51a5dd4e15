"""Queries per CPU second of completion training: batches drawn, loss, gradients and moving rows, one thread."""

from __future__ import annotations

import argparse
import time
from typing import Any

import torch
from machine import figure

from kgr._config import make
from kgr.completion.config import CompletionConfig
from kgr.completion.task import CompletionTask
from kgr.data.known import open_store
from kgr.engine.ring import Slot
from kgr.index.store import Store

NEGATIVES = {"training": "negatives", "negatives": 128, "regularizer": "none"}
KINDS: dict[str, dict[str, Any]] = {
    "complex/1vsall": {"dim": 400, "regularizer": "none"},
    "complex-n3/1vsall": {"dim": 400},
    "complex/kvsall": {"dim": 400, "training": "kvsall", "regularizer": "none"},
    "transe-l1/negatives": {"model": "transe", "norm": 1, "dim": 200, **NEGATIVES},
    "transe-l2/negatives": {"model": "transe", "norm": 2, "dim": 200, **NEGATIVES},
    "complex/negatives": {"dim": 400, **NEGATIVES},
    "rotate/negatives": {"model": "rotate", "dim": 400, **NEGATIVES},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", help="a store's folder or a known name, for instance codex-s")
    parser.add_argument("--kind", choices=tuple(KINDS), action="append", help="what to train (default: all)")
    parser.add_argument("--batch", type=int, default=1024, help="queries of a step (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=20, help="steps of one repeat (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="the best is kept (default: %(default)s)")
    given = parser.parse_args()
    torch.set_num_threads(1)
    store = open_store(given.store)
    for kind in given.kind or KINDS:
        settings = {"batch": given.batch, "steps": 1, "device": "cpu", **KINDS[kind]}
        rate = _rate(store, make(CompletionConfig, settings), given.steps, given.repeats)
        figure(f"train_completion/{given.store}/{kind}", round(rate), "queries per CPU second", **settings)


def _rate(store: Store, config: CompletionConfig, steps: int, repeats: int) -> float:
    """The rate of the best repeat, after a few steps to warm up."""
    task = CompletionTask(store, config, torch.device("cpu"))
    slot = Slot(task.layout(), torch.device("cpu"))
    _steps(task, slot, 1, 4)
    taken = []
    for repeat in range(repeats):
        start = time.process_time()
        _steps(task, slot, 4 + repeat * steps, 4 + (repeat + 1) * steps)
        taken.append(time.process_time() - start)
    return config.batch * steps / min(taken)


def _steps(task: CompletionTask, slot: Slot, first: int, last: int) -> None:
    for step in range(first, last):
        slot.fill(task.fill, step)
        task.step(slot).backward()
        for table in task.tables.values():
            table.step(task.config.lr)


if __name__ == "__main__":
    main()
