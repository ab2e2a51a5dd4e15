"""Queries per CPU second of the sampler, by structure."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from machine import figure

from kgr.data.triples import Numbering, read_triples
from kgr.graph.graph import build_graph
from kgr.query.sampler import Sampler
from kgr.query.words import STRUCTURES, parse


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path, help="triples, tab-separated")
    parser.add_argument("--structures", default=",".join(STRUCTURES))
    parser.add_argument("--negatives", type=int, default=1024)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--law", default="edge")
    parser.add_argument("--seconds", type=float, default=1.0, help="CPU seconds of one repeat")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    entities, relations = Numbering(), Numbering()
    triples = read_triples([arguments.train], entities, relations)
    graph = build_graph(np.unique(triples, axis=0), len(entities), len(relations))
    for name in arguments.structures.split(","):
        sampler = Sampler(graph, parse(name), negatives=arguments.negatives, law=arguments.law)
        best = 0.0
        for repeat in range(arguments.repeats):
            sampler.draw(0, arguments.batch)
            start, step = time.process_time(), 0
            while time.process_time() - start < arguments.seconds:
                step += 1
                sampler.draw(repeat * 10**6 + step, arguments.batch)
            best = max(best, step * arguments.batch / (time.process_time() - start))
        figure(
            f"sampler/{name}", best, "queries per CPU second", law=arguments.law, negatives=arguments.negatives,
            batch=arguments.batch, entities=graph.entities, triples=graph.edges // 2,
        )  # fmt: skip


if __name__ == "__main__":
    main()
