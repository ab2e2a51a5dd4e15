"""Queries per CPU second of the sampler, by structure; beside another program's, in the same sitting, if asked."""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from machine import figure

from kgr.data.lines import Numbering
from kgr.data.triples import read_triples
from kgr.graph.graph import Graph, build_graph
from kgr.query.program import LAWS
from kgr.query.sampler import Sampler
from kgr.query.words import STRUCTURES, parse

Batches = Callable[[int], Any]  # draws the batch of a step


def main() -> None:
    arguments = _arguments()
    graph, triples = _load(arguments.train)
    other = _module(arguments.against) if arguments.against else None
    ratios = []
    for name in arguments.structures.split(","):
        word = parse(name)
        sampler = Sampler(
            graph, word, negatives=arguments.negatives, own_negatives=arguments.own, law=arguments.law,
            exact_counts=arguments.exact_counts,
        )  # fmt: skip
        draws: list[Batches] = [lambda step, sampler=sampler: sampler.draw(step, arguments.batch)]
        if other:
            draws.append(_others(other, triples, graph, name, arguments))
        rates = _alternate(draws, arguments)
        more = {} if not other else {"ratio": statistics.median(a / b for a, b in zip(*rates, strict=True))}
        ratios += more.values()
        figure(
            f"sampler/{name}", max(rates[0]), "queries per CPU second", law=arguments.law, own=arguments.own,
            exact_counts=arguments.exact_counts, negatives=arguments.negatives, batch=arguments.batch,
            threads=arguments.threads, entities=graph.entities, triples=graph.edges // 2, **more,
        )  # fmt: skip
    if ratios:
        figure(
            "sampler/ratio", statistics.median(ratios), f"times the rate of {arguments.against.stem}, median",
            least=min(ratios), entities=graph.entities, own=arguments.own,
        )  # fmt: skip


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path, help="triples: tab-separated keys, or ids as .npy, int[E, 3]")
    parser.add_argument("--structures", default=",".join([*STRUCTURES, "APPPP", "APAPIAPIAPI"]))
    parser.add_argument("--negatives", type=int, default=1024)
    parser.add_argument("--own", action="store_true", help="negatives of each query's own")
    parser.add_argument("--exact-counts", action="store_true", help="count every query's answers")
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--law", default="edge", choices=LAWS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1.0, help="CPU seconds of one repeat")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--against",
        type=Path,
        help="a Python file with build(triples, entities, 2 R), Sampler and Scratch to alternate with",
    )
    return parser.parse_args()


def _load(path: Path) -> tuple[Graph, np.ndarray]:
    if path.suffix == ".npy":
        triples = np.load(path)
        entities, relations = int(triples[:, [0, 2]].max()) + 1, int(triples[:, 1].max()) + 1
    else:
        names = Numbering(), Numbering()
        triples = np.unique(read_triples([path], *names), axis=0)
        entities, relations = len(names[0]), len(names[1])
    return build_graph(triples.astype(np.int32), entities, relations), triples


def _alternate(draws: list[Batches], arguments: argparse.Namespace) -> list[list[float]]:
    """Rates of each, by repeat; they take turns."""
    rates: list[list[float]] = [[] for _ in draws]
    for own in draws:
        for step in range(8):
            own(step)
    with ThreadPoolExecutor(arguments.threads) as pool:
        for repeat in range(arguments.repeats):
            for draw, own_rates in zip(draws, rates, strict=True):
                steps = iter(range(10**6 * (repeat + 1), 10**9))
                start, done = time.process_time(), 0
                while time.process_time() - start < arguments.seconds:
                    done += sum(1 for _ in _some(pool, draw, steps, arguments.threads))
                own_rates.append(done * arguments.batch / (time.process_time() - start))
    return rates


def _some(pool: ThreadPoolExecutor, draw: Batches, steps: Iterator[int], threads: int) -> Iterator[Any]:
    if threads == 1:
        yield draw(next(steps))
    else:
        yield from pool.map(draw, [next(steps) for _ in range(4 * threads)])


def _module(path: Path) -> Any:
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _others(module: Any, triples: np.ndarray, graph: Graph, name: str, arguments: argparse.Namespace) -> Batches:
    """The other program's batches, by its own names."""
    if not hasattr(module, "graph"):
        module.graph = module.build(triples.astype(np.int64), graph.entities, graph.directed)
    if arguments.own:
        sampler = module.Sampler(module.graph, graph.entities, name, arguments.negatives, share=False)
        scratch = module.Scratch(module.graph, arguments.negatives)
    else:
        sampler = module.Sampler(module.graph, graph.entities, graph.directed, parse(name).word, arguments.negatives)
        scratch = sampler.scratch()
    return lambda step: sampler.batch(step, arguments.batch, scratch)


if __name__ == "__main__":
    main()
