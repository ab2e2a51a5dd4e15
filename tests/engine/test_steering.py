import random

import pytest
import torch

from kgr._config import make
from kgr.engine.config import TrainConfig, check_steering, differences, learning_rate
from kgr.engine.steering import best, reductions, waited
from kgr.errors import ConfigError


def history_of(*figures):
    return [(10 * number, figure) for number, figure in enumerate(figures, 1)]


@pytest.mark.parametrize("patience", [0, 1, 2, 5])
def test_reductions_equal_those_of_torch(patience):
    draw, seen = random.Random(patience), set()
    for _ in range(30):
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
        peer = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", factor=0.5, patience=patience)
        figures = []
        for _ in range(25):
            figures.append(draw.choice([0, 0.1, 0.2, 0.200001, 0.3, draw.random()]))
            peer.step(figures[-1])
            found = reductions(history_of(*figures), patience)
            assert 0.5**found == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-8)
            seen.add(found)
    assert len(seen) > 3


def test_evaluations_waited_since_the_last_better_one():
    assert waited([]) == 0
    assert waited(history_of(0.0)) == 0
    assert waited(history_of(0.2, 0.2, 0.1, 0.20001)) == 3
    assert waited(history_of(0.2, 0.1, 0.20003)) == 0


def test_the_best_is_the_highest_and_the_first_of_equals():
    assert best([]) is None
    assert best(history_of(0.2, 0.3, 0.1, 0.3)) == 20
    assert best(history_of(0.2, 0.200001)) == 20  # not better by the threshold, and higher all the same


def test_the_rate_of_a_step_counts_the_evaluations_before_it():
    config = make(
        TrainConfig,
        {"lr": 1.0, "steps": 99, "schedule": "plateau", "plateau_factor": 0.5, "plateau_patience": 1, "warmup": 4},
    )
    history = history_of(0.3, 0.1, 0.1, 0.1, 0.1)
    rates = {step: learning_rate(config, step, history) for step in (2, 10, 30, 31, 50, 51, 99)}
    assert rates == {2: 0.5, 10: 1.0, 30: 1.0, 31: 0.5, 50: 0.5, 51: 0.25, 99: 0.25}


@pytest.mark.parametrize("given", [{"schedule": "plateau"}, {"early_stop": 3}, {"keep_best": True}])
def test_steering_needs_evaluations_and_their_cadence_stays(given):
    config = make(TrainConfig, given)
    with pytest.raises(ConfigError, match="eval_every is 0"):
        check_steering(config)
    config = make(TrainConfig, {**given, "eval_every": 5})
    check_steering(config)
    assert differences({**given, "eval_every": 5}, config) == []
    assert differences({**given, "eval_every": 4}, config) == ["eval_every was 4, now 5"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"keep_best": True, "eval_every": 100, "steps": 12}, "eval_every is 100, but training ends after 12 steps"),
        ({"warmup": 100, "steps": 10, "schedule": "cosine"}, "warmup is 100, but training ends after 10 steps"),
    ],
)
def test_what_the_steps_end_before_is_told(given, told):
    with pytest.warns(UserWarning, match=told):
        check_steering(make(TrainConfig, given))
    check_steering(make(TrainConfig, {**given, "steps": 101}))


def test_what_the_schedule_does_not_read_is_refused():
    for name, value in {"plateau_factor": 0.5, "plateau_patience": 2}.items():
        with pytest.raises(ConfigError, match=f"{name} is not read by schedule cosine"):
            check_steering(make(TrainConfig, {"schedule": "cosine", name: value}))
    check_steering(make(TrainConfig, {"schedule": "cosine"}))
