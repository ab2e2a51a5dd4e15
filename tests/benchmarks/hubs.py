"""CPU time of a query when an entity with very many edges is near: bounded by the cheaper of forward and backward."""

from __future__ import annotations

import argparse
import time

import numpy as np
from machine import figure

from kgr.graph.graph import Graph, build_graph
from kgr.query.sampler import Sampler
from kgr.query.words import parse


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--structures", default="1p,2p,3p,pi,ip,inp,pni,2u,up,APPPP")
    parser.add_argument("--hubs", default="1000,10000,100000,1000000", help="edges of the hub")
    parser.add_argument("--entities", type=int, default=1_000_001)
    parser.add_argument("--negatives", type=int, default=1024)
    parser.add_argument("--queries", type=int, default=256)
    arguments = parser.parse_args()
    for size in map(int, arguments.hubs.split(",")):
        graph = _graph(size, arguments.entities)
        for name in arguments.structures.split(","):
            spent = {
                exact: _seconds(graph, name, arguments.negatives, arguments.queries, exact_counts=exact)
                for exact in (False, True)
            }
            figure(
                f"hubs/{name}", 1e6 * spent[False], "CPU microseconds a query", hub_edges=size,
                every_answer_enumerated=1e6 * spent[True], entities=graph.entities, triples=graph.edges // 2,
                negatives=arguments.negatives,
            )  # fmt: skip


def _graph(size: int, entities: int) -> Graph:
    """One hub, entity 0, whose edges are of one relation, and three edges an entity of three other relations."""
    rng = np.random.default_rng(size)
    leaves = rng.permutation(entities - 1)[:size] + 1
    spokes = np.stack([np.zeros(size, np.int64), np.zeros(size, np.int64), leaves], axis=1)
    others = rng.integers(0, entities, (3 * entities, 3))
    others[:, 1] = 1 + others[:, 1] % 3
    return build_graph(np.concatenate([spokes, others]).astype(np.int32), entities, 4)


def _seconds(graph: Graph, name: str, negatives: int, queries: int, *, exact_counts: bool) -> float:
    """CPU seconds a query; pivots by degree, so that many a query leads through the hub."""
    sampler = Sampler(
        graph, parse(name), negatives=negatives, law="edge", roots="degree", exact_counts=exact_counts, seed=1
    )
    sampler.draw(0, queries)
    start = time.process_time()
    for step in range(1, 4):
        sampler.draw(step, queries)
    return (time.process_time() - start) / (3 * queries)


if __name__ == "__main__":
    main()
