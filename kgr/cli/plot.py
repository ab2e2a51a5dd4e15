"""``kgr plot``: what a run reported, as a picture."""

from __future__ import annotations

from pathlib import Path

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.terminal import print_json


@click.command()
@click.argument("run")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.png",
    help="the picture  [default: plot.png in the run folder]",
)
@json_option
@traceback_option
def plot(run: str, out: Path | None, as_json: bool) -> None:
    """Draw loss, rate and evaluations of a run as a picture.

    One PNG, SVG or PDF, as the name ends, which needs the extra plot. Over the steps: loss, rows per second, learning
    rate and what evaluations found. Beside them the last whole evaluation as bars: of query models by structure, with
    popularity.
    """
    from kgr.runs import load_run

    path = load_run(run).plot(out)
    if as_json:
        print_json({"plot": str(path)})
    else:
        click.echo(path)
