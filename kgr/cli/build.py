"""``kgr build``: a store from a known data set or from files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.settings import given
from kgr.cli.terminal import Bars, print_json, say
from kgr.data.babelsememe import build_babelsememe
from kgr.data.beir import build_beir
from kgr.data.build import build_store
from kgr.data.collection import build_corpus
from kgr.data.known import build_known
from kgr.data.numbered import build_numbered
from kgr.index.store import Store
from kgr.show.table import table

_SPLITS = ("train", "valid", "test", "valid_negatives", "test_negatives")
_TABLES = ("entities", "relations", "types")

_BY_OPTIONS: dict[str, Callable[..., Store]] = {"triples": build_store, "ids": build_numbered}
_FOLDERS = ("betae", "babelsememe", "beir")
_DOCUMENTS = ("beir", "corpus")
_FORMS = (*_BY_OPTIONS, *_FOLDERS, "corpus")

file_type = click.Path(path_type=Path)


def _file_options(function: Any) -> Any:
    for of in reversed(_TABLES):
        help = f"texts of {of}: a table with the columns key, label.en, description.en, …"
        function = click.option(f"--{of}", f"{of}_table", type=file_type, help=help)(function)
    for split in reversed(_SPLITS):
        name = split.replace("_", "-")
        what = "lines of head, relation, tail, with tabs between (ids: an .npy file of rows, or three of columns)"
        help = f"{split.replace('_', ' ')}: {what}; may be given again"
        function = click.option(f"--{name}", split, type=file_type, multiple=True, help=help)(function)
    return function


@click.command()
@click.argument("sources", metavar="[NAME | PATH…]", nargs=-1)
@click.option("--format", "form", type=click.Choice(_FORMS), help="of the files  [default: triples]")
@_file_options
@click.option("--language", help="of the documents, with --format beir or corpus  [default: en]")
@click.option("--out", type=file_type, help="folder of the store; a known data set has its own place under $KGR_HOME")
@click.option("--partial", is_flag=True, help="load what is there of a known data set where a part cannot be had")
@json_option
@traceback_option
def build(
    sources: tuple[str, ...],
    form: str | None,
    language: str | None,
    out: Path | None,
    partial: bool,
    as_json: bool,
    **files: Any,
) -> None:
    """Build a store from a known data set or from files.

    Either NAME, of a data set that `kgr data list` has, or files and --out: triples by --train …; by --format
    ids triples that are arrays of whole numbers, the ids, of graphs of any size; a folder as published, betae (graph
    and logical queries), babelsememe (data-all or data-noun) or beir (corpus, queries and judgements); or, with
    --format corpus, one or more files of JSON lines {"id", "title", "text"}.
    """
    tables = given({option: value or None for option, value in files.items()})
    _check_usage(sources, form, out, tables)
    if partial and (form or not sources):
        raise click.UsageError("--partial is for a known data set")
    if language and form not in _DOCUMENTS:
        raise click.UsageError("--language is for documents: --format beir or corpus")
    with Bars() as bars:
        if form is None and sources:
            store = build_known(sources[0], out, partial=partial, message=say, progress=bars.fetch)
        elif form is None or form in _BY_OPTIONS:
            store = _BY_OPTIONS[form or "triples"](str(out), message=say, **tables)
        else:
            store = _from_paths(form, sources, str(out), given({"language": language}))
    if as_json:
        print_json({"store": str(store.path), "name": store.name, "counts": store.manifest["counts"]})
        return
    rows = [[what.replace("_", " "), f"{count:,}"] for what, count in store.manifest["counts"].items()]
    click.echo(f"store: {store.path}\n\n" + table(["", ""], rows, "lr"))


def _from_paths(form: str, paths: tuple[str, ...], out: str, options: dict[str, Any]) -> Store:
    if form == "betae":
        from kgr.data.betae import build_betae  # executes queries: loads the compiler

        return build_betae(paths[0], out, message=say)
    if form == "babelsememe":
        return build_babelsememe(paths[0], out, message=say)
    if form == "beir":
        return build_beir(paths[0], out, message=say, **options)
    return build_corpus(paths, out, message=say, **options)


def _check_usage(sources: tuple[str, ...], form: str | None, out: Path | None, tables: dict[str, Any]) -> None:
    if form in _FOLDERS and (len(sources) != 1 or tables):
        raise click.UsageError(f"--format {form} takes a folder and --out, no other files")
    if form == "corpus" and (not sources or tables):
        raise click.UsageError("--format corpus takes files of JSON lines and --out, no other files")
    if form is None or form in _BY_OPTIONS:
        if sources and (len(sources) > 1 or tables or form):
            raise click.UsageError(f"{sources[0]!r} is a known data set: give its name, or files by options, not both")
        if not sources and "train" not in tables:
            raise click.UsageError("give the name of a known data set, or the triples to train on by --train FILE")
    if form == "ids" and any(f"{of}_table" in tables for of in _TABLES):
        raise click.UsageError("--format ids takes triples alone: what has no keys but numbers has no tables of texts")
    if (form or not sources) and out is None:
        raise click.UsageError("a store made from files needs a folder: --out STORE")
