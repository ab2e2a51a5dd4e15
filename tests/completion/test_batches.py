from __future__ import annotations

from typing import Any

import numpy as np
import oracle
import pytest

from kgr._config import make
from kgr.completion.batches import Batches
from kgr.completion.config import CompletionConfig
from kgr.graph.graph import Graph, build_graph

ENTITIES, RELATIONS = 30, 3


@pytest.fixture(scope="module")
def graph() -> Graph:
    return build_graph(oracle.random_triples(np.random.default_rng(2), ENTITIES, RELATIONS, 90), ENTITIES, RELATIONS)


def batches(graph: Graph, **settings: Any) -> Batches:
    return Batches(graph, make(CompletionConfig, {"batch": 16, "regularizer": "none", **settings}))


def filled(own: Batches, step: int) -> dict[str, np.ndarray]:
    fields = {name: np.full(shape, 1, dtype) for name, (dtype, shape) in own.layout().items()}
    own.fill(fields, step)
    return fields


def queries(own: Batches, fields: dict[str, np.ndarray]) -> list[tuple[int, int]]:
    """(place of the entity, directed relation) of each row."""
    directed, n = fields["directed"][: fields["counts"][0]], fields["counts"][4]
    return list(zip(fields["heads"][:n].tolist(), directed[fields["places"][:n]].tolist(), strict=True))


def edges(graph: Graph) -> list[tuple[int, int, int]]:
    return [(e, r, int(t)) for e in range(graph.entities) for r in range(graph.directed) for t in graph.tails(e, r)]


@pytest.mark.parametrize("batch", [7, 16, 400])
def test_every_epoch_takes_every_edge_once(graph: Graph, batch: int) -> None:
    own = batches(graph, batch=batch)
    assert own.rows == graph.edges
    steps = -(-3 * own.rows // batch)
    taken = np.concatenate([own._rows_of(step) for step in range(1, steps + 1)])
    epochs = taken[: 3 * own.rows].reshape(3, -1)
    assert all(sorted(epoch) == list(range(own.rows)) for epoch in epochs.tolist())
    assert not np.array_equal(epochs[0], epochs[1])


def test_triples_are_distinct_queries_with_their_answers(graph: Graph) -> None:
    own = batches(graph, batch=graph.edges)
    fields = filled(own, 1)
    asked = queries(own, fields)
    assert len(asked) == len(set(asked)) == fields["counts"][4] < graph.edges == fields["counts"][3]
    rows = [(*asked[b], tail) for b, tail in zip(fields["label_rows"], fields["labels"].tolist(), strict=True)]
    assert sorted(rows) == edges(graph)
    n, places = fields["counts"][0], fields["places"][: len(asked)]
    assert (np.diff(places) >= 0).all()
    assert fields["sizes"][:n].tolist() == np.bincount(places).tolist()
    relations = np.array([relation for _, relation, _ in rows])
    assert fields["relation_counts"][:n].tolist() == [np.sum(relations == r) for r in fields["directed"][:n]]


def test_negatives_rows_are_edges_sorted_by_relation(graph: Graph) -> None:
    own = batches(graph, training="negatives", batch=graph.edges)
    fields = filled(own, 1)
    rows = [(*query, tail) for query, tail in zip(queries(own, fields), fields["targets"].tolist(), strict=True)]
    assert sorted(rows) == edges(graph)
    assert (np.diff(fields["places"]) >= 0).all()


def test_relations_without_reciprocals_share_a_row(graph: Graph) -> None:
    fields = filled(batches(graph, reciprocal=False, batch=100), 1)
    kinds, rows = fields["counts"][:2]
    assert (kinds, rows) == (2 * RELATIONS, RELATIONS)
    assert fields["relations"][:rows].tolist() == [0, 1, 2]
    assert fields["operator_rows"][:kinds].tolist() == [0, 0, 1, 1, 2, 2]
    assert fields["inverse"][:kinds].tolist() == [False, True] * 3


@pytest.mark.parametrize("batch", [5, 16, 300])
def test_labels_are_all_answers(graph: Graph, batch: int) -> None:
    own = batches(graph, training="kvsall", batch=batch)
    assert own.rows == len(graph.relation)
    for step in range(1, 8):
        fields = filled(own, step)
        n = fields["counts"][3]
        asked = queries(own, fields)
        for row, (entity, relation) in enumerate(asked):
            found = fields["labels"][:n][fields["label_rows"][:n] == row]
            assert found.tolist() == graph.tails(entity, relation).tolist()
        assert fields["relation_counts"][: fields["counts"][0]].sum() == n
    assert own.layout()["labels"][1][0] >= n


@pytest.mark.parametrize("own_negatives", [False, True])
def test_places_name_the_entities_taken(graph: Graph, own_negatives: bool) -> None:
    large = build_graph(np.array([[0, 0, 1], [5, 1, 999], [7, 2, 500]]), 100_000, RELATIONS)
    own = batches(large, training="negatives", negatives=4, head_negatives=2, own_negatives=own_negatives, batch=3)
    assert not own.every_entity
    fields = filled(own, 1)
    n = fields["counts"][2]
    ids = fields["entities"][:n]
    assert (np.diff(ids) > 0).all()
    assert fields["negatives"].max() < n
    heads, tails = ids[fields["heads"]], ids[fields["targets"]]
    directed = fields["directed"][fields["places"]]
    assert all(t in large.tails(h, r) for h, r, t in zip(heads, directed, tails, strict=True))
    assert fields["is_negative"].sum(1).tolist() == np.where(directed & 1, 2, 4).tolist()
    assert batches(graph, training="negatives", own_negatives=own_negatives).every_entity


@pytest.mark.parametrize(
    "settings",
    [{}, {"training": "kvsall"}, {"training": "negatives", "negatives": 5, "negative_law": "degree"}],
)
def test_a_batch_depends_on_seed_and_step_alone(graph: Graph, settings: dict[str, Any]) -> None:
    own = batches(graph, **settings)
    first = filled(own, 4)
    dirty = filled(own, 9)
    own.fill(dirty, 4)
    n = {"labels": first["counts"][3], "label_rows": first["counts"][3]}
    n |= dict.fromkeys(("directed", "inverse", "operator_rows", "sizes", "relation_counts"), first["counts"][0])
    n |= {"relations": first["counts"][1], **dict.fromkeys(("heads", "places"), first["counts"][4])}
    for name, field in first.items():
        if name != "counts":
            assert np.array_equal(field[: n.get(name)], dirty[name][: n.get(name)]), name
    assert not np.array_equal(filled(batches(graph, seed=1, **settings), 4)["heads"], first["heads"])
