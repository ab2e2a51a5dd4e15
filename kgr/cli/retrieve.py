"""``kgr retrieve`` and ``kgr explain``: what answers queries, and why."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.settings import given, options
from kgr.cli.terminal import Bars, print_json, say
from kgr.retrieval.config import METHODS, RetrieveConfig

if TYPE_CHECKING:
    from kgr.retrieval.ranking import Ranking
    from kgr.retrieval.results import Result

SHOWN = 10
"""Results of a query that are shown, unless told otherwise."""

_LONG = 200  # characters of a query that are shown

Function = TypeVar("Function", bound=Callable[..., Any])


def _read_field(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, float] | None:
    fields: dict[str, float] = {}
    for text in given:
        name, equals, weight = text.partition("=")
        try:
            number = float(weight) if equals else 1.0
        except ValueError:
            raise click.BadParameter(f"{text!r}: the weight is {weight!r}, expected a number, as in title=2") from None
        if not name or name in fields:
            raise click.BadParameter(f"{text!r}: expected different names, as in --field title=2 --field body")
        fields[name] = number
    return fields or None


def scored(function: Function) -> Function:
    """Give a command the options that say how entries are scored."""
    choices = (
        click.option("--method", type=click.Choice(list(METHODS)), default="bm25", help="[default: bm25]"),
        click.option("--language", help="of the texts  [default: the only one, else en]"),
        click.option(
            "--field",
            "fields",
            multiple=True,
            metavar="NAME=WEIGHT",
            callback=_read_field,
            help="score this text field by itself, with a weight; may be repeated  [default: all texts as one]",
        ),
        options(RetrieveConfig),
    )
    for option in reversed(choices):
        function = option(function)
    return function


@click.command()
@click.argument("store")
@click.option(
    "--queries",
    type=click.Path(path_type=Path, dir_okay=False),
    help="file of queries: JSON lines, TSV or TREC topics  [default: those that the store keeps]",
)
@click.option("--query", metavar="TEXT", help="one query")
@click.option("-k", default=1000, type=click.IntRange(min=1), help="results of a query  [default: 1000]")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="run file to be written; packed if it ends in .gz"
)
@click.option(
    "--show",
    type=click.IntRange(min=0),
    help=f"results of each query to be shown  [default: {SHOWN}, with --out none]",
)
@click.option("--kind", help="find only entries of this kind: entity, document, synset or sememe")
@click.option("--type", "types", multiple=True, metavar="KEY", help="only those of this type; may be repeated")
@click.option("--ids", type=click.Path(path_type=Path, dir_okay=False), help="only those in this file, a key per line")
@click.option("--threads", default=1, type=click.IntRange(min=1), help="[default: 1]")
@scored
@json_option
@traceback_option
def retrieve(
    store: str,
    queries: Path | None,
    query: str | None,
    out: Path | None,
    show: int | None,
    ids: Path | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Find the entries whose texts answer queries best.

    \b
        kgr retrieve atlas --query "official languages of Peru"
        kgr retrieve STORE --queries topics.tsv --out bm25.trec
    """
    if queries and query is not None:
        raise click.UsageError("give --queries or --query, not both")
    if out and not out.parent.is_dir():
        raise click.UsageError(f"--out {out}: there is no folder {out.parent}")

    from kgr.retrieval.filters import read_keys
    from kgr.retrieval.retrieve import retrieve as search

    settings = given({**asked, "types": asked["types"] or None, "ids": read_keys(ids) if ids else None})
    with Bars() as bars:
        topics = {"1": query} if query is not None else queries
        ranking = search(store, topics, **settings, message=say, progress=partial(bars.count, "retrieve"))
    if out:
        ranking.save(out)
        say(f"{out}: {len(ranking.document):,} results of {len(ranking):,} queries")
    _tell(ranking, out, (0 if out else SHOWN) if show is None else show, asked["language"], as_json)


def _tell(ranking: Ranking, out: Path | None, count: int, language: str | None, as_json: bool) -> None:
    from kgr.retrieval.results import named_results
    from kgr.show.ranking import results_table
    from kgr.show.table import clean

    assert ranking.topics is not None
    queries = zip(ranking, ranking.topics.texts, strict=True) if count else ()
    found = ((key, text, named_results(ranking, key, count=count, language=language)) for key, text in queries)
    if as_json:
        listed = [
            {"query": key, "text": text, "results": [_listed(own) for own in results]} for key, text, results in found
        ]
        print_json({"out": str(out) if out else None, "queries": len(ranking), "results": listed})
        return
    for key, text, results in found:
        shown = text if len(text) <= _LONG else f"{text[:_LONG]} …"
        click.echo(f"{clean(key)}: {clean(shown)}\n{results_table(results) if results else 'no results'}\n")


def _listed(result: Result) -> dict[str, Any]:
    return {"key": result.key, "label": result.label, "score": result.score, "snippet": result.snippet.marked()}


@click.command()
@click.argument("store")
@click.argument("key")
@click.option("--query", metavar="TEXT", required=True)
@scored
@json_option
@traceback_option
def explain(store: str, key: str, query: str, as_json: bool, **asked: Any) -> None:
    """Explain the score of an entry for a query, term by term.

    \b
        kgr explain atlas language:qu --query "official languages of Peru"
    """
    from kgr.retrieval.explain import explain as why
    from kgr.show.ranking import explanation_table

    explained = why(store, query, key, **given(asked), message=say)
    if as_json:
        print_json(dataclasses.asdict(explained))
    else:
        click.echo(explanation_table(explained))
