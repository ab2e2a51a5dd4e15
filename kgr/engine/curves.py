"""What a run reported, as panels of curves over its steps and of bars, drawn as one picture with the extra ``plot``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kgr._plots import check_plots, save_figure
from kgr.engine.run import Run
from kgr.errors import ConfigError

Figures = Callable[[dict[str, Any]], Mapping[str, float | None]]
"""Returns figures by name of what an evaluation returned, None where it has none."""

_TRAINING = {"Loss": "loss", "Rows per second": "rate", "Learning rate": "lr"}
_COLUMNS = 2
_FEW = 50  # points that are marked


@dataclasses.dataclass(frozen=True)
class Curves:
    """Lines over steps: for each its steps and values."""

    title: str
    series: Mapping[str, tuple[Sequence[int], Sequence[float]]]

    def draw(self, axes: Any) -> None:
        """Draw them."""
        for name, (steps, values) in self.series.items():
            axes.plot(steps, values, label=name, marker="." if len(steps) <= _FEW else None)
        axes.set(title=self.title, xlabel="step")
        if len(self.series) > 1:
            axes.legend(fontsize="small", ncols=2)


@dataclasses.dataclass(frozen=True)
class Bars:
    """Bars side by side: for each of their kinds the values by category."""

    title: str
    series: Mapping[str, Mapping[str, float]]

    def draw(self, axes: Any) -> None:
        """Draw them."""
        categories = list(dict.fromkeys(name for own in self.series.values() for name in own))
        width = 0.8 / len(self.series)
        for number, (kind, own) in enumerate(self.series.items()):
            places = [categories.index(name) + (number + 0.5) * width - 0.4 for name in own]
            axes.bar(places, list(own.values()), width, label=kind)
        axes.set(title=self.title)
        axes.set_xticks(range(len(categories)), categories, rotation=30)
        axes.legend(fontsize="small")


Panel = Curves | Bars


def training_curves(run: Run, evaluated: Mapping[str, Figures]) -> Iterator[Panel]:
    """Yield what was reported over the steps: loss, rate, learning rate, and figures of the evaluations by title."""
    lines = run.metrics()
    for title, name in _TRAINING.items():
        yield _curves(title, ((line["step"], {name: line.get(name)}) for line in lines if "loss" in line))
    during = [line for line in lines if "metrics" in line and not line.get("whole")]
    for title, figures in evaluated.items():
        yield _curves(f"{title}, on valid", ((line["step"], figures(line["metrics"])) for line in during))


def evaluation_bars(run: Run, title: str, kinds: Mapping[str, Figures]) -> Iterator[Panel]:
    """Yield the figures of the last whole evaluation of each split, side by side for each kind."""
    for split, metrics in run.evaluations().items():
        found = {kind: _known(figures(metrics)) for kind, figures in kinds.items()}
        yield Bars(f"{title}, on {split}", {kind: own for kind, own in found.items() if own})


def plot(run: Run, path: str | Path | None, panels: Iterator[Panel]) -> Path:
    """Draw panels into a PNG, SVG or PDF, ``plot.png`` in the run folder by default; return its path.

    Raises
    ------
    ConfigError
        The extra ``plot`` is not installed; the path ends otherwise; there is nothing to draw.
    """
    out = run.path / "plot.png" if path is None else Path(path)
    check_plots(out)
    from matplotlib.figure import Figure

    drawn = [panel for panel in panels if panel.series]
    if not drawn:
        raise ConfigError(f"{run.path}: nothing to draw: no steps were reported, and no evaluation was")
    rows = -(-len(drawn) // _COLUMNS)
    figure = Figure(figsize=(14, 4 * rows), layout="constrained")
    places = figure.subplots(rows, _COLUMNS, squeeze=False).ravel().tolist()
    for axes, panel in zip(places, drawn, strict=False):
        panel.draw(axes)
    for axes in places[len(drawn) :]:
        axes.set_axis_off()
    save_figure(figure, out)
    return out


def _curves(title: str, points: Iterator[tuple[int, Mapping[str, float | None]]]) -> Curves:
    series: dict[str, tuple[list[int], list[float]]] = {}
    for step, figures in points:
        for name, value in _known(figures).items():
            steps, values = series.setdefault(name, ([], []))
            steps.append(step)
            values.append(value)
    return Curves(title, series)


def _known(figures: Mapping[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in figures.items() if value is not None}
