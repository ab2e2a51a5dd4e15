"""``kgr build``: a store from a known data set or from files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from kgr._config import settings as settings_of
from kgr.cli.base import json_option, traceback_option
from kgr.cli.documents import document_options, document_settings
from kgr.cli.settings import given
from kgr.cli.settings import options as options_of
from kgr.cli.terminal import Bars, print_json, say
from kgr.data.babelsememe import build_babelsememe
from kgr.data.beir import build_beir
from kgr.data.build import build_store
from kgr.data.collection import build_corpus
from kgr.data.document_forms import DOCUMENT_FORMS
from kgr.data.ir_dataset import build_ir_dataset
from kgr.data.json_read import build_json
from kgr.data.known import build_known
from kgr.data.numbered import build_numbered
from kgr.data.rdf_config import RdfConfig
from kgr.index.store import Store
from kgr.show.store import literal_counts
from kgr.show.table import table

_SPLITS = ("train", "valid", "test", "valid_negatives", "test_negatives")
_TABLES = ("entities", "relations", "types")

_BY_OPTIONS: dict[str, Callable[..., Store]] = {"triples": build_store, "ids": build_numbered}
_FOLDERS = ("betae", "babelsememe", "beir")
_DOCUMENTS = (*DOCUMENT_FORMS, "beir", "ir-datasets")
_FORMS = (*_BY_OPTIONS, "rdf", "jsonl", *_FOLDERS, *DOCUMENT_FORMS, "ir-datasets")
_SHARED = ("language", "strict")
_READ = {"rdf": _SHARED, "jsonl": ("strict",)}
"""Which of the options for documents another form reads."""

_STRIP = "RDF: what keys leave out of IRIs, a prefix or the name wikidata; may be given again"

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
@document_options
@click.option("--strip", metavar="PREFIX", multiple=True, help=_STRIP)
@options_of(RdfConfig, without=_SHARED)
@click.option("--out", type=file_type, help="folder of the store; a known data set has its own place under $KGR_HOME")
@click.option("--partial", is_flag=True, help="load what is there of a known data set where a part cannot be had")
@json_option
@traceback_option
def build(
    sources: tuple[str, ...],
    form: str | None,
    out: Path | None,
    partial: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Build a store from a known data set or from files.

    Either NAME, of a data set that `kgr data list` has, or files and --out: triples by --train …; by --format
    ids triples that are arrays of whole numbers, the ids, of graphs of any size; by --format rdf files of N-Triples,
    N-Quads, Turtle, TriG or RDF/XML; by --format jsonl files that kgr export wrote in that form; a folder as
    published, betae (graph and logical queries), babelsememe (data-all, data-noun or BabelSememe) or beir (corpus,
    queries and judgements). Or documents: --format corpus with files of JSON lines {"id", "title", "text"}, trec,
    msmarco (tables), wikiextractor, or ir-datasets with a name of that package. The options from --field to --engine
    are for documents, --language and --strict for RDF too, --strict for jsonl.
    """
    settings, rdf = document_settings(options), _rdf_settings(options)
    tables = given({option: value or None for option, value in options.items()})
    _check_usage(sources, form, out, tables)
    if partial and (form or not sources):
        raise click.UsageError("--partial is for a known data set")
    if rdf and form != "rdf":
        raise click.UsageError(f"--{next(iter(rdf))} is for --format rdf")
    others = [name for name in settings if name not in _READ.get(form or "", ())]
    if others and form not in _DOCUMENTS:
        option = others[0].removesuffix("s" if "fields" in others else "").replace("_", "-")
        raise click.UsageError(f"--{option} is for documents: --format {', '.join(_DOCUMENTS)}")
    with Bars() as bars:
        if form is None and sources:
            store = build_known(sources[0], out, partial=partial, message=say, progress=bars.fetch)
        elif form is None or form in _BY_OPTIONS:
            store = _BY_OPTIONS[form or "triples"](str(out), message=say, **tables)
        else:
            store = _from_paths(form, sources, str(out), {**settings, **rdf}, bars)
    literals = store.manifest["sources"].get("literals")
    if as_json:
        more = {"literals": literals} if literals else {}
        print_json({"store": str(store.path), "name": store.name, "counts": store.manifest["counts"], **more})
        return
    rows = [[what.replace("_", " "), f"{count:,}"] for what, count in store.manifest["counts"].items()]
    parts = [f"store: {store.path}", table(["", ""], rows, "lr"), *([literal_counts(literals)] if literals else [])]
    click.echo("\n\n".join(filter(None, parts)))


def _from_paths(form: str, paths: tuple[str, ...], out: str, settings: dict[str, Any], bars: Bars) -> Store:
    if form == "betae":
        from kgr.data.betae import build_betae  # executes queries: loads the compiler

        return build_betae(paths[0], out, message=say)
    if form == "rdf":
        from kgr.data.rdf import build_rdf  # loads the parser

        return build_rdf(paths, out, message=say, progress=bars.fetch, **settings)
    if form == "jsonl":
        return build_json(paths, out, message=say, progress=bars.fetch, **settings)
    if form == "babelsememe":
        return build_babelsememe(paths[0], out, message=say)
    if form == "beir":
        return build_beir(paths[0], out, message=say, progress=bars.fetch, **settings)
    if form == "ir-datasets":
        return build_ir_dataset(paths[0], out, message=say, progress=bars.count, **settings)
    return build_corpus(paths, out, form=form, message=say, progress=bars.fetch, **settings)


def _rdf_settings(options: dict[str, Any]) -> dict[str, Any]:
    """Take the options of reading RDF that were given out of those of the command."""
    own = {name: options.pop(name) for name in ("strip", *settings_of(RdfConfig)) if name in options}
    return given({name: value or None for name, value in own.items()})


def _check_usage(sources: tuple[str, ...], form: str | None, out: Path | None, tables: dict[str, Any]) -> None:
    if form in _FOLDERS and (len(sources) != 1 or tables):
        raise click.UsageError(f"--format {form} takes a folder and --out, no other files")
    if form == "ir-datasets" and (len(sources) != 1 or tables):
        raise click.UsageError("--format ir-datasets takes the name of a data set of that package and --out, no files")
    if form in DOCUMENT_FORMS and (not sources or tables):
        raise click.UsageError(f"--format {form} takes files or folders of documents and --out, no other files")
    if form in _READ and (not sources or tables):
        raise click.UsageError(f"--format {form} takes files or folders and --out, no other files")
    if form is None or form in _BY_OPTIONS:
        if sources and (len(sources) > 1 or tables or form):
            raise click.UsageError(f"{sources[0]!r} is a known data set: give its name, or files by options, not both")
        if not sources and "train" not in tables:
            raise click.UsageError("give the name of a known data set, or the triples to train on by --train FILE")
    if form == "ids" and any(f"{of}_table" in tables for of in _TABLES):
        raise click.UsageError("--format ids takes triples alone: what has no keys but numbers has no tables of texts")
    if (form or not sources) and out is None:
        raise click.UsageError("a store made from files needs a folder: --out STORE")
