"""Training of dense parameters alone: accumulated batches, AdamW's groups, clipping, autocast."""

import dataclasses
import os
import signal

import numpy as np
import pytest
import torch
from torch import nn

from kgr._config import make
from kgr.engine.config import DenseConfig, TrainConfig, dense_of
from kgr.engine.dense import Dense
from kgr.engine.loop import train
from kgr.engine.run import begin
from kgr.errors import ConfigError, TrainingError

BASE = {"batch": 8, "steps": 12, "lr": 0.05, "log_every": 3, "checkpoint_every": 4, "device": "cpu"}
CPU = torch.device("cpu")


class Line:
    """Fits a line with dropout; batch k is the same rows whatever the steps are made of."""

    def __init__(self, config, *, dropout=0.1, act=None):
        self.tables = {}
        torch.manual_seed(0)
        self.config, self.act = config, act or (lambda batch: None)
        self.module = nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3), nn.Dropout(dropout), nn.Linear(3, 1))
        self.module[0].bias.requires_grad_(False)
        self.module.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.types = set()

    def layout(self):
        return {"x": (np.float32, (self.config.batch, 4)), "y": (np.float32, (self.config.batch, 1))}

    def fill(self, fields, step):
        first = (step - 1) * self.config.batch
        for row in range(self.config.batch):
            fields["x"][row] = np.random.default_rng(first + row).normal(size=4)
        fields["y"][:] = fields["x"].sum(1, keepdims=True)

    def ids(self, slot):
        return {}

    def step(self, slot):
        self.act(slot.step)
        self.module.seen += 1
        found = self.module(slot.tensors["x"])
        self.types.add(found.dtype)
        return (found.float() - slot.tensors["y"]).square().mean()

    def describe(self, step):
        return ""

    def report(self):
        return {"seen": int(self.module.seen)}


def run_line(path, *, progress=None, **more):
    options = {name: more.pop(name) for name in ("dropout", "act") if name in more}
    config = make(DenseConfig, {**BASE, **more})
    task = Line(config, **options)
    with begin(path, task="line", store="nowhere", config=config, sections={}) as run:
        train(task, run, config, progress=progress)
    return task, run


def assert_equal(a, b):
    for (name, left), right in zip(a.module.state_dict().items(), b.module.state_dict().values(), strict=True):
        assert torch.equal(left, right), name


def losses_of(run):
    return [line["loss"] for line in run.metrics() if "loss" in line]


def test_accumulated_batches_are_one_large_batch(tmp_path):
    whole, a = run_line(tmp_path / "a", batch=24, dropout=0.0)
    parts, b = run_line(tmp_path / "b", batch=8, accumulate=3, dropout=0.0)
    assert int(whole.module.seen) == 12 and int(parts.module.seen) == 36
    assert losses_of(a) == pytest.approx(losses_of(b), rel=1e-5)
    for left, right in zip(whole.module.parameters(), parts.module.parameters(), strict=True):
        torch.testing.assert_close(left, right)


class Stop(Exception):
    pass


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "adagrad"])
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, optimizer):
    settings = {"optimizer": optimizer, "accumulate": 3, "schedule": "linear", "warmup": 2, "clip": 0.5}

    def stop(report):
        if report.step == 6 and report.loss is not None:
            raise Stop

    whole, a = run_line(tmp_path / "a", **settings)
    with pytest.raises(Stop):
        run_line(tmp_path / "b", progress=stop, **settings)
    resumed, b = run_line(tmp_path / "b", threads=2, slots=2, **settings)
    assert_equal(whole, resumed)
    assert losses_of(a) == losses_of(b)


def test_a_step_that_ctrl_c_cuts_short_is_made_anew(tmp_path):
    def interrupt(batch):
        if batch == 14:  # the second of the three of step 5
            os.kill(os.getpid(), signal.SIGINT)

    whole, _ = run_line(tmp_path / "a", accumulate=3)
    with pytest.raises(KeyboardInterrupt):
        run_line(tmp_path / "b", accumulate=3, act=interrupt)
    assert (tmp_path / "b" / "checkpoints" / "4").is_dir()
    assert not (tmp_path / "b" / "checkpoints" / "5").exists()
    resumed, run = run_line(tmp_path / "b", accumulate=3)
    assert_equal(whole, resumed)
    assert int(resumed.module.seen) == 36 and run.metrics()[-1]["seen"] == 36


def test_ctrl_c_in_the_first_batch_of_a_step_keeps_the_steps_since_the_last_checkpoint(tmp_path):
    def interrupt(batch):
        if batch == 19:  # the first of step 7; the newest checkpoint is of step 4
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_line(tmp_path, accumulate=3, act=interrupt)
    assert (tmp_path / "checkpoints" / "6").is_dir()


def test_matrices_alone_decay():
    module = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.Embedding(5, 4))
    before = {name: parameter.detach().clone() for name, parameter in module.named_parameters()}
    dense = Dense(module, make(DenseConfig, {"lr": 0.5, "weight_decay": 0.1}), CPU)
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    dense.move(0.5)
    for name, parameter in module.named_parameters():
        share = 0.95 if name in ("0.weight", "2.weight") else 1.0
        torch.testing.assert_close(parameter.detach(), share * before[name])


def test_what_needs_no_gradient_stays(tmp_path):
    task, _ = run_line(tmp_path)
    fresh = Line(task.config)
    assert torch.equal(task.module[0].bias, fresh.module[0].bias)
    assert not torch.equal(task.module[0].weight, fresh.module[0].weight)


def test_clip_shortens_a_long_gradient_and_leaves_a_short_one():
    for length, moved in ((10.0, 1.0), (0.5, 0.5)):
        module = nn.Linear(2, 1, bias=False)
        dense = Dense(module, make(DenseConfig, {"optimizer": "adam", "clip": 1.0}), CPU)
        given = {}
        dense.optimizer.step = lambda given=given, weight=module.weight: given.update(norm=float(weight.grad.norm()))
        module.weight.grad = torch.tensor([[0.0, length]])
        dense.move(0.1)
        assert given["norm"] == pytest.approx(moved, rel=1e-4) and module.weight.grad is None


def test_autocast_computes_in_bfloat16_and_keeps_parameters(tmp_path):
    task, run = run_line(tmp_path / "a", autocast="bfloat16")
    assert task.types == {torch.bfloat16}
    assert {parameter.dtype for parameter in task.module.parameters()} == {torch.float32}
    exact, other = run_line(tmp_path / "b")
    assert exact.types == {torch.float32}
    assert losses_of(run) == pytest.approx(losses_of(other), rel=0.1) and losses_of(run) != losses_of(other)


def without_memory_on_the_cpu():
    with pytest.raises(RuntimeError) as told:
        torch.empty(1 << 60, dtype=torch.uint8)
    return told.value


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("Tried to allocate 2 GiB"), without_memory_on_the_cpu()])
def test_out_of_memory_says_what_to_do(tmp_path, error):
    def act(batch):
        raise error

    with pytest.raises(TrainingError, match=r"batch 1: cpu has too little memory for 8 at once.* greater accumulate"):
        run_line(tmp_path, act=act)


def test_weight_decay_of_another_optimizer_is_refused():
    with pytest.raises(ConfigError, match="weight_decay is not read by optimizer adam"):
        make(DenseConfig, {"optimizer": "adam", "weight_decay": 0.1})


def test_other_trainings_have_the_plainest_settings():
    plain = dense_of(make(TrainConfig, {"optimizer": "adagrad", "lr": 0.3, "precision": "medium"}))
    assert (plain.optimizer, plain.lr, plain.precision) == ("adagrad", 0.3, "medium")
    assert (plain.accumulate, plain.clip, plain.autocast) == (1, None, "none")
    own = make(DenseConfig, {"accumulate": 4})
    assert dense_of(own) is own and dataclasses.replace(own, clip=1.0).accumulate == 4
