"""Measure sememe prediction: MAP and F1 of test, of several seeds, and the CPU minutes that a training takes.

Each row is a method with what it may read; a line for each seed, and their mean. Synsets have texts and WordNet where
the store has them: see datasets/babelsememe-noun/README.md. A run that is there already is not trained again, and its
minutes are not those of a training.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from machine import figure

import kgr
from kgr.sememe.run import SememeRun

ROWS: dict[str, dict[str, Any]] = {
    "popularity": {"method": "popularity"},
    "propagation": {"method": "propagation"},
    "graph": {"method": "graph"},
    "texts-and-graph": {"method": "neighbours", "wordnet": False},
    "texts-alone": {"method": "neighbours", "wordnet": False, "relations": False},
    "with-wordnet": {"method": "neighbours"},
    "ranker": {"method": "ranker"},
    "ranker-without-wordnet": {"method": "ranker", "wordnet": False},
    "spbs-sr": {"method": "spbs-sr"},
    "spbs-sr-published": {"method": "spbs-sr", "protocol": "published"},
    "spbs-rr": {"method": "spbs-rr"},
    "spbs-rr-margin-4": {"method": "spbs-rr", "graph_margin": 4.0},
    "spbs-rr-published": {"method": "spbs-rr", "graph_margin": 12.0, "graph_epochs": 110, "equivalence": "published"},
    "ensemble": {"method": "ensemble"},
    "ensemble-published": {"method": "ensemble", "protocol": "published"},
    "new-synsets-texts": {"method": "neighbours", "wordnet": False, "inductive": True},
    "new-synsets-ranker": {"method": "ranker", "wordnet": False, "inductive": True},
}
"""What is measured, by name."""

WITH_VECTORS = ("texts-and-graph", "with-wordnet", "ranker", "spbs-sr", "spbs-sr-published", "ensemble")

_GLOSS = "a portable computer small enough to use in your lap"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", help="a known name or a store's folder")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--seeds", type=int, default=3, help="so many, from 0")
    parser.add_argument("--vectors", default="", help=f"vectors of the store for {', '.join(WITH_VECTORS)}")
    parser.add_argument("--language", default="en")
    arguments = parser.parse_args()
    store = kgr.open_store(arguments.store, message=_say)
    for row in arguments.rows:
        _measure(store, row, arguments)


def _measure(store: kgr.Store, row: str, arguments: argparse.Namespace) -> None:
    settings = dict(ROWS[row])
    name = f"quality_sememes/{store.name or Path(arguments.store).name}/{row}"
    if arguments.vectors and row in WITH_VECTORS:
        settings["vectors"], name = arguments.vectors, f"{name}/{arguments.vectors}"
    if arguments.language != "en":
        settings["language"], name = arguments.language, f"{name}/{arguments.language}"
    found = []
    for seed in range(arguments.seeds):
        out = arguments.out / name.replace("/", "-") / str(seed)
        began = time.process_time()
        run = kgr.train_sememes(store, out=out, seed=seed, message=_say, **settings)
        minutes = (time.process_time() - began) / 60
        metrics = run.metrics["test"]
        found.append({**metrics, "cpu_minutes": minutes, **_milliseconds(run)})
        told = {key: value for key, value in found[-1].items() if key != "map"}
        figure(f"{name}/seed-{seed}", metrics["map"], "map", settings=settings, **told, **_command())
    if len(found) > 1:
        means = {key: statistics.fmean(one[key] for one in found) for key in ("map", "f1", "cpu_minutes")}
        spread = {f"sd_{key}": statistics.stdev(one[key] for one in found) for key in ("map", "f1")}
        more = {**means, **spread, "settings": settings, "seeds": len(found), **_command()}
        figure(f"{name}/mean", more.pop("map"), "map", **more)


def _milliseconds(run: SememeRun) -> dict[str, float]:
    """Return how long a prediction of a new synset takes, of a run that is loaded, in CPU time: the median of 20.

    Without reasons and with them.
    """
    taken: dict[bool, list[float]] = {False: [], True: []}
    for number, why in ((number, why) for number in range(21) for why in taken):
        began = time.process_time()
        run.predict(lemmas=["laptop", "notebook computer"], gloss=f"{_GLOSS} {number} {why}", why=why)
        taken[why].append(1000 * (time.process_time() - began))
    return {"milliseconds": float(np.median(taken[False][1:])), "milliseconds_why": float(np.median(taken[True][1:]))}


def _command() -> dict[str, str]:
    return {"command": "python tests/benchmarks/quality_sememes.py " + " ".join(sys.argv[1:])}


def _say(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    main()
