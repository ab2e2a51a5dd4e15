"""Edges that lead to answers, beside all edges that there are."""

from __future__ import annotations

import numpy as np
import oracle
import pytest

from kgr.errors import QueryError
from kgr.graph.graph import Graph, build_graph
from kgr.query.answers import answers
from kgr.query.evidence import evidence
from kgr.query.words import STRUCTURES, parse


@pytest.fixture(scope="module")
def graph() -> Graph:
    return build_graph(oracle.random_triples(np.random.default_rng(3), 9, 2, 70), 9, 2)


def drawn(word: str, seed: int) -> list[int]:
    draw = np.random.default_rng(seed)
    return [int(draw.integers(9 if letter == "A" else 4)) for letter in parse(word).slots]


@pytest.mark.parametrize("structure", [*STRUCTURES, "APAPAPUNI", "APPAPPNI"])
def test_the_edges_alone_give_the_answers(graph: Graph, structure: str) -> None:
    """On a graph of the edges that are told, without the forbidden ones, the positive query has these answers."""
    word, answered = parse(structure), 0
    for seed in range(30):
        arguments = drawn(structure, seed)
        found = answers(graph, word, arguments)
        steps = evidence(graph, word, arguments, found, most=99)
        answered += len(found) > 0
        edges = np.array([(s.source, s.relation, s.target) for s in steps if not s.negated], np.int64).reshape(-1, 3)
        turned = np.where(edges[:, 1:2] & 1, edges[:, ::-1], edges)
        triples = np.stack([turned[:, 0], edges[:, 1] >> 1, turned[:, 2]], axis=1)
        assert graph.holds(triples.astype(np.int32)).all()
        positive = word.positive
        small = build_graph(triples.astype(np.int32), 9, 2)
        again = answers(small, positive.word, [arguments[slot] for slot in positive.slots])
        assert set(found) <= set(again.tolist())
        last = {s.target for s in steps if s.level == 0 and not s.negated}
        assert last == set(found.tolist())
    assert answered > 5


def test_what_is_forbidden_is_told_from_its_anchors(graph: Graph) -> None:
    word = parse("2in")
    for seed in range(30):
        arguments = drawn("2in", seed)
        found = answers(graph, word, arguments)
        denied = [step for step in evidence(graph, word, arguments, found) if step.negated]
        assert [(s.source, s.relation, s.target) for s in denied] == [(*arguments[2:], t) for t in found.tolist()]
        assert not any(s.target in graph.tails(s.source, s.relation) for s in denied)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_without_answers_there_is_nothing_to_tell(graph: Graph, structure: str) -> None:
    assert evidence(graph, parse(structure), drawn(structure, 0), np.empty(0, np.int32)) == []


def test_at_most_so_many_sources_for_a_target(graph: Graph) -> None:
    word = parse("2p")
    for seed in range(20):
        arguments = drawn("2p", seed)
        found = answers(graph, word, arguments)
        steps = evidence(graph, word, arguments, found, most=1)
        assert sorted(s.target for s in steps if s.level == 0) == found.tolist()
        assert {s.source for s in steps if s.level == 1} <= {arguments[0]}


def test_arguments_are_checked(graph: Graph) -> None:
    with pytest.raises(QueryError, match="takes 2 arguments"):
        evidence(graph, parse("1p"), [0], np.empty(0, np.int32))
