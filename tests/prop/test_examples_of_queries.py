"""Examples: what of judgements and a ranking they take, and how they are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from judged_corpus import build_store

from kgr.data.topics import Topics
from kgr.errors import DataError
from kgr.index.keys import Keys
from kgr.index.store import Store
from kgr.prop.examples import Examples, Lists, examples_of, grades_of, some_queries
from kgr.retrieval.judged import as_qrels
from kgr.retrieval.passage_texts import PassageTexts
from kgr.retrieval.ranking import Ranking, over_entries


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return build_store(tmp_path_factory.mktemp("place"))


def topics(*keys: str) -> Topics:
    return Topics(Keys.build(list(keys), what="query"), [f"text of {key}" for key in keys])


def test_what_they_take(store: Store) -> None:
    grades = {
        "q1": {"d1": 2, "d2": 1, "d3": 0, "d60": 2, "nowhere": 2},  # d60 has no text
        "q2": {"d1": 1},
        "q3": {"d1": 2},
        "q4": {"d2": 2},
    }
    run = {"q1": {"d3": 9.0, "d1": 8.0, "d60": 7.0, "d4": 6.0, "d5": 5.0}, "q2": {"d4": 1.0}, "q4": {"d2": 1.0}}
    known = topics("q4", "q3", "q2", "q1")
    found = over_entries(Ranking.build(run), store)
    examples, counts = examples_of(grades, known, found, PassageTexts.of(store), depth=4, level=2)
    assert (counts.unknown, counts.without_positive, counts.without_negative) == (2, 1, 2)
    assert (examples.keys, examples.texts) == (["q1"], ["text of q1"])
    assert store.entries.keys_of(examples.positives[0]) == ["d1"]
    assert store.entries.keys_of(examples.negatives[0]) == ["d3", "d4"]


def test_judged_queries_without_a_text() -> None:
    judged = as_qrels({"q1": {"d1": 1, "d2": 0}, "q2": {"d1": 1}})
    assert grades_of(judged, topics("q1", "q9")) == ({"q1": {"d1": 1, "d2": 0}}, 1)
    with pytest.raises(DataError, match="none of 2 judged queries is among the 1 queries given"):
        grades_of(judged, topics("q9"))


def test_a_ranking_of_some_queries() -> None:
    ranking = Ranking.build({"q1": {"a": 2.0, "b": 1.0}, "q2": {"c": 1.0}, "q3": {"a": 5.0}})
    found = some_queries(ranking, topics("q3", "q4", "q1"), ["q3", "q4", "q1"])
    assert [(key, found[key]) for key in found] == [("q3", [("a", 5.0)]), ("q4", []), ("q1", ranking["q1"])]


def examples(queries: int) -> Examples:
    positives = Lists.build([np.arange(1 + q, dtype=np.int32) for q in range(queries)])
    negatives = Lists.build([100 * (1 + q) + np.arange(2 + q, dtype=np.int32) for q in range(queries)])
    return Examples([f"q{i}" for i in range(queries)], [""] * queries, positives, negatives)


def test_draws() -> None:
    own = examples(7)
    query, documents = own.draw(0, 70, 3, seed=0)
    assert all(sorted(query[7 * epoch : 7 * epoch + 7]) == list(range(7)) for epoch in range(10))
    assert not np.array_equal(query[:7], query[7:14])
    assert (documents[:, 0] <= query).all()
    assert (documents[:, 1:] // 100 == query[:, None] + 1).all()
    assert all(len({*row}) == (3 if q else 2) or q == 0 for q, row in zip(query, documents[:, 1:], strict=True))
    for first in (3, 20):
        part = own.draw(first, 11, 3, seed=0)
        assert np.array_equal(part[0], query[first : first + 11])
        assert np.array_equal(part[1], documents[first : first + 11])
    assert not np.array_equal(own.draw(0, 70, 3, seed=1)[1], documents)
    many = own.draw(0, 7 * 300, 3, seed=2)
    relevant = many[1][many[0] == 4, 0]
    assert np.bincount(relevant, minlength=5).min() > 35  # of 300 over five


def test_some_examples() -> None:
    own = examples(5).only(["q3", "q1"])
    assert (own.keys, len(own)) == (["q3", "q1"], 2)
    assert [own.positives[row].tolist() for row in (0, 1)] == [[0, 1, 2, 3], [0, 1]]
    assert own.negatives[1].tolist() == [200, 201, 202]
