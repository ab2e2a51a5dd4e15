"""Relation patterns and path rules of tiny graphs, against plain sets."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgr._config import make
from kgr.errors import ConfigError
from kgr.graph.graph import build_graph
from kgr.graph.pairs import Paths
from kgr.graph.patterns import ends_of, find_patterns
from kgr.graph.rules import RuleLimits, conjunction, follow, mine_rules

ALL = RuleLimits(min_positive=1, min_head_coverage=0.0, min_pca_confidence=0.0)

graphs = st.tuples(st.integers(0, 2**32), st.integers(1, 7), st.integers(1, 3), st.integers(0, 40))


def drawn(seed: int, entities: int, relations: int, count: int) -> np.ndarray:
    return oracle.random_triples(np.random.default_rng(seed), entities, relations, count)


@settings(max_examples=80, deadline=None)
@given(graphs)
def test_rules_are_those_of_plain_sets(graph: tuple[int, int, int, int]) -> None:
    triples = drawn(*graph)
    found = mine_rules(build_graph(triples, *graph[1:3]), ALL)
    own = {
        (conjunction(rule), rule.head): (rule.positive, rule.body_size, rule.pca_size, rule.functional, rule.head_size)
        for rule in found.rules
    }
    assert len(own) == len(found.rules)
    assert own == oracle.rules(triples.tolist(), graph[2])
    assert not found.left_out


@settings(max_examples=40, deadline=None)
@given(graphs)
def test_predicted_edges_are_the_positive_examples(graph: tuple[int, int, int, int]) -> None:
    triples = drawn(*graph)
    index = build_graph(triples, *graph[1:3])
    found = mine_rules(index, ALL)
    expected = set()
    for rule in found.rules:
        pairs = oracle.body_pairs(triples.tolist(), conjunction(rule))
        expected |= {(a, rule.head, b) for a, r, b in triples.tolist() if r == rule.head and (a, b) in pairs}
    heads = np.repeat(np.arange(graph[1]), np.diff(index.offsets[index.fragments]))
    relations = np.repeat(index.relation, np.diff(index.offsets))
    marked = np.column_stack([heads, relations // 2, index.tail])[found.predicted].tolist()
    assert {tuple(row) for row in marked} == expected
    assert not (relations[found.predicted] & 1).any()


@settings(max_examples=40, deadline=None)
@given(graphs, st.integers(1, 4), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_limits_only_choose(graph: tuple[int, int, int, int], least: int, hc: float, std: float, pca: float) -> None:
    """Pruning loses nothing: with limits, what is found is what of all rules is within them."""
    index = build_graph(drawn(*graph), *graph[1:3])
    limits = RuleLimits(
        min_positive=least, min_head_coverage=hc, min_std_confidence=std, min_pca_confidence=pca, length=2 + least % 2
    )
    expected = tuple(
        rule
        for rule in mine_rules(index, ALL).rules
        if rule.positive >= least
        and rule.head_coverage >= hc
        and rule.std_confidence >= std
        and rule.pca_confidence >= pca
        and len(rule.body) <= limits.length
    )
    assert mine_rules(index, limits).rules == expected


@settings(max_examples=60, deadline=None)
@given(graphs)
def test_patterns_are_those_of_plain_sets(graph: tuple[int, int, int, int]) -> None:
    triples = drawn(*graph).tolist()
    index = build_graph(drawn(*graph), *graph[1:3])
    found, edges, paths = find_patterns(index), {tuple(row) for row in triples}, Paths(index)
    for r in range(graph[2]):
        own = [(h, t) for h, q, t in triples if q == r]
        heads, tails = ([pair[side] for pair in own] for side in (0, 1))
        assert (found.triples[r], found.heads[r], found.tails[r]) == (len(own), len(set(heads)), len(set(tails)))
        assert found.loops[r] == sum(h == t for h, t in own)
        for s in range(graph[2]):
            assert found.reverse.get((r, s), 0) == sum((t, s, h) in edges for h, t in own)
        for ends, side in zip(ends_of(paths, r), (heads, tails), strict=True):
            expected = sorted(((x, side.count(x)) for x in set(side)), key=lambda row: (-row[1], row[0]))
            assert list(zip(ends.entities.tolist(), ends.edges.tolist(), strict=True)) == expected


def test_a_body_with_too_many_walks_is_left_out_and_named() -> None:
    """A star: 6 edges of relation 0 into the hub, 6 of relation 1 out of it, 36 walks."""
    triples = [[i, 0, 0] for i in range(1, 7)] + [[0, 1, i] for i in range(1, 7)] + [[1, 2, 2], [2, 2, 3]]
    graph = build_graph(np.array(triples, np.int32), 7, 3)
    everything = mine_rules(graph, ALL)
    bounded = mine_rules(graph, make(RuleLimits, {"min_positive": 1, "max_walks": 35}))
    assert bounded.left_out == {(0, 1): 36}
    assert (0, 1) in {rule.body for rule in everything.rules}
    assert not any(rule.body[:2] == (0, 1) for rule in bounded.rules)
    assert not everything.left_out


@settings(max_examples=40, deadline=None)
@given(graphs, st.integers(1, 60))
def test_a_length_with_too_many_rules_is_left_out_with_longer_ones(graph: tuple[int, int, int, int], most: int) -> None:
    """What is kept is what a search of that length finds, the predicted edges included."""
    index = build_graph(drawn(*graph), *graph[1:3])
    everything = mine_rules(index, ALL)
    counts = [sum(len(rule.body) == length for rule in everything.rules) for length in (2, 3)]
    longest = 1 if counts[0] > most else 2 if counts[1] > most else 3
    loose: dict[str, object] = {"min_positive": 1, "min_head_coverage": 0.0, "min_pca_confidence": 0.0}
    bounded = mine_rules(index, make(RuleLimits, {**loose, "max_rules": most}))
    shorter = mine_rules(index, make(RuleLimits, {**loose, "length": longest}))
    assert bounded.lengths_left_out == tuple(range(longest + 1, 4))
    assert bounded.rules == shorter.rules
    assert bounded.predicted.tolist() == shorter.predicted.tolist()
    assert not shorter.lengths_left_out


@pytest.mark.parametrize(
    ("name", "value"), [("length", 4), ("length", 0), ("min_positive", 0), ("min_pca_confidence", 1.5), ("depth", 1)]
)
def test_limits_are_checked(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=name):
        make(RuleLimits, {name: value})


def test_length_one_searches_no_rules() -> None:
    graph = build_graph(np.array([[0, 0, 1], [1, 0, 2], [0, 0, 2]], np.int32), 3, 1)
    assert mine_rules(graph, RuleLimits(length=1)).rules == ()
    assert [rule.body for rule in mine_rules(graph, RuleLimits(length=2, min_positive=1)).rules] == [(0, 0)]


@settings(max_examples=60, deadline=None)
@given(graphs, st.integers(0, 2**32), st.integers(1, 12))
def test_triples_follow_as_plain_sets_say(graph: tuple[int, int, int, int], seed: int, most: int) -> None:
    """Any triples, by the edges of the graph alone; of the graph's own, all positive examples."""
    triples = drawn(*graph)
    index = build_graph(triples, *graph[1:3])
    every = mine_rules(index, ALL)
    chosen = every.rules[:: max(1, len(every.rules) // most)]
    others = oracle.random_triples(np.random.default_rng(seed), graph[1], graph[2], 30)
    pairs = {(rule.head, pair) for rule in chosen for pair in oracle.body_pairs(triples.tolist(), conjunction(rule))}
    assert follow(index, chosen, others).tolist() == [(r, (a, b)) in pairs for a, r, b in others.tolist()]
    assert follow(index, every.rules, triples).sum() == every.predicted.sum()
