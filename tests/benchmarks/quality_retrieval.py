"""Print what BM25 and query likelihood reach by their defaults on judged collections, judged as trec_eval does."""

from __future__ import annotations

import argparse
import sys

from machine import figure

import kgr

MEASURES = {"cranfield": "map", "cisi": "map", "scifact": "ndcg@10"}
METHODS = {
    "BM25": {"method": "bm25"},
    "QL Dirichlet": {"method": "ql"},
    "QL Jelinek-Mercer": {"method": "ql", "smoothing": "jm"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stores", nargs="*", default=list(MEASURES), help=f"of {', '.join(MEASURES)}; by default all")
    for name in parser.parse_args().stores:
        store = kgr.open_store(name)
        for method, settings in METHODS.items():
            found = kgr.evaluate_ranking(store, kgr.retrieve(store, **settings))
            measures = {measure: round(value, 4) for measure, value in found.items() if isinstance(value, float)}
            figure(
                f"{method} {MEASURES[name]} on {name}", measures[MEASURES[name]], MEASURES[name],
                measures=measures, queries=found["queries"], settings=settings,
                command=" ".join(["python tests/benchmarks/quality_retrieval.py", *sys.argv[1:]]),
            )  # fmt: skip


if __name__ == "__main__":
    main()
