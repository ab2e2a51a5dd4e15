"""``kgr search``."""

from __future__ import annotations

import dataclasses

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.look import opened
from kgr.cli.terminal import print_json, say


@click.command()
@click.argument("store")
@click.argument("text")
@click.option("-k", default=10, type=click.IntRange(min=1), help="results wanted  [default: 10]")
@click.option("--language", default="en", help="of the texts and labels  [default: en]")
@click.option("--kind", help="find only these: entity, document, synset or sememe")
@click.option("--type", "types", multiple=True, help="find only entries of this type, a key; may be repeated")
@json_option
@traceback_option
def search(
    store: str, text: str, k: int, language: str, kind: str | None, types: tuple[str, ...], as_json: bool
) -> None:
    """Find entries by a name or by words of their texts.

    Slips of the pen in names are forgiven, names in any language are known, an exact label comes first. A key that is
    found can be the anchor of a query: see `kgr answer`.
    """
    from kgr.retrieval.search import search
    from kgr.show.search import found_table

    found = search(opened(store), text, k, language=language, kind=kind, types=types or None, message=say)
    if as_json:
        print_json({"results": [dataclasses.asdict(one) for one in found]})
    elif found:
        click.echo(found_table(found))
    else:
        say("nothing was found")
