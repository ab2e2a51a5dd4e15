"""A batch's loss against the formula written out over its queries."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import oracle
import pytest
import torch
from torch import Tensor

from kgr._config import make
from kgr.data.build import build_store
from kgr.engine.ring import Slot
from kgr.index.store import Store
from kgr.multihop.config import MultihopConfig
from kgr.multihop.task import MultihopTask

CPU = torch.device("cpu")
B = 6


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("store")
    triples = oracle.random_triples(np.random.default_rng(1), 30, 3, 200)
    path = Path(folder / "train.tsv")
    path.write_text("".join(f"e{h}\tr{r}\te{t}\n" for h, r, t in triples.tolist()), encoding="utf-8")
    return build_store(folder / "store", train=path)


def batch(store: Store, **settings: object) -> tuple[MultihopTask, Slot]:
    """Return a task and a batch of its first step; the same settings of drawing make the same batch."""
    config = make(MultihopConfig, {"dim": 8, "batch": B, "negatives": 5, "structures": {"2i": 1.0}, **settings})
    task = MultihopTask(store, config, CPU)
    slot = Slot(task.layout(), CPU)
    slot.fill(task.fill, 1)
    return task, slot


def rows_of(task: MultihopTask, slot: Slot, table: str, places: str) -> Tensor:
    ids = torch.from_numpy(slot.host[table])[slot.tensors[places]]
    return task.tables[table].weight[ids]


def triples_of(task: MultihopTask, slot: Slot) -> tuple[Tensor, Tensor, Tensor]:
    """Return the rows of anchors and relations, two a query, and of the answers."""
    anchors = rows_of(task, slot, "entities", "anchor_places").view(B, 2, -1)
    relations = rows_of(task, slot, "relations", "relation_places").view(B, 2, -1)
    return anchors, relations, rows_of(task, slot, "entities", "positive_places")


@pytest.mark.parametrize("weighting", ["none", "count", "exact-count"])
@pytest.mark.parametrize("loss", ["softmax", "margin"])
def test_a_loss_weighs_queries_as_the_sampler_says(store: Store, loss: str, weighting: str) -> None:
    task, slot = batch(store, model="gqe", loss=loss, weighting=weighting)
    anchors, relations, answers = triples_of(task, slot)
    query = task.model.intersect((anchors + relations).transpose(0, 1))
    candidates = rows_of(task, slot, "entities", "negative_places")
    scores = 24 - (query[:, None] - torch.cat([answers[:, None], candidates.expand(B, -1, -1)], dim=1)).abs().sum(-1)
    total = 0.0
    for own, is_negative, weight in zip(scores.tolist(), slot.host["is_negative"], slot.host["weights"], strict=True):
        rivals = [score for score, counts in zip(own[1:], is_negative, strict=True) if counts]
        if loss == "softmax":
            total += weight * (math.log(sum(math.exp(score - own[0]) for score in [own[0], *rivals])))
            continue
        shares = np.exp(np.array(rivals) - max(rivals, default=0))
        against = np.log1p(np.exp(rivals)) @ shares / shares.sum() if rivals else 0.0
        total += weight * (math.log1p(math.exp(-own[0])) + against) / 2
    assert len(set(slot.host["weights"].tolist())) == 1 or weighting != "none"
    assert task.step(slot).item() == pytest.approx(total / slot.host["weights"].sum(), rel=1e-4)


@pytest.mark.parametrize("model", ["distmult", "complex", "rotate"])
def test_n3_is_the_mean_over_queries_of_the_cubes_of_all_their_moduli(store: Store, model: str) -> None:
    plain, slot = batch(store, model=model)
    own, same = batch(store, model=model, n3=0.5)
    anchors, relations, answers = triples_of(own, same)
    every = [anchors, answers] + [relations] * (model != "rotate")
    cubes = 0.0 if model != "rotate" else float(relations.numel())  # a turn has modulus 1
    for rows in every:
        moduli = rows.abs() if model == "distmult" else torch.complex(*rows.chunk(2, dim=-1)).abs()
        cubes += moduli.pow(3).sum().item()
    assert own.step(same).item() - plain.step(slot).item() == pytest.approx(0.5 * cubes / B, rel=1e-3)


@pytest.mark.parametrize("optimizer", ["adam", "adagrad", "row-adagrad"])
def test_entities_move_by_times_the_learning_rate_and_nothing_else_does(store: Store, optimizer: str) -> None:
    moved = {}
    for times in (1.0, 4.0):
        task, slot = batch(store, model="betae", hidden=8, optimizer=optimizer, entity_rate=times)
        before = {name: table.weight.clone() for name, table in task.tables.items()}
        task.step(slot).backward()
        for table in task.tables.values():
            table.step(0.01)
        moved[times] = {name: table.weight - before[name] for name, table in task.tables.items()}
    assert moved[1.0]["entities"].abs().max() > 0.001
    assert torch.allclose(moved[4.0]["entities"], 4 * moved[1.0]["entities"], atol=1e-6)
    assert torch.equal(moved[4.0]["relations"], moved[1.0]["relations"])
