"""A short form of the benchmark that kills trainings."""

from __future__ import annotations

from pathlib import Path

from benchmarks.kill_training import kill_training


def test_what_comes_of_killed_trainings_is_what_comes_of_an_undisturbed_one(tmp_path: Path) -> None:
    found = kill_training(tmp_path, kills=2, each=2, steps=60, seed=0)
    assert (found["kills"], found["differ"]) == (2, {})
