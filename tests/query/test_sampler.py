from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from kgr.data.triples import Numbering, read_triples
from kgr.errors import ConfigError, SamplerError
from kgr.graph.graph import Graph, build_graph
from kgr.query.answers import Evaluator
from kgr.query.sampler import Batch, Sampler
from kgr.query.words import STRUCTURES, parse

LAWS = ["relation", "edge"]
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


@settings(max_examples=120, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(4, 9),
    st.integers(2, 3),
    st.sampled_from(list(STRUCTURES)) | oracle.words(),
    st.sampled_from(LAWS),
    st.booleans(),
    st.booleans(),
)
def test_positives_answer_and_negatives_do_not(
    seed: int, entities: int, relations: int, name: str, law: str, exact: bool, widened: bool
) -> None:
    graph, edges = graph_of(seed, entities, relations, 18)
    word = parse(name)
    own = wide(graph) if widened else graph
    sampler = Sampler(own, word, negatives=16, law=law, exact_counts=exact, seed=seed, tries=TRIES)
    try:
        batch = sampler.draw(0, 16)
    except SamplerError:
        # a law of which 20,000 tries show nothing may still have a rare outcome, but not a common one
        assert oracle.hosting(edges, entities, word, law) < 0.01
        return
    assert batch.exact.all() or not exact
    for b in range(16):
        found = oracle.answers(edges, word, batch.arguments[b].tolist())
        assert int(batch.positives[b]) in found
        assert batch.is_negative[b].tolist() == [int(x) not in found for x in batch.negatives]
        if batch.exact[b]:
            assert batch.counts[b] == len(found)
        assert batch.counts[b] >= 1


@pytest.mark.parametrize("law", LAWS)
def test_plans_that_do_not_enumerate_the_answers(law: str) -> None:
    """Few candidates against many answers: the backward plans, which graphs of nine entities hardly reach."""
    rng = np.random.default_rng(0)
    triples = np.unique(rng.zipf(1.3, (6000, 3)) % np.array([400, 5, 400]), axis=0).astype(np.int32)
    graph = build_graph(triples, 400, 5)
    estimated = 0
    for name in [*STRUCTURES, "APPPP", "APPAPPI", "APPAPPUAPNI"]:
        word = parse(name)
        batch = Sampler(graph, word, negatives=8, law=law).draw(0, 64)
        evaluator = Evaluator(graph, word)
        estimated += int((~batch.exact).sum())
        for b in range(64):
            found = evaluator.answers(batch.arguments[b])
            assert batch.positives[b] in found
            assert np.array_equal(batch.is_negative[b], ~np.isin(batch.negatives, found))
            assert not batch.exact[b] or batch.counts[b] == len(found)
    assert estimated > 100


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("name", ["1p", "2p", "2i", "pi", "ip", "2in", "inp", "pni", "2u", "up", "APAPAPUNI"])
def test_draws_follow_the_law(name: str, law: str) -> None:
    graph, edges = graph_of(3, 5, 2, 9)
    word = parse(name)
    expected = oracle.groundings(edges, 5, word, law)
    sampler = Sampler(graph, word, negatives=1, law=law, seed=7)
    counts: Counter[tuple[tuple[int, ...], int]] = Counter()
    for step in range(40):
        batch = sampler.draw(step, 1000)
        counts.update((tuple(q), int(p)) for q, p in zip(batch.arguments.tolist(), batch.positives, strict=True))
    assert set(counts) <= set(expected)
    # rare outcomes are pooled, so that the test's own approximation holds
    total = sum(counts.values())
    common = [outcome for outcome, p in expected.items() if p * total >= 10]
    observed = [counts[outcome] for outcome in common]
    wanted = [expected[outcome] * total for outcome in common]
    if total - sum(wanted) > 10:
        observed.append(total - sum(observed))
        wanted.append(total - sum(wanted))
    assert len(observed) > 1
    assert chisquare(observed, np.array(wanted) * sum(observed) / sum(wanted)).pvalue > 1e-4


def test_candidates_are_uniform() -> None:
    graph, _ = graph_of(0, 9, 2, 30)
    sampler = Sampler(graph, parse("1p"), negatives=500)
    drawn = np.concatenate([sampler.draw(step, 1).negatives for step in range(40)])
    assert chisquare(np.bincount(drawn, minlength=9)).pvalue > 1e-4


@pytest.mark.parametrize("name", ["1p", "3p", "pin", "up"])
def test_the_same_batch_for_any_threads_and_any_cut(name: str) -> None:
    graph, _ = graph_of(1, 9, 3, 60)
    sampler = Sampler(graph, parse(name), negatives=32, seed=5)
    whole = [sampler.draw(step, 64) for step in range(8)]
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(lambda step: sampler.draw(step, 64), range(8)))
    assert all(equal(a, b) for a, b in zip(whole, threaded, strict=True))
    halves = [sampler.draw(3, 32, first=first) for first in (0, 32)]
    assert np.array_equal(np.concatenate([half.arguments for half in halves]), whole[3].arguments)
    assert np.array_equal(np.concatenate([half.is_negative for half in halves]), whole[3].is_negative)
    assert not equal(whole[0], whole[1])
    assert not equal(whole[0], Sampler(graph, parse(name), negatives=32, seed=6).draw(0, 64))


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


def test_settings_out_of_range() -> None:
    graph = build_graph(star(3), 4, 1)
    with pytest.raises(ConfigError, match="negatives is 0, expected 1 to 65536"):
        Sampler(graph, parse("1p"), negatives=0)
    with pytest.raises(ConfigError, match="law is 'both', expected one of relation, edge"):
        Sampler(graph, parse("1p"), negatives=1, law="both")


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
