"""Log shares among the candidates that train does not have."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from link_table import TableScorer, link_store, planted

from kgr.completion.shares import best, log_shares, score_queries
from kgr.errors import FormatError
from kgr.graph.graph import load_graph
from kgr.index.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return link_store(tmp_path_factory.mktemp("shares"))


def plain_share(store: Store, scorer: TableScorer, entity: int, directed: int, answer: int) -> float:
    known = set(load_graph(store).tails(entity, directed).tolist())
    row = scorer.table[entity, directed].astype(float)
    return row[answer] - math.log(sum(math.exp(row[e]) for e in range(store.entities) if e not in known))


@pytest.mark.parametrize(("side", "of", "inverse", "to"), [("tail", 0, 0, 2), ("head", 2, 1, 0)])
def test_shares_are_the_plain_formula(store: Store, side: str, of: int, inverse: int, to: int) -> None:
    scorer, triples = planted(store), np.concatenate([store.triples("test"), store.triples("train")[:20]])
    done: list[int] = []
    found = log_shares(scorer, load_graph(store), triples, side, done.append)
    wanted = [plain_share(store, scorer, int(row[of]), 2 * int(row[1]) + inverse, int(row[to])) for row in triples]
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert sum(done) == len(triples)


def test_what_is_left_is_a_share_of_all(store: Store) -> None:
    scorer, query = planted(store), store.triples("train")[0]
    scored = score_queries(scorer, load_graph(store), np.array([[query[0], 2 * query[1]]], np.int32))
    row, known = scorer.table[query[0], 2 * query[1]].astype(float), scored.known[0]
    rest = np.exp(np.delete(row, known)).sum()
    assert scored.left[0] == pytest.approx(math.log(rest / np.exp(row).sum()), abs=1e-5)
    np.testing.assert_allclose(scored.log_shares[0], row - math.log(rest), atol=1e-5)


def test_where_all_is_known(tmp_path: Path) -> None:
    lines = "".join(f"a\tr\t{tail}\n" for tail in "abc")
    (tmp_path / "train.tsv").write_text(lines)
    from kgr.data.build import build_store

    store = build_store(tmp_path / "store", train=tmp_path / "train.tsv")
    scored = score_queries(TableScorer(np.zeros((3, 2, 3))), load_graph(store), np.array([[0, 0]], np.int32))
    assert scored.level[0] == pytest.approx(math.log(3))
    assert scored.left[0] == 0


def test_scores_that_are_no_numbers(store: Store) -> None:
    scorer = planted(store)
    scorer.table[4, 1, 2] = np.nan
    with pytest.raises(FormatError, match="entity 4 under directed relation 1: not all finite"):
        score_queries(scorer, load_graph(store), np.array([[3, 1], [4, 1]], np.int32))


@pytest.mark.parametrize(("k", "places"), [(1, [1]), (2, [1, 3]), (3, [1, 3, 0]), (9, [1, 3, 0, 2])])
def test_the_best(k: int, places: list[int]) -> None:
    assert best(np.array([1.0, 5.0, -np.inf, 5.0]), k).tolist() == places
