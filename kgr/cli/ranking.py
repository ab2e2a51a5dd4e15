"""``kgr evaluate-ranking``, ``kgr fuse`` and ``kgr interpolate``: rankings in TREC's run files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.look import judged, opened
from kgr.cli.terminal import print_json, print_metrics, say
from kgr.rank.trec import DEFAULT, FORMS
from kgr.retrieval.fuse import METHODS
from kgr.retrieval.interpolate import NORMALIZATIONS

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("evaluate-ranking")
@click.argument("qrels")
@click.argument("ranking", type=_FILE)
@click.option("--against", type=_FILE, metavar="FILE", help="another ranking to compare this one with")
@click.option(
    "--measures",
    metavar="NAME,…",
    help=f"of {', '.join(FORMS)}, with any k  [default: {','.join(DEFAULT)}]",
)
@click.option("--name", help="which judgements of a store  [default: its first]")
@click.option("--store", help="count judged documents that are no entries of this one")
@click.option("--only-retrieved", is_flag=True, help="leave out queries without results, which count 0 otherwise")
@click.option("--relevance-level", type=click.IntRange(min=1), default=1, help="lowest relevant grade  [default: 1]")
@click.option("--per-query", is_flag=True, help="print the values of each query too")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="of the randomisation test  [default: 0]")
@json_option
@traceback_option
def evaluate_ranking(
    qrels: str,
    ranking: Path,
    against: Path | None,
    measures: str | None,
    name: str | None,
    store: str | None,
    only_retrieved: bool,
    relevance_level: int,
    per_query: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Measure a ranking against judgements, or two against each other.

    QRELS is a file of TREC's or BEIR's, or a store that keeps judgements. The figures are those of trec_eval: documents
    of one score are ordered by key, the last first, and ranks in the file mean nothing.
    """
    from kgr.retrieval.evaluate import evaluate_ranking
    from kgr.show.evaluation import evaluation_table

    metrics = evaluate_ranking(
        judged(qrels),
        ranking,
        against=against,
        measures=measures.split(",") if measures is not None else None,
        name=name,
        store=None if store is None else opened(store),
        only_retrieved=only_retrieved,
        relevance_level=relevance_level,
        per_query=per_query,
        seed=seed,
        message=say,
    )
    print_metrics(metrics, evaluation_table, as_json)


@click.command()
@click.argument("rankings", nargs=-1, required=True, type=_FILE)
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="the ranking to write")
@click.option(
    "--method",
    type=click.Choice(list(METHODS)),
    default="rrf",
    help="reciprocal ranks, or scores from 0 to 1 by query  [default: rrf]",
)
@click.option("-k", type=float, help="of reciprocal ranks, 1 / (k + rank)  [default: 60]")
@click.option("--weights", metavar="NUMBER,…", help="one for each ranking  [default: all 1]")
@click.option("--depth", type=click.IntRange(min=1), default=1000, help="documents for each query  [default: 1000]")
@click.option("--tag", help="what the file calls the ranking  [default: the method]")
@json_option
@traceback_option
def fuse(
    rankings: tuple[Path, ...],
    out: Path,
    method: str,
    k: float | None,
    weights: str | None,
    depth: int,
    tag: str | None,
    as_json: bool,
) -> None:
    """Make one ranking of several.

    The score of a document is the weighted sum of what each ranking gives it.
    """
    from kgr.retrieval.fuse import fuse

    fused = fuse(rankings, method=method, k=k, weights=_numbers(weights), depth=depth, tag=tag)
    fused.save(out)
    if as_json:
        print_json({"out": str(out), "queries": len(fused), "documents": len(fused.document)})
    else:
        click.echo(f"{out}: {len(fused.document):,} documents for {len(fused):,} queries")


@click.command()
@click.argument("base", type=_FILE)
@click.argument("other", type=_FILE)
@click.option("--qrels", required=True, help="file of TREC's or BEIR's, or a store that keeps judgements")
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="the ranking to write")
@click.option("--folds", type=int, default=5, help="parts of the judged queries  [default: 5]")
@click.option("--measure", default="ndcg@10", help="what the weight is fitted to  [default: ndcg@10]")
@click.option(
    "--normalization",
    type=click.Choice(NORMALIZATIONS),
    default="minmax",
    help="of a query's scores: from 0 to 1, or mean 0 and standard deviation 1  [default: minmax]",
)
@click.option("--depth", type=int, default=100, help="documents of each query ordered anew  [default: 100]")
@click.option("--name", help="which judgements of a store  [default: its first]")
@click.option("--relevance-level", type=int, default=1, help="lowest relevant grade  [default: 1]")
@click.option("--seed", type=int, default=0, help="of the folds  [default: 0]")
@json_option
@traceback_option
def interpolate(base: Path, other: Path, qrels: str, out: Path, as_json: bool, **choices: Any) -> None:
    """Interpolate a ranking with another, the weight fitted on judged queries.

    The first documents of BASE are ordered by (1 - weight) x their score + weight x that of OTHER. The weight of a
    query is fitted on the queries of the other folds, so that no query has a part in its own.
    """
    from kgr.retrieval.interpolate import interpolate
    from kgr.show.ranking import weights_table

    found = interpolate(base, other, judged(qrels), message=say, **choices)
    found.ranking.save(out)
    if as_json:
        weights = {"weight": found.weight, "weights": found.weights.tolist(), "missing": found.missing}
        print_json({"out": str(out), "queries": len(found.ranking), **weights})
    else:
        click.echo(weights_table(found))


def _numbers(text: str | None) -> list[float] | None:
    try:
        return None if text is None else [float(part) for part in text.split(",")]
    except ValueError:
        raise click.BadParameter(f"{text!r}: expected numbers, as in 1,0.5", param_hint="--weights") from None
