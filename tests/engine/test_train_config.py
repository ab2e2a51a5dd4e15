import dataclasses
import subprocess
import sys

import pytest
from engine_toy import config_of

from kgr._config import make, settings
from kgr.engine.config import RESUMABLE, TrainConfig, differences, learning_rate
from kgr.engine.device import device_of
from kgr.errors import ConfigError
from kgr.multihop.config import MultihopConfig


def rates(**given):
    config = make(TrainConfig, {"steps": 10, "lr": 1.0, **given})
    return [learning_rate(config, step) for step in range(1, 11)]


def test_schedules():
    assert rates() == [1.0] * 10
    assert rates(schedule="step") == [1.0] * 5 + [0.2] * 5
    cosine = rates(schedule="cosine")
    assert cosine[0] == 1.0 and cosine[5] == pytest.approx(0.5) and 0 < cosine[9] < 0.03
    assert cosine == sorted(cosine, reverse=True)
    assert rates(schedule="linear") == pytest.approx([1 - step / 10 for step in range(10)])


def test_warmup_rises_to_the_rate_and_is_followed_by_the_schedule():
    assert rates(warmup=4)[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    warm = rates(warmup=4, schedule="cosine")
    assert warm[4] == 1.0 and warm[7] == pytest.approx(0.5)
    assert rates(warmup=20)[9] == 0.5


@pytest.mark.parametrize(
    ("name", "value"),
    [("batch", 0), ("steps", 0), ("lr", -1.0), ("schedule", "square"), ("optimizer", "sgd"), ("threads", 0)],
)
def test_values_out_of_range_are_refused_by_name(name, value):
    with pytest.raises(ConfigError, match=name):
        make(TrainConfig, {name: value})


def test_differences_name_what_may_not_differ():
    old = dataclasses.asdict(config_of(steps=10))
    assert differences(old, config_of(steps=20, threads=3, slots=1, minutes=2.0, log_every=5)) == []
    assert differences(old, config_of(steps=9)) == ["steps was 10, now 9 (may only grow)"]
    found = differences(old, config_of(steps=10, lr=0.5, weights={"a": 2}, label="x"))
    assert [line.split()[0] for line in found] == ["lr", "weights", "label"]


def test_a_setting_absent_from_an_old_run_had_its_default():
    assert differences({"lr": 0.05, "batch": 32, "steps": 1}, config_of()) == []
    assert differences({"lr": 0.05, "batch": 32, "steps": 1}, config_of(noise=0.5)) == ["noise was 0.1, now 0.5"]


def test_every_resumable_name_is_a_setting():
    assert set(settings(MultihopConfig)) >= RESUMABLE


def test_devices():
    assert str(device_of("cpu")) == "cpu"
    for name in ("gpu", "cuda:x", "cuda:99", "cpu:1", ""):
        with pytest.raises(ConfigError, match="device"):
            device_of(name)


def test_settings_do_not_import_torch():
    code = "import sys, kgr.engine.config; sys.exit('torch' in sys.modules or 'numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
