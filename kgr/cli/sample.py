"""``kgr sample``: queries with easy and hard answers, and what a law draws for training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from kgr._jit import tell_compiling
from kgr.cli.base import json_option, traceback_option
from kgr.cli.look import opened
from kgr.cli.terminal import Bars, print_json, say
from kgr.data.betae_write import sample_betae
from kgr.graph.graph import load_graph, require_graph
from kgr.index.store import Store
from kgr.query._kernels.sample import _sample_shared
from kgr.query._kernels.select import _compare
from kgr.query.inference import count_pairs
from kgr.query.keyed import write_queries
from kgr.query.program import LAWS, ROOTS
from kgr.query.sets import QuerySet, draw_queries
from kgr.query.statistics import sampling_statistics
from kgr.query.words import STRUCTURES, parse
from kgr.show.queries import queries_table, statistics_table
from kgr.show.table import table


@click.command()
@click.argument("store")
@click.option("--structures", help="names or words  [default: all fourteen]")
@click.option("--count", type=click.IntRange(min=1), default=1000, help="queries of each  [default: 1000]")
@click.option("--split", help="whose triples make the hard answers: valid or test  [default: test]")
@click.option("--seed", default=0, help="[default: 0]")
@click.option("--law", type=click.Choice(LAWS), default=LAWS[0], help=f"of the grounding  [default: {LAWS[0]}]")
@click.option("--roots", type=click.Choice(ROOTS), help=f"with --stats: of the pivots  [default: {ROOTS[0]}]")
@click.option("--hard", is_flag=True, help="rank only answers of which no derivation uses a known link")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="file of JSON lines")
@click.option("--betae", type=click.Path(path_type=Path, file_okay=False), help="folder of files as KGReasoning reads")
@click.option("--train-count", type=click.IntRange(min=1), help="with --betae: queries to train on  [default: --count]")
@click.option("--stats", is_flag=True, help="only say what training queries of the law are like")
@json_option
@traceback_option
@click.pass_context
def sample(
    ctx: click.Context,
    /,
    store: str,
    structures: str | None,
    split: str | None,
    roots: str | None,
    hard: bool,
    out: Path | None,
    betae: Path | None,
    train_count: int | None,
    stats: bool,
    as_json: bool,
    **drawing: Any,
) -> None:
    """Draw queries with easy and hard answers from a store.

    Hard answers need a held-out edge, easy ones do not. The file has a JSON object a line,
    {"structure", "query", "easy", "hard"}, all by key: `kgr evaluate-multihop RUN --queries FILE` reads it.
    With --hard, "hard" has the full-inference answers alone, and "unranked" the others, which are no rivals.
    From which distributions queries and answers come stands in the README.
    With --betae the graph and queries of all three splits are written in the form of BetaE's program KGReasoning.
    With --stats nothing is written: queries are drawn on the train graph, as for training, and a table says how many
    of them step back or negate in vain, and how many answers they have.
    """
    _check_usage(ctx.params)
    chosen = None if structures is None else tuple(parse(name.strip()).name for name in structures.split(","))
    names = chosen or tuple(STRUCTURES)
    source = opened(store)
    require_graph(source)
    tell_compiling(_sample_shared if stats else _compare, say)
    if stats:
        _tell_statistics(source, chosen, drawing | {"roots": roots or ROOTS[0]}, as_json)
        return
    with Bars() as bars:
        drawing["progress"] = bars.sample
        if betae:
            drawn = sample_betae(betae, source, names, train_count=train_count, **drawing)
        else:
            drawn = {split or "test": draw_queries(source, names, split=split or "test", hard=hard, **drawing)}
    for name, queries in drawn.items():
        _say_short(name, queries, (train_count if name == "train" else None) or drawing["count"])
    if out:
        write_queries(out, source, drawn[split or "test"])
        _tell(source, drawn[split or "test"], out, as_json)
    else:
        _tell_splits(drawn, betae, as_json)


_BELONGS = {
    "split": ("out", "which has one split"),
    "hard": ("out", "BetaE's form has no place for answers that are not ranked, and training ranks none"),
    "train_count": ("betae", "which alone writes queries to train on"),
    "roots": ("stats", "the pivots of a query set are uniform"),
}


def _check_usage(given: Mapping[str, Any]) -> None:
    if sum(bool(given[form]) for form in ("out", "betae", "stats")) != 1:
        files = "the file of one split by --out FILE, the folder of all by --betae DIR"
        raise click.UsageError(f"give {files}, or --stats, which writes none")
    for option, (form, why) in _BELONGS.items():
        if given[option] and not given[form]:
            raise click.UsageError(f"--{option.replace('_', '-')} belongs to --{form}: {why}")


def _say_short(split: str, queries: QuerySet, count: int) -> None:
    for name, own in queries.queries.items():
        if len(own) < count:
            say(f"{split} {name}: {len(own):,} queries where {count:,} were asked for: this graph gave no more")


def _tell_statistics(store: Store, names: Sequence[str] | None, drawing: Mapping[str, Any], as_json: bool) -> None:
    with Bars() as bars:
        found = sampling_statistics(load_graph(store), names, **drawing, progress=bars.sample)
    structures = {name: None if own is None else own.as_json() for name, own in found.items()}
    if as_json:
        print_json({"law": drawing["law"], "roots": drawing["roots"], "structures": structures})
    else:
        click.echo(statistics_table(structures))


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
