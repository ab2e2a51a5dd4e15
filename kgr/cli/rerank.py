"""``kgr rerank``: a ranking ordered anew by a cross-encoder."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.encode import field_option, language_option
from kgr.cli.look import opened
from kgr.cli.settings import given, options
from kgr.cli.terminal import Bars, print_json, say
from kgr.retrieval.rerank_config import RerankConfig

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("store")
@click.argument("ranking", type=_FILE)
@click.option("--model", required=True, help="name or folder of a Hugging Face model that scores pairs of texts")
@click.option(
    "--queries",
    type=_FILE,
    help="file of queries: JSON lines, TSV or TREC topics  [default: those that the store keeps]",
)
@click.option("--out", type=_FILE, required=True, help="run file to be written; packed if it ends in .gz")
@language_option
@field_option
@options(RerankConfig)
@json_option
@traceback_option
def rerank(store: str, ranking: Path, model: str, queries: Path | None, out: Path, as_json: bool, **asked: Any) -> None:
    """Order a ranking anew by a model that reads query and text at once.

    RANKING is a run file, as `kgr retrieve STORE --out F.trec` writes it.

    \b
        kgr rerank STORE F.trec --model cross-encoder/ms-marco-MiniLM-L6-v2 --out G.trec

    Where it was interrupted, the same command goes on.
    """
    from kgr.retrieval.rerank import rerank as order_anew

    settings = given({**asked, "fields": asked["fields"] or None})
    with Bars() as bars:
        again = order_anew(
            ranking,
            model,
            store=opened(store),
            topics=queries,
            out=out,
            message=say,
            progress=partial(bars.count, "rerank"),
            **settings,
        )
    counts = {"queries": len(again), "results": len(again.document)}
    if as_json:
        print_json({"out": str(out), "tag": again.tag, **counts})
    else:
        click.echo(f"{out}: {counts['results']:,} results of {counts['queries']:,} queries")
