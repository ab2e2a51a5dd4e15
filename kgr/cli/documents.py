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
from kgr.data.synset_texts import SYNSET_TEXTS
from kgr.data.wordnet import WORDNET

TEXT_FORMS = (TEXTS, SYNSET_TEXTS, WORDNET)
"""Forms of texts of entries that there are."""

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
    type=click.Choice((*DOCUMENT_FORMS, *TEXT_FORMS)),
    default="corpus",
    help="of the files: documents, or texts of entries or synsets that there are  [default: corpus]",
)
@document_options
@click.option("--replace", is_flag=True, help="with texts: put them in place of those that there are")
@json_option
@traceback_option
def add(store: str, files: tuple[Path, ...], form: str, replace: bool, as_json: bool, **values: Any) -> None:
    """Add documents to a store, or texts to its entries.

    Documents come after the present entries; a key that the store has is an error. With --format texts FILES are JSON
    lines {"id", "title", "text"} or tables NAME.tsv with the columns key, label.en, description.en …; entries are found
    by key. With --format synset-texts they are JSON lines {"id", "lemmas", "gloss", "examples", "zh", "fr", …} or such
    tables, and with --format wordnet FILES is the folder of WordNet 3.0's database files. Indexes of texts are made
    anew as they were.
    """
    from kgr.cli.look import opened
    from kgr.data.add import add_documents, add_texts
    from kgr.data.add_synsets import add_synset_texts, add_wordnet

    if replace and form not in TEXT_FORMS:
        raise click.UsageError(f"--replace is for --format {', '.join(TEXT_FORMS)}")
    found, chosen = document_settings(values), opened(store)
    if "fields" in found and form in (SYNSET_TEXTS, WORDNET):
        raise click.UsageError(f"--field is not for --format {form}, which has fields of its own")
    with Bars() as bars:
        if form == TEXTS:
            made = add_texts(chosen, files, replace=replace, message=say, progress=bars.fetch, **found)
        elif form == SYNSET_TEXTS:
            made = add_synset_texts(chosen, files, replace=replace, message=say, **found)
        elif form == WORDNET:
            made = add_wordnet(chosen, _one(files), replace=replace, message=say, **found)
        else:
            made = add_documents(chosen, files, form=form, message=say, progress=bars.fetch, **found)
    counts = {"entries": len(made.entries), "entries_added": len(made.entries) - len(chosen.entries)}
    if as_json:
        print_json({"store": str(made.path), "version": made.version, **counts})
    else:
        click.echo(
            f"{made.path}: version {made.version}, {counts['entries']:,} entries, {counts['entries_added']:,} new"
        )


def _one(folders: tuple[Path, ...]) -> Path:
    if len(folders) > 1:
        raise click.UsageError("--format wordnet: found several folders, expected one")
    return folders[0]
