"""Speed of scores and ranks: distances forward and backward, a model's share of a training step, full ranking.

Compiled distances stand beside torch's own of them. On a GPU (``--device cuda``) times are of the device, each line has
the most memory that was taken besides what was given, and there is no ranking.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from unittest import mock

import numpy as np
import torch
from machine import cpu_seconds, figure
from torch import Tensor

from kgr.models import MODELS, distance
from kgr.models.embed import embed, word_pair_scores, word_scores
from kgr.models.losses import softmax_loss
from kgr.models.model import QueryModel
from kgr.query.words import parse
from kgr.rank.ranks import filtered_ranks

STRUCTURES = ("1p", "2p", "3p", "2i", "3i")

Distance = Callable[[Tensor, Tensor], Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=512, help="queries at once (default: %(default)s)")
    parser.add_argument("--negatives", type=int, default=128, help="shared candidates (default: %(default)s)")
    parser.add_argument("--dim", type=int, default=400, help="dimension (default: %(default)s)")
    parser.add_argument("--entities", type=int, default=40_559, help="entities to rank (default: %(default)s)")
    parser.add_argument("--queries", type=int, default=18_356, help="queries to rank (default: %(default)s)")
    parser.add_argument("--ranking", default="gqe", choices=list(MODELS), help="model to rank with")
    parser.add_argument("--device", default="cpu", help="cpu, of which one thread, or cuda (default: %(default)s)")
    parser.add_argument(
        "--repeats", type=int, default=5, help="runs per figure, the best is kept (default: %(default)s)"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    distances(arguments)
    for name in MODELS:
        steps(name, arguments)
    if arguments.device == "cpu":
        ranking(arguments.ranking, arguments.entities, arguments.queries, arguments.dim, arguments.batch)


def distances(given: argparse.Namespace) -> None:
    """Each distance by its compiled loop and by torch's own operations, and how far apart these two are."""
    B, K, D = given.batch, given.negatives, given.dim
    with torch.device(given.device):
        rows, query, widths = torch.randn(K, D), torch.randn(B, D), torch.rand(B, D)
    kinds: dict[str, tuple[Tensor, Distance]] = {
        "l1": (query, distance.l1_distances),
        "box": (torch.cat([query, widths], 1), lambda box, rows: distance.box_distances(box, rows, 0.02)),
        "modulus": (query, distance.modulus_distances),
        "cone": (
            torch.cat([query, 3 * widths], 1),
            lambda cone, angles: distance.cone_distances(cone, distance.half_turns(angles), 0.02),
        ),
    }
    for kind, (left, of) in kinds.items():
        leaves = left.requires_grad_(), rows.requires_grad_()
        found = both_ways(kind, of, leaves, given)
        with mock.patch.object(distance, "_loop", lambda *_: None):
            expected = both_ways(f"{kind} by torch", of, leaves, given)
        apart = max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(found, expected, strict=True))
        figure(f"{kind} against torch", apart, "largest difference, of the largest number", **size(given))


def both_ways(name: str, of: Distance, leaves: tuple[Tensor, Tensor], given: argparse.Namespace) -> list[Tensor]:
    """Return the distances and the gradients of the sum of their squares."""

    def forward() -> Tensor:
        return of(*leaves)

    def both() -> list[Tensor]:
        found = forward()
        return [found.detach(), *torch.autograd.grad(found.square().sum(), leaves)]

    report(f"{name} forward", forward, given)
    report(f"{name} forward and backward", both, given)
    return both()


def size(given: argparse.Namespace) -> dict[str, int]:
    return {"batch": given.batch, "negatives": given.negatives, "dim": given.dim}


def report(name: str, run: Callable[[], object], given: argparse.Namespace, each: int = 1, **more: object) -> None:
    """Print the milliseconds of a run over ``each``."""
    if given.device == "cpu":
        figure(name, round(1000 * cpu_seconds(run, given.repeats) / each, 3), "CPU ms", **size(given), **more)
        return
    run()
    taken, held = [], torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    for _ in range(given.repeats):
        torch.cuda.synchronize()
        start = time.perf_counter()
        run()
        torch.cuda.synchronize()
        taken.append(time.perf_counter() - start)
    peak = (torch.cuda.max_memory_allocated() - held) / 1e6
    figure(name, round(1000 * min(taken) / each, 3), "ms", **size(given), **more, peak_mb=round(peak, 1))


def steps(name: str, given: argparse.Namespace) -> None:
    """Embedding, scores, loss and gradients of a batch; neither the sampler nor the tables' updates."""
    model = MODELS[name](dim=given.dim).to(given.device)
    with torch.device(given.device):
        every = [_step(model, structure, given.batch, given.negatives) for structure in STRUCTURES]
    structures = " ".join(STRUCTURES)
    report(f"{name} model step", lambda: [step() for step in every], given, len(every), structures=structures)


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
