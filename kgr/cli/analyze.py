"""``kgr analyze``: relation patterns and path rules of a graph."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from kgr._plots import check_plots
from kgr.cli.base import json_option, traceback_option
from kgr.cli.look import opened
from kgr.cli.settings import given, options
from kgr.cli.terminal import print_json, say
from kgr.data.analysis import analyze as find
from kgr.graph.rules import RuleLimits
from kgr.show.analysis import analysis_in_words
from kgr.show.plot import plot_analysis


@click.command()
@click.argument("store")
@click.option("--splits", help="whose triples, together  [default: train,valid,test]")
@options(RuleLimits)
@click.option("--language", default="en", help="of the labels  [default: en]")
@click.option("--top", type=click.IntRange(min=1), default=20, help="rows of each table  [default: 20]")
@click.option(
    "--out",
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.png",
    help="draw a figure too; needs the extra plot",
)
@json_option
@traceback_option
def analyze(
    store: str, splits: str | None, language: str, top: int, out: Path | None, as_json: bool, **limits: Any
) -> None:
    """Find the patterns of a store's relations, and rules of paths.

    Which relations are symmetric, inverse to each other, one to many; who is at their ends; and which follow
    from two or three others in a row, with AMIE's numbers. Bodies go forward; each follows at most
    --max-walks edges in a step, so the work is at most that times the number of bodies. Of a length with
    more than --max-rules rules none is kept, nor of longer ones: the table, and lengths_left_out in the JSON,
    say so.
    """
    if out is not None:
        check_plots(out)
    names = [name.strip() for name in splits.split(",")] if splits is not None else None
    found = find(opened(store), splits=names, language=language, **given(limits))
    if as_json:
        print_json(dataclasses.asdict(found))
    else:
        click.echo(analysis_in_words(found, top))
    if out is not None:
        plot_analysis(found, out)
        say(f"{out}: drawn")
