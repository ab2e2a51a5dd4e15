from __future__ import annotations

import math

import numpy as np
import oracle
import pytest

from kgr.graph.graph import build_graph
from kgr.multihop.popularity import Popularity
from kgr.query.words import parse

TRIPLES = oracle.random_triples(np.random.default_rng(0), 7, 3, 60)
EDGES = oracle.edges_of(TRIPLES)


def log_into(entity: int, relation: int) -> float:
    return math.log(1 + len(EDGES[entity, relation ^ 1]))


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("1p", lambda q, e: log_into(e, q[1])),
        ("3p", lambda q, e: log_into(e, q[3])),
        ("pi", lambda q, e: log_into(e, q[2]) + log_into(e, q[4])),
        ("ip", lambda q, e: log_into(e, q[4])),
        ("3in", lambda q, e: log_into(e, q[1]) + log_into(e, q[3])),
        ("pni", lambda q, e: log_into(e, q[4])),
        ("2u", lambda q, e: max(log_into(e, q[1]), log_into(e, q[3]))),
        ("up", lambda q, e: log_into(e, q[4])),
    ],
)
def test_popularity_is_its_formula(word: str, expected) -> None:
    rng = np.random.default_rng(1)
    parsed = parse(word)
    popularity = Popularity(build_graph(TRIPLES, 7, 3))
    queries = np.array([[rng.integers(7 if s == "A" else 6) for s in parsed.slots] for _ in range(10)], np.int32)
    scores = popularity.scores(parsed, queries)
    assert scores.shape == (10, 7)
    for query, row in zip(queries.tolist(), scores, strict=True):
        assert row == pytest.approx([expected(query, entity) for entity in range(7)], rel=1e-6)
