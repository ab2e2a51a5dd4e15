"""How many links the pairs of a query set leave to predict: shares of full inference and of one unseen link.

Each set is a line: the share of full-inference pairs, and the counts of each structure. Sets are one that the store
keeps by name, or else drawn with the defaults of ``kgr sample``.
"""

from __future__ import annotations

import argparse
import time

from machine import figure

from kgr.data.known import open_store
from kgr.query.inference import count_pairs
from kgr.query.kept import kept_set
from kgr.query.sets import draw_queries


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", help="known name or folder")
    parser.add_argument("--queries", help="name of a set in the store  [default: drawn]")
    parser.add_argument("--hard", action="store_true", help="draw as `kgr sample --hard`")
    arguments = parser.parse_args()
    store = open_store(arguments.store)
    drawing = time.process_time()
    if arguments.queries:
        queries = kept_set(store, arguments.queries, "test")
    else:
        queries = draw_queries(store, hard=arguments.hard)
    counting = time.process_time()
    counts = count_pairs(store, queries)
    name = arguments.queries or ("hard" if arguments.hard else "drawn")
    pairs = sum(own.pairs for own in counts.values())
    figure(
        f"inference/{store.name}/{name}", sum(own.full_inference for own in counts.values()) / pairs, "share of pairs",
        drawing_cpu_seconds=counting - drawing, counting_cpu_seconds=time.process_time() - counting,
        structures={
            structure: {"queries": len(queries.queries[structure]), **own.as_json()}
            for structure, own in counts.items()
        },
    )  # fmt: skip


if __name__ == "__main__":
    main()
