"""``kgr sample``: queries with easy and hard answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.look import opened
from kgr.cli.terminal import Bars, print_json, say
from kgr.data.betae_write import sample_betae
from kgr.index.store import Store
from kgr.query.inference import count_pairs
from kgr.query.keyed import write_queries
from kgr.query.program import LAWS
from kgr.query.sets import QuerySet, draw_queries
from kgr.query.words import STRUCTURES, parse
from kgr.show.queries import queries_table
from kgr.show.table import table


@click.command()
@click.argument("store")
@click.option("--structures", default=",".join(STRUCTURES), help="names or words  [default: all fourteen]")
@click.option("--count", type=click.IntRange(min=1), default=1000, help="queries of each  [default: 1000]")
@click.option("--split", help="whose triples make the hard answers: valid or test  [default: test]")
@click.option("--seed", default=0, help="[default: 0]")
@click.option("--law", type=click.Choice(LAWS), default=LAWS[0], help=f"of the grounding  [default: {LAWS[0]}]")
@click.option("--hard", is_flag=True, help="rank only answers of which no derivation uses a known link")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="file of JSON lines")
@click.option("--betae", type=click.Path(path_type=Path, file_okay=False), help="folder of files as KGReasoning reads")
@click.option("--train-count", type=click.IntRange(min=1), help="with --betae: queries to train on  [default: --count]")
@json_option
@traceback_option
def sample(
    store: str,
    structures: str,
    count: int,
    split: str | None,
    hard: bool,
    out: Path | None,
    betae: Path | None,
    train_count: int | None,
    as_json: bool,
    **drawing: Any,
) -> None:
    """Draw queries with easy and hard answers from a store.

    Hard answers need a held-out edge, easy ones do not. The file has a JSON object a line,
    {"structure", "query", "easy", "hard"}, all by key: `kgr evaluate-multihop RUN --queries FILE` reads it.
    With --hard, "hard" has the full-inference answers alone, and "unranked" the others, which are no rivals.
    From which distributions queries and answers come stands in the README.
    With --betae the graph and queries of all three splits are written in the form of BetaE's program KGReasoning.
    """
    if (out is None) == (betae is None):
        raise click.UsageError("give the file of one split by --out FILE, or the folder of all by --betae DIR")
    if (betae and split) or (out and train_count):
        raise click.UsageError("--split belongs to --out, which has one split; --train-count belongs to --betae")
    if betae and hard:
        raise click.UsageError("--hard belongs to --out: BetaE's form has no place for answers that are not ranked")
    names = tuple(parse(name.strip()).name for name in structures.split(","))
    source = opened(store)
    with Bars() as bars:
        drawing["progress"] = bars.sample
        if betae:
            drawn = sample_betae(betae, source, names, count=count, train_count=train_count, **drawing)
        else:
            drawn = {
                split or "test": draw_queries(source, names, count=count, split=split or "test", hard=hard, **drawing)
            }
    for name, queries in drawn.items():
        _say_short(name, queries, (train_count or count) if name == "train" else count)
    if out:
        write_queries(out, source, drawn[split or "test"])
        _tell(source, drawn[split or "test"], out, as_json)
    else:
        _tell_splits(drawn, betae, as_json)


def _say_short(split: str, queries: QuerySet, count: int) -> None:
    for name, own in queries.queries.items():
        if len(own) < count:
            say(f"{split} {name}: {len(own):,} queries where {count:,} were asked for: this graph gave no more")


def _counts(queries: QuerySet) -> dict[str, dict[str, int]]:
    return {
        name: {"queries": len(own), "easy": len(own.easy.values), "hard": len(own.hard.values)}
        for name, own in queries.queries.items()
    }


def _tell(store: Store, queries: QuerySet, out: Path, as_json: bool) -> None:
    counts, pairs = _counts(queries), count_pairs(store, queries)
    structures = {
        name: {**counts[name], "unranked": len(own.unranked.values), **pairs[name].as_json()}
        for name, own in queries.queries.items()
    }
    if as_json:
        print_json({"out": str(out), "split": queries.split, "structures": structures})
    else:
        click.echo(queries_table(structures))


def _tell_splits(drawn: dict[str, QuerySet], folder: Path | None, as_json: bool) -> None:
    splits = {split: _counts(queries) for split, queries in drawn.items()}
    if as_json:
        print_json({"betae": str(folder), "splits": splits})
        return
    rows = [
        [split, name, *(f"{number:,}" for number in own.values())]
        for split, structures in splits.items()
        for name, own in structures.items()
    ]
    click.echo(table(["split", "structure", "queries", "easy answers", "hard answers"], rows, "llrrr"))
