"""``kgr check`` and ``kgr show``: what a store is worth, and what is in it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.terminal import Bars, print_json, say
from kgr.data.describe import entry
from kgr.data.known import known_names, open_store, store_place
from kgr.errors import FormatError, UnknownKey
from kgr.index.check import check_store
from kgr.index.store import Store
from kgr.show.store import entry_in_words, overview


def opened(store: str) -> Store:
    """Open a store by folder or name, with messages and bars."""
    with Bars() as bars:
        return open_store(store, message=say, progress=bars.fetch)


def judged(qrels: str) -> Path | Store:
    """Return a file of judgements as it is, or open the store that keeps some."""
    if Path(qrels).is_file():
        return Path(qrels)
    try:
        return opened(qrels)
    except (UnknownKey, FormatError) as error:
        if Path(qrels).exists() or qrels in known_names():
            raise
        raise UnknownKey(f"there is no file {qrels!r}; as a store: {error}") from None


@click.command()
@click.argument("store")
@json_option
@traceback_option
@click.pass_context
def check(ctx: click.Context, store: str, as_json: bool) -> None:
    """Verify every checksum of a store.

    Prints a line for each thing that is wrong, and then exits with 1.
    """
    kept = store_place(store)
    if store in known_names() and kept.exists() and not Path(store).exists():
        path = kept  # as it is: opening it by name would build a damaged one anew
    else:
        try:
            path = opened(store).path
        except FormatError:  # damaged so that it cannot be opened: the check says where
            path = Path(store)
    found = check_store(path)
    if as_json:
        print_json({"store": str(path), "whole": not found, "findings": found})
    else:
        click.echo("\n".join(found) or f"{path}: whole")
    if found:
        ctx.exit(1)


@click.command()
@click.argument("store")
@click.argument("key", required=False)
@click.option("--language", default="en", help="of the labels  [default: en]")
@click.option("--edges", default=5, help="at most so many other ends of each kind of edge  [default: 5]")
@json_option
@traceback_option
def show(store: str, key: str | None, language: str, edges: int, as_json: bool) -> None:
    """Show what is in a store, or one entity or relation of it.

    The second with KEY: its labels, texts, types and edges; ^ before a relation marks edges that come in.
    """
    from_store = opened(store)
    if key is None:
        if as_json:
            fields = ("name", "counts", "sources", "sections")
            print_json({"store": str(from_store.path), **{field: from_store.manifest[field] for field in fields}})
        else:
            click.echo(overview(from_store))
        return
    found = entry(from_store, key, language, edges=edges)
    if as_json:
        print_json(dataclasses.asdict(found))
    else:
        click.echo(entry_in_words(found))
