"""``kgr export``: a store as files that others read."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.look import opened
from kgr.cli.terminal import print_json, say
from kgr.data.export import FORMATS, Format
from kgr.show.table import table


@click.command()
@click.argument("store")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMATS), required=True, help="of what is written")
@click.option("--split", "splits", multiple=True, help="triples of this split alone; may be given again")
@click.option("--language", help="of the labels of graphml  [default: en]")
@json_option
@traceback_option
def export(store: str, out: Path, form: Format, splits: tuple[str, ...], language: str | None, as_json: bool) -> None:
    """Write the triples, texts and types of a store as files that others read.

    nt (N-Triples), ttl (Turtle), jsonl (an object for each entry and triple) and graphml are files, packed where the
    name ends in .gz; tsv is a new folder of tables. kgr build reads all but graphml. Without --split tsv and jsonl
    have all triples, the others those of train, valid and test. What a format has no place for is said.
    """
    from kgr.data.export import export

    done = export(opened(store), out, form, splits=splits or None, language=language, message=say)
    if as_json:
        print_json(dataclasses.asdict(done))
    else:
        rows = [[split, f"{count:,}"] for split, count in done.triples.items()]
        click.echo("\n\n".join([str(out), *([table(["triples", ""], rows, "lr")] if rows else [])]))
