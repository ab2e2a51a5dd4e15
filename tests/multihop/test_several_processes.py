"""Multi-hop training by several processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from random_graph import split_files

from kgr.data.build import build_store
from kgr.engine.run import Run
from kgr.errors import ConfigError, KgrError, TrainingError
from kgr.multihop.run import MultihopRun, load_multihop, train_multihop
from kgr.multihop.task import MultihopTask

SETTINGS: dict[str, Any] = {
    "dim": 8, "batch": 12, "negatives": 8, "steps": 30, "device": "cpu", "log_every": 5, "checkpoint_every": 10,
    "model": "gqe", "lr": 0.01, "loss": "margin",
}  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    return build_store(folder / "store", **split_files(folder, 40, 400, 385)).path


def train(store: Path, out: Path, settings: dict[str, Any]) -> dict[str, Any]:
    return train_multihop(store, out=out, **{**SETTINGS, **settings}).metrics


def outcome(store: Path, out: Path, faults: dict[int, str], settings: dict[str, Any]) -> Any:
    """Train with a fault of a rank's own; return what was raised, its message, and the steps reported."""
    fault = faults.get(int(os.environ["RANK"]))
    reports = []

    def progress(report: Any) -> None:
        reports.append(report.step)
        if fault == "interrupt" and report.step == 15 and report.loss is not None:
            raise KeyboardInterrupt

    class Faulty(MultihopTask):
        def step(self, slot: Any) -> Any:
            if slot.step == 15 and fault == "signal":
                os.kill(os.getpid(), signal.SIGINT)
            if slot.step == 15 and fault == "raise":
                raise ValueError("no such step")
            return super().step(slot)

        def evaluate(self, split: str) -> Any:
            assert self._processes.first
            if fault == "signal in evaluation":
                os.kill(os.getpid(), signal.SIGINT)
            return super().evaluate(split)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kgr.multihop.run.MultihopTask", Faulty)
        try:
            train_multihop(store, out=out, progress=progress, **{**SETTINGS, **settings})
        except (KeyboardInterrupt, ValueError, KgrError) as error:
            return type(error), str(error), reports
    return None, "", reports


def contents(out: Path) -> dict[str, torch.Tensor]:
    """All that the newest checkpoint holds, whatever files it is in."""
    found = Run.open(out).checkpoint()
    assert found is not None
    held = dict(found.read("module.safetensors")) | found.read("optimizer.safetensors")
    for table, shape in found.manifest["tables"].items():
        held[table] = torch.cat(list(found.rows(table)))
        assert held[table].shape == (shape["rows"], shape["width"])
    return held


ROUNDING = "attention.out.bias"
"""It adds the same to every branch's part in an intersection, which changes nothing: its gradients are rounding alone,
and Adam and Adagrad make whole steps of them."""


def assert_equal_but_for_rounding(found: Path, expected: Path) -> None:
    own, other = contents(found), contents(expected)
    assert own.keys() == other.keys()
    for name in own.keys() - {ROUNDING}:
        scale = max(1.0, float(other[name].abs().max()))
        torch.testing.assert_close(own[name], other[name], rtol=1e-5, atol=1e-5 * scale)
    assert losses(found) == pytest.approx(losses(expected), rel=1e-5)


def losses(out: Path) -> list[float]:
    return [line["loss"] for line in Run.open(out).metrics() if "loss" in line]


def counts(out: Path) -> list[list[int]]:
    names = "rows_without_negatives", "crowded_queries", "skipped_queries"
    return [[line[name] for name in names] for line in Run.open(out).metrics() if "loss" in line]


def steps_kept(out: Path) -> list[str]:
    return sorted(path.name for path in (out / "checkpoints").iterdir())


def tables_left(store: Path, out: Path) -> list[int]:
    """Train, and return for each evaluation of the run how many of the tables that were trained are still there."""
    tables, left, evaluate = [], [], MultihopRun.evaluate

    class Seen(MultihopTask):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            tables.extend(map(weakref.ref, self.tables.values()))

    def seen(self: MultihopRun, *given: Any, **named: Any) -> Any:
        left.append(sum(table() is not None for table in tables))
        return evaluate(self, *given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kgr.multihop.run.MultihopTask", Seen)
        patch.setattr(MultihopRun, "evaluate", seen)
        train_multihop(store, out=out, **SETTINGS)
    assert len(tables) == 2
    return left


def test_the_tables_that_were_trained_are_gone_when_the_run_is_evaluated(group, store, tmp_path):
    assert group.call(2, tables_left, store, tmp_path / "two") == [[0], []]


@pytest.mark.parametrize(
    ("most", "settings"),
    [
        (3, {"optimizer": "adagrad", "eval_every": 15, "eval_queries": 5, "keep_best": True}),
        (2, {"model": "query2box", "own_negatives": True, "weighting": "none", "table": "host"}),
        (2, {"model": "betae", "hidden": 8, "layers": 1, "structures": {"1p": 1, "3p": 1}, "table": "disk"}),
        (2, {"model": "complex", "n3": 0.1, "loss": "softmax", "work_limit": 200}),
    ],
)
def test_several_train_on_the_batches_of_one(group, store, tmp_path, most, settings):
    outs = [tmp_path / str(size) for size in range(1, most + 1)]
    metrics = [group.call(size, train, store, out, settings) for size, out in enumerate(outs, 1)]
    for size, out in enumerate(outs[1:], 2):
        assert_equal_but_for_rounding(out, outs[0])
        assert counts(out) == counts(outs[0])
        assert metrics[size - 1] == [metrics[size - 1][0]] * size and "valid" in metrics[size - 1][0]


@pytest.mark.parametrize("model", ["betae", "cone"])
def test_several_pull_at_a_network_of_intersections_as_one_does(group, store, tmp_path, model):
    settings = {"model": model, "hidden": 8, "structures": {"pi": 1}, "steps": 1}  # one: rounding is not yet a step
    for size in (1, 2):
        group.call(size, train, store, tmp_path / str(size), settings)
    one, two = (contents(tmp_path / str(size)) for size in (1, 2))
    pulls = {name for name in one if name.endswith("/exp_avg")}
    assert {"attention.hidden.weight/exp_avg", "attention.out.weight/exp_avg"} < pulls
    for name in pulls:
        scale = max(0.01, float(one[name].abs().max()))
        torch.testing.assert_close(two[name], one[name], rtol=1e-5, atol=1e-5 * scale)


def test_what_some_have_saved_any_number_takes_up(group, store, tmp_path):
    group.call(2, train, store, tmp_path / "whole", {})
    for size, steps in ((2, 10), (1, 15), (3, 20), (2, 30)):
        group.call(size, train, store, tmp_path / "parts", {"steps": steps})
    assert_equal_but_for_rounding(tmp_path / "parts", tmp_path / "whole")
    loaded = load_multihop(Run.open(tmp_path / "parts"))
    assert loaded.evaluate("valid") == loaded.metrics["valid"]
    assert np.array_equal(loaded.vectors().entities, contents(tmp_path / "parts")["entities"].numpy())


def test_a_checkpoint_of_two_read_by_two_is_exact(group, store, tmp_path):
    group.call(2, train, store, tmp_path / "whole", {"optimizer": "adagrad"})
    for steps in (10, 30):
        group.call(2, train, store, tmp_path / "parts", {"optimizer": "adagrad", "steps": steps})
    whole, parts = contents(tmp_path / "whole"), contents(tmp_path / "parts")
    assert all(torch.equal(parts[name], tensor) for name, tensor in whole.items())


@pytest.mark.parametrize(
    ("faults", "last"),
    [({0: "interrupt"}, 16), ({1: "signal"}, 15), ({0: "signal", 1: "signal"}, 15)],  # reports follow the agreement
)
def test_ctrl_c_in_one_stops_all_after_the_same_step(group, store, tmp_path, faults, last):
    first, second = group.call(2, outcome, store, tmp_path, faults, {})
    assert first[0] is second[0] is KeyboardInterrupt
    assert max(first[2]) <= last and second[2] == []
    assert steps_kept(tmp_path) == ["10", str(last)]


def test_ctrl_c_in_an_evaluation_stops_all(group, store, tmp_path):
    settings = {"eval_every": 20}
    found = group.call(2, outcome, store, tmp_path, {0: "signal in evaluation"}, settings)
    assert [kind for kind, _, _ in found] == [KeyboardInterrupt] * 2
    assert steps_kept(tmp_path) == ["10", "20"]


def test_an_error_in_one_ends_all_and_is_told(group, store, tmp_path):
    first, second = group.call(2, outcome, store, tmp_path, {1: "raise"}, {})
    assert first[:2] == (TrainingError, "process 1: no such step") and second[:2] == (ValueError, "no such step")
    assert steps_kept(tmp_path) == ["10"]


def test_minutes_end_all_at_the_same_step(group, store, tmp_path):
    found = group.call(2, outcome, store, tmp_path, {}, {"minutes": 0.005, "steps": 10**6})
    assert [kind for kind, _, _ in found] == [None] * 2
    assert steps_kept(tmp_path)[-1] == str(found[0][2][-1])


def test_a_batch_that_cannot_be_shared_is_refused(group, store, tmp_path):
    for kind, message, _ in group.call(2, outcome, store, tmp_path, {}, {"batch": 13}):
        assert kind is ConfigError and message == "batch is 13, expected a multiple of 2, the number of processes"


TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--max-restarts", "1"]

DYING = """
import os, signal, sys
from kgr.cli import main
from kgr.multihop.task import MultihopTask

step = MultihopTask.step

def dying(self, slot):
    if slot.step == 15 and (os.environ["RANK"], os.environ["TORCHELASTIC_RESTART_COUNT"]) == ("1", "0"):
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, slot)

MultihopTask.step = dying
main()
"""


def test_torchrun_restarts_after_a_kill_and_the_result_is_the_same(group, store, tmp_path):
    group.call(2, train, store, tmp_path / "whole", {})
    (tmp_path / "dying.py").write_text(DYING)
    options = [f"--{name.replace('_', '-')}={value}" for name, value in SETTINGS.items()]
    command = [*TORCHRUN, str(tmp_path / "dying.py"), "train-multihop", str(store), f"--out={tmp_path / 'killed'}"]
    done = subprocess.run([*command, *options, "--json"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1 and '"steps": 30' in done.stdout
    assert "going on from step 10 of 30" in done.stderr
    whole, killed = contents(tmp_path / "whole"), contents(tmp_path / "killed")
    assert all(torch.equal(killed[name], tensor) for name, tensor in whole.items())
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")
