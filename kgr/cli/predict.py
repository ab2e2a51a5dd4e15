"""``kgr predict``: what completes a triple, and the best new facts of a relation."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kgr.cli.base import json_option, traceback_option
from kgr.cli.terminal import Bars, print_json, say

if TYPE_CHECKING:
    from kgr.completion.run import CompletionRun


@click.command()
@click.argument("run")
@click.option("--head", help="key of the head")
@click.option("--relation", help="key of the relation")
@click.option("--tail", help="key of the tail")
@click.option("-k", default=10, type=click.IntRange(min=1), help="results wanted  [default: 10]")
@click.option("--new-only", is_flag=True, help="leave out what train, valid or test has")
@click.option("--language", default="en", help="of the labels  [default: en]")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="file for the new facts of a relation")
@json_option
@traceback_option
def predict(run: str, out: Path | None, as_json: bool, **asked: Any) -> None:
    """Predict what completes a triple, or new facts of a whole relation.

    Give two of --head, --relation and --tail, and the third is predicted; give --relation alone, and the best new
    facts of the relation are found among the heads and tails that train has of it:

    \b
        kgr predict RUN --head Q42 --relation P106
        kgr predict RUN --relation P106 -k 1000 --out facts.tsv
    """
    alone = asked["relation"] is not None and asked["head"] is None and asked["tail"] is None
    if not alone and sum(asked[name] is not None for name in ("head", "relation", "tail")) != 2:
        raise click.UsageError("give two of --head, --relation and --tail, or --relation alone")
    if out and not alone:
        raise click.UsageError("--out is for the new facts of a whole relation: give --relation alone")
    if out and not out.parent.is_dir():
        raise click.UsageError(f"--out {out}: there is no folder {out.parent}")
    if alone and asked["new_only"]:
        raise click.UsageError("--new-only is for two keys; of a whole relation there are only new facts")

    from kgr.completion.run import load_completion
    from kgr.engine.run import Run

    loaded = load_completion(Run.open(run))
    if alone:
        _tell_facts(loaded, asked, out, as_json)
    else:
        _tell(loaded, asked, as_json)


def _tell(run: CompletionRun, asked: dict[str, Any], as_json: bool) -> None:
    from kgr.show.predictions import RELATION_SCORES, predictions_table, probability_in_words, triple_in_words

    with Bars() as bars:
        found = run.predict(**asked, progress=bars.score)
    if as_json:
        print_json(dataclasses.asdict(found))
        return
    about = RELATION_SCORES if found.relation is None else probability_in_words(run.calibration())
    click.echo("\n\n".join((triple_in_words(run.store, found, asked["language"]), predictions_table(found), about)))


def _tell_facts(run: CompletionRun, asked: dict[str, Any], out: Path | None, as_json: bool) -> None:
    from kgr.completion.facts import write_facts
    from kgr.show.predictions import facts_table, probability_in_words

    choices = {name: asked[name] for name in ("k", "language")}
    with Bars() as bars:
        facts = run.predict_facts(asked["relation"], **choices, progress=bars.score)
    if out:
        write_facts(out, facts)
        say(f"{out}: {len(facts):,} facts")
    if as_json:
        print_json({"out": str(out) if out else None, "results": [dataclasses.asdict(fact) for fact in facts]})
    elif not out:
        click.echo(f"{facts_table(facts)}\n\n{probability_in_words(run.calibration())}")
