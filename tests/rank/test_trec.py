"""Measures of ranked retrieval against a plain reading of their definitions; trec_eval itself: tests/retrieval."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgr.errors import ConfigError
from kgr.rank.trec import DEFAULT, FORMS, UNJUDGED, Graded, check_measures, measure

Query = tuple[list[int], list[int]]
"""Grades of what was found, in order, and of what was judged and not found."""

QUERIES = st.lists(
    st.tuples(
        st.lists(st.sampled_from([UNJUDGED, -1, 0, 1, 2, 3]), max_size=12), st.lists(st.integers(-1, 3), max_size=6)
    ),
    min_size=1,
    max_size=4,
)


def graded(queries: list[Query], level: int = 1) -> Graded:
    found = [grades for grades, _ in queries]
    judged = [[grade for grade in grades if grade != UNJUDGED] + rest for grades, rest in queries]
    offsets = [np.cumsum([0, *map(len, own)]).astype(np.int64) for own in (found, judged)]
    flat = [np.array([grade for grades in own for grade in grades], np.int32) for own in (found, judged)]
    return Graded(offsets[0], flat[0], offsets[1], flat[1], level)


def plain(name: str, found: list[int], rest: list[int], level: int) -> float:
    """Return a measure of one query, one document after another."""
    measured, _, cut = name.partition("@")
    k = int(cut or 10**9)
    judged = [grade for grade in found if grade != UNJUDGED] + rest
    relevant = sum(grade >= level for grade in judged)
    top = found[:k]
    hits = [rank for rank, grade in enumerate(found, 1) if grade >= level]
    if measured == "map":
        return sum((i + 1) / rank for i, rank in enumerate(hits) if rank <= k) / (relevant or 1)
    if measured == "ndcg":
        ideal = sorted(judged, reverse=True)[:k]
        gains = [sum(max(g, 0) / math.log2(i + 2) for i, g in enumerate(grades)) for grades in (top, ideal)]
        return gains[0] / (gains[1] or 1)
    if measured == "p":
        return sum(grade >= level for grade in top) / k
    if measured == "recall":
        return sum(grade >= level for grade in top) / (relevant or 1)
    if measured == "mrr":
        return next((1 / rank for rank in hits if rank <= k), 0.0)
    if measured == "rprec":
        return sum(grade >= level for grade in found[:relevant]) / (relevant or 1)
    if measured == "judged":
        return sum(grade != UNJUDGED for grade in top) / (len(top) or 1)
    others = sum(0 <= grade < level for grade in judged)
    above, total = 0, 0.0
    for grade in found:
        if grade >= level:
            total += 1 - (min(above, relevant) / min(others, relevant) if above else 0)
        above += 0 <= grade < level
    return total / (relevant or 1)


@given(QUERIES, st.integers(1, 15), st.integers(1, 2))
def test_every_measure_is_as_defined(queries: list[Query], k: int, level: int) -> None:
    grades = graded(queries, level)
    for form in FORMS:
        name = form.replace("@k", f"@{k}")
        expected = [plain(name, found, rest, level) for found, rest in queries]
        assert measure(name, grades) == pytest.approx(expected, abs=1e-12), name


def test_by_hand() -> None:
    grades = graded([([0, 2, UNJUDGED, 1], [1, -1])])
    assert measure("map", grades)[0] == pytest.approx((1 / 2 + 2 / 4) / 3)
    assert measure("ndcg@2", grades)[0] == pytest.approx((2 / math.log2(3)) / (2 + 1 / math.log2(3)))
    assert measure("mrr@1", grades)[0] == 0
    assert measure("bpref", grades)[0] == 0  # the one that was judged and is not relevant is above both
    assert measure("judged@3", grades)[0] == pytest.approx(2 / 3)


def test_names() -> None:
    assert check_measures([" MAP", "ndcg@10", "map"]) == ("map", "ndcg@10")
    assert check_measures(DEFAULT) == DEFAULT
    for name in ("", "p", "p@0", "p@-1", "p@1.5", "rprec@3", "f1", "ndcg@", "p@10@2"):
        with pytest.raises(ConfigError, match=r"measures: found .*, expected some of map, map@k, .* judged@k"):
            check_measures(["map", name])
    with pytest.raises(ConfigError, match="none given"):
        check_measures([])
