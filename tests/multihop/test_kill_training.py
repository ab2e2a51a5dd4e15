"""A short form of the benchmark that kills trainings."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_what_comes_of_killed_trainings_is_what_comes_of_an_undisturbed_one() -> None:
    script = Path(__file__).resolve().parents[1] / "benchmarks" / "kill_training.py"
    few = ["--kills", "3", "--each", "3", "--steps", "400"]
    done = subprocess.run([sys.executable, str(script), *few], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["value"], found["differ"]) == (3, {})
