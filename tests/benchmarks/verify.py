"""Draws of the sampler that the exact evaluator finds wrong, by structure: none are expected.

Training queries are drawn in every way: each law, roots, law of negatives, shared and own. Of each query the positive
must be an answer; of shared candidates just those that are no answers must be negatives; no own negative may be an
answer, and all must be there but in a query taken after too many crowded ones; a count that is flagged exact must be
the number of answers. The evaluator enumerates the answers of every query.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np
from machine import figure
from numpy.typing import NDArray

from kgr.data.known import open_store
from kgr.graph.graph import Graph, load_graph
from kgr.query._kernels.sample import CROWDED
from kgr.query.answers import Evaluator
from kgr.query.program import LAWS, NEGATIVES, ROOTS
from kgr.query.sampler import Batch, Sampler
from kgr.query.words import STRUCTURES, Word, parse

BATCH = 512
WRONG = ("positives", "candidates", "negatives_missing", "counts")
WAYS = [
    {"law": law, "roots": roots, "negative_law": negatives, "own_negatives": own}
    for law, roots, negatives, own in itertools.product(LAWS, ROOTS, NEGATIVES, (False, True))
    if own or negatives != "range"
]


def main() -> None:
    arguments = _arguments()
    store = open_store(arguments.store)
    graph = load_graph(store)
    for word in map(parse, arguments.structures.split(",")):
        start = time.process_time()
        evaluator, answers = Evaluator(graph, word), np.zeros(graph.entities, np.bool_)
        found: Counter[str] = Counter()
        for batch in _batches(graph, word, arguments):
            found += _check(batch, evaluator, answers)
        wrong = {kind: found[kind] for kind in WRONG}
        figure(
            f"verify/{store.name}/{word.name}", sum(wrong.values()), "wrong draws", wrong=wrong,
            queries=found["queries"], candidates=found["checked"], exact_counts=found["exact"], ways=len(WAYS),
            negatives=arguments.negatives, seed=arguments.seed, cpu_seconds=time.process_time() - start,
        )  # fmt: skip


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", help="known name or folder")
    parser.add_argument("--structures", default=",".join([*STRUCTURES, "APPPP", "APAPIAPIAPI"]))
    parser.add_argument("--count", type=int, default=100_000, help="queries of each structure, at least")
    parser.add_argument("--negatives", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _batches(graph: Graph, word: Word, arguments: argparse.Namespace) -> Iterator[Batch]:
    """As many queries drawn in each way, together at least ``count``."""
    each = -(-arguments.count // len(WAYS))
    for way in WAYS:
        sampler = Sampler(graph, word, negatives=arguments.negatives, seed=arguments.seed, **way)
        for first in range(0, each, BATCH):
            yield sampler.draw(first // BATCH, min(BATCH, each - first))


def _check(batch: Batch, evaluator: Evaluator, answers: NDArray[np.bool_]) -> Counter[str]:
    """Count what was checked and what was wrong; ``answers`` is work memory, bool[G], all false."""
    found: Counter[str] = Counter()
    shared = batch.negatives.ndim == 1
    for b, row in enumerate(batch.arguments):
        members = evaluator.answers(row)
        answers[members] = True
        negative = batch.is_negative[b]
        candidates = batch.negatives if shared else batch.negatives[b, negative]
        wrong = answers[candidates] == (negative if shared else True)
        found["checked"] += len(candidates)
        found["candidates"] += int(wrong.sum())
        found["negatives_missing"] += int(not shared and len(candidates) < len(negative) and batch.crowded[b] < CROWDED)
        found["positives"] += int(not answers[batch.positives[b]])
        found["counts"] += int(batch.exact[b] and batch.counts[b] != len(members))
        answers[members] = False
    found["queries"] += len(batch.arguments)
    found["exact"] += int(batch.exact.sum())
    return found


if __name__ == "__main__":
    main()
