"""``kgr pretrain-prop`` and ``evaluate-prop``: rankers pre-trained on a corpus."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from kgr.cli.base import Interrupted, json_option, traceback_option
from kgr.cli.look import opened
from kgr.cli.settings import given, options
from kgr.cli.terminal import Bars, print_json, say
from kgr.prop.config import PropConfig

# torch is imported by what runs, not by what shows help


@click.command("pretrain-prop")
@click.argument("store")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="folder of the run")
@click.option("--config", help="file of settings, or the name of a recipe of the data set; options win over it")
@options(PropConfig)
@json_option
@traceback_option
def pretrain_prop(store: str, out: Path, config: str | None, as_json: bool, **settings: Any) -> None:
    """Pre-train a ranker on the texts of a store, then evaluate it on held-out documents.

    \b
        kgr pretrain-prop STORE --model sentence-transformers/all-MiniLM-L6-v2 --out RUN
        kgr rerank STORE F.trec --model RUN --out G.trec

    The model learns which of two sets of words, drawn from a document's language model, represents it better. Without
    --model it is a new one, which learns little in minutes. After Ctrl-C the same command goes on from the last
    checkpoint.
    """
    from kgr.prop.run import pretrain_prop
    from kgr.show.prop import metrics_table

    try:
        with Bars() as bars:
            place = opened(store)
            run = pretrain_prop(
                store if place.name == store else place,
                out=out,
                config=config,
                progress=bars.train,
                preparing=partial(bars.count, "word pieces"),
                evaluating=partial(bars.count, "evaluate"),
                message=say,
                **given(settings),
            )
    except KeyboardInterrupt:
        raise Interrupted("stopped; the same command goes on from the last checkpoint") from None
    metrics = run.metrics["valid"]
    if as_json:
        print_json({**metrics, "run": str(out), **bars.spent})
    else:
        click.echo(metrics_table(metrics))


@click.command("evaluate-prop")
@click.argument("run")
@json_option
@traceback_option
def evaluate_prop(run: str, as_json: bool) -> None:
    """Evaluate a pre-trained ranker on the documents that it was not trained on.

    Accuracy is how often the better of two texts has the higher score. Beside it stands what is reached with another
    document in place of the right one, and without any model: by the words that the document has, by how frequent
    words are in the collection, and by both.
    """
    from kgr.engine.run import Run
    from kgr.prop.run import load_prop
    from kgr.show.prop import metrics_table

    with Bars() as bars:
        metrics = load_prop(Run.open(run)).evaluate(progress=partial(bars.count, "evaluate"))
    if as_json:
        print_json(metrics)
    else:
        click.echo(metrics_table(metrics))


@click.command("convert-prop")
@click.argument("checkpoint", type=click.Path(path_type=Path, file_okay=False))
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@traceback_option
def convert_prop(checkpoint: Path, out: Path) -> None:
    """Make a folder for re-ranking of a published checkpoint of PROP or B-PROP.

    CHECKPOINT is a folder with config.json, the vocabulary and pytorch_model.bin. Its ranker's weights have names that
    other programs do not look for; in OUT they have those that `kgr rerank` and Hugging Face's classes read.
    """
    from kgr.prop.convert import convert_prop

    convert_prop(checkpoint, out)
    click.echo(f"{out}: a ranker, for kgr rerank --model {out}")
