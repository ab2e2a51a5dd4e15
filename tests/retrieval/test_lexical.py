"""Lexical search against the plain formulas, with and without pruning."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scored import make_terms, plain_scores

from kgr.index.terms import Terms
from kgr.retrieval.bm25 import Bm25
from kgr.retrieval.config import RetrieveConfig
from kgr.retrieval.lexical import Part, query_bags, search_bags, search_sum
from kgr.retrieval.likelihood import Likelihood

METHODS = {
    "lucene": ("bm25", RetrieveConfig()),
    "flat": ("bm25", RetrieveConfig(k1=0.0, b=0.0)),
    "robertson": ("bm25", RetrieveConfig(form="robertson", k1=0.9, b=1.0)),
    "dirichlet": ("ql", RetrieveConfig(smoothing="dirichlet", mu=7.5)),
    "jm": ("ql", RetrieveConfig(smoothing="jm", jm_lambda=0.3)),
}
WORDS = [f"w{i}" for i in range(12)]


def part_of(terms: Terms, name: str, weight: float = 1.0) -> Part:
    method, config = METHODS[name]
    return Part("text", terms, {"bm25": Bm25, "ql": Likelihood}[method](terms, config), weight)


def drawn(n: int, seed: int, *, vocabulary: int = 300, longest: int = 30) -> list[list[str]]:
    """Draw documents by a steep law of words; some are empty."""
    rng = np.random.default_rng(seed)
    law = 1 / np.arange(1, vocabulary + 1)
    words = np.array([f"w{i}" for i in range(vocabulary)])
    return [rng.choice(words, size, p=law / law.sum()).tolist() for size in rng.integers(0, longest, n).tolist()]


def results(found: tuple, query: int = 0) -> list[tuple[int, float]]:
    offsets, ids, scores = found
    rows = slice(offsets[query], offsets[query + 1])
    return list(zip(ids[rows].tolist(), scores[rows].tolist(), strict=True))


def check(found: list[tuple[int, float]], expected: dict[int, float], k: int) -> None:
    """Expect the k best, with equal scores, and the tie rule to hold for the scores found."""
    assert found == sorted(found, key=lambda pair: (-pair[1], pair[0]))
    assert len(found) == min(k, len(expected))
    best = sorted(expected.values(), reverse=True)[:k]
    assert [score for _, score in found] == pytest.approx(best, rel=1e-5, abs=1e-6)
    for document, score in found:
        assert score == pytest.approx(expected[document], rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", METHODS)
@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.sampled_from(WORDS), max_size=8), min_size=1, max_size=20),
    st.lists(st.sampled_from([*WORDS, "unknown"]), max_size=6),
    st.integers(1, 25),
)
def test_scores_are_the_formulas(name: str, documents: list[list[str]], query: list[str], k: int) -> None:
    terms = make_terms(documents)
    found = search_bags(part_of(terms, name), query_bags(terms, [" ".join(query)]), k)
    check(results(found), plain_scores(documents, query, *METHODS[name]), k)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("k", [1, 3, 10, 100, 5000])
def test_pruning_changes_nothing(name: str, k: int) -> None:
    documents = drawn(1500, 1)
    terms = make_terms(documents)
    rng = np.random.default_rng(2)
    texts = [" ".join(f"w{i}" for i in rng.zipf(1.3, rng.integers(1, 9)) % 300) for _ in range(60)]
    part, bag = part_of(terms, name), query_bags(terms, texts)
    whole = search_bags(part, bag, k, prune=False)
    for own in (search_bags(part, bag, k), search_bags(part, bag, k, threads=3)):
        for one, other in zip(own, whole, strict=True):
            assert one.tobytes() == other.tobytes()
    for query in (0, 59):
        check(results(whole, query), plain_scores(documents, texts[query].split(), *METHODS[name]), k)


@pytest.mark.parametrize("name", METHODS)
def test_only_what_is_allowed(name: str) -> None:
    documents = drawn(400, 3)
    rows = np.arange(400) * 2 + 1
    terms = make_terms(documents, rows)
    allowed = np.random.default_rng(4).random(900) < 0.3
    found = results(search_bags(part_of(terms, name), query_bags(terms, ["w0 w5 w40"]), 50, allowed=allowed))
    scores = plain_scores(documents, ["w0", "w5", "w40"], *METHODS[name])
    check(found, {2 * i + 1: score for i, score in scores.items() if allowed[2 * i + 1]}, 50)


@pytest.mark.parametrize("name", METHODS)
def test_sums_over_fields(name: str) -> None:
    """An entry that one index does not have counts as an empty document of it."""
    first, second = drawn(200, 5), drawn(150, 6, longest=9)
    rows = [np.arange(200) * 2, np.arange(150) * 3]
    parts = [
        part_of(make_terms(own, at), name, weight)
        for own, at, weight in zip((first, second), rows, (0.5, 2.0), strict=True)
    ]
    query = ["w0", "w3", "w3", "w20"]
    bags = [query_bags(part.terms, [" ".join(query), "nothing"]) for part in parts]
    found = search_sum(parts, bags, 30, threads=2)
    method, config = METHODS[name]
    places = sorted({*rows[0].tolist(), *rows[1].tolist()})
    expected = dict.fromkeys(places, 0.0)
    matched = set()
    for documents, at, weight in ((first, rows[0], 0.5), (second, rows[1], 2.0)):
        by_row = dict(zip(at.tolist(), documents, strict=True))
        scores = plain_scores(documents, query, method, config)
        matched |= {int(at[i]) for i in scores}
        for place in places:
            if place in by_row and documents.index(by_row[place]) in scores:
                expected[place] += weight * scores[at.tolist().index(place)]
            elif method == "ql":
                expected[place] += weight * absent(documents, query, config, len(by_row.get(place, ())))
    check(results(found), {place: expected[place] for place in matched}, 30)
    assert results(found, 1) == []


def absent(documents: list[list[str]], query: list[str], config: RetrieveConfig, length: int) -> float:
    """Return the score of a document of some length that has no word of a query."""
    words = [word for own in documents for word in own]
    shares = [words.count(word) / len(words) for word in query if word in words]
    if config.smoothing == "jm":
        return sum(np.log(config.jm_lambda * share) for share in shares)
    return sum(np.log(config.mu * share / (length + config.mu)) for share in shares)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_frequencies_of_either_width(dtype: type) -> None:
    documents = [["a"] * 7 + ["b"], ["a", "b", "c"], []]
    terms = make_terms(documents)
    wide = dataclasses.replace(terms, frequencies=terms.frequencies.astype(dtype))
    found = search_bags(part_of(wide, "lucene"), query_bags(wide, ["a c"]), 5)
    check(results(found), plain_scores(documents, ["a", "c"], *METHODS["lucene"]), 5)


def test_a_query_of_100_000_words() -> None:
    documents = drawn(200, 7)
    terms = make_terms(documents)
    words = [f"w{i % 400}" for i in range(100_000)]
    found = results(search_bags(part_of(terms, "lucene"), query_bags(terms, [" ".join(words)]), 10))
    once = plain_scores(documents, words[:400], *METHODS["lucene"])
    assert [score for _, score in found] == pytest.approx(sorted((250 * s for s in once.values()), reverse=True)[:10])


def test_nothing_to_search() -> None:
    for documents in ([], [[]], [["a"]]):
        terms = make_terms(documents)
        for name in METHODS:
            assert results(search_bags(part_of(terms, name), query_bags(terms, ["", "b"]), 5)) == []
            assert len(search_bags(part_of(terms, name), query_bags(terms, []), 5)[0]) == 1
