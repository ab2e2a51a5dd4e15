"""CPU seconds of the relation patterns and path rules of a store, all splits together."""

from __future__ import annotations

import argparse
import time

from machine import figure

from kgr.data.known import open_store
from kgr.graph.graph import load_graph
from kgr.graph.patterns import find_patterns
from kgr.graph.rules import RuleLimits, mine_rules


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", help="known name or folder")
    parser.add_argument("--length", type=int, default=3, choices=(1, 2, 3))
    arguments = parser.parse_args()
    store = open_store(arguments.store)
    graph = load_graph(store, [split for split in ("train", "valid", "test") if split in store.splits])
    find_patterns(graph), mine_rules(graph, RuleLimits(length=2))  # compiled
    cpu, wall = time.process_time(), time.perf_counter()
    find_patterns(graph)
    found = mine_rules(graph, RuleLimits(length=arguments.length))
    figure(
        f"analyze/{store.name}", time.process_time() - cpu, "CPU seconds", wall=time.perf_counter() - wall,
        triples=graph.edges // 2, length=arguments.length, rules=len(found.rules), left_out=len(found.left_out),
    )  # fmt: skip


if __name__ == "__main__":
    main()
