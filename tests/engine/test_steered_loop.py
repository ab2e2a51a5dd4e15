"""Plateau, early stopping and keep-best in the loop: what evaluations decide, and that resuming changes none of it."""

import errno

import pytest
from engine_toy import SECTIONS, Toy, assert_same, config_of, lines_of, run_toy

from kgr import _io
from kgr.engine.config import learning_rate
from kgr.engine.run import Run
from kgr.errors import ConfigError, FormatError, TrainingError

STEERED = {
    "schedule": "plateau",
    "plateau_factor": 0.5,
    "plateau_patience": 0,
    "early_stop": 4,
    "keep_best": True,
    "eval_every": 3,
    "steps": 60,
    "checkpoint_every": 5,
    "keep_checkpoints": 1,
}
FIGURES = (0.1, 0.3, 0.2, 0.4, 0.1, 0.2, 0.1, 0.3)
BEST, LAST = 12, 24  # the fourth evaluation, and the fourth without a better one


class Killed(Exception):
    pass


class Scripted(Toy):
    """Its figure goes by its weights: an evaluation that the whole run did not make has none."""

    def __init__(self, config, killed_at=None, where="step", error=Killed):
        super().__init__(config)
        self.killed_at, self.where, self.error = killed_at, where, error
        self._step = None

    def step(self, slot):
        self._step = slot.step
        if self.where == "step" and slot.step == self.killed_at:
            raise self.error
        return super().step(slot)

    def evaluate(self, split):
        if self.where == "evaluate" and self._step == self.killed_at:
            raise self.error
        return super().evaluate(split)

    def figure(self, metrics):
        return self.figures[round(metrics["norm"], 9)]

    figures: dict[float, float]


class Recording(Scripted):
    """The whole run: its evaluations get FIGURES, which others find by the same weights."""

    def __init__(self, config):
        super().__init__(config)
        self.figures = {}

    def figure(self, metrics):
        return self.figures.setdefault(round(metrics["norm"], 9), FIGURES[len(self.figures) % len(FIGURES)])


def train(path, progress=None, figures=None, killed_at=None, where="step", error=Killed, **settings):
    settings = {**STEERED, **settings}
    config = config_of(**settings)
    task = Recording(config) if figures is None else Scripted(config, killed_at, where, error)
    if figures is not None:
        task.figures = figures
    return run_toy(path, task=task, progress=progress, **settings)


def restored(path):
    fresh = Toy(config_of(seed=9))
    step = Run.open(path).restore(fresh.module, fresh.tables, SECTIONS)
    return step, fresh


def assert_same_weights(a, b):
    for name, tensor in a.module.state_dict().items():
        assert tensor.equal(b.module.state_dict()[name])
    for name, table in a.tables.items():
        assert table.weight.equal(b.tables[name].weight)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path, reports = tmp_path_factory.mktemp("whole"), []
    task, run = train(path, reports.append)
    return path, task, run, reports


def test_it_ends_early_and_tells_why(whole):
    _, _, run, reports = whole
    assert (reports[-1].step, reports[-1].best, reports[-1].ended) == (LAST, BEST, "early stop")
    assert [report.best for report in reports if report.metrics] == [3, 6, 6, 12, 12, 12, 12, 12]
    assert {report.ended for report in reports[:-1]} == {None}
    assert [line["step"] for line in run.metrics() if "loss" in line] == [7, 14, 21, LAST]


def test_the_rate_follows_the_evaluations(whole):
    _, _, run, _ = whole
    # not better: the third evaluation (step 9), then the fifth to the eighth
    rates = {line["step"]: line["lr"] for line in run.metrics() if "lr" in line}
    assert rates == {7: 0.05, 14: 0.025, 21: 0.05 / 2**3, LAST: 0.05 / 2**4}


def test_the_weights_are_those_of_the_best_evaluation(whole, tmp_path):
    path, task, run, _ = whole
    # the best one is beside the newest, though only one is kept
    assert sorted(each.name for each in run.checkpoints.iterdir()) == [str(BEST), str(LAST)]
    step, fresh = restored(path)
    assert step == BEST
    assert_same_weights(task, fresh)
    short, _ = train(tmp_path, steps=BEST, figures=task.figures, early_stop=0)
    assert_same_weights(task, short)
    assert run.checkpoint().step == LAST


@pytest.mark.parametrize("where", ["step", "evaluate"])
@pytest.mark.parametrize("error", [Killed, KeyboardInterrupt])
def test_killed_and_resumed_it_equals_the_whole_run(whole, tmp_path, where, error):
    _, task, run, _ = whole
    steps = [5, 6, 13, 15, 23] if where == "step" else [3, 12, 15, LAST]
    for at in steps:
        with pytest.raises(error):
            train(tmp_path, figures=task.figures, killed_at=at, where=where, error=error)
    reports = []
    resumed, again = train(tmp_path, reports.append, figures=task.figures, threads=2)
    assert_same(task, resumed)
    assert lines_of(again) == lines_of(run)
    assert (reports[-1].step, reports[-1].best, reports[-1].ended) == (LAST, BEST, "early stop")
    assert restored(tmp_path)[0] == BEST
    assert again.checkpoint().manifest["history"] == run.checkpoint().manifest["history"]


def test_killed_once_at_any_step_it_equals_the_whole_run(whole, tmp_path):
    _, task, run, _ = whole
    for at in (1, 4, 11, BEST, BEST + 1, LAST):
        with pytest.raises(Killed):
            train(tmp_path / str(at), figures=task.figures, killed_at=at)
        resumed, again = train(tmp_path / str(at), figures=task.figures)
        assert_same(task, resumed)
        assert lines_of(again) == lines_of(run)


def test_a_run_that_ended_early_is_over_at_once(whole, tmp_path):
    _, task, _, _ = whole
    train(tmp_path, figures=task.figures)
    lines, reports = (tmp_path / "metrics.jsonl").read_bytes(), []
    again, run = train(tmp_path, reports.append, figures=task.figures, steps=90)
    assert (again.evaluations, {report.step for report in reports}) == (0, {LAST})
    assert reports[-1].ended == "early stop"
    assert_same(task, again)
    assert (tmp_path / "metrics.jsonl").read_bytes() == lines
    assert sorted(each.name for each in run.checkpoints.iterdir()) == [str(BEST), str(LAST)]


def test_why_a_training_ended_otherwise(whole, tmp_path):
    reports = []
    train(tmp_path / "a", reports.append, steps=10)
    assert (reports[-1].step, reports[-1].ended) == (10, "steps")
    train(tmp_path / "b", reports.append, minutes=1e-9)
    assert (reports[-1].step, reports[-1].ended, reports[-1].best) == (1, "minutes", None)


def test_without_keep_best_the_weights_are_the_last(whole, tmp_path):
    _, task, _, _ = whole
    last, _ = train(tmp_path, figures=task.figures, keep_best=False)
    step, fresh = restored(tmp_path)
    assert step == LAST
    assert_same_weights(last, fresh)


def test_a_best_checkpoint_that_is_gone_is_missed_by_name(whole, tmp_path):
    _, task, _, _ = whole
    _, run = train(tmp_path, figures=task.figures)
    (run.checkpoints / str(BEST) / "manifest.json").unlink()
    with pytest.raises(FormatError, match=f"checkpoints/{BEST}/manifest.json"):
        restored(tmp_path)


def test_a_full_disk_refuses_the_best_and_the_same_command_goes_on(whole, tmp_path, monkeypatch):
    _, task, _, _ = whole

    def full(folder):
        raise OSError(errno.ENOSPC, "No space left on device", str(folder))

    with monkeypatch.context() as patch, pytest.raises(TrainingError, match="no checkpoint of step 3; make room"):
        patch.setattr(_io, "_sync_tree", full)
        train(tmp_path, figures=task.figures)
    assert_same(task, train(tmp_path, figures=task.figures)[0])


def test_a_figure_that_is_not_finite_is_refused(tmp_path):
    class Lost(Toy):
        def figure(self, metrics):
            return float("nan")

    with pytest.raises(TrainingError, match="step 3: the evaluation's figure is nan"):
        run_toy(tmp_path, task=Lost(config_of()), eval_every=3)


def test_evaluations_that_steer_need_their_cadence(whole, tmp_path):
    with pytest.raises(ConfigError, match="eval_every is 0"):
        train(tmp_path, eval_every=0)
    assert not (tmp_path / "config.toml").exists()
    train(tmp_path, steps=3)
    with pytest.raises(ConfigError, match="eval_every was 3, now 4"):
        train(tmp_path, steps=4, eval_every=4)


def test_the_rate_of_a_step_is_a_function_of_the_history(whole):
    _, _, run, _ = whole
    history, config = run.checkpoint().manifest["history"], config_of(**STEERED)
    assert [tuple(each) for each in history] == list(zip(range(3, LAST + 1, 3), FIGURES, strict=True))
    for line in run.metrics():
        if "lr" in line:
            assert learning_rate(config, line["step"], history) == line["lr"]
