"""``kgr build``: a store from a known data set or from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.settings import given
from kgr.cli.terminal import Bars, print_json, say
from kgr.data.build import build_store
from kgr.data.known import build_known
from kgr.data.numbered import build_numbered
from kgr.show.table import table

_SPLITS = ("train", "valid", "test", "valid_negatives", "test_negatives")
_TABLES = ("entities", "relations", "types")

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
@click.argument("name", required=False)
@click.option(
    "--format", "form", type=click.Choice(["triples", "ids", "betae"]), help="of the files  [default: triples]"
)
@_file_options
@click.option("--out", type=file_type, help="folder of the store; a known data set has its own place under $KGR_HOME")
@click.option("--partial", is_flag=True, help="load what is there of a known data set where a part cannot be had")
@json_option
@traceback_option
def build(name: str | None, form: str | None, out: Path | None, partial: bool, as_json: bool, **files: Any) -> None:
    """Build a store from a known data set or from files.

    Either NAME, of a data set that `kgr data list` has, or files by --train and --out. With --format ids, the files
    are arrays of whole numbers, which are the ids; graphs of any size are built so. With --format betae,
    NAME is a folder as BetaE's sets have it: its graph, and its valid and test queries as the query set "betae".
    """
    sources = given({option: value or None for option, value in files.items()})
    _check_usage(name, form, out, sources)
    if partial and name is None:
        raise click.UsageError("--partial is for a known data set")
    with Bars() as bars:
        if form == "betae":
            from kgr.data.betae import build_betae  # executes queries: loads the compiler

            store = build_betae(str(name), str(out), message=say)
        elif name is not None:
            store = build_known(name, out, partial=partial, message=say, progress=bars.fetch)
        elif form == "ids":
            store = build_numbered(str(out), message=say, **sources)
        else:
            store = build_store(str(out), message=say, **sources)
    if as_json:
        print_json({"store": str(store.path), "name": store.name, "counts": store.manifest["counts"]})
        return
    rows = [[what.replace("_", " "), f"{count:,}"] for what, count in store.manifest["counts"].items()]
    click.echo(f"store: {store.path}\n\n" + table(["", ""], rows, "lr"))


def _check_usage(name: str | None, form: str | None, out: Path | None, sources: dict[str, Any]) -> None:
    if form == "betae":
        if name is None or sources:
            raise click.UsageError("--format betae takes a folder and --out, no other files")
        if out is None:
            raise click.UsageError("a store made from files needs a folder: --out STORE")
        return
    if name is not None and (sources or form):
        raise click.UsageError(f"{name!r} is a known data set: give its name, or files by options, not both")
    if name is None and "train" not in sources:
        raise click.UsageError("give the name of a known data set, or the triples to train on by --train FILE")
    if form == "ids" and any(f"{of}_table" in sources for of in _TABLES):
        raise click.UsageError("--format ids takes triples alone: what has no keys but numbers has no tables of texts")
    if name is None and out is None:
        raise click.UsageError("a store made from files needs a folder: --out STORE")
