from __future__ import annotations

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgr.errors import QueryError
from kgr.graph.graph import build_graph
from kgr.query.answers import Evaluator, answers
from kgr.query.words import STRUCTURES, parse


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 3), st.sampled_from(list(STRUCTURES)) | oracle.words())
def test_answers_are_those_of_plain_sets(seed: int, entities: int, relations: int, name: str) -> None:
    rng = np.random.default_rng(seed)
    triples = oracle.random_triples(rng, entities, relations, int(rng.integers(1, 40)))
    graph, edges, word = build_graph(triples, entities, relations), oracle.edges_of(triples), parse(name)
    evaluator = Evaluator(graph, word)
    for _ in range(20):
        query = [int(rng.integers(entities if letter == "A" else 2 * relations)) for letter in word.slots]
        found = evaluator.answers(query)
        assert found.dtype == np.int32
        assert found.tolist() == sorted(oracle.answers(edges, word, query))


def test_wrong_arguments_are_refused() -> None:
    graph = build_graph(np.array([[0, 0, 1]], np.int32), 2, 1)
    with pytest.raises(QueryError, match=r"takes 2 arguments \(AP\), found 3"):
        answers(graph, parse("1p"), [0, 0, 1])
    with pytest.raises(QueryError, match="float64, expected whole numbers"):
        answers(graph, parse("1p"), [0.5, 0])
    with pytest.raises(QueryError, match="argument 1 of 1p: entity 2, expected 0 to 1"):
        answers(graph, parse("1p"), [2, 0])
    with pytest.raises(QueryError, match="argument 2 of 1p: directed relation -1, expected 0 to 1"):
        answers(graph, parse("1p"), [0, -1])
