"""``kgr data``: the known data sets."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.terminal import Bars, print_json, say
from kgr.data.archives import unpack
from kgr.data.holdings import Holding, holding
from kgr.data.known import fetch_files, file_path, known_names, manifest_of, verifiable
from kgr.data.manifest import KnownFile, Manifest
from kgr.data.splits import SPLITS
from kgr.show.table import size, table

WHOLE, MISSING, UNVERIFIED = "whole", "missing", "unverified: no checksum is published or kept"
ARCHIVES = (".tar.gz", ".tgz", ".zip")

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
    """Name the known data sets, graphs and then collections of documents, with counts, size, what is at hand, licence.

    A size ends in + where not all files' sizes are known beforehand; * marks sets that no test has built. Where no
    checksum is published, that of the first download is kept and holds from then on.
    """
    manifests = [manifest_of(name) for name in known_names()]
    if as_json:
        print_json({"datasets": [_described(manifest, holding(manifest)) for manifest in manifests]})
        return
    graphs = [manifest for manifest in manifests if "documents" not in manifest.counts]
    collections = [manifest for manifest in manifests if "documents" in manifest.counts]
    click.echo(_listed(["entities", "relations", "triples"], graphs) + "\n")
    click.echo(_listed(["documents", "queries", "judgements"], collections))
    if any(manifest.untested for manifest in manifests):
        click.echo("\n* untested: no test of kgr has built it from its own files")


def _listed(columns: list[str], manifests: list[Manifest]) -> str:
    rows = [
        [
            manifest.name + "*" * manifest.untested,
            *(_count(manifest.counts, column) for column in columns),
            *_held(holding(manifest)),
            manifest.licence,
        ]
        for manifest in manifests
    ]
    return table(["name", *columns, "size", "at hand", "licence"], rows, "lrrrrll")


def _described(manifest: Manifest, held: Holding) -> dict[str, Any]:
    fields = ("name", "title", "licence", "restrictions", "source", "untested", "counts")
    at_hand = {**dataclasses.asdict(held), "store": str(held.store) if held.store else None}
    return {**{field: getattr(manifest, field) for field in fields}, "at_hand": at_hand}


def _held(held: Holding) -> tuple[str, str]:
    """Return size and what is at hand, in words."""
    words = ["store"] if held.store else []
    for count, where in ((held.fetched, "here"), (held.mirrored, "in the mirror")):
        if count:
            words.append(f"{count} of {held.files} files {where}")
    words = words or ["nothing"]
    if held.unverified:
        words.append("no checksum published")
    known = size(held.bytes) if held.bytes else "?"
    return known + "+" * bool(held.unsized and held.bytes), ", ".join(words)


def _count(counts: Mapping[str, int], column: str) -> str:
    """Return what a manifest says of one column, in words."""
    if column == "triples":
        return f"{sum(counts.get(split, 0) for split in SPLITS):,}"
    if column == "judgements":
        ending = "_judgements"
        named = {name.removesuffix(ending): count for name, count in counts.items() if name.endswith(ending)}
        return ", ".join(f"{count:,} {name}" for name, count in named.items())
    return f"{counts.get(column, 0):,}"


@data.command()
@click.argument("name")
@to_option
@click.option("--partial", is_flag=True, help="be content with what is there where a part cannot be had")
@click.option("--unpack", "unpacked", is_flag=True, help="unpack each archive, beside it, in a folder of its name")
@traceback_option
def get(name: str, to: Path | None, partial: bool, unpacked: bool) -> None:
    """Fetch the files of a known data set; each is verified, and taken up again where it was cut."""
    manifest = manifest_of(name)
    with Bars() as bars:
        paths, _ = fetch_files(manifest, to, partial=partial, message=say, progress=bars.fetch)
    fetched = [path for file, path in paths.items() if manifest.files[file].embedded is None]
    for path in fetched:
        click.echo(path)
    if unpacked:
        for path in fetched:
            _unpack(path)
    if not fetched:
        say(f"{name}: nothing to fetch, it travels with kgr")


def _unpack(path: Path) -> None:
    ending = next((ending for ending in ARCHIVES if path.name.endswith(ending)), None)
    if ending is None:
        return
    folder = path.with_name(path.name.removesuffix(ending))
    if folder.is_dir() and any(folder.iterdir()):
        say(f"{folder}: is there already")
    else:
        click.echo(unpack(path, folder))


@data.command()
@click.argument("name")
@to_option
@json_option
@traceback_option
@click.pass_context
def verify(ctx: click.Context, name: str, to: Path | None, as_json: bool) -> None:
    """Verify size and checksum of a data set's files; exit with 1 where one is wrong or missing."""
    places = [(file, verifiable(known), file_path(known, to)) for file, known in manifest_of(name).files.items()]
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
    if known.file and known.embedded is None and not known.file.has_checksum:
        return UNVERIFIED
    return (known.file.fault(path) if known.file else None) or WHOLE
