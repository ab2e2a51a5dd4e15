"""Evaluation without what is asked about entities that train does not have."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import oracle
import pytest

from kgr.graph.graph import Graph, build_graph
from kgr.multihop.evaluate import Narrowing, evaluate
from kgr.query.sets import Queries, QuerySet, execute
from kgr.query.unseen import without_unseen
from kgr.query.words import Word, parse

ENTITIES, RELATIONS = 30, 2


class Made:
    """Scores that depend on query and entity alone, as a model that negates or not."""

    batch = 4

    def __init__(self, negates: bool = True) -> None:
        self.model = SimpleNamespace(negates=negates)

    def scores(self, word: Word, arguments: np.ndarray) -> np.ndarray:
        rows = [np.random.default_rng([len(word.word), *row]).random(ENTITIES) for row in arguments.tolist()]
        return np.array(rows, np.float32)


@pytest.fixture(scope="module")
def held_out() -> tuple[Any, QuerySet]:
    """A train graph that lacks some entities, and queries on it with all of them."""
    triples = oracle.random_triples(np.random.default_rng(0), ENTITIES, RELATIONS, 150)
    train = triples[(triples[:, ::2] < 24).all(axis=1)][::2]
    small, large = build_graph(train, ENTITIES, RELATIONS), build_graph(triples, ENTITIES, RELATIONS)
    draw = np.random.default_rng(1)
    queries = {}
    for word in map(parse, ("1p", "2i", "2in")):
        high = [ENTITIES if letter == "A" else 2 * RELATIONS for letter in word.slots]
        found = execute(small, large, word, draw.integers(0, high, (400, len(high))).astype(np.int32))
        some = [i for i in range(len(found)) if len(found.hard[i])]
        queries[word.name] = execute(small, large, word, found.arguments[some])
    return small, QuerySet("test", True, queries)


def seen_in(train: Graph) -> dict[str, Narrowing]:
    return {"seen": partial(without_unseen, train)}


def plain(queries: Queries, seen: np.ndarray) -> tuple[int, float, int]:
    """Queries that are ranked, their mean reciprocal rank, and the pairs that are not: one after the other."""
    means, left_out = [], 0
    for i, row in enumerate(queries.arguments):
        answers = {*queries.easy[i].tolist(), *queries.hard[i].tolist()}
        scores = Made().scores(queries.word, row[None])[0]
        asked = all(seen[row[slot]] for slot in queries.word.anchors)
        ranked = [answer for answer in queries.hard[i].tolist() if asked and seen[answer]]
        left_out += len(queries.hard[i]) - len(ranked)
        rivals = [scores[entity] for entity in range(ENTITIES) if entity not in answers]
        if ranked:
            means.append(np.mean([1 / (1 + sum(rival > scores[answer] for rival in rivals)) for answer in ranked]))
    return len(means), float(np.mean(means)), left_out


def test_the_others_are_ranked_as_before(held_out: tuple[Any, QuerySet]) -> None:
    train, queries = held_out
    found = evaluate(Made(), queries, train=train, narrowing=seen_in(train))
    whole, pairs = 0, 0
    for name, own in queries.queries.items():
        count, mrr, left_out = plain(own, train.seen)
        assert found["structures"][name]["queries"] == count
        assert found["structures"][name]["mrr"] == pytest.approx(mrr)
        whole, pairs = whole + len(own) - count, pairs + left_out
    assert found["skipped"] == {"seen": {"queries": whole, "answers": pairs}}
    assert 0 < whole < pairs
    assert found["queries_fingerprint"] == queries.fingerprint


def test_by_default_everything_is_ranked(held_out: tuple[Any, QuerySet]) -> None:
    train, queries = held_out
    found = evaluate(Made(), queries, train=train)
    assert "skipped" not in found
    for name, own in queries.queries.items():
        count, mrr, left_out = plain(own, np.ones(ENTITIES, bool))
        assert (found["structures"][name]["queries"], left_out) == (count, 0)
        assert found["structures"][name]["mrr"] == pytest.approx(mrr)


def test_structures_that_are_not_ranked_are_not_counted(held_out: tuple[Any, QuerySet]) -> None:
    train, queries = held_out
    found = evaluate(Made(negates=False), queries, train=train, narrowing=seen_in(train))
    own = {name: queries.queries[name] for name in ("1p", "2i")}
    assert found["structures"]["2in"] is None
    assert found["skipped"]["seen"]["answers"] == sum(plain(each, train.seen)[2] for each in own.values())


def test_nothing_left_of_a_structure(held_out: tuple[Any, QuerySet]) -> None:
    _, queries = held_out
    nothing = build_graph(np.empty((0, 3), np.int32), ENTITIES, RELATIONS)
    found = evaluate(Made(), queries, train=nothing, narrowing=seen_in(nothing))
    assert found["structures"]["1p"]["queries"] == 0
    assert found["structures"]["1p"]["mrr"] is None
    assert found["skipped"]["seen"]["queries"] == sum(map(len, queries.queries.values()))


def test_each_narrowing_counts_what_it_leaves_out_of_what_the_one_before_left(held_out: tuple[Any, QuerySet]) -> None:
    train, queries = held_out
    firsts = {"first 60": lambda own: own.head(60), "first 50": lambda own: own.head(50)}
    found = evaluate(Made(), queries, train=None, narrowing=firsts | seen_in(train))
    assert found["skipped"]["first 50"]["queries"] == 3 * 10
    assert [*found["skipped"]] == ["first 60", "first 50", "seen"]
    left = without_unseen(train, queries.head(50))
    assert found["structures"] == evaluate(Made(), left, train=None)["structures"]
    assert found["skipped"]["seen"]["queries"] == 3 * 50 - sum(map(len, left.queries.values()))
