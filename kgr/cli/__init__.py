"""The command line. This loads click and nothing heavier: a command's module is imported when it is run."""

from __future__ import annotations

import io
import signal
import sys

import click

from kgr.cli.base import Program, traceback_option

COMMANDS = {
    "data": ("kgr.cli.data", "The known data sets: list, fetch, verify."),
    "build": ("kgr.cli.build", "Build a store from a known data set or from files."),
    "add": ("kgr.cli.documents", "Add documents to a store, or texts to its entries."),
    "index-texts": ("kgr.cli.index_texts", "Index the texts of a store for retrieval."),
    "check": ("kgr.cli.look", "Verify every checksum of a store."),
    "show": ("kgr.cli.look", "Show what is in a store, or one entity or relation of it."),
    "search": ("kgr.cli.search", "Find entries by a name or by words of their texts."),
    "analyze": ("kgr.cli.analyze", "Find the patterns of a store's relations, and rules of paths."),
    "draw": ("kgr.cli.draw", "Draw what lies round an entity, or a query with its answers, as a picture."),
    "export": ("kgr.cli.export", "Write the triples, texts and types of a store as files that others read."),
    "sample": ("kgr.cli.sample", "Draw queries with easy and hard answers from a store."),
    "train-multihop": ("kgr.cli.multihop", "Train a model of multi-hop queries on a store, then evaluate it."),
    "evaluate-multihop": ("kgr.cli.multihop", "Evaluate a trained query model."),
    "train-completion": ("kgr.cli.completion", "Train a link predictor on a store, then evaluate it."),
    "evaluate-completion": ("kgr.cli.completion", "Evaluate a trained link predictor."),
    "classify-triples": ("kgr.cli.classify", "Tell facts from negatives with a trained link predictor."),
    "predict": ("kgr.cli.predict", "Predict what completes a triple, or new facts of a whole relation."),
    "answer": ("kgr.cli.multihop", "Answer a query with a trained query model."),
    "plot": ("kgr.cli.plot", "Draw loss, rate and evaluations of a run as a picture."),
    "retrieve": ("kgr.cli.retrieve", "Find the entries whose texts answer queries best."),
    "explain": ("kgr.cli.retrieve", "Explain the score of an entry for a query, term by term."),
    "encode": ("kgr.cli.encode", "Encode the texts of a store as vectors, and keep them."),
    "rerank": ("kgr.cli.rerank", "Order a ranking anew by a model that reads query and text at once."),
    "pretrain-prop": (
        "kgr.cli.prop",
        "Pre-train a ranker on the texts of a store, then evaluate it on held-out documents.",
    ),
    "evaluate-prop": ("kgr.cli.prop", "Evaluate a pre-trained ranker on the documents that it was not trained on."),
    "convert-prop": ("kgr.cli.prop", "Make a folder for re-ranking of a published checkpoint of PROP or B-PROP."),
    "finetune-prop": (
        "kgr.cli.finetune",
        "Fine-tune a model on judged queries, then re-rank the queries to be tested.",
    ),
    "evaluate-ranking": ("kgr.cli.ranking", "Measure a ranking against judgements, or two against each other."),
    "fuse": ("kgr.cli.ranking", "Make one ranking of several."),
    "interpolate": ("kgr.cli.ranking", "Interpolate a ranking with another, the weight fitted on judged queries."),
    "train-sememes": ("kgr.cli.sememes", "Train a predictor of sememes on a store of synsets, then evaluate it."),
    "evaluate-sememes": ("kgr.cli.sememes", "Evaluate a predictor of sememes."),
    "predict-sememes": ("kgr.cli.sememes", "Predict the sememes of synsets of the store, of a new synset, or of all."),
    "export-sememes": ("kgr.cli.sememes", "Write predicted sememes to a file, or into the store."),
    "sememes": ("kgr.cli.sememes", "Look up the sememes of a synset, or the synsets of a sememe."),
    "export-vectors": ("kgr.cli.vectors", "Write the vectors of a run as arrays with their keys."),
    "import-vectors": ("kgr.cli.vectors", "Bring vectors from files into a store, matched by key."),
    "nearest": ("kgr.cli.vectors", "Find the entities nearest to one by their vectors."),
}
"""Module and help of each command; in the module it is a function of its name."""


@click.group(
    cls=Program,
    lazy=COMMANDS,
    context_settings={"max_content_width": 100, "help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="kgr", message="%(prog)s %(version)s")
@traceback_option
def cli() -> None:
    """Knowledge graphs and retrieval on one entity and text index.

    Where a command takes a STORE, that is the folder of one, or the name of a known data set, which is
    fetched, verified and built when it is first asked for.
    """


def main() -> None:
    """Run the command line and exit: 0, 1 (an error, one line), 2 (usage), 130 (Ctrl-C) or 143 (SIGTERM)."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what is half-written is removed
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that cannot show a letter gets its code
    cli(prog_name="kgr")
