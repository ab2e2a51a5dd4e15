from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from kgr.data.lines import Numbering
from kgr.data.triples import read_triples
from kgr.errors import ConfigError, SamplerError
from kgr.graph.graph import Graph, build_graph
from kgr.query.answers import Evaluator
from kgr.query.program import LAWS, NEGATIVES, ROOTS
from kgr.query.sampler import Batch, Sampler
from kgr.query.words import STRUCTURES, parse

TRIES = 20_000  # enough where there are at most nine entities


def graph_of(seed: int, entities: int, relations: int, count: int) -> tuple[Graph, oracle.Edges]:
    triples = oracle.random_triples(np.random.default_rng(seed), entities, relations, count)
    return build_graph(triples, entities, relations), oracle.edges_of(triples)


def wide(graph: Graph) -> Graph:
    """The same graph with the dtypes that large ones have."""
    fragments, relation, offsets, tail = graph.arrays
    return Graph(fragments.astype(np.int64), relation.astype(np.int32), offsets.astype(np.int64), tail, graph.directed)


def equal(a: Batch, b: Batch) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(vars(a).values(), vars(b).values(), strict=True))


def check(batch: Batch, b: int, found: list[int]) -> None:
    """One row of a batch against the query's answers."""
    assert int(batch.positives[b]) in found
    if batch.negatives.ndim == 1:
        assert batch.is_negative[b].tolist() == [int(x) not in found for x in batch.negatives]
    else:
        assert not set(batch.negatives[b, batch.is_negative[b]].tolist()) & set(found)
        assert batch.is_negative[b].all() or batch.crowded[b] == 100
    assert batch.counts[b] == len(found) if batch.exact[b] else batch.counts[b] >= 1


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(4, 9),
    st.integers(2, 3),
    st.sampled_from(list(STRUCTURES)) | oracle.words(),
    st.sampled_from(LAWS),
    st.sampled_from(ROOTS),
    st.sampled_from(NEGATIVES),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_positives_answer_and_negatives_do_not(
    seed: int,
    entities: int,
    relations: int,
    name: str,
    law: str,
    roots: str,
    negative_law: str,
    own: bool,
    exact: bool,
    widened: bool,
) -> None:
    graph, edges = graph_of(seed, entities, relations, 18)
    word = parse(name)
    sampler = Sampler(
        wide(graph) if widened else graph, word, negatives=64, own_negatives=own or negative_law == "range", law=law,
        roots=roots, negative_law=negative_law, exact_counts=exact, seed=seed, tries=TRIES,
    )  # fmt: skip
    try:
        batch = sampler.draw(0, 16)
    except SamplerError:
        # a law of which 20,000 tries show nothing may still have a rare outcome, but not a common one
        assert oracle.hosting(edges, entities, word, law) < 0.01
        return
    assert batch.exact.all() or not exact
    for b in range(16):
        check(batch, b, list(oracle.answers(edges, word, batch.arguments[b].tolist())))


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("law", LAWS)
def test_plans_that_do_not_enumerate_the_answers(law: str, own: bool) -> None:
    """Few candidates against many answers: the backward plans, which graphs of nine entities hardly reach."""
    rng = np.random.default_rng(0)
    triples = np.unique(rng.zipf(1.3, (6000, 3)) % np.array([400, 5, 400]), axis=0).astype(np.int32)
    graph = build_graph(triples, 400, 5)
    estimated = 0
    for name in [*STRUCTURES, "APPPP", "APPAPPI", "APPAPPUAPNI", "APPPAPPNI", "APPPAPPPUP"]:
        word = parse(name)
        batch = Sampler(graph, word, negatives=8, own_negatives=own, law=law).draw(0, 64)
        evaluator = Evaluator(graph, word)
        estimated += int((~batch.exact).sum())
        for b in range(64):
            check(batch, b, evaluator.answers(batch.arguments[b]).tolist())
    assert estimated > 100


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(
    "name", [*STRUCTURES, "APPPP", "APPAPPPI", "APPPAPPNI", "APPPAPPUP", "APPPAPPPNI", "APPAPUPPAPNI"]
)
def test_sets_that_are_too_dear_forward_are_restricted_backward(
    name: str, law: str, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a budget of one edge nearly every inner set waits, and the batch is still the same."""
    rng = np.random.default_rng(1)
    triples = np.unique(rng.zipf(1.3, (3000, 3)) % np.array([300, 4, 300]), axis=0).astype(np.int32)
    graph = build_graph(triples, 300, 4)
    word = parse(name)
    arguments = {"negatives": 8, "own_negatives": own, "law": law, "seed": 4}
    forward = Sampler(graph, word, **arguments).draw(0, 64)
    monkeypatch.setattr("kgr.query.sampler.FIRST_BUDGET", 1)
    batch = Sampler(graph, word, **arguments).draw(0, 64)
    assert same_draws(batch, forward)
    evaluator = Evaluator(graph, word)
    for b in range(64):
        check(batch, b, evaluator.answers(batch.arguments[b]).tolist())


def same_draws(a: Batch, b: Batch) -> bool:
    """Whether two batches differ at most in how their counts were found."""
    return all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for name in ("arguments", "positives", "negatives", "is_negative", "crowded")
    )


@pytest.mark.parametrize("roots", ROOTS)
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(
    "name", ["1p", "2p", "2i", "pi", "ip", "2in", "3in", "inp", "pin", "pni", "2u", "up", "APAPAPUNI"]
)
def test_draws_follow_the_law(name: str, law: str, roots: str) -> None:
    graph, edges = graph_of(3, 5, 2, 11)
    word = parse(name)
    expected = oracle.groundings(edges, 5, word, law, by_degree=roots == "degree")
    sampler = Sampler(graph, word, negatives=256, law=law, roots=roots, seed=7)
    counts: Counter[tuple[tuple[int, ...], int]] = Counter()
    for step in range(40):
        batch = sampler.draw(step, 1000)
        counts.update((tuple(q), int(p)) for q, p in zip(batch.arguments.tolist(), batch.positives, strict=True))
    assert set(counts) <= set(expected)
    assert agrees(counts, expected)


def agrees(counts: Counter[Any], expected: dict[Any, float]) -> bool:
    """The chi-square test; rare outcomes are pooled, so that its own approximation holds."""
    total = sum(counts.values())
    common = [outcome for outcome, p in expected.items() if p * total >= 10]
    observed = [counts[outcome] for outcome in common]
    wanted = [expected[outcome] * total for outcome in common]
    if total - sum(wanted) > 10:
        observed.append(total - sum(observed))
        wanted.append(total - sum(wanted))
    assert len(observed) > 1
    return bool(chisquare(observed, np.array(wanted) * sum(observed) / sum(wanted)).pvalue > 1e-4)


@pytest.mark.parametrize("negative_law", NEGATIVES)
@pytest.mark.parametrize(("name", "last"), [("1p", [1]), ("2i", [1, 3]), ("2in", [1]), ("2u", [1, 3]), ("2p", [2])])
def test_own_negatives_follow_their_law(name: str, last: list[int], negative_law: str) -> None:
    graph, edges = graph_of(5, 9, 2, 20)
    word = parse(name)
    batch = Sampler(graph, word, negatives=1, own_negatives=True, negative_law=negative_law, seed=3).draw(0, 40_000)
    counts: Counter[tuple[int, ...]] = Counter()
    expected: Counter[tuple[int, ...]] = Counter()
    for query, negatives in zip(batch.arguments.tolist(), batch.negatives.tolist(), strict=True):
        others = np.array(sorted(set(range(9)) - oracle.answers(edges, word, query)))
        share = shares(edges, [query[slot] for slot in last], others, negative_law)
        if share is not None:
            counts.update((*query, x) for x in negatives)
            expected.update({(*query, int(x)): p for x, p in zip(others, share, strict=True)})
    total = sum(expected.values())
    assert agrees(counts, {outcome: share / total for outcome, share in expected.items() if share})


def shares(edges: oracle.Edges, last: list[int], others: np.ndarray, negative_law: str) -> np.ndarray | None:
    """The law's share of each entity that is no answer; None where a range may not give enough of them."""
    if negative_law == "uniform":
        return np.full(len(others), 1 / len(others))
    if negative_law == "degree":
        degree = np.array([sum(len(tails) for (x, _), tails in edges.items() if x == y) for y in others], float)
        return degree / degree.sum() if degree.sum() else None
    ranges = np.array([[bool(edges.get((x, relation ^ 1))) for x in others.tolist()] for relation in last], float)
    if ranges.sum(axis=1).min() < 3:
        return None
    return np.mean(ranges / ranges.sum(axis=1, keepdims=True), axis=0)


@pytest.mark.parametrize("law", ["uniform", "degree"])
def test_candidates_follow_their_law(law: str) -> None:
    graph, edges = graph_of(0, 9, 2, 30)
    sampler = Sampler(graph, parse("1p"), negatives=500, negative_law=law)
    drawn = np.concatenate([sampler.draw(step, 1).negatives for step in range(40)])
    degree = np.array([sum(len(tails) for (x, _), tails in edges.items() if x == y) for y in range(9)], float)
    share = degree / degree.sum() if law == "degree" else np.full(9, 1 / 9)
    assert chisquare(np.bincount(drawn, minlength=9), share * len(drawn)).pvalue > 1e-4


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("negative_law", ["uniform", "degree"])
def test_counts_are_estimated_without_bias(negative_law: str, own: bool) -> None:
    """Of 3i with few candidates: the mean of the estimates is near that of the counts."""
    rng = np.random.default_rng(2)
    triples = np.unique(rng.integers(0, 60, (3000, 3)) % np.array([60, 1, 60]), axis=0).astype(np.int32)
    graph, word = build_graph(triples, 60, 1), parse("3i")
    sampler = Sampler(graph, word, negatives=16, own_negatives=own, negative_law=negative_law, seed=1)
    evaluator = Evaluator(graph, word)
    true, estimated = [], []
    for batch in (sampler.draw(step, 16) for step in range(2000)):
        for b in np.flatnonzero(~batch.exact):
            true.append(len(evaluator.answers(batch.arguments[b])))
            estimated.append(int(batch.counts[b]))
    assert len(true) > 100
    assert 0.9 * np.mean(true) < np.mean(estimated) < 1.15 * np.mean(true)


def test_counts_of_unions_are_estimated_without_bias_from_ranges() -> None:
    """The branches lead to different entities: a draw from the range of one says nothing of the other's."""
    rng = np.random.default_rng(3)
    triples = rng.integers(0, 200, (3000, 3)) % np.array([200, 3, 60])
    triples[:, 2] += 40 * triples[:, 1]
    graph, word = build_graph(triples.astype(np.int32), 200, 3), parse("APPAPPU")
    sampler = Sampler(graph, word, negatives=64, own_negatives=True, negative_law="range", seed=1)
    evaluator = Evaluator(graph, word)
    true, estimated = [], []
    for batch in (sampler.draw(step, 16) for step in range(100)):
        for b in np.flatnonzero(~batch.exact):
            true.append(len(evaluator.answers(batch.arguments[b])))
            estimated.append(int(batch.counts[b]))
    assert len(true) > 1000
    assert 0.93 * np.mean(true) < np.mean(estimated) < 1.07 * np.mean(true)


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("name", ["1p", "3p", "pin", "up"])
def test_the_same_batch_for_any_threads_and_any_cut(name: str, own: bool) -> None:
    graph, _ = graph_of(1, 9, 3, 60)
    sampler = Sampler(graph, parse(name), negatives=32, own_negatives=own, seed=5)
    whole = [sampler.draw(step, 64) for step in range(8)]
    for threads in (2, 3, 4):
        with ThreadPoolExecutor(threads) as pool:
            threaded = list(pool.map(lambda step: sampler.draw(step, 64), range(8)))
        assert all(equal(a, b) for a, b in zip(whole, threaded, strict=True))
    for cuts in ((0, 32, 64), (0, 1, 40, 63, 64)):
        parts = [sampler.draw(3, end - first, first=first) for first, end in itertools.pairwise(cuts)]
        for name in ("arguments", "positives", "is_negative", *(["negatives"] if own else [])):
            assert np.array_equal(np.concatenate([getattr(part, name) for part in parts]), getattr(whole[3], name))
    assert not equal(whole[0], whole[1])
    other = Sampler(graph, sampler.word, negatives=32, own_negatives=own, seed=6)
    assert not equal(whole[0], other.draw(0, 64))


def star(leaves: int) -> np.ndarray:
    return np.array([[0, 0, i] for i in range(1, leaves + 1)], np.int32)


def clique(size: int) -> np.ndarray:
    return np.array([[i, 0, j] for i in range(size) for j in range(size)], np.int32)


def chain(length: int) -> np.ndarray:
    return np.array([[i, 0, i + 1] for i in range(length)], np.int32)


def loops(size: int) -> np.ndarray:
    return np.array([[i, r, i] for i in range(size) for r in range(3)], np.int32)


@pytest.mark.parametrize(("make", "small", "large"), [(star, 4, 300), (clique, 4, 25), (chain, 9, 200), (loops, 3, 5)])
@pytest.mark.parametrize("law", LAWS)
def test_awkward_graphs(make: Callable[[int], np.ndarray], small: int, large: int, law: str) -> None:
    triples = make(large)
    graph = build_graph(triples, int(triples[:, [0, 2]].max()) + 1, 3)
    edges, entities = oracle.edges_of(make(small).tolist()), int(make(small)[:, [0, 2]].max()) + 1
    for name in STRUCTURES:
        word = parse(name)
        sampler = Sampler(graph, word, negatives=64, law=law, tries=TRIES)
        if not oracle.hosting(edges, entities, word, law):  # the small graph hosts what the large one does
            with pytest.raises(SamplerError, match=f"structure {name}"):
                sampler.draw(0, 16)
            continue
        batch = sampler.draw(0, 16)
        evaluator = Evaluator(graph, word)
        for b in range(16):
            found = evaluator.answers(batch.arguments[b])
            assert batch.positives[b] in found
            assert np.array_equal(batch.is_negative[b], ~np.isin(batch.negatives, found))


def test_a_structure_that_is_rare_is_drawn_all_the_same() -> None:
    """A clique of seven beside a large star: of 20,000 pivots one in thousands hosts 3i."""
    clique = [[i, 0, j] for i in range(7) for j in range(7) if i != j]
    triples = np.array(clique + [[7, 0, i] for i in range(8, 20_000)], np.int32)
    batch = Sampler(build_graph(triples, 20_000, 1), parse("3i"), negatives=4).draw(0, 32)
    assert (batch.positives <= 7).all()  # of the clique, or the star's centre


def test_a_structure_that_a_graph_cannot_host() -> None:
    graph = build_graph(np.array([[0, 0, 1]], np.int32), 2, 1)
    with pytest.raises(SamplerError, match=r"structure 2i: row 0 of step 0 .* too rarely or not at all"):
        Sampler(graph, parse("2i"), negatives=4).draw(0, 8)
    with pytest.raises(SamplerError, match="no edges"):
        Sampler(build_graph(np.empty((0, 3), np.int32), 3, 1), parse("1p"), negatives=4)


def test_queries_that_every_entity_answers_are_drawn_again_and_counted() -> None:
    """Entity 0 reaches all of 20; the others a few."""
    triples = np.array([[0, 0, i] for i in range(20)] + [[i, 0, i + 1] for i in range(1, 19)], np.int32)
    graph = build_graph(triples, 20, 1)
    everything = [i for i, row in enumerate(triples.tolist()) if row[0] == 0]
    assert len(everything) == graph.entities
    for own in (False, True):
        batch = Sampler(graph, parse("1p"), negatives=64, own_negatives=own).draw(0, 500)
        assert batch.crowded.sum() > 100
        assert batch.is_negative.any(axis=1).all()
        assert not ((batch.arguments == [0, 0]).all(axis=1)).any()


def test_where_every_query_is_answered_by_all_one_is_taken_as_it_is() -> None:
    graph = build_graph(clique(6), 6, 1)
    for own in (False, True):
        batch = Sampler(graph, parse("2p"), negatives=16, own_negatives=own).draw(0, 8)
        assert (batch.crowded == 100).all()
        assert not batch.is_negative.any()
        assert (batch.counts == 6).all()


def test_more_negatives_than_entities() -> None:
    graph, edges = graph_of(1, 5, 2, 8)
    for own in (False, True):
        batch = Sampler(graph, parse("2i"), negatives=300, own_negatives=own, tries=TRIES).draw(0, 20)
        for b in range(20):
            check(batch, b, list(oracle.answers(edges, parse("2i"), batch.arguments[b].tolist())))


def test_own_draws_repeat_entities_where_sets_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a block of more draws than entities each may have a fragment: there is room for all of them."""
    monkeypatch.setattr("kgr.query.sampler.FIRST_BUDGET", 1)
    loop = np.array([[i, 1, (i + 1) % 6] for i in range(6)])
    graph = build_graph(np.concatenate([[row for row in clique(6) if row[0] != row[2]], loop]).astype(np.int32), 6, 2)
    for name in ("3p", "APPPAPPNI"):
        sampler = Sampler(graph, parse(name), negatives=500, own_negatives=True, law="edge")
        batch = sampler.draw(0, 16)
        assert len(sampler._take_scratch().found) > 500
        evaluator = Evaluator(graph, parse(name))
        for b in range(16):
            check(batch, b, evaluator.answers(batch.arguments[b]).tolist())


@pytest.mark.parametrize("own", [False, True])
def test_an_entity_with_a_million_edges(own: bool) -> None:
    """A hub at every place of a word: whatever is cheaper is done, and it is right."""
    rng = np.random.default_rng(0)
    leaves = 1_000_000
    spokes = np.stack([np.zeros(leaves, np.int64), np.zeros(leaves, np.int64), np.arange(1, leaves + 1)], axis=1)
    others = rng.integers(1, leaves + 1, (200_000, 3)) % np.array([leaves + 1, 3, leaves + 1]) + np.array([0, 1, 0])
    graph = build_graph(np.unique(np.concatenate([spokes, others]), axis=0).astype(np.int32), leaves + 1, 4)
    for name in ("1p", "2p", "3p", "2i", "pi", "ip", "2in", "inp", "up", "APPPP"):
        word = parse(name)
        batch = Sampler(graph, word, negatives=32, own_negatives=own, law="edge", roots="degree").draw(0, 8)
        evaluator = Evaluator(graph, word)
        for b in range(8):
            check(batch, b, evaluator.answers(batch.arguments[b]).tolist())


def test_a_limit_of_work_skips_dear_queries_and_counts_them() -> None:
    """Three hops in a clique of 25 cost hundreds of edges either way, in the chain beside it a few."""
    triples = np.concatenate([clique(25), chain(300) + np.array([25, 1, 25])]).astype(np.int32)
    graph = build_graph(triples, 326, 2)
    free = Sampler(graph, parse("3p"), negatives=8, law="edge").draw(0, 256)
    assert not free.skipped.any()
    assert (free.arguments[:, 0] < 25).any()
    capped = Sampler(graph, parse("3p"), negatives=8, law="edge", work_limit=10).draw(0, 256)
    assert capped.skipped.sum() > 0
    assert (capped.arguments[:, 0] >= 25).all()
    with pytest.raises(SamplerError, match="10000 queries that need more than 5 edges: raise work_limit"):
        Sampler(build_graph(clique(25), 25, 1), parse("3p"), negatives=8, law="edge", work_limit=5).draw(0, 8)


def test_settings_out_of_range() -> None:
    graph = build_graph(star(3), 4, 1)
    for arguments, message in (
        ({"negatives": 0}, "negatives is 0, expected 1 to 65536"),
        ({"law": "both"}, "law is 'both', expected one of relation, edge, overlap"),
        ({"roots": "any"}, "roots is 'any', expected one of uniform, degree"),
        ({"negative_law": "near"}, "negative_law is 'near', expected one of uniform, degree, range"),
        ({"negative_law": "range"}, "it needs own_negatives"),
        ({"work_limit": 0}, "work_limit is 0, expected at least 1"),
    ):
        with pytest.raises(ConfigError, match=message):
            Sampler(graph, parse("1p"), **{"negatives": 1, **arguments})


@pytest.mark.parametrize("law", LAWS)
def test_on_a_real_graph_every_draw_is_checked_by_the_evaluator(mirror: Path, law: str) -> None:
    folder = mirror / "codex" / "data" / "triples" / "codex-s"
    entities, relations = Numbering(), Numbering()
    triples = read_triples(folder / "train.txt", entities, relations)
    graph = build_graph(triples, len(entities), len(relations))
    for name in [*STRUCTURES, "APPPP", "APAPAPUNI"]:
        word = parse(name)
        batch = Sampler(graph, word, negatives=256, law=law).draw(0, 128)
        evaluator = Evaluator(graph, word)
        for b in range(128):
            found = evaluator.answers(batch.arguments[b])
            assert batch.positives[b] in found
            assert np.array_equal(batch.is_negative[b], ~np.isin(batch.negatives, found))
            assert not batch.exact[b] or batch.counts[b] == len(found)
