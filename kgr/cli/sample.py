"""``kgr sample``: queries with easy and hard answers."""

from __future__ import annotations

from pathlib import Path

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.look import opened
from kgr.cli.terminal import Bars, print_json, say
from kgr.query.keyed import write_queries
from kgr.query.program import LAWS
from kgr.query.sets import draw_queries
from kgr.query.words import STRUCTURES, parse
from kgr.show.table import table


@click.command()
@click.argument("store")
@click.option("--structures", default=",".join(STRUCTURES), help="names or words  [default: all fourteen]")
@click.option("--count", type=click.IntRange(min=1), default=1000, help="queries of each  [default: 1000]")
@click.option("--split", default="test", help="whose triples make the hard answers: valid or test  [default: test]")
@click.option("--seed", default=0, help="[default: 0]")
@click.option("--law", type=click.Choice(LAWS), default=LAWS[0], help=f"of the grounding  [default: {LAWS[0]}]")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="file of JSON lines")
@json_option
@traceback_option
def sample(store: str, structures: str, count: int, split: str, seed: int, law: str, out: Path, as_json: bool) -> None:
    """Draw queries with easy and hard answers from a store.

    Hard answers need a held-out edge, easy ones do not. The file has a JSON object a line,
    {"structure", "query", "easy", "hard"}, all by key: `kgr evaluate-multihop RUN --queries FILE` reads it.
    """
    names = [parse(name.strip()).name for name in structures.split(",")]
    source = opened(store)
    with Bars() as bars:
        drawn = draw_queries(source, names, count=count, split=split, law=law, seed=seed, progress=bars.sample)
    write_queries(out, source, drawn)
    for name, queries in drawn.queries.items():
        if len(queries) < count:
            say(f"{name}: {len(queries):,} queries where {count:,} were asked for: this graph gave no more")
    found = [(name, len(own), len(own.easy.values), len(own.hard.values)) for name, own in drawn.queries.items()]
    if as_json:
        counts = {name: {"queries": n, "easy": easy, "hard": hard} for name, n, easy, hard in found}
        print_json({"out": str(out), "split": split, "structures": counts})
        return
    rows = [[name, *(f"{number:,}" for number in numbers)] for name, *numbers in found]
    click.echo(table(["structure", "queries", "easy answers", "hard answers"], rows, "lrrr"))
