"""``kgr train-multihop``, ``evaluate-multihop`` and ``answer``: query models."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.settings import given
from kgr.cli.terminal import Bars, print_json, print_metrics, say
from kgr.cli.training import training, training_options
from kgr.multihop.config import MultihopConfig

if TYPE_CHECKING:
    from kgr.multihop.run import MultihopRun

# torch is imported by what runs, not by what shows help


@click.command("train-multihop")
@click.argument("store")
@training_options(MultihopConfig)
def train_multihop(store: str, out: Path, config: str | None, as_json: bool, **settings: Any) -> None:
    """Train a model of multi-hop queries on a store, then evaluate it.

    A known data set may have a recipe: its settings stand where no option is given, instead of the
    defaults below. After Ctrl-C the same command goes on from the last checkpoint.

    Several processes share the work: torchrun --nproc-per-node 2 -m kgr train-multihop STORE --out RUN
    """
    from kgr.engine.processes import leads
    from kgr.multihop.run import train_multihop

    with training(store, "queries") as bars:
        run = train_multihop(
            store,
            out=out,
            config=config,
            progress=bars.train,
            evaluating=bars.evaluate,
            message=say,
            **given(settings),
        )
    if not leads():
        return
    metrics = next((run.metrics[split] for split in ("test", "valid") if split in run.metrics), None)
    if as_json:
        print_json({**(metrics or _NO_METRICS), "run": str(out), **bars.spent})
    else:
        _tell(run, store, metrics)


_NO_METRICS: dict[str, Any] = {"split": None, "structures": {}, "avg_p": None, "avg_n": None}


def _tell(run: MultihopRun, store: str, metrics: dict[str, Any] | None) -> None:
    """Print the metrics, the data set's questions with the run's answers, and what to try next."""
    from kgr.cli import questions
    from kgr.show.multihop import metrics_table

    parts = [metrics_table(metrics)] if metrics else []
    asked = questions.read(run.store.name)
    parts += questions.answered(run, asked)
    parts.append(questions.next_commands(run, store, asked))
    click.echo("\n\n".join(parts))


@click.command("evaluate-multihop")
@click.argument("run")
@click.option("--split", help="valid or test  [default: test, or valid where there is no test split]")
@click.option("--queries", help="file of `kgr sample`, or name of a set in the store  [default: drawn from the store]")
@click.option("--hard", is_flag=True, help="rank only answers of which no derivation uses a known link")
@click.option("--skip-unseen", is_flag=True, help="leave out what asks of entities that train does not have")
@click.option(
    "--candidates",
    type=click.IntRange(min=1),
    help="rank among so many entities drawn for each query, not among all: faster on large graphs, but biased",
)
@json_option
@traceback_option
def evaluate_multihop(run: str, as_json: bool, **choices: Any) -> None:
    """Evaluate a trained query model."""
    from kgr.show.multihop import metrics_table

    with Bars() as bars:
        metrics = _load(run).evaluate(**choices, progress=bars.evaluate)
    print_metrics(metrics, metrics_table, as_json)


@click.command()
@click.argument("run")
@click.argument("structure")
@click.argument("keys", nargs=-1)
@click.option("-k", default=10, type=click.IntRange(min=1), help="answers wanted  [default: 10]")
@click.option("--language", default="en", help="of the labels  [default: en]")
@json_option
@traceback_option
def answer(run: str, structure: str, keys: tuple[str, ...], k: int, language: str, as_json: bool) -> None:
    """Answer a query with a trained query model.

    STRUCTURE is one of 1p 2p 3p 2i 3i pi ip 2in 3in inp pin pni 2u up, or a word over A P N I U. KEYS are
    its entities and relations in word order; ^ before a relation follows it backward:

    \b
        kgr answer RUN 2i territory:ES borders territory:FR borders
    """
    from kgr.show.multihop import answers_table
    from kgr.show.words import query_in_words

    loaded = _load(run)
    answers = loaded.answer(structure, keys, k=k, language=language)
    if as_json:
        print_json(dataclasses.asdict(answers))
        return
    words = query_in_words(loaded.store, structure, keys, language)
    click.echo(f"{answers.structure}: {words}\n\n{answers_table(answers)}")


def _load(path: str) -> MultihopRun:
    from kgr.engine.run import Run
    from kgr.multihop.run import load_multihop

    return load_multihop(Run.open(path))
