"""``kgr export-vectors``, ``import-vectors`` and ``nearest``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.look import opened
from kgr.cli.terminal import print_json, say
from kgr.index.vectors import METRICS
from kgr.retrieval.config import ANN_FIELDS


@click.command("export-vectors")
@click.argument("run")
@click.argument("out", type=click.Path(path_type=Path))
@json_option
@traceback_option
def export_vectors(run: str, out: Path, as_json: bool) -> None:
    """Write the vectors of a run as arrays with their keys.

    OUT is a new folder.

    entities.npy and relations.npy are arrays for numpy.load, entities.txt and relations.txt their keys, a line per
    row, manifest.json what the numbers are.
    """
    from kgr.runs import load_run, vectors_of

    vectors = vectors_of(load_run(run))
    vectors.save(out)
    if as_json:
        print_json({"out": str(out), **vectors.manifest})
        return
    for what in ("entities", "relations"):
        own = vectors.manifest[what]
        click.echo(f"{out / what}.npy: {own['rows']:,} rows of {own['width']} numbers: {own['layout']}")


@click.command("import-vectors")
@click.argument("store")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="by which the store keeps them")
@click.option("--replace", is_flag=True, help="put them in place of those of that name")
@json_option
@traceback_option
def import_vectors(store: str, path: Path, name: str, replace: bool, as_json: bool) -> None:
    """Bring vectors from files into a store, matched by key.

    PATH is a folder of `kgr export-vectors`; NAME.npy with the keys in NAME.txt, a line per row; or a text file of
    lines with a key and its numbers, as word2vec, fastText and GloVe write them, or with a tab after the key.
    """
    from kgr.vectors import import_vectors

    found = import_vectors(opened(store), path, name=name, replace=replace, message=say)
    if as_json:
        counts = {"entries": found.entries, "relations": found.relations}
        print_json(
            {
                "store": str(found.store.path),
                "name": name,
                "width": found.width,
                **{of: count and dataclasses.asdict(count) for of, count in counts.items()},
            }
        )
    else:
        click.echo(f"{found.store.path}: vectors {name!r} of {found.entries.matched:,} entries, width {found.width}")


@click.command()
@click.argument("of", metavar="RUN|STORE")
@click.argument("key")
@click.option("-k", default=10, type=click.IntRange(min=1), help="entities wanted  [default: 10]")
@click.option("--vectors", help="name of a store's vectors  [default: the only ones]")
@click.option(
    "--metric",
    type=click.Choice(METRICS),
    default="cosine",
    help="cosine, l2 or l1 (the score is minus the distance) or dot, the inner product  [default: cosine]",
)
@click.option("--language", default="en", help="of the labels  [default: en]")
@click.option(
    "--ann",
    type=click.Choice(tuple(ANN_FIELDS)),
    help="look into a FAISS index of a store's vectors; some may be missed  [default: compare all]",
)
@json_option
@traceback_option
def nearest(of: str, key: str, as_json: bool, **asked: Any) -> None:
    """Find the entities nearest to one by their vectors.

    The vectors are those of a run, or some that a store keeps.
    """
    from kgr.runs import is_run
    from kgr.show.vectors import nearest_table
    from kgr.vectors import nearest

    chosen = of if is_run(of) else opened(of)  # built first, with bars
    found = nearest(chosen, key, message=say, **asked)
    if as_json:
        print_json({"results": [dataclasses.asdict(one) for one in found]})
    else:
        click.echo(nearest_table(found))
