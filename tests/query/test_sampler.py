from __future__ import annotations

from collections import Counter
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

WORDS = [
    *STRUCTURES,
    "APPPP",
    "APAPIPAPI",
    "APAPAPUNI",
    "APAPUPAPAPUI",
    "APAPINAPI",
    "APPNAPPIAPU",
    "APAPNIPPAPI",
    "APAPIAPIAPI",
]
LAWS = ["relation", "edge"]


def graph_of(seed: int, entities: int, relations: int, count: int) -> tuple[Graph, oracle.Edges]:
    triples = oracle.random_triples(np.random.default_rng(seed), entities, relations, count)
    return build_graph(triples, entities, relations), oracle.edges_of(triples)


def equal(a: Batch, b: Batch) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(vars(a).values(), vars(b).values(), strict=True))


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(4, 9),
    st.integers(2, 3),
    st.sampled_from(WORDS),
    st.sampled_from(LAWS),
    st.booleans(),
)
def test_positives_answer_and_negatives_do_not(
    seed: int, entities: int, relations: int, name: str, law: str, exact: bool
) -> None:
    graph, edges = graph_of(seed, entities, relations, 18)
    word = parse(name)
    try:
        batch = Sampler(graph, word, negatives=16, law=law, exact_counts=exact, seed=seed).draw(0, 16)
    except SamplerError:
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


def star(leaves: int) -> Graph:
    return build_graph(np.array([[0, 0, i] for i in range(1, leaves + 1)], np.int32), leaves + 1, 1)


@pytest.mark.parametrize(
    "graph",
    [
        star(300),
        build_graph(np.array([[i, 0, j] for i in range(25) for j in range(25)], np.int32), 25, 1),
        build_graph(np.array([[i, 0, i + 1] for i in range(200)], np.int32), 201, 1),
        build_graph(np.array([[i, r, i] for i in range(5) for r in range(3)], np.int32), 5, 3),
    ],
    ids=["star", "clique", "chain", "self-loops"],
)
@pytest.mark.parametrize("law", LAWS)
def test_awkward_graphs(graph: Graph, law: str) -> None:
    for name in STRUCTURES:
        word = parse(name)
        try:
            batch = Sampler(graph, word, negatives=64, law=law).draw(0, 16)
        except SamplerError as error:
            assert f"structure {name}" in str(error)
            continue
        evaluator = Evaluator(graph, word)
        for b in range(16):
            found = evaluator.answers(batch.arguments[b])
            assert batch.positives[b] in found
            assert np.array_equal(batch.is_negative[b], ~np.isin(batch.negatives, found))


def test_a_structure_that_a_graph_cannot_host() -> None:
    graph = build_graph(np.array([[0, 0, 1]], np.int32), 2, 1)
    with pytest.raises(SamplerError, match=r"structure 2i: row 0 of step 0 .* cannot host it"):
        Sampler(graph, parse("2i"), negatives=4).draw(0, 8)


def test_settings_out_of_range() -> None:
    graph = star(3)
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
