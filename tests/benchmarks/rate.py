"""How fast a task trains: rows per CPU second and per second, from the first tenth of its steps to the last."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from kgr.engine.loop import train
from kgr.engine.run import begin


def training_rate(task, config) -> tuple[float, float]:
    """Train ``config.steps`` steps of a task in a folder that is thrown away."""
    step, warm, marks = task.step, max(1, config.steps // 10), []

    def timed(slot):
        if slot.step in (warm + 1, config.steps):  # from the beginning of one step to that of another
            marks.append((time.process_time(), time.perf_counter()))
        return step(slot)

    task.step = timed
    with (
        tempfile.TemporaryDirectory() as folder,
        begin(Path(folder) / "run", task="benchmark", store="", config=config, sections={}) as run,
    ):
        train(task, run, config)
    (cpu, wall), (cpu_end, wall_end) = marks
    rows = config.batch * (config.steps - 1 - warm)
    return rows / (cpu_end - cpu), rows / (wall_end - wall)
