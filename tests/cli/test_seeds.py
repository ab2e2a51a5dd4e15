"""``kgr train-completion --seeds``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

SETTINGS = ["--dim", "8", "--batch", "32", "--steps", "5"]


def test_seeds(place: Any, kgr: Callable[..., Result], kgr_json: Callable[..., Any], tmp_path: Path) -> None:
    asked = ["train-completion", place.store, "--out", str(tmp_path), "--seeds", "2", *SETTINGS]
    result = kgr(*asked)
    assert "test, 2 runs: fractions in percent" in result.stdout
    assert f"seed 1: {tmp_path / 'seed-1'}" in result.stderr
    found = kgr_json(*asked)
    assert [run["run"] for run in found["runs"]] == [str(tmp_path / f"seed-{seed}") for seed in range(2)]
    assert found["mean"]["mrr"] == pytest.approx(sum(run["mrr"] for run in found["runs"]) / 2)
    assert f"{100 * found['sd']['mrr']:.2f}" in result.stdout
    assert "seed is 3 beside seeds" in kgr(*asked, "--seed", "3", code=1).stderr
