"""What is asked about entities that train does not have, left out and told from the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kgr.graph.graph import build_graph
from kgr.query.sets import Queries, QuerySet, Ragged
from kgr.query.unseen import without_unseen
from kgr.query.words import parse

ENTITIES = 7


def ragged(rows: list[set[int]]) -> Ragged:
    return Ragged.of([np.array(sorted(row), np.int32) for row in rows])


@st.composite
def asked(draw: Any) -> Queries:
    """Queries of one structure, each with disjoint easy, hard and perhaps unranked answers."""
    word = parse(draw(st.sampled_from(["1p", "2i", "2in", "up"])))
    count = draw(st.integers(0, 5))
    slots = st.lists(st.integers(0, ENTITIES - 1), min_size=len(word.slots), max_size=len(word.slots))
    arguments = np.array([draw(slots) for _ in range(count)], np.int32).reshape(count, len(word.slots))
    kinds = st.lists(st.sampled_from(["easy", "hard", "unranked", None]), min_size=ENTITIES, max_size=ENTITIES)
    answers = [draw(kinds) for _ in range(count)]
    rows = {
        kind: ragged([{entity for entity, own in enumerate(row) if own == kind} for row in answers])
        for kind in ("easy", "hard", "unranked")
    }
    return Queries(word, arguments, **rows)


@given(asked(), st.lists(st.booleans(), min_size=ENTITIES, max_size=ENTITIES))
def test_the_pairs_of_seen_entities_are_left(queries: Queries, seen: list[bool]) -> None:
    # an edge of each seen entity with itself
    train = build_graph(np.array([(i, 0, i) for i in range(ENTITIES) if seen[i]], np.int32).reshape(-1, 3), ENTITIES, 1)
    left = without_unseen(train, QuerySet("test", True, {"own": queries})).queries["own"]
    anchors = queries.word.anchors
    kept = [
        i
        for i, row in enumerate(queries.arguments.tolist())
        if all(seen[row[slot]] for slot in anchors) and any(seen[answer] for answer in queries.hard[i].tolist())
    ]
    assert np.array_equal(left.arguments, queries.arguments[kept])
    for now, i in enumerate(kept):
        assert left.easy[now].tolist() == queries.easy[i].tolist()
        assert left.hard[now].tolist() == [answer for answer in queries.hard[i].tolist() if seen[answer]]
        unseen = {answer for answer in queries.hard[i].tolist() if not seen[answer]}
        assert left.unranked[now].tolist() == sorted(unseen | set(queries.unranked[i].tolist()))


def test_what_a_graph_has_seen() -> None:
    graph = build_graph(np.array([(0, 0, 2), (2, 1, 2)], np.int32), 4, 2)
    assert graph.seen.tolist() == [True, False, True, False]
