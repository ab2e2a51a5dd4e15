"""The same training with several seeds: what of a figure is the model's, and what is luck."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kgr.completion.run import CompletionRun, train_completion
from kgr.data.known import open_store
from kgr.data.training import evaluated_split
from kgr.errors import ConfigError, DataError
from kgr.index.store import Store


@dataclasses.dataclass(frozen=True)
class CompletionSeeds:
    """Runs that differ in their seed alone; made by :func:`train_completion_seeds`."""

    runs: tuple[CompletionRun, ...]
    split: str

    @property
    def metrics(self) -> dict[str, Any]:
        """``mean`` and ``sd`` of every figure of the runs' last evaluation, and ``runs``: the figures of each."""
        return self.summary(lambda run: run.metrics[self.split])

    def summary(self, of: Callable[[CompletionRun], Mapping[str, Any]]) -> dict[str, Any]:
        """Summarise any figures of the runs, for instance ``lambda run: run.evaluate("valid")``.

        Returns
        -------
        dict
            ``mean`` and ``sd``, the standard deviation of a sample, by name of each figure that every run has a
            number of; ``runs``: for each, its folder ``run``, its ``seed`` and its own figures.
        """
        own = [_figures(of(run)) for run in self.runs]
        shared = [name for name in own[0] if all(name in figures for figures in own)]
        return {
            "split": self.split,
            "mean": {name: statistics.fmean(figures[name] for figures in own) for name in shared},
            "sd": {name: statistics.stdev(figures[name] for figures in own) for name in shared},
            "runs": [
                {"run": str(run.path), "seed": run.config.seed, **figures}
                for run, figures in zip(self.runs, own, strict=True)
            ],
        }


def _figures(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: value for name, value in metrics.items() if isinstance(value, int | float) and not isinstance(value, bool)
    }


def train_completion_seeds(
    store: Store | str | Path,
    *,
    out: str | Path,
    seeds: int | Sequence[int] = 3,
    message: Callable[[str], None] | None = None,
    **settings: Any,
) -> CompletionSeeds:
    """Train a link model once for each seed, in ``out/seed-<seed>``, and evaluate each run.

    What a run selects (its rate, its end, its best weights) it selects on valid alone; test is evaluated once.
    Each run is taken up where it was, so the same call goes on after an interruption.

    Parameters
    ----------
    seeds : int or sequence of int
        So many, from 0, or these; at least two.
    **settings
        Of :func:`kgr.completion.run.train_completion`, but for ``seed``.

    Raises
    ------
    ConfigError
        Fewer than two seeds, one twice, or ``seed`` given beside them.
    DataError
        The store holds nothing out, so there is nothing to compare.
    """
    chosen = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    if len(chosen) < 2 or len(set(chosen)) < len(chosen):
        raise ConfigError(f"seeds is {seeds!r}, expected at least two different ones")
    if settings.get("seed") is not None:
        raise ConfigError(f"seed is {settings['seed']!r} beside seeds: give one of both")
    opened = open_store(store, message=message)
    split = evaluated_split(opened)
    if split is None:
        raise DataError(f"{opened.path}: no valid or test triples, so runs of several seeds cannot be compared")
    runs = []
    for seed in chosen:
        folder = Path(out) / f"seed-{seed}"
        if message:
            message(f"seed {seed}: {folder}")
        runs.append(train_completion(store, out=folder, message=message, **(settings | {"seed": seed})))
    return CompletionSeeds(tuple(runs), split)
