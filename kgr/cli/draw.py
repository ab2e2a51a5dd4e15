"""``kgr draw``: a part of a graph as a picture."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.look import opened
from kgr.cli.terminal import print_json, say


@click.command()
@click.argument("store")
@click.argument("keys", metavar="KEY…", nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, metavar="FILE.png|svg|pdf")
@click.option("--hops", type=click.IntRange(min=1), help="edges away from the entity  [default: 1]")
@click.option("--size", type=click.IntRange(min=1), help="entities, at most  [default: 40]")
@click.option("--query", metavar="STRUCTURE", help="draw a query with its answers; KEY… are its arguments")
@click.option("-k", type=click.IntRange(min=1), help="answers of a query, at most  [default: 10]")
@click.option("--language", default="en", help="of the labels  [default: en]")
@json_option
@traceback_option
def draw(
    store: str,
    keys: tuple[str, ...],
    out: Path,
    hops: int | None,
    size: int | None,
    query: str | None,
    k: int | None,
    language: str,
    as_json: bool,
) -> None:
    """Draw what lies round an entity, or a query with its answers, as a picture.

    A PNG, SVG or PDF, as the name ends, which needs the extra plot. Answers of a query are exact, those in the graph
    of train, valid and test:

    \b
        kgr draw STORE territory:CH --hops 2 --out F.png
        kgr draw STORE --query 2i territory:ES borders territory:FR borders --out F.png
    """
    from kgr.show.drawing import draw, draw_query

    if query is None:
        if len(keys) != 1 or k is not None:
            raise click.UsageError("give one KEY, or --query STRUCTURE and its entities and relations, perhaps with -k")
        given = {name: value for name, value in (("hops", hops), ("size", size)) if value is not None}
        found = draw(opened(store), keys[0], out, language=language, message=say, **given)
        told = dataclasses.asdict(found)
    else:
        if hops is not None or size is not None:
            raise click.UsageError("--hops and --size are for one KEY, not for a query")
        answers = draw_query(opened(store), query, keys, out, k=k or 10, language=language, message=say)
        told = {"structure": query, "query": list(keys), "answers": answers}
    if as_json:
        print_json({"out": str(out), **told})
    else:
        click.echo(out)
