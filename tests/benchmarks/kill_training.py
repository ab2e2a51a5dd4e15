"""Multi-hop training killed by SIGKILL again and again, at random moments and while a checkpoint is being written.

Every killed training is taken up by the same command. What comes of it in the end is compared, bit for bit, with an
uninterrupted training: parameters, rows, the moments of both, and all lines of metrics but for the times in them.
"""

from __future__ import annotations

import argparse
import dataclasses
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).resolve().parent))

from machine import figure

from kgr.data.build import build_store
from kgr.engine.run import Run

BASE = {"dim": 32, "batch": 32, "negatives": 16, "device": "cpu", "threads": 2, "log_every": 20, "lr": 0.01}
STEERED = {"eval_every": 200, "eval_queries": 2, "keep_best": True}
SETTINGS: tuple[dict[str, Any], ...] = (
    {"model": "gqe"},
    {"model": "query2box", "optimizer": "adagrad", "table": "host", **STEERED},
    {"model": "betae", "hidden": 16, "schedule": "plateau", **STEERED},
    {"model": "gqe", "own_negatives": True, "loss": "margin", "schedule": "cosine", "table": "disk"},
)
"""The runs take turns in these."""

PATIENCE = 120.0
"""Seconds after which a session that neither ends nor is killed is given up."""


@dataclasses.dataclass
class Kills:
    """What was done: sessions killed, and how many of them while they were writing a checkpoint."""

    killed: int = 0
    writing: int = 0


def draw_store(folder: Path, entities: int = 400, relations: int = 5, triples: int = 4000) -> Path:
    """Build a store of random triples."""
    draw = np.random.default_rng(0)
    rows = np.unique(draw.integers(0, [entities, relations, entities], (triples, 3)), axis=0)
    parts = np.split(draw.permutation(rows), [len(rows) * 9 // 10, len(rows) * 19 // 20])
    files = {}
    for name, part in zip(("train", "valid", "test"), parts, strict=True):
        files[name] = folder / f"{name}.tsv"
        files[name].write_text("".join(f"e{h}\tr{r}\te{t}\n" for h, r, t in part.tolist()))
    build_store(folder / "store", **files)
    return folder / "store"


def train_in(store: Path, out: Path, settings: dict[str, Any]) -> None:
    """Train, or go on with training."""
    import torch

    from kgr.multihop.run import train_multihop

    torch.set_num_threads(1)
    train_multihop(store, out=out, **settings)


class Sessions:
    """Trainings in processes of their own, each with everything imported from the start."""

    def __init__(self, store: Path, seed: int) -> None:
        self._store = store
        self._draw = np.random.default_rng(seed)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["kgr.multihop.run"])

    def train(self, out: Path, settings: dict[str, Any]) -> float:
        """Train to the end; return the seconds that it took."""
        start = time.perf_counter()
        process = self._started(out, settings)
        process.join()
        if process.exitcode:
            raise SystemExit(f"{out}: training ended with {process.exitcode}")
        return time.perf_counter() - start

    def kill(self, out: Path, settings: dict[str, Any], longest: float, kills: Kills) -> bool:
        """Start or go on with a training and kill it; return False where it came to its end before."""
        process = self._started(out, settings)
        if self._draw.random() < 0.5:
            self._await_writing(process, out)
        else:
            process.join(self._draw.uniform(0, longest))
        alive = process.is_alive()
        process.kill()
        process.join()
        if process.exitcode not in (0, -9):
            raise SystemExit(f"{out}: training ended with {process.exitcode}")
        kills.killed += alive
        kills.writing += alive and bool(_unfinished(out, process.pid))
        return alive

    def _started(self, out: Path, settings: dict[str, Any]) -> Any:
        process = self._context.Process(target=train_in, args=(self._store, out, settings))
        process.start()
        return process

    def _await_writing(self, process: Any, out: Path) -> None:
        """Wait for one of the next checkpoints to be under way, then for a moment more, while some is written."""
        others = int(self._draw.integers(0, 4))
        for _ in range(others + 1):
            seen, start = _unfinished(out, process.pid), time.perf_counter()
            while not _unfinished(out, process.pid) - seen and process.is_alive():
                time.sleep(0.0002)
                if time.perf_counter() > start + PATIENCE:
                    raise SystemExit(f"{out}: no checkpoint was begun in {PATIENCE:.0f} seconds")
        time.sleep(self._draw.uniform(0, 0.004))


def _unfinished(out: Path, process: int) -> set[str]:
    """Folders of checkpoints that a process is writing, or was when it was killed."""
    return {path.name for path in (out / "checkpoints").glob(f".tmp-*-{process}-*")}


def differences(a: Path, b: Path) -> list[str]:
    """Name what differs between two runs but for times: parts of the newest checkpoint, lines of metrics."""
    runs = Run.open(a), Run.open(b)
    states = [_state(run) for run in runs]
    found = [name for name in sorted({*states[0], *states[1]}) if states[0].get(name) != states[1].get(name)]
    lines = [[_timeless(line) for line in run.metrics()] for run in runs]
    return found + (["metrics.jsonl"] if lines[0] != lines[1] else [])


def _state(run: Run) -> dict[str, Any]:
    checkpoint = run.checkpoint()
    manifest = {name: value for name, value in checkpoint.manifest.items() if name not in ("files", "spent")}
    tensors = {
        f"{name}/{key}": (str(tensor.dtype), tensor.shape, tensor.numpy().tobytes())
        for name in checkpoint.manifest["files"]
        for key, tensor in checkpoint.read(name).items()
    }
    return manifest | tensors


def _timeless(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if "seconds" not in name and name != "rate"}


def kill_training(folder: Path, *, kills: int, each: int, steps: int, seed: int) -> dict[str, Any]:
    """Kill trainings ``kills`` times in all, at most ``each`` times one run; return what came of it."""
    sessions, done, runs, differ = Sessions(draw_store(folder), seed), Kills(), 0, {}
    while done.killed < kills:
        own = {**BASE, **SETTINGS[runs % len(SETTINGS)], "steps": steps, "seed": runs}
        own["checkpoint_every"] = max(1, steps // 200)
        whole, killed = folder / f"whole-{runs}", folder / f"killed-{runs}"
        longest, wanted = sessions.train(whole, own), min(kills, done.killed + each)
        while done.killed < wanted and sessions.kill(killed, own, longest, done):
            pass
        sessions.train(killed, own)
        if found := differences(whole, killed):
            differ[str(runs)] = found
        runs += 1
    return {"kills": done.killed, "while_writing": done.writing, "runs": runs, "differ": differ}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--each", type=int, default=25, help="most kills of one run")
    parser.add_argument("--steps", type=int, default=2000, help="of each run")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = kill_training(Path(folder), kills=given.kills, each=given.each, steps=given.steps, seed=given.seed)
    figure(
        "kill_training", found.pop("kills"), "kills", **found, steps=given.steps, seed=given.seed,
        command="python tests/benchmarks/kill_training.py " + " ".join(sys.argv[1:]),
    )  # fmt: skip
    if found["differ"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
