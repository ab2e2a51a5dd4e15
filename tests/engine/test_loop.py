import os
import signal
import threading
import time

import pytest
import torch
from engine_toy import BASE, Toy, assert_same, config_of, lines_of, losses_of, run_toy

from kgr.engine.losses import HELD, Losses
from kgr.errors import ConfigError, TrainingError


class Stop(Exception):
    pass


def raise_at(step, error):
    def progress(report):
        if report.step == step and report.loss is not None:
            raise error

    return progress


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def test_the_loss_falls_and_metrics_are_written(tmp_path):
    reports = []
    task, run = run_toy(tmp_path, progress=reports.append, steps=300, eval_every=100)
    lines = [line for line in run.metrics() if "loss" in line]
    assert [line["step"] for line in lines] == [*range(7, 300, 7), 300]
    assert lines[-1]["loss"] < 0.8 * lines[0]["loss"]
    assert lines[-1].keys() == {"step", "loss", "lr", "rate", "seconds", "cpu_seconds", "stage_seconds", "seen"}
    spent = lines[1]["seconds"] - lines[0]["seconds"]
    assert lines[1]["rate"] * spent == pytest.approx(7 * BASE["batch"])
    assert 0 < lines[0]["seconds"] < lines[-1]["seconds"] and lines[-1]["cpu_seconds"] > 0
    evaluations = [line for line in run.metrics() if "split" in line]
    assert [line["step"] for line in evaluations] == [100, 200, 300]
    assert evaluations[0]["metrics"].keys() == {"split", "norm", "seen"} and evaluations[0]["split"] == "valid"
    assert task.evaluations == 3 and int(task.module.seen) == evaluations[-1]["metrics"]["seen"]
    assert reports[0].step == 0 and reports[0].loss is None
    assert reports[-1].step == reports[-1].steps == 300
    assert all(report.rate > 0 for report in reports if report.loss is not None)
    assert [report.step for report in reports if report.metrics] == [100, 200, 300]


@pytest.mark.parametrize("table", ["device", "host"])
def test_metrics_say_how_long_each_stage_was_at_work_and_waited(tmp_path, table):
    class Slow(Toy):
        def fill(self, fields, step):
            time.sleep(0.004)
            super().fill(fields, step)

        def step(self, slot):
            time.sleep(0.002)
            return super().step(slot)

    _, run = run_toy(tmp_path, task=Slow(config_of(table=table, threads=2)), table=table, threads=2, log_every=20)
    first, last = (line for line in run.metrics() if "loss" in line)
    for since, line in ((0, first), (first["seconds"], last)):
        stages = line["stage_seconds"]
        assert list(stages) == ["sample", "gather", "compute", "write"]
        assert stages["sample"]["busy"] >= 16 * 0.004 and stages["compute"]["busy"] >= 20 * 0.002
        trainer = stages["compute"]["busy"] + stages["compute"]["wait"] + stages["gather"]["wait"]
        assert 0 < trainer <= line["seconds"] - since
        for stage in ("gather", "write"):
            assert (stages[stage]["busy"] > 0) == (table == "host")


@pytest.mark.parametrize("optimizer", ["adam", "adagrad"])
def test_slots_threads_cadences_and_evaluations_do_not_change_a_run(tmp_path, optimizer):
    one, a = run_toy(tmp_path / "a", slots=1, threads=1, optimizer=optimizer)
    many, b = run_toy(tmp_path / "b", slots=4, threads=3, optimizer=optimizer, eval_every=3, checkpoint_every=4)
    assert_same(one, many)
    assert losses_of(a) == losses_of(b)


def test_the_callers_generator_is_left_alone_and_has_no_influence(tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    a, config = Toy(config_of()), config_of()
    torch.manual_seed(5)
    run_toy(tmp_path / "a", task=a)
    assert torch.equal(torch.rand(3), expected)
    b = Toy(config)
    torch.manual_seed(99)
    run_toy(tmp_path / "b", task=b)
    assert_same(a, b)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, schedule):
    settings = {"schedule": schedule, "warmup": 5, "eval_every": 8}
    whole, a = run_toy(tmp_path / "a", **settings)
    for at in (14, 28):  # between a checkpoint and the next line: both sessions' losses are in one mean
        with pytest.raises(Stop):
            run_toy(tmp_path / "b", progress=raise_at(at, Stop), **settings)
    resumed, b = run_toy(tmp_path / "b", threads=2, slots=3, **settings)
    assert_same(whole, resumed)
    assert lines_of(a) == lines_of(b)


def test_dense_optimiser_state_is_resumed(tmp_path):
    """The parameters' moments decide the next step, so one more step tells."""
    whole, _ = run_toy(tmp_path / "a", steps=11)
    run_toy(tmp_path / "b", steps=10)
    grown, _ = run_toy(tmp_path / "b", steps=11)
    assert_same(whole, grown)


def test_steps_may_grow(tmp_path):
    whole, a = run_toy(tmp_path / "a", steps=35, checkpoint_every=7)
    run_toy(tmp_path / "b", steps=21, checkpoint_every=7)
    grown, b = run_toy(tmp_path / "b", steps=35)
    assert_same(whole, grown)
    assert losses_of(a) == losses_of(b)


def test_a_finished_run_is_left_as_it_is(tmp_path):
    task, run = run_toy(tmp_path)
    lines = (tmp_path / "metrics.jsonl").read_bytes()
    again, _ = run_toy(tmp_path)
    assert_same(task, again)
    assert (tmp_path / "metrics.jsonl").read_bytes() == lines
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["30", "40"]


def test_time_spent_goes_on_over_sessions(tmp_path):
    run_toy(tmp_path, steps=10)
    first = run_toy(tmp_path, steps=10)[1].metrics()[-1]
    last = run_toy(tmp_path, steps=90, checkpoint_every=50)[1].metrics()[-1]
    assert last["seconds"] > first["seconds"] > 0
    seconds = [line["seconds"] for line in run_toy(tmp_path, steps=90, checkpoint_every=50)[1].metrics()]
    assert seconds == sorted(seconds)


def test_evaluation_does_not_count_as_training(tmp_path):
    class Slow(Toy):
        def evaluate(self, split):
            threading.Event().wait(0.3)
            return {"norm": 1.0}

    _, run = run_toy(tmp_path, task=Slow(config_of()), steps=10, eval_every=5)
    assert run.metrics()[-1]["seconds"] < 0.5


def test_minutes_end_the_training_with_a_checkpoint(tmp_path):
    reports = []
    run_toy(tmp_path, steps=10**6, minutes=0.003, progress=reports.append, log_every=10**6)
    step = reports[-1].step
    assert 1 <= step < 10**6 and reports[-1].seconds >= 0.18
    assert (tmp_path / "checkpoints" / str(step)).is_dir()
    again = []
    run_toy(tmp_path, steps=10**6, minutes=0.003, progress=again.append)
    assert again[-1].step == step
    run_toy(tmp_path, steps=10**6, minutes=(reports[-1].seconds + 0.2) / 60, progress=again.append)
    assert again[-1].step > step


def test_keyboard_interrupt_from_the_callback_leaves_a_checkpoint(tmp_path):
    whole, a = run_toy(tmp_path / "a")
    with pytest.raises(KeyboardInterrupt):
        run_toy(tmp_path / "b", progress=raise_at(14, KeyboardInterrupt))
    assert (tmp_path / "b" / "checkpoints" / "14").is_dir()
    resumed, b = run_toy(tmp_path / "b")
    assert_same(whole, resumed)
    assert losses_of(a) == losses_of(b)


@pytest.mark.parametrize("place", ["step", "progress"])
def test_a_signal_ends_the_training_after_the_present_step(tmp_path, place):
    class Interrupted(Toy):
        def step(self, slot):
            if place == "step" and slot.step == 14:
                os.kill(os.getpid(), signal.SIGINT)
            return super().step(slot)

    def progress(report):
        if place == "progress" and report.step == 14:
            os.kill(os.getpid(), signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run_toy(tmp_path / "b", task=Interrupted(config_of()), progress=progress)
    assert signal.getsignal(signal.SIGINT) is handler
    assert (tmp_path / "b" / "checkpoints" / "14").is_dir()
    resumed, b = run_toy(tmp_path / "b")
    whole, a = run_toy(tmp_path / "a")
    assert_same(whole, resumed)
    assert losses_of(a) == losses_of(b)


def test_a_second_signal_ends_it_at_once(tmp_path):
    class Twice(Toy):
        def step(self, slot):
            if slot.step == 14:
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGINT)
            return super().step(slot)

    with pytest.raises(KeyboardInterrupt):
        run_toy(tmp_path, task=Twice(config_of()))
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["10"]


def test_a_signal_in_an_evaluation_is_raised_there_and_the_evaluation_made_up_for(tmp_path):
    class Interrupted(Toy):
        def evaluate(self, split):
            os.kill(os.getpid(), signal.SIGINT)
            pytest.fail("went on")

    with pytest.raises(KeyboardInterrupt):
        run_toy(tmp_path / "b", task=Interrupted(config_of(eval_every=20)), eval_every=20)
    assert (tmp_path / "b" / "checkpoints" / "20").is_dir()
    _, b = run_toy(tmp_path / "b", eval_every=20)
    _, a = run_toy(tmp_path / "a", eval_every=20)
    evaluations = [[line for line in run.metrics() if "split" in line] for run in (a, b)]
    assert evaluations[0] == evaluations[1] and len(evaluations[0]) == 2


def test_an_evaluation_that_fails_loses_no_step(tmp_path):
    class Broken(Toy):
        def evaluate(self, split):
            raise Stop

    with pytest.raises(Stop):
        run_toy(tmp_path / "b", task=Broken(config_of(eval_every=40)), eval_every=40)
    assert (tmp_path / "b" / "checkpoints" / "40").is_dir()
    _, b = run_toy(tmp_path / "b", eval_every=40)
    _, a = run_toy(tmp_path / "a", eval_every=40)
    assert lines_of(a) == lines_of(b) and any("split" in line for line in b.metrics())


def test_an_interruption_in_the_middle_of_an_update_writes_no_checkpoint(tmp_path):
    task = Toy(config_of())
    step = task.tables["right"].step

    def torn(lr):
        if task.tables["right"].steps == 13:
            raise KeyboardInterrupt
        step(lr)

    task.tables["right"].step = torn
    with pytest.raises(KeyboardInterrupt):
        run_toy(tmp_path, task=task)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["10"]


def test_a_loss_that_is_not_finite_names_its_step_and_leaves_the_last_good_checkpoint(tmp_path):
    class Bad(Toy):
        def step(self, slot):
            return super().step(slot) * (float("nan") if slot.step == 24 else 1)

    with pytest.raises(TrainingError, match=r"step 24, an even step: the loss is nan; .* the last checkpoint is kept"):
        run_toy(tmp_path / "b", task=Bad(config_of()), log_every=1000)
    assert sorted(path.name for path in (tmp_path / "b" / "checkpoints").iterdir()) == ["10", "20"]
    resumed, _ = run_toy(tmp_path / "b")
    assert_same(resumed, run_toy(tmp_path / "a")[0])


def test_an_error_in_fill_comes_through(tmp_path):
    class Broken(Toy):
        def fill(self, fields, step):
            if step == 13:
                raise Stop("in fill")
            super().fill(fields, step)

    with pytest.raises(Stop, match="in fill"):
        run_toy(tmp_path / "b", task=Broken(config_of()))
    resumed, _ = run_toy(tmp_path / "b")
    assert_same(resumed, run_toy(tmp_path / "a")[0])


@pytest.mark.parametrize("given", [{"batch": 10**13}, {"slots": 10**13}])
def test_batches_that_do_not_fit_are_refused_before_any_is_made(tmp_path, given):
    told = r"slots \d+ of batch \d+ need [\d,.]+ GiB, but this machine's memory has .* free: give a smaller batch,"
    with pytest.raises(ConfigError, match=told):
        run_toy(tmp_path, **given)


def test_losses_are_read_when_the_device_holds_too_many():
    losses = Losses(torch.device("cpu"), lambda step: "")
    for step in range(1, HELD + 6):
        losses.add(step, torch.tensor(float(step)))
    assert losses.count == HELD
    assert losses.mean() == (HELD + 6) / 2
    assert losses.mean() is None
    losses.add(HELD + 6, torch.tensor(float("inf")))
    with pytest.raises(TrainingError, match=f"step {HELD + 6}: the loss is inf"):
        losses.read()


def test_a_module_without_parameters(tmp_path):
    class Bare(Toy):
        def __init__(self, config):
            super().__init__(config)
            self.module = torch.nn.Identity()
            self.module.seen = 0

    whole, _ = run_toy(tmp_path / "a", task=Bare(config_of()))
    run_toy(tmp_path / "b", task=Bare(config_of()), steps=20)
    resumed, _ = run_toy(tmp_path / "b", task=Bare(config_of()))
    assert_same(whole, resumed)


def test_products_are_less_exact_only_in_steps(tmp_path):
    before, seen = torch.get_float32_matmul_precision(), []
    task = Toy(config_of(steps=3, eval_every=1, precision="medium"))
    step, evaluate = task.step, task.evaluate
    task.step = lambda slot: seen.append(("step", torch.get_float32_matmul_precision())) or step(slot)
    task.evaluate = lambda split: seen.append(("evaluate", torch.get_float32_matmul_precision())) or evaluate(split)
    run_toy(tmp_path, task=task, steps=3, eval_every=1, precision="medium")
    assert seen == [("step", "medium"), ("evaluate", before)] * 3
    assert torch.get_float32_matmul_precision() == before == "highest"
