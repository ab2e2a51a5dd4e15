"""``kgr train-sememes``, ``evaluate-sememes``, ``predict-sememes``, ``export-sememes`` and ``sememes``."""

from __future__ import annotations

import dataclasses
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.look import opened
from kgr.cli.settings import given, options
from kgr.cli.terminal import Bars, print_json, say
from kgr.sememe.config import SememeConfig

if TYPE_CHECKING:
    from kgr.sememe.run import SememeRun

_FILE = click.Path(path_type=Path, dir_okay=False)

_COMMAS = re.compile("[,，、；]")
"""What parts lemmas: a comma, and in Chinese also a full-width one, the enumeration comma and a semicolon."""


@click.command("train-sememes")
@click.argument("store")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="folder of the run")
@click.option("--config", help="file of settings, or the name of a recipe of the data set; options win over it")
@options(SememeConfig)
@json_option
@traceback_option
def train_sememes(store: str, out: Path, config: str | None, as_json: bool, **settings: Any) -> None:
    """Train a predictor of sememes on a store of synsets, then evaluate it.

    Sememes of train are learned from, all choices are made on valid. Texts of synsets come into a store by kgr add.
    """
    from kgr.sememe.train import train_sememes
    from kgr.show.sememes import metrics_table

    opened(store)  # built first, with bars
    began, spent = time.perf_counter(), time.process_time()
    with Bars() as bars:
        run = train_sememes(store, out=out, config=config, progress=bars.train, message=say, **given(settings))
    metrics = run.metrics.get("test")
    steps = bars.trained.step if bars.trained else 0  # of a link model; other methods are fitted at once
    taken = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - spent, "steps": steps}
    if as_json:
        print_json({**(metrics or {"split": None}), "run": str(out), **taken})
    elif metrics:
        click.echo(metrics_table(metrics))


@click.command("evaluate-sememes")
@click.argument("run")
@click.option("--split", help="train, valid or test  [default: test, or valid where test has no annotations]")
@json_option
@traceback_option
def evaluate_sememes(run: str, split: str | None, as_json: bool) -> None:
    """Evaluate a predictor of sememes.

    MAP is the mean average precision of the full ranking of sememes, F1 the mean over synsets of what the threshold
    keeps, which was tuned on valid. A synset is scored without its own annotation.
    """
    from kgr.show.sememes import metrics_table

    metrics = _loaded(run).evaluate(split)
    if as_json:
        print_json(metrics)
    else:
        click.echo(metrics_table(metrics))


@click.command("predict-sememes")
@click.argument("run")
@click.argument("synset", nargs=-1)
@click.option("--lemmas", default="", help="of a new synset, with commas between, Chinese ones too")
@click.option("--gloss", default="", help="of a new synset")
@click.option("--example", "examples", multiple=True, help="sentence with a new synset; may be given several times")
@click.option("--hypernym", "hypernyms", multiple=True, help="synset above a new one, by key; several times if need be")
@click.option("--pos", default="", help="part of speech of a new synset: n, v, a or r")
@click.option("-k", default=10, type=click.IntRange(min=1), help="sememes wanted  [default: 10]")
@click.option("--why/--no-why", default=True, help="say what spoke for the predicted sememes  [default: true]")
@click.option("--split", help="with --all: only synsets that are annotated in this split")
@click.option("--all", "every", is_flag=True, help="the full rankings of all synsets, into the file --out")
@click.option("--out", type=_FILE, help="with --all: file with lines of synset, sememe and score")
@json_option
@traceback_option
def predict_sememes(
    run: str,
    synset: tuple[str, ...],
    lemmas: str,
    k: int,
    why: bool,
    split: str | None,
    every: bool,
    out: Path | None,
    as_json: bool,
    **said: Any,
) -> None:
    """Predict the sememes of synsets of the store, of a new synset, or of all.

    \b
        kgr predict-sememes RUN bn:00000001n
        kgr predict-sememes RUN --lemmas "laptop, notebook computer" --gloss "a portable computer"
        kgr predict-sememes RUN --split test --all --out F.tsv
    """
    new = {"lemmas": tuple(part.strip() for part in _COMMAS.split(lemmas) if part.strip()), **said}
    if every != (out is not None) or (split and not every):
        raise click.UsageError("--split and --out are for --all, which needs --out")
    if sum((bool(synset), any(new.values()), every)) != 1:
        raise click.UsageError("give keys of synsets, or lemmas, a gloss or hypernyms of a new one, or --all")
    loaded = _loaded(run)
    if out is not None:
        from kgr.sememe.export import write_rankings

        count = write_rankings(loaded, out, split)
        say(f"{out}: {count:,} synsets")
        if as_json:
            print_json({"out": str(out), "synsets": count})
        return
    found = [loaded.predict(key, k=k, why=why) for key in synset] or [loaded.predict(**new, k=k, why=why)]
    if as_json:
        each = [dataclasses.asdict(one) for one in found]
        print_json(each[0] if len(each) == 1 else {"predictions": each})
        return
    from kgr.show.sememes import prediction_table

    click.echo("\n\n\n".join(map(prediction_table, found)))


@click.command("export-sememes")
@click.argument("run")
@click.option("--out", type=_FILE, help="file: a table (.tsv) or SKOS (.jsonld)")
@click.option("--split", help="only synsets annotated in this split  [default: all that are not annotated in train]")
@click.option("--add", "name", help="write them into the store, as triples of a split of this name")
@json_option
@traceback_option
def export_sememes(run: str, out: Path | None, split: str | None, name: str | None, as_json: bool) -> None:
    """Write predicted sememes to a file, or into the store.

    What comes of BabelSememe stays for non-commercial use; files say so. Triples in the store make sememes anchors of
    logical queries.
    """
    if (out is None) == (name is None) or (name and split):
        raise click.UsageError("give --out, perhaps with --split, or --add: one of both")
    loaded = _loaded(run)
    if out is not None:
        count = loaded.export(out, split=split)
        say(f"{out}: {count:,} synsets")
        told: dict[str, Any] = {"out": str(out), "synsets": count}
    else:
        store = loaded.add_to_store(str(name), message=say)
        told = {"store": str(store.path), "split": name, "triples": len(store.triples(str(name)))}
    if as_json:
        print_json(told)


@click.command("sememes")
@click.argument("store")
@click.argument("key")
@click.option("-k", default=10, type=click.IntRange(min=1), help="synsets wanted  [default: 10]")
@click.option("--language", default="en", help="of the labels  [default: en]")
@json_option
@traceback_option
def sememes(store: str, key: str, k: int, language: str, as_json: bool) -> None:
    """Look up the sememes of a synset, or the synsets of a sememe.

    KEY is that of a synset, or a sememe by key or name: bn:00000001n, "human|人", human, 人. Of a synset, those that
    are most alike by their sememes follow.
    """
    from kgr.sememe.lookup import sememes
    from kgr.show.sememes import found_table

    found = sememes(opened(store), key, k=k, language=language)
    if as_json:
        print_json(dataclasses.asdict(found))
    else:
        click.echo(found_table(found))


def _loaded(run: str) -> SememeRun:
    from kgr.engine.run import Run
    from kgr.sememe.run import load_sememes

    return load_sememes(Run.open(run))
