"""``kgr index-texts``."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.look import opened
from kgr.cli.settings import given, options
from kgr.cli.terminal import Bars, print_json, say
from kgr.index.analysis import AnalyzerConfig


@click.command("index-texts")
@click.argument("store")
@click.option("--language", help="of the texts: chooses stemmer and stop words  [default: the only one, else en]")
@options(AnalyzerConfig, without=("language",))
@click.option("--field", "fields", multiple=True, help="a field to be indexed; several are joined  [default: all]")
@click.option("--name", help="of the index  [default: text, or the one field]")
@click.option("--workers", default=1, type=click.IntRange(min=1), help="processes that analyse  [default: 1]")
@json_option
@traceback_option
def index_texts(
    store: str, fields: tuple[str, ...], name: str | None, workers: int, as_json: bool, **settings: Any
) -> None:
    """Index the texts of a store for retrieval.

    An index of the same language and name is replaced. Without --field, title, label, alias, description, extract,
    gloss and body are joined, those that there are.
    """
    from kgr.data.index_texts import index_texts
    from kgr.index.terms import summaries
    from kgr.show.terms import index_table

    chosen = opened(store)
    with Bars() as bars:
        found = index_texts(
            chosen,
            fields=fields or None,
            name=name,
            workers=workers,
            message=say,
            progress=partial(bars.count, "index"),
            **given(settings),
        )
    kept = summaries(found)
    if as_json:
        print_json({"store": str(found.path), "indexes": kept})
    else:
        click.echo(index_table(kept))
