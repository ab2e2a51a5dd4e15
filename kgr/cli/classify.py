"""``kgr classify-triples``."""

from __future__ import annotations

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.terminal import Bars, print_json


@click.command("classify-triples")
@click.argument("run")
@click.option("--split", default="test", type=click.Choice(["valid", "test"]), help="which facts  [default: test]")
@click.option(
    "--protocol",
    default="corrected",
    type=click.Choice(["corrected", "published"]),
    help="published: as CoDEx's own program, with its faults  [default: corrected]",
)
@click.option(
    "--negatives",
    default="stored",
    type=click.Choice(["stored", "uniform", "relation"]),
    help="the store's, or drawn: tails random among all entities, or among the relation's  [default: stored]",
)
@click.option("--seed", default=0, type=click.IntRange(min=0), help="of negatives that are drawn  [default: 0]")
@json_option
@traceback_option
def classify_triples(run: str, split: str, protocol: str, negatives: str, seed: int, as_json: bool) -> None:
    """Tell facts from negatives with a trained link predictor.

    A score above its relation's threshold, fitted on valid, makes a triple a fact.
    """
    from kgr.completion.run import load_completion
    from kgr.engine.run import Run
    from kgr.show.classification import classification_table

    loaded = load_completion(Run.open(run))
    with Bars() as bars:
        metrics = loaded.classify(split, protocol=protocol, negatives=negatives, seed=seed, progress=bars.score)
    if as_json:
        print_json(metrics)
        return
    store = loaded.store
    labels = {key: store.label("relations", store.relations.id(key)) for key in metrics["relations"]}
    click.echo(classification_table(metrics, labels))
