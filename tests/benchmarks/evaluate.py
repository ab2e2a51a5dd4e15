"""CPU seconds of full-ranking evaluation on made-up queries; what it takes does not depend on what they ask."""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from machine import figure

from kgr.models import MODELS
from kgr.multihop.evaluate import evaluate
from kgr.multihop.scorer import Scorer
from kgr.query.sets import Queries, QuerySet, Ragged
from kgr.query.words import STRUCTURES, parse


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="gqe", choices=sorted(MODELS))
    parser.add_argument("--dim", type=int, default=400)
    parser.add_argument("--entities", type=int, default=40_559)
    parser.add_argument("--relations", type=int, default=11)
    parser.add_argument("--queries", type=int, default=18_356, help="shared evenly among the structures")
    parser.add_argument("--answers", type=int, default=10, help="hard answers of each query, and as many easy ones")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model = MODELS[arguments.model](arguments.dim)
    draws = torch.Generator().manual_seed(0)
    entities = torch.rand(arguments.entities, model.entity_width(arguments.dim), generator=draws) - 0.5
    relations = torch.rand(2 * arguments.relations, model.relation_width(arguments.dim), generator=draws) - 0.5
    queries = _queries(arguments, negates=model.negates)
    count = sum(len(own) for own in queries.queries.values())
    cpu, wall = time.process_time(), time.perf_counter()
    evaluate(Scorer(model, entities, relations), queries, train=None)
    figure(
        f"evaluate/{arguments.model}", time.process_time() - cpu, "CPU seconds", wall=time.perf_counter() - wall,
        entities=arguments.entities, queries=count, dim=arguments.dim, torch_threads=arguments.threads,
    )  # fmt: skip


def _queries(arguments: argparse.Namespace, *, negates: bool) -> QuerySet:
    rng = np.random.default_rng(0)
    words = [word for word in map(parse, STRUCTURES) if negates or not word.negates]
    queries = {}
    for part, word in zip(np.array_split(np.arange(arguments.queries), len(words)), words, strict=True):
        limits = [arguments.entities if letter == "A" else 2 * arguments.relations for letter in word.slots]
        rows = rng.integers(0, limits, (len(part), len(limits)), dtype=np.int32)
        easy, hard = (
            Ragged.of([np.sort(rng.choice(arguments.entities, arguments.answers, replace=False)) for _ in part])
            for _ in range(2)
        )
        queries[word.name] = Queries(word, rows, easy, hard)
    return QuerySet("test", True, queries)


if __name__ == "__main__":
    main()
