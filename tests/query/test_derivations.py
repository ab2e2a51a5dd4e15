from __future__ import annotations

from collections import defaultdict

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgr.errors import QueryError
from kgr.graph.graph import build_graph
from kgr.query.answers import Evaluator
from kgr.query.derivations import Derivations
from kgr.query.words import STRUCTURES, Node, Word, parse

WORDS = st.sampled_from([*STRUCTURES, "APAPUAPUP", "APAPNIPAPI", "APAPAPNINI", "APAPUAPPNIP"]) | oracle.words()


def graphs(seed: int, entities: int, relations: int) -> tuple[np.ndarray, np.ndarray]:
    """Triples of a small graph and those of a larger one."""
    rng = np.random.default_rng(seed)
    triples = rng.permutation(oracle.random_triples(rng, entities, relations, int(rng.integers(1, 16))))
    return triples[: int(rng.integers(0, len(triples) + 1))], triples


def queries(seed: int, entities: int, relations: int, word: Word) -> np.ndarray:
    rng = np.random.default_rng(seed)
    limits = [entities if letter == "A" else 2 * relations for letter in word.slots]
    return rng.integers(0, limits, (12, len(limits)), dtype=np.int32)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 2), WORDS)
def test_links_are_those_of_all_derivations(seed: int, entities: int, relations: int, name: str) -> None:
    before, after = graphs(seed, entities, relations)
    word, large = parse(name), oracle.edges_of(after.tolist())
    known = {(x, r, y) for (x, r), tails in oracle.edges_of(before.tolist()).items() for y in tails}
    counts = Derivations(build_graph(before, entities, relations), build_graph(after, entities, relations), word)
    for row in queries(seed, entities, relations, word):
        unseen, seen = defaultdict(list), defaultdict(list)
        for answer, links in oracle.derivations(large, word.tree, row):
            unseen[answer].append(sum(link not in known for link in links))
            seen[answer].append(sum(link in known for link in links))
        answers = np.array(sorted(unseen), np.int32)
        assert answers.tolist() == sorted(oracle.answers(large, word, row.tolist()))
        pairs = row[None], np.array([0, len(answers)]), answers
        assert counts.fewest_unseen(*pairs).tolist() == [min(unseen[answer]) for answer in answers.tolist()]
        assert counts.most_known(*pairs).tolist() == [max(seen[answer]) for answer in answers.tolist()]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 8), st.integers(1, 2), WORDS)
def test_full_inference_is_that_no_known_link_can_take_any_place(
    seed: int, entities: int, relations: int, name: str
) -> None:
    """The larger graph with the known edges again under relations of their own: each branch, each place once."""
    before, after = graphs(seed, entities, relations)
    word = parse(name)
    small, large = (build_graph(triples, entities, relations) for triples in (before, after))
    both = build_graph(np.concatenate([after, before + np.array([0, relations, 0], np.int32)]), entities, 2 * relations)
    whole, branches = Evaluator(large, word), [(branch, Evaluator(both, branch.word)) for branch in word.branches]
    for row in queries(seed, entities, relations, word):
        answers = whole.answers(row)
        known: set[int] = set()
        for branch, evaluator in branches:
            arguments = row[list(branch.slots)]
            for place in positive_places(branch.word.tree):
                shifted = arguments + 2 * relations * (np.arange(len(arguments)) == place)
                known.update(evaluator.answers(shifted).tolist())
        full = Derivations(small, large, word).most_known(row[None], np.array([0, len(answers)]), answers) == 0
        assert answers[full].tolist() == [answer for answer in answers.tolist() if answer not in known]


def positive_places(tree: Node) -> list[int]:
    """Places of the relations outside negations."""
    own = [tree.slot] if tree.op == "P" else []
    return own + [place for part in tree.parts if part.op != "N" for place in positive_places(part)]


def test_pairs_of_several_queries_keep_their_order() -> None:
    triples = np.array([[0, 0, 1], [0, 0, 2], [1, 0, 3], [2, 0, 3], [2, 0, 4]], np.int32)
    counts = Derivations(build_graph(triples[[0, 2]], 5, 1), build_graph(triples, 5, 1), parse("2p"))
    arguments, offsets = np.array([[0, 0, 0], [1, 0, 1], [0, 0, 0]], np.int32), np.array([0, 2, 3, 4])
    answers = np.array([3, 4, 2, 4], np.int32)
    assert counts.fewest_unseen(arguments, offsets, answers).tolist() == [0, 2, 1, 2]
    assert counts.most_known(arguments, offsets, answers).tolist() == [2, 0, 1, 0]
    assert counts.most_known(arguments[:0], offsets[:1], answers[:0]).tolist() == []


def test_what_has_no_derivation_is_refused() -> None:
    graph = build_graph(np.array([[0, 0, 1]], np.int32), 3, 1)
    counts = Derivations(graph, graph, parse("1p"))
    arguments, offsets = np.array([[0, 0], [0, 0]], np.int32), np.array([0, 1, 3])
    with pytest.raises(QueryError, match="1 of 3 answers are none on the larger graph, first entity 2 of query 2"):
        counts.most_known(arguments, offsets, np.array([1, 1, 2], np.int32))
    with pytest.raises(QueryError, match="first entity 7 of query 2"):
        counts.most_known(arguments, offsets, np.array([1, 1, 7], np.int32))
    with pytest.raises(QueryError, match="entity 3, expected 0 to 2"):
        counts.fewest_unseen(np.array([[3, 0]], np.int32), np.array([0, 1]), np.array([1], np.int32))
