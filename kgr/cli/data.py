"""``kgr data``: the known data sets."""

from __future__ import annotations

from pathlib import Path

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.terminal import Bars, print_json, say
from kgr.data.known import fetch_files, file_path, known_names, manifest_of
from kgr.data.manifest import KnownFile, Manifest
from kgr.show.table import table

WHOLE, MISSING = "whole", "missing"

to_option = click.option(
    "--to", type=click.Path(path_type=Path), help="folder of the files  [default: $KGR_HOME/downloads]"
)


@click.group()
def data() -> None:
    """The known data sets: list, fetch, verify."""


@data.command("list")
@json_option
@traceback_option
def list_(as_json: bool) -> None:
    """Name the known data sets, with their counts and licences."""
    manifests = [manifest_of(name) for name in known_names()]
    if as_json:
        fields = ("name", "title", "licence", "source", "counts")
        print_json({"datasets": [{field: getattr(manifest, field) for field in fields} for manifest in manifests]})
        return
    rows = [
        [manifest.name, *(f"{count:,}" for count in _counts(manifest)), manifest.title, manifest.licence]
        for manifest in manifests
    ]
    click.echo(table(["name", "entities", "relations", "triples", "title", "licence"], rows, "lrrrll"))


def _counts(manifest: Manifest) -> tuple[int, int, int]:
    counts = manifest.counts
    triples = sum(counts.get(split, 0) for split in ("train", "valid", "test"))
    return counts.get("entities", 0), counts.get("relations", 0), triples


@data.command()
@click.argument("name")
@to_option
@traceback_option
def get(name: str, to: Path | None) -> None:
    """Fetch the files of a known data set; each is verified, and taken up again where it was cut."""
    manifest = manifest_of(name)
    with Bars() as bars:
        paths, _ = fetch_files(manifest, to, message=say, progress=bars.fetch)
    fetched = [path for file, path in paths.items() if manifest.files[file].embedded is None]
    for path in fetched:
        click.echo(path)
    if not fetched:
        say(f"{name}: nothing to fetch, it travels with kgr")


@data.command()
@click.argument("name")
@to_option
@json_option
@traceback_option
@click.pass_context
def verify(ctx: click.Context, name: str, to: Path | None, as_json: bool) -> None:
    """Verify size and checksum of a data set's files; exit with 1 where one is wrong or missing."""
    places = [(file, known, file_path(known, to)) for file, known in manifest_of(name).files.items()]
    states = [(file, _state(known, path), known.optional, path) for file, known, path in places]
    wrong = any(state != WHOLE and not (optional and state == MISSING) for _, state, optional, _ in states)
    if as_json:
        files = {file: {"path": str(path), "state": state} for file, state, _, path in states}
        print_json({"name": name, "whole": not wrong, "files": files})
    else:
        rows = [[file, state + " (optional)" * optional, str(path)] for file, state, optional, path in states]
        click.echo(table(["file", "state", "path"], rows, "lll"))
    if wrong:
        ctx.exit(1)


def _state(known: KnownFile, path: Path) -> str:
    if not path.is_file():
        return MISSING
    return (known.file.fault(path) if known.file else None) or WHOLE
