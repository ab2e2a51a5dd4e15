"""What is drawn of a run."""

import sys

import pytest
from engine_toy import SECTIONS, config_of, run_toy

from kgr.engine import curves
from kgr.engine.run import begin, begin_fit
from kgr.errors import ConfigError

PNG = b"\x89PNG\r\n\x1a\n"


def lines_in(axes):
    return {line.get_label(): list(zip(*line.get_data(), strict=True)) for line in axes.get_lines()}


def seen_and_norm(metrics):
    return {"norm": metrics["norm"], "seen": metrics["seen"] if metrics["seen"] > 500 else None}


def test_the_curves_are_those_of_metrics(tmp_path, drawn):
    _, run = run_toy(tmp_path, eval_every=10)
    run.record_evaluation(40, "test", {"left": {"a": 0.5, "b": None}, "right": {"b": 0.25}})
    kinds = {"left": lambda metrics: metrics["left"], "right": lambda metrics: metrics["right"]}
    panels = [*curves.training_curves(run, {"Norm": seen_and_norm}), *curves.evaluation_bars(run, "Sides", kinds)]
    path = curves.plot(run, None, iter(panels))
    assert path == tmp_path / "plot.png" and path.read_bytes().startswith(PNG)
    axes = {each.get_title(): each for each in drawn[0].axes}
    steps = [line for line in run.metrics() if "loss" in line]
    during = [line for line in run.metrics() if line.get("split") == "valid"]
    assert len(steps) == 6 and len(during) == 4
    for title, name in (("Loss", "loss"), ("Rows per second", "rate"), ("Learning rate", "lr")):
        assert lines_in(axes[title]) == {name: [(line["step"], line[name]) for line in steps]}
    assert lines_in(axes["Norm, on valid"]) == {
        "norm": [(line["step"], line["metrics"]["norm"]) for line in during],
        "seen": [(line["step"], line["metrics"]["seen"]) for line in during if line["metrics"]["seen"] > 500],
    }
    bars = axes["Sides, on test"]
    assert [[bar.get_height() for bar in kind] for kind in bars.containers] == [[0.5], [0.25]]
    assert [text.get_text() for text in bars.get_xticklabels()] == ["a", "b"]
    centres = [kind[0].get_center()[0] for kind in bars.containers]
    assert centres == pytest.approx([-0.2, 1.2])  # of a's first bar and b's second
    assert not drawn[0].axes[-1].axison and len(drawn[0].axes) == 6


def test_a_run_without_steps_has_its_evaluations_and_one_without_these_has_nothing(tmp_path, drawn):
    with begin(tmp_path / "a", task="toy", store="s", config=config_of(), sections=SECTIONS) as run:
        pass
    with pytest.raises(ConfigError, match="a: nothing to draw: no steps were reported, and no evaluation was"):
        curves.plot(run, None, curves.training_curves(run, {}))
    told = {"task": "fit", "store": "s", "config": config_of(), "settings": {}, "sections": SECTIONS}
    with begin_fit(tmp_path / "b", **told) as run:
        run.record_evaluation(0, "test", {"map": 0.5})
    panels = [*curves.training_curves(run, {}), *curves.evaluation_bars(run, "Fit", {"MAP": lambda metrics: metrics})]
    assert curves.plot(run, tmp_path / "other.png", iter(panels)).read_bytes().startswith(PNG)
    assert [axes.get_title() for axes in drawn[0].axes] == ["Fit, on test", ""]


def test_without_the_extra(tmp_path, monkeypatch):
    _, run = run_toy(tmp_path, steps=5)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError, match=r'pip install "kgr\[plot\]"'):
        curves.plot(run, None, curves.training_curves(run, {}))
