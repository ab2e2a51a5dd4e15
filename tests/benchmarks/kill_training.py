"""Trainings of every task killed by SIGKILL again and again, at random moments and while a checkpoint is being written.

Every killed training is taken up by the same command. What is in its folder in the end is compared, byte for byte, with
what an uninterrupted training leaves: weights, moments, models for others, and all lines of metrics but for the times
in them; and nothing half-written may be there.
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

sys.path += [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

from killed_trainings import BASE, TRAININGS, Settings, differences
from machine import figure

PATIENCE = 120.0
"""Seconds after which a session that neither ends nor is killed is given up."""


@dataclasses.dataclass
class Kills:
    """What was done: sessions killed, and how many of them while they were writing a checkpoint."""

    killed: int = 0
    writing: int = 0


def train_in(task: str, folder: Path, out: Path, settings: Settings) -> None:
    """Train, or go on with training."""
    import torch

    torch.set_num_threads(1)
    TRAININGS[task].train(folder, out, settings)


class Sessions:
    """Trainings in processes of their own, each with everything imported from the start."""

    def __init__(self, task: str, folder: Path, seed: int) -> None:
        self._task, self._folder = task, folder
        self._draw = np.random.default_rng(seed)
        self._context = multiprocessing.get_context("forkserver")
        modules = [name for training in TRAININGS.values() for name in training.modules]  # one server serves all
        self._context.set_forkserver_preload(["killed_trainings", *modules])

    def train(self, out: Path, settings: Settings) -> float:
        """Train to the end; return the seconds that it took."""
        start = time.perf_counter()
        process = self._started(out, settings)
        process.join()
        if process.exitcode:
            raise SystemExit(f"{out}: training ended with {process.exitcode}")
        return time.perf_counter() - start

    def kill(self, out: Path, settings: Settings, longest: float, kills: Kills) -> bool:
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
        kills.writing += alive and bool(unfinished(out, process.pid))
        return alive

    def _started(self, out: Path, settings: Settings) -> Any:
        process = self._context.Process(target=train_in, args=(self._task, self._folder, out, settings))
        process.start()
        return process

    def _await_writing(self, process: Any, out: Path) -> None:
        """Wait for one of the next checkpoints to be under way, then for a moment more, while some is written."""
        others = int(self._draw.integers(0, 4))
        for _ in range(others + 1):
            seen, start = unfinished(out, process.pid), time.perf_counter()
            while not unfinished(out, process.pid) - seen and process.is_alive():
                time.sleep(0.0002)
                if time.perf_counter() > start + PATIENCE:
                    raise SystemExit(f"{out}: no checkpoint was begun in {PATIENCE:.0f} seconds")
        time.sleep(self._draw.uniform(0, 0.004))


def unfinished(out: Path, process: int) -> set[str]:
    """Return what of checkpoints a process is writing, or was when it was killed; of a fit at once, of its results."""
    places = [path for path in (out / "checkpoints", out / "graph" / "checkpoints") if path.is_dir()] or [out]
    return {path.name for place in places for path in place.glob(f".tmp-*-{process}-*")}


def own_settings(task: str, number: int, steps: int) -> Settings:
    """Return the settings of a run by its number; one that is steered is evaluated ten times."""
    turns = TRAININGS[task].settings
    own = {**BASE, **turns[number % len(turns)], "steps": steps, "seed": number}
    cadence = {"checkpoint_every": max(1, steps // 200)}
    return own | cadence | ({"eval_every": max(1, steps // 10)} if "keep_best" in own else {})


def kill_training(task: str, folder: Path, *, kills: int, each: int, steps: int, seed: int) -> dict[str, Any]:
    """Kill trainings ``kills`` times in all, at most ``each`` times one run; return what came of it."""
    TRAININGS[task].prepare(folder)
    sessions, done, runs, differ = Sessions(task, folder, seed), Kills(), 0, {}
    while done.killed < kills:
        own = own_settings(task, runs, steps)
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
    parser.add_argument("--task", nargs="+", choices=TRAININGS, default=list(TRAININGS), help="default: each in turn")
    parser.add_argument("--kills", type=int, default=20, help="of each task (default: %(default)s)")
    parser.add_argument("--each", type=int, default=5, help="most kills of one run (default: %(default)s)")
    parser.add_argument("--steps", type=int, help="of each run (default: the task's own)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    given = parser.parse_args()
    different = False
    for task in given.task:
        steps = given.steps or TRAININGS[task].steps
        with tempfile.TemporaryDirectory() as folder:
            found = kill_training(task, Path(folder), kills=given.kills, each=given.each, steps=steps, seed=given.seed)
        different |= bool(found["differ"])
        figure(
            f"kill_training {task}", found.pop("kills"), "kills", **found, steps=steps, seed=given.seed,
            command="python tests/benchmarks/kill_training.py " + " ".join(sys.argv[1:]),
        )  # fmt: skip
    sys.exit(different)


if __name__ == "__main__":
    main()
