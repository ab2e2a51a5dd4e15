"""Options of commands that read documents, and ``kgr add``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from kgr._config import settings
from kgr.cli.base import json_option, traceback_option
from kgr.cli.settings import given, options
from kgr.cli.terminal import Bars, print_json, say
from kgr.data.document_forms import DOCUMENT_FORMS, TEXTS
from kgr.data.documents import ReadingConfig

Function = TypeVar("Function", bound=Callable[..., Any])

_FIELD = "one more text to keep, or OURS=THEIRS where files have another name: url, body=abstract; may be given again"


def document_options(function: Function) -> Function:
    """Give a command the options of reading documents."""
    field = click.option("--field", "fields", metavar="NAME", multiple=True, help=_FIELD)
    return field(options(ReadingConfig)(function))


def document_settings(values: dict[str, Any]) -> dict[str, Any]:
    """Take the options of reading documents that were given out of those of a command."""
    named = [_named(text) for text in values.pop("fields")]
    fields = dict(named)
    if len(fields) < len(named):
        raise click.UsageError("--field: found two names for one text, expected one")
    found = given({name: values.pop(name) for name in settings(ReadingConfig)})
    return {**({"fields": fields} if fields else {}), **found}


def _named(text: str) -> tuple[str, str]:
    own, equals, name = text.partition("=")
    return own, name if equals else own


@click.command()
@click.argument("store")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice((*DOCUMENT_FORMS, TEXTS)),
    default="corpus",
    help="of the files: documents, or texts of entries that there are  [default: corpus]",
)
@document_options
@click.option("--replace", is_flag=True, help="with --format texts: put texts in place of those that there are")
@json_option
@traceback_option
def add(store: str, files: tuple[Path, ...], form: str, replace: bool, as_json: bool, **values: Any) -> None:
    """Add documents to a store, or texts to its entries.

    Documents come after the present entries; a key that the store has is an error. With --format texts FILES are JSON
    lines {"id", "title", "text"} or tables NAME.tsv with the columns key, label.en, description.en …; entries are found
    by key. Indexes of texts are made anew as they were.
    """
    from kgr.cli.look import opened
    from kgr.data.add import add_documents, add_texts

    if replace and form != TEXTS:
        raise click.UsageError("--replace is for --format texts")
    found, chosen = document_settings(values), opened(store)
    with Bars() as bars:
        if form == TEXTS:
            made = add_texts(chosen, files, replace=replace, message=say, progress=bars.fetch, **found)
        else:
            made = add_documents(chosen, files, form=form, message=say, progress=bars.fetch, **found)
    counts = {"entries": len(made.entries), "entries_added": len(made.entries) - len(chosen.entries)}
    if as_json:
        print_json({"store": str(made.path), "version": made.version, **counts})
    else:
        click.echo(
            f"{made.path}: version {made.version}, {counts['entries']:,} entries, {counts['entries_added']:,} new"
        )
