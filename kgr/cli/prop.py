"""``kgr pretrain-prop`` and ``evaluate-prop``: rankers pre-trained on a corpus."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.settings import given
from kgr.cli.terminal import Bars, print_metrics, say
from kgr.cli.training import training, training_options
from kgr.prop.config import PropConfig

# torch is imported by what runs, not by what shows help


@click.command("pretrain-prop")
@click.argument("store")
@training_options(PropConfig)
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

    with training(store, "documents") as bars:
        run = pretrain_prop(
            store,
            out=out,
            config=config,
            progress=bars.train,
            preparing=bars.count,
            evaluating=partial(bars.count, "evaluate"),
            message=say,
            **given(settings),
        )
    print_metrics(run.metrics["valid"], metrics_table, as_json, run=str(out), **bars.spent)


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
    print_metrics(metrics, metrics_table, as_json)


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
