"""The known set of nouns, from the mirror: what it holds, and what label propagation reaches on it."""

from __future__ import annotations

from pathlib import Path

import pytest

import kgr
from kgr.sememe.annotations import annotations_of


def test_nouns(mirror: Path, home: Path, tmp_path: Path) -> None:
    store = kgr.open_store("babelsememe-noun")
    annotations = annotations_of(store)
    assert (len(annotations.synsets), len(annotations.sememes)) == (9725, 975)
    assert [len(annotations.rows(split)) for split in ("train", "valid", "test")] == [7780, 972, 973]
    assert [annotations.of(split).nnz for split in ("train", "valid", "test")] == [23172, 2661, 2823]
    run = kgr.train_sememes(store, method="propagation", out=tmp_path / "run")
    metrics = run.metrics["test"]
    assert metrics["map"] == pytest.approx(0.670, abs=0.01)
    assert metrics["f1"] == pytest.approx(0.569, abs=0.015)
    assert metrics["popularity"]["map"] == pytest.approx(0.154, abs=0.002)
    assert metrics["popularity"]["f1"] == pytest.approx(0.137, abs=0.002)
    assert metrics["unseen"] == {"sememes": 1, "annotations": 1}
    assert metrics["map_error"] == pytest.approx(0.0095, abs=0.001)
    assert metrics["calibration_error"] < 0.05
    assert list(metrics["by_pos"]) == ["n"]
