from __future__ import annotations

from pathlib import Path

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgr.data.lines import Numbering
from kgr.data.triples import read_triples
from kgr.errors import ConfigError
from kgr.graph.graph import build_graph
from kgr.query.sampler import Sampler
from kgr.query.statistics import sampling_statistics
from kgr.query.words import STRUCTURES, parse


@given(st.sampled_from(list(STRUCTURES)) | oracle.words(), st.integers(0, 2**16))
def test_the_word_without_negations(name: str, seed: int) -> None:
    """Its answers are those of the whole word and what the negated parts took away."""
    rng = np.random.default_rng(seed)
    edges = oracle.edges_of(oracle.random_triples(rng, 6, 2, 20))
    word = parse(name)
    positive = word.positive
    assert not positive.word.negates
    arguments = [int(rng.integers(6 if letter == "A" else 4)) for letter in word.slots]
    kept = oracle.answers(edges, positive.word, [arguments[slot] for slot in positive.slots])
    assert oracle.answers(edges, word, arguments) <= kept
    assert word.negates or positive.word.word.replace("A", "").count("P") == word.word.count("P")


def test_steps_of_chains() -> None:
    assert parse("3p").steps == ((1, 2), (2, 3))
    assert parse("2i").steps == parse("up").steps == ()
    assert parse("pin").steps == ((1, 2),)


def test_statistics_are_those_of_the_queries() -> None:
    triples = oracle.random_triples(np.random.default_rng(0), 30, 3, 90)
    graph, edges = build_graph(triples, 30, 3), oracle.edges_of(triples)
    for law in ("edge", "relation", "overlap"):
        found = sampling_statistics(graph, ["2p", "2in", "inp"], count=300, law=law, seed=2)
        for name, own in found.items():
            word = parse(name)
            assert own.queries == 300
            sampler = Sampler(graph, word, negatives=64, law=law, exact_counts=True, seed=2)
            rows = np.concatenate([sampler.draw(0, 300).arguments]).tolist()
            sizes = [len(oracle.answers(edges, word, row)) for row in rows]
            assert own.mean_answers == pytest.approx(np.mean(sizes))
            assert own.answers[[0, -1]].tolist() == [min(sizes), max(sizes)]
            positive = [
                len(oracle.answers(edges, word.positive.word, [r[s] for s in word.positive.slots])) for r in rows
            ]
            if word.negates:
                assert own.idle_negations == pytest.approx(
                    np.mean([a == b for a, b in zip(sizes, positive, strict=True)])
                )
            else:
                assert own.idle_negations is None
                assert own.back_steps == pytest.approx(np.mean([row[1] == row[2] ^ 1 for row in rows]))
    assert sampling_statistics(graph, ["2in"], law="overlap")["2in"].idle_negations == 0
    with pytest.raises(ConfigError, match="count is 0"):
        sampling_statistics(graph, ["1p"], count=0)


def test_laws_differ_as_published(mirror: Path) -> None:
    """SMORE's law: 71% of the 2p queries of CoDEx-S step back, and negation is idle in 73% of its 2in queries."""
    names = Numbering(), Numbering()
    triples = read_triples(mirror / "codex" / "data" / "triples" / "codex-s" / "train.txt", *names)
    graph = build_graph(triples, len(names[0]), len(names[1]))
    edge = sampling_statistics(graph, ["2p", "2in"], count=2000, law="edge")
    relation = sampling_statistics(graph, ["2p", "2in"], count=2000, law="relation")
    assert edge["2p"].back_steps == pytest.approx(0.71, abs=0.04)
    assert edge["2in"].idle_negations == pytest.approx(0.73, abs=0.05)
    assert relation["2p"].back_steps == 0
    assert relation["2in"].idle_negations == 0
