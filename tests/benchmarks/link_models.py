"""Speed of link predictors: a training step's forward pass, loss, gradients and Adagrad, without drawing batches."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

import torch
from machine import cpu_seconds, figure
from torch import Tensor

from kgr.engine.optim import RowAdagrad
from kgr.models import LINK_MODELS
from kgr.models.full_losses import cross_entropy
from kgr.models.link import Groups
from kgr.models.losses import softmax_loss

FULL: dict[str, tuple[str, dict[str, Any]]] = {
    "complex": ("complex", {"dim": 400}),
    "distmult": ("distmult", {"dim": 400}),
    "transe": ("transe", {"dim": 200}),
    "rescal": ("rescal", {"dim": 256}),
    "tucker": ("tucker", {"dim": 200, "relation_dim": 100}),
    "conve": ("conve", {"dim": 288}),
}
SHARED: dict[str, tuple[str, dict[str, Any]]] = {
    "transe L1": ("transe", {"dim": 200, "norm": 1}),
    "transe L2": ("transe", {"dim": 200, "norm": 2}),
    "complex": ("complex", {"dim": 400}),
    "rotate": ("rotate", {"dim": 400}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=1024, help="queries at once (default: %(default)s)")
    parser.add_argument("--negatives", type=int, default=128, help="shared candidates (default: %(default)s)")
    parser.add_argument("--entities", type=int, default=2034, help="rows (default: %(default)s, as CoDEx-S)")
    parser.add_argument("--relations", type=int, default=84, help="directed relations (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=8, help="steps of which the best is kept (default: %(default)s)")
    given = parser.parse_args()
    torch.set_num_threads(1)
    for ways, negatives in ((FULL, None), (SHARED, given.negatives)):
        for label, (name, settings) in ways.items():
            step = Step(name, settings, given.batch, given.entities, given.relations, negatives)
            rate = round(given.batch / cpu_seconds(step, given.repeats))
            more = {"batch": given.batch, "negatives": negatives, "entities": given.entities, **settings}
            figure(f"{label} {'1vsAll' if negatives is None else 'shared negatives'}", rate, "queries/CPU s", **more)


@dataclasses.dataclass
class Step:
    """One step over tables that lie ready; ``negatives`` None takes all entities."""

    name: str
    settings: dict[str, Any]
    batch: int
    rows: int
    relations: int
    negatives: int | None

    def __post_init__(self) -> None:
        torch.manual_seed(0)
        self.model = LINK_MODELS[self.name](**self.settings)
        widths = self.model.entity_width, self.model.relation_width
        self.tables = [0.1 * torch.randn(n, w) for n, w in zip((self.rows, self.relations), widths, strict=True)]
        self.sums = [torch.zeros_like(table) for table in self.tables]
        self.groups = Groups.of(
            torch.randint(self.relations, (self.batch,)).bincount(minlength=self.relations).tolist()
        )
        self.heads, self.tails = torch.randint(self.rows, (2, self.batch))
        self.candidates = torch.randint(self.rows, (self.negatives or 1,))
        self.is_negative, self.weight = torch.rand(self.batch, self.negatives or 1) < 0.95, torch.ones(self.batch)
        weights = list(self.model.parameters())
        self.dense = torch.optim.Adagrad(weights) if weights else None

    def __call__(self) -> None:
        entities, relations = leaves = [table.detach().requires_grad_() for table in self.tables]
        self._loss(entities, relations).backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            for table, leaf, total in zip(self.tables, leaves, self.sums, strict=True):
                assert leaf.grad is not None
                RowAdagrad().update(table, leaf.grad, {"sum": total}, 0.1, 1)
        if self.dense is not None:
            self.dense.step()
            self.dense.zero_grad()

    def _loss(self, entities: Tensor, relations: Tensor) -> Tensor:
        query = self.model.query(entities[self.heads], self.model.operators(relations, None), self.groups)
        if self.negatives is None:
            return cross_entropy(self.model.scores(query, entities), torch.arange(len(query)), self.tails)
        positive = self.model.pair_scores(query, entities[self.tails])
        rivals = self.model.scores(query, entities[self.candidates])
        return softmax_loss(positive, rivals, self.is_negative, self.weight)[0]


if __name__ == "__main__":
    main()
