from __future__ import annotations

import numpy as np
import oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from kgr.graph.graph import build_graph


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 3), st.integers(0, 60))
def test_fragments_hold_every_edge_both_ways(seed: int, entities: int, relations: int, count: int) -> None:
    triples = oracle.random_triples(np.random.default_rng(seed), entities, relations, count)
    graph, edges = build_graph(triples, entities, relations), oracle.edges_of(triples)
    assert (graph.entities, graph.directed, graph.edges) == (entities, 2 * relations, 2 * len(triples))
    for entity in range(entities):
        for relation in range(2 * relations):
            assert graph.tails(entity, relation).tolist() == sorted(edges.get((entity, relation), ()))
    for relation in range(2 * relations):
        assert graph.in_degrees(relation).tolist() == [len(edges.get((x, relation ^ 1), ())) for x in range(entities)]


def test_long_heads_are_sorted() -> None:
    rng = np.random.default_rng(0)
    tails = rng.permutation(1000)
    graph = build_graph(np.array([[0, 1, t] for t in tails], np.int32), 1000, 2)
    assert np.array_equal(graph.tails(0, 2), np.arange(1000))


def test_dtypes_are_the_smallest_and_arrays_are_read_only() -> None:
    small = build_graph(np.array([[0, 0, 1]], np.int32), 2, 1)
    assert (small.fragments.dtype, small.relation.dtype, small.offsets.dtype) == (np.int32, np.uint16, np.int32)
    assert not any(array.flags.writeable for array in small.arrays)
    many = build_graph(np.array([[0, 40_000, 1]], np.int32), 2, 40_001)
    assert many.relation.dtype == np.int32
    assert many.tails(1, 80_001).tolist() == [0]
