"""A small task for the engine's tests: matrix factorisation."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

from kgr import _config, _rng
from kgr._config import setting
from kgr.engine.config import TABLES, TrainConfig
from kgr.engine.loop import train
from kgr.engine.run import begin
from kgr.engine.table import uniform
from kgr.engine.tables import make_table

ROWS, WIDTH = 60, 6
SECTIONS = {"graph": "aa", "entries": "bb"}
BASE = {"batch": 32, "steps": 40, "lr": 0.05, "log_every": 7, "checkpoint_every": 10, "device": "cpu"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ToyConfig(TrainConfig):
    """Settings of the toy."""

    table: str = setting("device", "where rows lie", choices=TABLES)
    noise: float = setting(0.1, "dropout", low=0, high=1)
    weights: dict[str, int] = setting({"a": 1}, "a table")
    label: str | None = setting(None, "an optional text")


class Toy:
    """Factorises a matrix of rank 1; a batch touches a varying number of rows."""

    def __init__(self, config: ToyConfig) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.module = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Dropout(config.noise))
        self.module.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.tables = {
            name: make_table(
                config.table,
                ROWS,
                WIDTH,
                optimizer=config.optimizer,
                device=torch.device("cpu"),
                init=uniform(0.5),
                key=_rng.key(config.seed, stream),
            )
            for stream, name in enumerate(("left", "right"))
        }
        self.evaluations = 0

    def layout(self):
        batch = self.config.batch
        fields = {"values": (np.float32, (batch,)), "count": (np.int64, ())}
        for side in ("left", "right"):
            fields[side] = (np.int64, (batch,))
            fields[f"{side}_at"] = (np.int64, (batch,))
            fields[f"{side}_count"] = (np.int64, ())
        return fields

    def fill(self, fields, step):
        draw = np.random.default_rng([self.config.seed, step])
        count = int(draw.integers(self.config.batch // 2, self.config.batch))
        fields["count"][()] = count
        drawn = draw.integers(0, ROWS, (2, count))
        fields["values"][:count] = np.cos(drawn[0] + 1.0) * np.sin(drawn[1] + 1.0)
        for side, ids in zip(("left", "right"), drawn, strict=True):
            unique, at = np.unique(ids, return_inverse=True)
            fields[side][: len(unique)] = unique
            fields[f"{side}_at"][:count] = at
            fields[f"{side}_count"][()] = len(unique)

    def ids(self, slot):
        return {side: slot.host[side][: int(slot.host[f"{side}_count"])] for side in self.tables}

    def step(self, slot):
        count = int(slot.host["count"])
        self.module.seen += count
        sides = []
        for side, table in self.tables.items():
            rows = table.gather(slot.tensors[side][: int(slot.host[f"{side}_count"])])
            sides.append(rows[slot.tensors[f"{side}_at"][:count]])
        scores = (self.module(sides[0]) * sides[1]).sum(1)
        return (scores - slot.tensors["values"][:count]).square().mean()

    def describe(self, step):
        return f"an {'even' if step % 2 == 0 else 'odd'} step"

    def report(self):
        return {"seen": int(self.module.seen)}

    def evaluate(self, split):
        self.evaluations += 1
        assert not torch.is_grad_enabled() and not self.module.training
        torch.rand(3)
        return {
            "split": split,
            "norm": float(self.tables["left"].weight.contiguous().norm()),
            "seen": int(self.module.seen),
        }

    def figure(self, metrics):
        return metrics["norm"]


def config_of(**settings) -> ToyConfig:
    return _config.make(ToyConfig, {**BASE, **settings})


def run_toy(path, task=None, progress=None, sections=SECTIONS, **settings):
    """Train the toy in a run folder; return the task and the run."""
    config = config_of(**settings)
    task = task or Toy(config)
    with begin(path, task="toy", store="nowhere", config=config, sections=sections) as run:
        train(task, run, config, progress=progress)
    return task, run


def state_of(task) -> dict[str, torch.Tensor]:
    """All that training moves, the dense optimiser's state left out."""
    tables = {
        f"{name}/{kind}": tensor.clone()
        for name, table in task.tables.items()
        for kind, tensor in {"weight": table.weight, **table.moments, "steps": torch.tensor(table.steps)}.items()
    }
    return {**{name: tensor.clone() for name, tensor in task.module.state_dict().items()}, **tables}


def assert_same(a, b) -> None:
    """Both tasks are equal, bit for bit."""
    left, right = state_of(a), state_of(b)
    assert left.keys() == right.keys()
    for name, tensor in left.items():
        assert torch.equal(tensor, right[name]), name


def losses_of(run) -> list[tuple[int, float]]:
    return [(line["step"], line["loss"]) for line in run.metrics() if "loss" in line]


def lines_of(run) -> list[dict]:
    """The lines of metrics without times and rates."""
    return [
        {key: value for key, value in line.items() if "seconds" not in key and key != "rate"} for line in run.metrics()
    ]


def main(path: str, mode: str) -> None:
    """A training in a process of its own, to be killed, interrupted or locked out by a test."""

    def progress(report):
        print(f"step {report.step}", flush=True)
        if mode == "interrupt-itself" and report.step == 14:
            os.kill(os.getpid(), signal.SIGINT)
        if mode == "wait" and report.step == 14:
            sys.stdin.read()

    often = {"steps": 10**6, "checkpoint_every": 1} if mode == "kill" else {}
    run_toy(Path(path), progress=progress, **often)


if __name__ == "__main__":
    main(*sys.argv[1:])
