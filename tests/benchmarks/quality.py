"""Train by a data set's recipe and print the metrics of its test queries, popularity beside them.

A run that is there already goes on, or is read where it has ended.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from statistics import mean
from typing import Any

from machine import figure

import kgr

MEASURES = {"mrr": "MRR", "hits@3": "Hits@3"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", help="a known name or a store's folder")
    parser.add_argument("--model", help="the data set's recipe for it; by default its default recipe")
    parser.add_argument("--config", help="another recipe of the data set, or a file of settings")
    parser.add_argument("--queries", help="a query set that the store keeps by name; by default the store's own")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, help="of training, all sittings together; by default the recipe's")
    parser.add_argument("--out", required=True, help="run folder")
    arguments = parser.parse_args()
    named = {name: getattr(arguments, name) for name in ("model", "config", "seed", "minutes")}
    given = {name: value for name, value in named.items() if value is not None}
    run = kgr.train_multihop(arguments.store, out=arguments.out, progress=_tell, **given)
    metrics = run.evaluate("test", queries=arguments.queries) if arguments.queries else run.metrics["test"]
    lines = run._run.metrics()
    spent = [line for line in lines if "loss" in line][-1]
    more = {
        "popularity": {name: metrics[f"popularity_{name}"] for name in ("avg_p", "avg_n")},
        "structures": metrics["structures"],
        "queries_fingerprint": metrics["queries_fingerprint"],
        "settings": {name: value for name, value in run._run.settings.items() if value is not None},
        "valid_curve": [
            (line["step"], _means(line["metrics"], "mrr")) for line in lines if line.get("split") == "valid"
        ],
        "steps": spent["step"],
        "train_seconds": spent["seconds"],
        "train_cpu_seconds": spent["cpu_seconds"],
        "command": "python tests/benchmarks/quality.py " + " ".join(sys.argv[1:]),
    }
    name = "/".join(filter(None, ["quality", arguments.store, arguments.queries, run.config.model]))
    for measure, unit in MEASURES.items():
        for kind, value in _means(metrics, measure).items():
            figure(f"{name}/{kind}/{measure}", value, unit, **more)


def _means(metrics: Mapping[str, Any], measure: str) -> dict[str, float]:
    """Return the mean of a measure over the structures without negation, and over those with it, if any."""
    own = {name: each[measure] for name, each in metrics["structures"].items() if each and each["queries"]}
    kinds = {"avg_p": [value for name, value in own.items() if "n" not in name]}
    kinds["avg_n"] = [value for name, value in own.items() if "n" in name]
    return {kind: mean(values) for kind, values in kinds.items() if values}


def _tell(progress: Any) -> None:
    if progress.loss is not None:
        print(f"step {progress.step} loss {progress.loss:.4f} {progress.seconds:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
