"""``kgr data``: the known data sets."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.terminal import Bars, print_json, say
from kgr.data.archives import unpack
from kgr.data.holdings import Holding, holding
from kgr.data.known import fetch_files, file_path, known_names, manifest_of, verifiable
from kgr.data.manifest import KnownFile, Manifest
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
    """Name the known data sets, with counts, size, what is at hand and licence.

    A size ends in + where not all files' sizes are known beforehand; * marks sets that no test has built. Where no
    checksum is published, that of the first download is kept and holds from then on.
    """
    manifests = [manifest_of(name) for name in known_names()]
    if as_json:
        print_json({"datasets": [_described(manifest, holding(manifest)) for manifest in manifests]})
        return
    rows = [
        [
            manifest.name + "*" * manifest.untested,
            *(f"{count:,}" for count in _counts(manifest)),
            *_held(holding(manifest)),
            manifest.licence,
        ]
        for manifest in manifests
    ]
    header = ["name", "entities", "relations", "triples", "size", "at hand", "licence"]
    click.echo(table(header, rows, "lrrrrll"))


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


def _counts(manifest: Manifest) -> tuple[int, int, int]:
    counts = manifest.counts
    triples = sum(counts.get(split, 0) for split in ("train", "valid", "test"))
    return counts.get("entities", 0), counts.get("relations", 0), triples


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
