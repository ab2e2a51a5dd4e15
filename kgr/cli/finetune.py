"""``kgr finetune-prop``: a model that scores pairs, trained on judged queries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.encode import field_option, language_option
from kgr.cli.look import judged
from kgr.cli.settings import given, options
from kgr.cli.terminal import print_metrics, say
from kgr.cli.training import out_option, training
from kgr.prop.finetune_config import FinetuneConfig

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("finetune-prop")
@click.argument("model")
@click.argument("store")
@click.option("--qrels", required=True, help="file of TREC's or BEIR's, or a store that keeps judgements")
@out_option
@click.option(
    "--ranking", type=_FILE, help="run file that negatives come from, and that is re-ranked  [default: BM25's]"
)
@click.option(
    "--queries",
    "topics",
    type=_FILE,
    help="file of queries: JSON lines, TSV or TREC topics  [default: those that the store keeps]",
)
@click.option("--name", help="which judgements of a store  [default: its first]")
@language_option
@field_option
@options(FinetuneConfig)
@json_option
@traceback_option
def finetune_prop(model: str, store: str, qrels: str, as_json: bool, **asked: Any) -> None:
    """Fine-tune a model on judged queries, then re-rank the queries to be tested.

    MODEL is a run of kgr pretrain-prop, or the name or folder of a Hugging Face model. With --folds 5 a run is made for
    each fold of the queries, in OUT/fold-0 and so on, and their rankings are joined in OUT/ranking.trec.gz; with --fold
    too, that run alone. With --train-queries 50 all other queries are tested, and their ranking is RUN/test.trec.gz.
    kgr rerank --model RUN reads the run. After Ctrl-C the same command goes on from the last checkpoint.

    \b
        kgr finetune-prop RUN STORE --qrels QRELS --out TUNED --folds 5
    """
    from kgr.prop.finetune import finetune_prop
    from kgr.prop.finetune_folds import finetune_prop_folds
    from kgr.show.evaluation import evaluation_table

    settings = given({**asked, "fields": asked["fields"] or None})
    settings["qrels"] = judged(qrels)
    metrics: dict[str, Any]
    with training(store, "queries") as bars:
        settings |= {"progress": bars.train, "message": say}
        if settings.get("folds") and "fold" not in settings:
            metrics = finetune_prop_folds(model, store, **settings).metrics
        else:
            metrics = finetune_prop(model, store, **settings).metrics.get("test", {})
    if metrics or as_json:
        print_metrics(metrics, evaluation_table, as_json, run=str(asked["out"]), **bars.spent)
