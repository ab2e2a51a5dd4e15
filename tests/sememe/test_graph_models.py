"""Graph models: what they see, their losses against obvious slow ones, and the scorers that come of training."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from kgr.engine.ring import Slot
from kgr.errors import ConfigError
from kgr.index.store import Store
from kgr.sememe.annotations import Annotations, annotations_of
from kgr.sememe.descriptions import Descriptions, Edges, describe, describe_new
from kgr.sememe.graph_config import GraphConfig, SpbsRrConfig
from kgr.sememe.graph_material import GraphMaterial, Order, graph_material_of, most_labels
from kgr.sememe.graph_task import GraphTask
from kgr.sememe.graph_train import load_graph_scorer, train_graph
from kgr.sememe.measure import average_precisions
from kgr.sememe.spbs_rr import SpbsRrTask

CPU = torch.device("cpu")
SMALL = {"dim": 8, "batch": 32, "device": "cpu"}


class Known(NamedTuple):
    store: Store
    annotations: Annotations
    described: Descriptions
    references: np.ndarray
    material: GraphMaterial


@pytest.fixture(scope="module")
def known(bare: Store) -> Known:
    annotations = annotations_of(bare)
    described, references = describe(bare, annotations), annotations.rows("train")
    return Known(bare, annotations, described, references, graph_material_of(bare, annotations, described, references))


def filled(task: GraphTask | SpbsRrTask, step: int) -> Slot:
    slot = Slot(task.layout(), CPU)
    slot.fill(task.fill, step)
    return slot


def triples_of(edges: np.ndarray) -> set[tuple[int, ...]]:
    return set(map(tuple, edges.tolist()))


def test_material_is_the_train_graph_from_both_ends(known: Known) -> None:
    train = known.store.triples("train")
    have = known.material.have
    edges = {(h, 2 * r, t) for h, r, t in train.tolist() if r != have}
    assert triples_of(known.material.edges) == edges | {(t, r + 1, h) for h, r, t in edges}
    assert triples_of(known.material.triples) == triples_of(train)
    assert len(known.material.triples) == len(train)
    assert known.material.known.all()


def without_edges(described: Descriptions, rows: np.ndarray) -> Descriptions:
    """Hide some synsets, from both ends of their edges."""
    offsets, others, directed = described.edges
    heads = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    kept = ~np.isin(heads, rows) & ~np.isin(others, rows)
    counts = np.bincount(heads[kept], minlength=len(offsets) - 1)
    edges = Edges(np.concatenate([[0], np.cumsum(counts)]), others[kept], directed[kept])
    return dataclasses.replace(described, edges=edges)


def test_only_references_and_edges_described_are_seen(known: Known) -> None:
    hidden = known.annotations.rows("test")
    some = np.setdiff1d(known.references, known.references[:5])
    described = without_edges(known.described, hidden)
    found = graph_material_of(known.store, known.annotations, described, some)
    entities = known.annotations.synsets[hidden]
    assert not np.isin(found.edges[:, [0, 2]], entities).any()
    assert set(found.synsets.tolist()) == set(known.annotations.synsets[some].tolist())
    assert not found.known[hidden].any()
    assert len(known.material.edges) - len(found.edges) == 2 * np.isin(known.store.triples("train"), entities).sum()


def test_an_order_takes_each_thing_once_an_epoch() -> None:
    order = Order(7, 3)
    taken = np.concatenate([order.take(first, 5) for first in range(0, 35, 5)])
    assert [sorted(taken[at : at + 7].tolist()) for at in range(0, 35, 7)] == [list(range(7))] * 5
    assert taken[:7].tolist() != taken[7:14].tolist()
    assert order.take(4, 20).tolist() == taken[4:24].tolist()


def test_room_for_labels_over_the_ends_of_epochs(known: Known) -> None:
    labels = known.material.labels[[0, 1, 3]]  # one, two and two sememes
    assert [most_labels(labels, rows) for rows in (1, 2, 3, 4, 6)] == [2, 4, 6, 8, 12]


def test_an_epoch_has_each_edge_and_each_annotation(known: Known) -> None:
    task = GraphTask(known.material, known.annotations, GraphConfig(**{**SMALL, "batch": 64}), CPU)
    assert len(known.material.edges) == 134
    assert task.epoch == 3
    edges: Counter[tuple[int, ...]] = Counter()
    labels: Counter[tuple[int, ...]] = Counter()
    for step in (3, 1, 2):  # in any order
        host = filled(task, step).host
        edges.update(zip(*(host[name].tolist() for name in ("heads", "directed", "tails")), strict=True))
        assert (np.diff(host["directed"]) >= 0).all()
        assert np.repeat(np.arange(8), host["sizes"]).tolist() == host["directed"].tolist()
        rows, columns = host["labels"][:, : host["counts"][0]]
        labels.update(zip(host["synsets"][rows].tolist(), known.material.sememes[columns].tolist(), strict=True))
    assert set(edges) == triples_of(known.material.edges)
    train = known.store.triples("train")
    assert dict(labels) == {(h, t): 1 for h, r, t in train.tolist() if r == known.material.have}


@pytest.mark.parametrize("model", ["complex", "distmult", "transe"])
def test_the_loss_is_that_of_the_definition(known: Known, model: str) -> None:
    config = GraphConfig(**SMALL, model=model, negatives=6, penalty=0.3, edge_weight=0.7, init_scale=0.5)
    task = GraphTask(known.material, known.annotations, config, CPU)
    with torch.no_grad():
        task.module.dense.copy_(torch.linspace(-1, 1, 10))
    slot = filled(task, 2)
    host = slot.host
    E, R = (task.tables[name].weight.double().numpy().copy() for name in ("entities", "relations"))

    def query(head: int, directed: int) -> np.ndarray:
        h, r = E[head], R[directed]
        if model == "distmult":
            return h * r
        if model == "transe":
            return h + r
        product = (h[:4] + 1j * h[4:]) * (r[:4] + 1j * r[4:])
        return np.concatenate([product.real, product.imag])

    def score(asked: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return 12 - np.sqrt(((asked - rows) ** 2).sum(-1)) if model == "transe" else rows @ asked

    def cubes(rows: np.ndarray) -> float:
        moduli = np.abs(rows[..., :4] + 1j * rows[..., 4:]) if model == "complex" else np.abs(rows)
        return (moduli**3).sum(-1).mean()

    edge_losses = []
    for h, r, t in zip(host["heads"], host["directed"], host["tails"], strict=True):
        asked = query(h, r)
        rivals = score(asked, E[host["negatives"]])[host["negatives"] != t] + np.log(len(E) / 6)
        own = score(asked, E[t])
        edge_losses.append(np.log(np.exp(np.append(rivals, own)).sum()) - own)
    label_losses = []
    for row, column in host["labels"][:, : host["counts"][0]].T:
        scores = score(query(host["synsets"][row], 2 * known.material.have), E[known.material.sememes])
        scores = scores + np.linspace(-1, 1, 10)
        label_losses.append(np.log(np.exp(scores).sum()) - scores[column])
    sizes = cubes(E[host["synsets"]]) + cubes(E[host["heads"]]) + cubes(E[host["tails"]]) + cubes(R[host["directed"]])
    expected = np.mean(label_losses) + 0.7 * np.mean(edge_losses) + 0.3 * sizes
    assert float(task.step(slot).detach()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("equivalence", ["none", "corrected", "published"])
def test_the_loss_of_spbs_rr_is_that_of_the_definition(known: Known, equivalence: str) -> None:
    config = SpbsRrConfig(**SMALL, equivalence=equivalence, margin=1.0, share=0.4)
    task = SpbsRrTask(known.material, known.annotations, config, CPU)
    slot = filled(task, 3)
    host = slot.host
    raw, R = (task.tables[name].weight.double().numpy().copy() for name in ("entities", "relations"))
    E, R = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (raw, R))
    assert (host["negatives"] != host["triples"][:, 2]).all()
    assert host["negatives"].max() < len(E)
    apart = [
        max(0, 1 + np.abs(E[h] + R[r] - E[t]).sum() - np.abs(E[h] + R[r] - E[other]).sum())
        for (h, r, t), other in zip(host["triples"], host["negatives"], strict=True)
    ]
    expected = 0.6 * np.mean(apart)
    if equivalence != "none":
        rows, sememes, places = host["labels"][:, : host["counts"][0]]
        parts = E[sememes]
        if equivalence == "published":
            norms = {place: np.sqrt((raw[sememes[places == place]] ** 2).sum(0)) for place in set(places.tolist())}
            parts = np.array([raw[s] / norms[place] for s, place in zip(sememes, places, strict=True)])
        the_sum = task.module.dense.detach().double().numpy()
        wholes = [np.abs(E[b] + the_sum - parts[rows == row].sum(0)).sum() for row, b in enumerate(host["synsets"])]
        expected += 0.4 * sum(wholes) / 32
    assert float(task.step(slot).detach()) == pytest.approx(expected, rel=1e-5)


def test_synsets_of_the_equivalence_term(known: Known) -> None:
    """Those of two sememes or more; as published, all batches of an epoch have the same."""
    several = np.flatnonzero(np.diff(known.material.labels.indptr) > 1)
    gold = set(known.material.synsets[several].tolist())
    for equivalence, same in (("published", True), ("corrected", False)):
        task = SpbsRrTask(known.material, known.annotations, SpbsRrConfig(**SMALL, equivalence=equivalence), CPU)
        assert task.epoch > 2
        first, second, later = (filled(task, step).host["synsets"].tolist() for step in (1, 2, task.epoch + 1))
        assert {*first, *second, *later} <= gold
        assert (first == second) is same
        assert first != later


GRAPH = GraphConfig(**SMALL, epochs=20, negatives=16, penalty=0.01, lr=0.2)
SPBS_RR = SpbsRrConfig(**{**SMALL, "dim": 16}, epochs=40, lr=0.05)


@pytest.mark.parametrize("config", [GRAPH, SPBS_RR], ids=["complex", "spbs-rr"])
def test_training_learns_and_the_run_has_it(known: Known, config: Any, tmp_path: Path) -> None:
    given = known.store, known.annotations, known.described, known.references
    scorer = train_graph(*given, out=tmp_path / "run", config=config)
    rows = known.annotations.rows("valid")
    asked, gold = known.described.take(rows), known.annotations.of("valid")[rows]
    scores = scorer.scores(asked)
    assert scores.dtype == np.float32
    assert scores.sum(1) == pytest.approx(np.ones(6), abs=1e-5)
    frequent = scorer.scores(asked.without_edges())
    assert average_precisions(scores, gold).mean() > average_precisions(frequent, gold).mean() + 0.1
    loaded = load_graph_scorer(tmp_path / "run", *given)
    assert loaded.scores(asked).tolist() == scores.tolist()
    again = train_graph(*given, out=tmp_path / "again", config=dataclasses.replace(config, threads=3, slots=2))
    assert again.scores(asked).tolist() == scores.tolist()


def test_a_synset_that_the_model_never_saw_is_scored_by_frequency(known: Known, tmp_path: Path) -> None:
    hidden = known.annotations.rows("test")
    config = dataclasses.replace(GRAPH, epochs=1)
    described = without_edges(known.described, hidden)
    given = known.store, known.annotations, described, known.references
    scorer = train_graph(*given, out=tmp_path / "run", config=config)
    counts = known.annotations.counts(known.references)
    expected = (counts / counts.sum()).astype(np.float32)
    assert (scorer.scores(known.described.take(hidden)) == expected).all()
    new = describe_new(known.store, known.annotations, hypernyms=["bn:00000000n"])
    assert (scorer.scores(new) == expected).all()
    assert not (scorer.scores(known.described.take([9])) == expected).all()


def test_another_run_is_refused(known: Known, tmp_path: Path) -> None:
    given = known.store, known.annotations, known.described, known.references
    train_graph(*given, out=tmp_path / "run", config=dataclasses.replace(GRAPH, epochs=1))
    with pytest.raises(ConfigError, match="holds a run of 'sememe-graph', not 'spbs-rr'"):
        train_graph(*given, out=tmp_path / "run", config=SPBS_RR)
    with pytest.raises(ConfigError, match=r"penalty was 0\.01, now 0\.5"):
        train_graph(*given, out=tmp_path / "run", config=dataclasses.replace(GRAPH, epochs=1, penalty=0.5))
    with pytest.raises(ConfigError, match="even number"):
        train_graph(*given, out=tmp_path / "odd", config=dataclasses.replace(GRAPH, dim=7))
