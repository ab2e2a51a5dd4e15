"""Metrics for TensorBoard, read back by its own reader."""

import errno
import sys

import pytest
from engine_toy import config_of, run_toy

from kgr.engine import board
from kgr.engine.board import Board
from kgr.errors import ConfigError


def scalars(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder))
    found.Reload()
    return {name: [(each.step, each.value) for each in found.Scalars(name)] for name in found.Tags()["scalars"]}


class Stop(Exception):
    pass


def test_every_line_of_metrics_is_written_and_a_resumed_run_goes_on(tmp_path):
    def stop(report):
        if report.step == 28 and report.loss is not None:
            raise Stop

    settings = {"eval_every": 8, "tensorboard": True}
    with pytest.raises(Stop):
        run_toy(tmp_path, progress=stop, **settings)
    before = scalars(tmp_path / "tensorboard")
    assert [step for step, _ in before["train/loss"]] == [7, 14, 21, 28]
    _, run = run_toy(tmp_path, **settings)  # goes on from step 20
    found = scalars(tmp_path / "tensorboard")
    lines = run.metrics()
    for name in ("loss", "lr", "rate", "seconds", "cpu_seconds", "seen"):
        expected = [(line["step"], pytest.approx(line[name])) for line in lines if name in line]
        assert found[f"train/{name}"] == expected, name
    for name in ("norm", "seen"):
        expected = [(line["step"], pytest.approx(line["metrics"][name])) for line in lines if "metrics" in line]
        assert found[f"valid/{name}"] == expected and len(expected) == 5
    assert "train/step" not in found and found["train/stage_seconds/sample/busy"]


def test_a_full_disk_is_a_warning_and_training_goes_on(tmp_path, monkeypatch):
    from torch.utils.tensorboard import SummaryWriter

    flush, calls = SummaryWriter.flush, []

    def full(self):
        calls.append(self)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        flush(self)

    monkeypatch.setattr(SummaryWriter, "flush", full)
    with pytest.warns(UserWarning, match="tensorboard: .*No space left on device; nothing more is written there"):
        _, run = run_toy(tmp_path, tensorboard=True)
    assert len(calls) == 2
    assert [line["step"] for line in run.metrics() if "loss" in line] == [7, 14, 21, 28, 35, 40]
    assert run.checkpoint().step == 40


def test_nested_numbers_have_joined_names_and_large_tables_are_left_out(tmp_path):
    many = {str(row): 0.5 for row in range(board.MOST + 1)}
    structures = {"2i": {"mrr": 0.25, "queries": 3}, "3i": None}
    metrics = {"split": "test", "structures": structures, "drawn": True, "relations": many, "avg_p": None}
    own = Board(tmp_path)
    own.add({"step": 4, "split": "test", "whole": True, "metrics": metrics})
    own.close()
    assert scalars(tmp_path) == {"test/structures/2i/mrr": [(4, 0.25)], "test/structures/2i/queries": [(4, 3.0)]}


def test_a_board_without_lines_makes_no_folder(tmp_path):
    Board(tmp_path / "tensorboard").close()
    assert not (tmp_path / "tensorboard").exists()


def test_without_the_extra_it_is_refused_before_anything_is_made(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ConfigError, match=r'tensorboard is set, but not installed .*pip install "kgr\[tensorboard\]"'):
        run_toy(tmp_path / "run", tensorboard=True)
    assert not (tmp_path / "run").exists()
    assert not config_of().tensorboard
    run_toy(tmp_path / "run", steps=2)
