from __future__ import annotations

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgr._rng import key
from kgr.completion import _kernels
from kgr.completion.groups import by_relation
from kgr.graph.graph import Graph, build_graph


def permuted(n: int, seed: int, first: int = 0, count: int | None = None) -> np.ndarray:
    out = np.empty(n if count is None else count, np.int64)
    _kernels._permute(np.uint64(key(seed)), n, max(1, ((n - 1).bit_length() + 1) // 2), first, out)
    return out


def tiny(seed: int = 0) -> tuple[Graph, np.ndarray]:
    triples = oracle.random_triples(np.random.default_rng(seed), 12, 3, 60)
    return build_graph(triples, 12, 3), triples


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(0, 2**40))
def test_a_permutation_takes_every_place_once(n: int, seed: int) -> None:
    whole = permuted(n, seed)
    assert sorted(whole) == list(range(n))
    first = n // 3
    assert np.array_equal(permuted(n, seed, first, n - first), whole[first:])


def test_permutations_of_other_seeds_are_others_and_even() -> None:
    counts = np.zeros((7, 7))
    for seed in range(7_000):
        counts[np.arange(7), permuted(7, seed)] += 1
    assert 15 < ((counts - 1000) ** 2 / 1000).sum() < 80  # chi-square of 36 degrees of freedom


def test_places_far_out_are_permuted_too() -> None:
    n = 700_000_000
    some = permuted(n, 3, n - 1000, 1000)
    assert len(set(some.tolist())) == 1000
    assert some.min() >= 0
    assert some.max() < n
    assert some.max() - some.min() > n / 2


def test_edges_and_fragments_are_those_of_the_graph() -> None:
    graph, triples = tiny()
    rows = np.arange(graph.edges)
    heads, relations, tails = (np.empty(graph.edges, np.int64) for _ in range(3))
    _kernels._edges(*graph.arrays, rows, heads, relations, tails)
    expected = {(h, 2 * r, t) for h, r, t in triples.tolist()} | {(t, 2 * r + 1, h) for h, r, t in triples.tolist()}
    assert set(zip(heads, relations, tails, strict=True)) == expected
    fragments = np.arange(len(graph.relation))
    owners, kinds, sizes = (np.empty(len(fragments), np.int64) for _ in range(3))
    _kernels._queries(graph.fragments, graph.relation, graph.offsets, fragments, owners, kinds, sizes)
    assert len({*zip(owners, kinds, strict=True)}) == len(fragments)
    for owner, kind, size in zip(owners, kinds, sizes, strict=True):
        assert size == len(graph.tails(owner, kind)) > 0


@pytest.mark.parametrize("wanted", [3, 40])
@pytest.mark.parametrize("by_degree", [False, True])
def test_negatives_are_no_answers(wanted: int, by_degree: bool) -> None:
    graph, _ = tiny(1)
    heads, relations, tails = (np.empty(graph.edges, np.int64) for _ in range(3))
    _kernels._edges(*graph.arrays, np.arange(graph.edges), heads, relations, tails)
    allowed = np.where(relations & 1, wanted // 2, wanted)
    own = np.empty((graph.edges, wanted), np.int64)
    _kernels._draw(np.uint64(5), graph.entities, graph.tail, by_degree, 0, own)
    answers = [set(graph.tails(h, r).tolist()) for h, r in zip(heads, relations, strict=True)]
    found = np.empty(own.shape, np.bool_)
    _kernels._mark_own(*graph.arrays, heads, relations, allowed, own, found)
    assert found.tolist() == [
        [j < allowed[i] and own[i, j] not in answers[i] for j in range(wanted)] for i in range(len(own))
    ]
    shared = own[0]
    order = np.argsort(shared, kind="stable")
    _kernels._mark_shared(*graph.arrays, heads, relations, allowed, order, shared[order], found)
    assert found.tolist() == [
        [j < allowed[i] and shared[j] not in answers[i] for j in range(wanted)] for i in range(len(own))
    ]


def test_rows_draw_for_themselves() -> None:
    graph, _ = tiny()
    whole, part = np.empty((9, 4), np.int64), np.empty((3, 4), np.int64)
    _kernels._draw(np.uint64(5), graph.entities, graph.tail, False, 0, whole)
    _kernels._draw(np.uint64(5), graph.entities, graph.tail, False, 6, part)
    assert np.array_equal(whole[6:], part)


def test_an_edges_entity_is_drawn_as_often_as_it_has_edges() -> None:
    graph, _ = tiny()
    drawn = np.empty((1, 40_000), np.int64)
    _kernels._draw(np.uint64(5), graph.entities, graph.tail, True, 0, drawn)
    share = np.bincount(graph.tail, minlength=graph.entities) / graph.edges
    expected = share * drawn.size
    counts = np.bincount(drawn[0], minlength=graph.entities)
    assert ((counts - expected) ** 2 / np.maximum(expected, 1)).sum() < 40  # of 11 degrees of freedom


def test_queries_sorted_by_relation() -> None:
    found = by_relation(np.array([4, 1, 4, 0, 1]))
    assert found.order.tolist() == [3, 1, 4, 0, 2]
    assert (found.distinct.tolist(), found.places.tolist(), found.sizes) == ([0, 1, 4], [0, 1, 1, 2, 2], (1, 2, 2))
