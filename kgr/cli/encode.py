"""``kgr encode``: texts of a store as vectors."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.look import opened
from kgr.cli.settings import given, options
from kgr.cli.terminal import Bars, print_json, say
from kgr.models.text_config import EncoderConfig

field_option = click.option(
    "--field", "fields", multiple=True, help="of the texts; may be repeated  [default: all that an index joins]"
)
language_option = click.option("--language", help="of the texts  [default: the only one, else en]")


@click.command()
@click.argument("store")
@click.option("--model", required=True, help="name or folder of a Hugging Face model")
@click.option("--name", help="by which the store keeps the vectors  [default: the last part of the model's name]")
@language_option
@field_option
@click.option("--words", type=click.IntRange(min=1), help="encode passages of so many words  [default: whole texts]")
@click.option("--stride", type=click.IntRange(min=1), help="words from a passage to the next  [default: half of them]")
@click.option("--replace", is_flag=True, help="put them in place of those of that name")
@options(EncoderConfig)
@json_option
@traceback_option
def encode(store: str, model: str, name: str | None, replace: bool, as_json: bool, **asked: Any) -> None:
    """Encode the texts of a store as vectors, and keep them.

    \b
        kgr encode STORE --model BAAI/bge-small-en-v1.5 --name bge
        kgr retrieve STORE --method dense --vectors bge --query "lakes of the Andes"

    Where it was interrupted, the same command goes on.
    """
    from kgr.index.vectors import source_of
    from kgr.retrieval.encode import encode as encode_texts
    from kgr.retrieval.encode import vectors_name

    settings = given({**asked, "fields": asked["fields"] or None})
    name = vectors_name(model, name)
    with Bars() as bars:
        bar = partial(bars.count, "encode")
        found = encode_texts(opened(store), model, name=name, replace=replace, message=say, progress=bar, **settings)
    if as_json:
        print_json({"store": str(found.path), "name": name, **source_of(found, name)})
    else:
        click.echo(f"{found.path}: vectors {name!r} of {source_of(found, name)['counts']['entries']:,} entries")
