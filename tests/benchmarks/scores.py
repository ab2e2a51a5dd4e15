"""Speed of scores and ranks: distances forward and backward, a model's share of a training step, full ranking."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from machine import cpu_seconds, figure
from torch import Tensor

from kgr.models import MODELS
from kgr.models.distance import box_distances, l1_distances
from kgr.models.embed import embed, word_pair_scores, word_scores
from kgr.models.losses import softmax_loss
from kgr.models.model import QueryModel
from kgr.query.words import parse
from kgr.rank.ranks import filtered_ranks

STRUCTURES = ("1p", "2p", "3p", "2i", "3i")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=512, help="queries at once (default: %(default)s)")
    parser.add_argument("--negatives", type=int, default=128, help="shared candidates (default: %(default)s)")
    parser.add_argument("--dim", type=int, default=400, help="dimension (default: %(default)s)")
    parser.add_argument("--entities", type=int, default=40_559, help="entities to rank (default: %(default)s)")
    parser.add_argument("--queries", type=int, default=18_356, help="queries to rank (default: %(default)s)")
    parser.add_argument("--ranking", default="gqe", choices=list(MODELS), help="model to rank with")
    parser.add_argument(
        "--repeats", type=int, default=5, help="runs per figure, the best is kept (default: %(default)s)"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    size = (arguments.batch, arguments.negatives, arguments.dim)
    distances(*size, arguments.repeats)
    for name in MODELS:
        steps(name, *size, arguments.repeats)
    ranking(arguments.ranking, arguments.entities, arguments.queries, arguments.dim, arguments.batch)


def distances(B: int, K: int, D: int, repeats: int) -> None:
    rows, query, box = torch.randn(K, D), torch.randn(B, D), torch.cat([torch.randn(B, D), torch.rand(B, D)], 1)
    ways: dict[str, tuple[Tensor, Callable[[Tensor, Tensor], Tensor]]] = {
        "l1": (query, l1_distances),
        "box": (box, lambda box, rows: box_distances(box, rows, 0.02)),
        "l1 by torch.cdist": (query, lambda query, rows: torch.cdist(query, rows, p=1.0)),
    }
    for name, (left, distance) in ways.items():
        leaves = left.requires_grad_(), rows.requires_grad_()

        def both() -> None:
            torch.autograd.grad(distance(*leaves).sum(), leaves)  # noqa: B023

        size = {"batch": B, "negatives": K, "dim": D}
        figure(f"{name} forward", round(1000 * cpu_seconds(lambda: distance(*leaves), repeats), 2), "CPU ms", **size)  # noqa: B023
        figure(f"{name} forward and backward", round(1000 * cpu_seconds(both, repeats), 2), "CPU ms", **size)


def steps(name: str, B: int, K: int, D: int, repeats: int) -> None:
    """Embedding, scores, loss and gradients of a batch; neither the sampler nor the tables' updates."""
    model = MODELS[name](dim=D)
    taken = [cpu_seconds(_step(model, structure, B, K), repeats) for structure in STRUCTURES]
    more = {"batch": B, "negatives": K, "dim": D, "structures": " ".join(STRUCTURES)}
    figure(f"{name} model step", round(1000 * sum(taken) / len(taken), 1), "CPU ms", **more)


def _step(model: QueryModel, structure: str, B: int, K: int) -> Callable[[], None]:
    word = parse(structure)

    def rows(width: int, bound: float, *shape: int) -> Tensor:
        return torch.empty(*shape, width).uniform_(-bound, bound).requires_grad_()

    entity, relation = model.entity_width(model.dim), model.relation_width(model.dim)
    leaves = (
        rows(entity, model.entity_range, B, len(word.anchors)),
        rows(relation, model.relation_range, B, len(word.relations)),
        rows(entity, model.entity_range, B),
        rows(entity, model.entity_range, K),
    )
    is_negative, weight = torch.rand(B, K) < 0.95, torch.rand(B)

    def step() -> None:
        queries = embed(model, word, *leaves[:2])
        positive, negatives = word_pair_scores(model, queries, leaves[2]), word_scores(model, queries, leaves[3])
        loss, _ = softmax_loss(positive, negatives, is_negative, weight)
        torch.autograd.grad(loss, (*leaves, *model.parameters()), allow_unused=True)

    return step


def ranking(name: str, entities: int, queries: int, dim: int, batch: int) -> None:
    """Score and rank one answer a query among all entities."""
    model = MODELS[name](dim=dim)
    rows = torch.randn(entities, model.entity_width(dim))
    anchors, relations = torch.randn(batch, model.entity_width(dim)), torch.randn(batch, model.relation_width(dim))
    answers, none = np.arange(batch, dtype=np.int32) % entities, np.zeros(0, np.int32)
    offsets = np.arange(batch + 1)

    def run(count: int) -> None:
        candidates = model.candidates(rows)
        for first in range(0, count, batch):
            n = min(batch, count - first)
            query = model.project(model.anchor(anchors[:n]), relations[:n])
            scores = model.candidate_scores(query, candidates)
            filtered_ranks(scores, answers[:n], offsets[: n + 1], none, np.zeros(n + 1, np.int64))

    with torch.inference_mode():
        run(min(8, queries))
        start = time.process_time()
        run(queries)
        seconds = time.process_time() - start
    size = {"entities": entities, "queries": queries, "dim": dim, "batch": batch}
    figure(f"{name} full ranking", round(seconds, 1), "CPU s", **size)


if __name__ == "__main__":
    main()
