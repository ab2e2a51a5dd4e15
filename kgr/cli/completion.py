"""``kgr train-completion`` and ``evaluate-completion``: link predictors."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.settings import given
from kgr.cli.terminal import Bars, print_metrics, say
from kgr.cli.training import training, training_options
from kgr.completion.config import CompletionConfig

# torch is imported by what runs, not by what shows help


@click.command("train-completion")
@click.argument("store")
@click.option("--seeds", type=click.IntRange(min=2), help="so many runs, seeds from 0: mean and standard deviation")
@training_options(CompletionConfig)
def train_completion(
    store: str, out: Path, seeds: int | None, config: str | None, as_json: bool, **settings: Any
) -> None:
    """Train a link predictor on a store, then evaluate it.

    A known data set may have recipes: the settings of the default one, or of the one for --model, stand where no
    option is given, instead of the defaults below, which are those of complex. After Ctrl-C the same command goes on
    from the last checkpoint.
    """
    from kgr.completion.run import train_completion
    from kgr.completion.seeds import train_completion_seeds
    from kgr.show.completion import metrics_table
    from kgr.show.seeds import seeds_table

    with training(store, "queries") as bars:
        told = {"progress": bars.train, "evaluating": bars.evaluate, "message": say}
        chosen = {"out": out, "config": config, **told, **given(settings)}
        if seeds is not None:
            found = train_completion_seeds(store, seeds=seeds, **chosen).metrics
        else:
            run = train_completion(store, **chosen)
    if seeds is not None:
        print_metrics(found, seeds_table, as_json)
        return
    metrics = next((run.metrics[split] for split in ("test", "valid") if split in run.metrics), None)
    if metrics or as_json:
        print_metrics(metrics or {"split": None}, metrics_table, as_json, run=str(out), **bars.spent)


@click.command("evaluate-completion")
@click.argument("run")
@click.option("--split", help="train, valid or test  [default: test, or valid where there is no test split]")
@click.option("--limit", type=int, help="triples to rank, at most: drawn, always the same ones  [default: all]")
@click.option(
    "--rule-length",
    type=int,
    help="of the rules of train that tell compositional triples: 1 (none), 2 or 3  [default: 3, or 1 where train has "
    "more than 600,000 triples]",
)
@click.option("--top", type=click.IntRange(min=1), default=20, help="rows of the table of relations  [default: 20]")
@json_option
@traceback_option
def evaluate_completion(run: str, top: int, as_json: bool, **choices: Any) -> None:
    """Evaluate a trained link predictor.

    The tail and the head of every triple are ranked among all entities, other answers known in train, valid
    and test left out, ties counted as their mean rank. Beside it stands what popularity alone gives: ranks by
    how often a relation has an entity on that side in train. MR / chance is the mean rank by that of random
    order. A relation is N on a side where it has 1.5 or more entities there, on average, to one of the other.
    """
    from kgr.completion.run import load_completion
    from kgr.engine.run import Run
    from kgr.show.completion import metrics_table

    with Bars() as bars:
        metrics = load_completion(Run.open(run)).evaluate(**choices, progress=bars.evaluate)
    print_metrics(metrics, partial(metrics_table, most=top), as_json)
