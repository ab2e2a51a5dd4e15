"""Filtered link prediction against plain sets, and its tables; popularity counted two ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kgr.completion.evaluate import evaluate, rank_answers
from kgr.completion.popularity import popularity_ranks
from kgr.completion.queries import queries_of, split_queries
from kgr.data.build import build_store
from kgr.data.known import open_store
from kgr.errors import ConfigError, DataError, FormatError, UnknownKey
from kgr.graph.graph import Graph, build_graph, load_graph
from kgr.graph.rules import RuleLimits, conjunction, mine_rules
from kgr.index.store import Store

SPLITS = ("train", "valid", "test")


class Table:
    """Scores that stand in a table: float32[2R, G, G]; it counts the queries that it is asked."""

    def __init__(self, scores: NDArray[Any], batch: int = 3) -> None:
        self.table, self.batch, self.asked = scores.astype(np.float32), batch, 0

    def scores(self, entities: NDArray[np.int32], directed: NDArray[np.int32]) -> NDArray[np.float32]:
        assert 0 < len(entities) <= self.batch
        self.asked += len(entities)
        return self.table[directed, entities]


class Counts:
    """The popularity baseline by its definition: each query's counts of all entities."""

    batch = 100

    def __init__(self, train: Graph) -> None:
        self.train = train

    def scores(self, _: NDArray[np.int32], directed: NDArray[np.int32]) -> NDArray[np.float32]:
        return np.stack([self.train.in_degrees(int(r)) for r in directed]).astype(np.float32)


def built(folder: Path, triples: dict[str, list[list[int]]], entities: int, relations: int) -> Store:
    """A store of splits; every entity and relation is named in its tables, so ids are as given."""
    for split, rows in triples.items():
        (folder / f"{split}.tsv").write_text("".join(f"e{h}\tr{r}\te{t}\n" for h, r, t in rows))
    for what, count in (("entities", entities), ("relations", relations)):
        names = "".join(f"{what[0]}{i}\tthe {what} {i}\n" for i in range(count))
        (folder / f"{what}.tsv").write_text(f"key\tlabel.en\n{names}")
    files = {split: folder / f"{split}.tsv" for split in triples}
    tables = {f"{what}_table": folder / f"{what}.tsv" for what in ("entities", "relations")}
    return build_store(folder / "store", **files, **tables)


def plain_ranks(scores: NDArray[Any], triples: NDArray[Any], known: set[tuple[int, ...]]) -> list[list[float]]:
    """Tail and head ranks of triples, one rival after the other."""
    ranks: list[list[float]] = [[], []]
    for h, r, t in triples.tolist():
        for side, answer in ((0, t), (1, h)):
            row = scores[2 * r, h] if side == 0 else scores[2 * r + 1, t]
            others = [(h, r, x) if side == 0 else (x, r, t) for x in range(scores.shape[1])]
            rivals = [row[x] for x, triple in enumerate(others) if x != answer and triple not in known]
            ranks[side].append(1 + sum(s > row[answer] for s in rivals) + sum(s == row[answer] for s in rivals) / 2)
    return ranks


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 7), st.integers(1, 3), st.integers(1, 6), st.integers(1, 5))
def test_ranks_are_those_of_plain_sets(seed: int, entities: int, relations: int, levels: int, batch: int) -> None:
    rng = np.random.default_rng(seed)
    known = oracle.random_triples(rng, entities, relations, 40)
    kind = rng.integers(0, 3, len(known))
    triples, train = known[kind == 0], build_graph(known[kind == 1], entities, relations)
    queries = queries_of(triples, np.arange(len(triples)), build_graph(known, entities, relations))
    scores = rng.integers(0, levels, (2 * relations, entities, entities)).astype(np.float32)
    scorer, every = Table(scores, batch), {tuple(row) for row in known.tolist()}
    ranks = rank_answers(scorer, queries, "test")
    assert ranks.tolist() == plain_ranks(scores, triples, every)
    distinct = {(h, 2 * r) for h, r, _ in triples.tolist()} | {(t, 2 * r + 1) for _, r, t in triples.tolist()}
    assert scorer.asked == len(queries) == len(distinct)
    tails = [sum((h, r, x) not in every for x in range(entities)) for h, r, _ in triples.tolist()]
    heads = [sum((x, r, t) not in every for x in range(entities)) for _, r, t in triples.tolist()]
    assert (queries.candidates - 1).tolist() == [tails, heads]
    assert popularity_ranks(train, queries).tolist() == rank_answers(Counts(train), queries, "test").tolist()


TRAIN = [
    *([0, 0, 1], [1, 0, 0], [2, 0, 3], [3, 0, 2], [4, 0, 5]),  # r0: symmetric, 1-1
    *([0, 1, 6], [1, 1, 6], [2, 1, 6], [3, 1, 7]),  # r1: N-1
    *([6, 2, 0], [6, 2, 1], [6, 2, 2], [7, 2, 4]),  # r2: 1-N
    *([0, 3, 1], [0, 3, 2], [1, 3, 1], [1, 3, 2]),  # r3: N-N
    *([0, 4, 2], [1, 4, 2], [2, 5, 3], [4, 4, 5], [5, 5, 6], [0, 6, 3], [1, 6, 3]),  # r4 then r5 makes r6
]
TEST = [[5, 0, 4], [4, 1, 7], [7, 2, 5], [2, 3, 1], [4, 6, 6], [8, 6, 0], [0, 7, 1]]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A graph whose relations are each of a kind; e8 and r7 are not in train."""
    return built(tmp_path_factory.mktemp("small"), {"train": TRAIN, "valid": [[0, 0, 2]], "test": TEST}, 9, 8)


@pytest.fixture(scope="module")
def scorer() -> Table:
    return Table(np.random.default_rng(0).integers(0, 5, (16, 9, 9)))


LEAF = {
    *("triples", "mrr", "mr", "adjusted_mean_rank", "adjusted_mean_rank_index", "hits@1", "hits@3", "hits@10"),
    "popularity_mrr",
}
BOTH = {*LEAF, "head_mrr", "tail_mrr"}


def test_tables(small: Store, scorer: Table) -> None:
    metrics = evaluate(scorer, small, "test")
    known = {tuple(row) for split in SPLITS for row in small.triples(split).tolist()}
    ranks = np.array(plain_ranks(scorer.table, small.triples("test"), known))

    def mrr(places: list[int]) -> Any:
        return pytest.approx((1 / ranks[:, places]).mean())

    assert set(metrics) == BOTH | {"split", "limit", "sides", "relations", "categories", "patterns", "unseen"}
    assert (metrics["split"], metrics["limit"], metrics["triples"]) == ("test", None, 7)
    assert metrics["mrr"] == mrr(list(range(7)))
    assert metrics["mr"] == pytest.approx(ranks.mean())
    assert metrics["hits@3"] == pytest.approx((ranks <= 3).mean())
    assert metrics["sides"]["tail"]["mrr"] == metrics["tail_mrr"] == pytest.approx((1 / ranks[0]).mean())
    assert metrics["sides"]["head"]["mrr"] == metrics["head_mrr"] == pytest.approx((1 / ranks[1]).mean())
    assert all(set(leaf) == LEAF for leaf in metrics["sides"].values())
    relations = metrics["relations"]
    assert {key: (own["category"], own["triples"]) for key, own in relations.items()} == {
        "r0": ("1-1", 1), "r1": ("N-1", 1), "r2": ("1-N", 1), "r3": ("N-N", 1), "r6": ("N-1", 2), "r7": (None, 1)
    }  # fmt: skip
    assert relations["r2"]["label"] == "the relations 2"
    assert relations["r6"]["mrr"] == mrr([4, 5])
    assert set(relations["r6"]) == BOTH | {"label", "category"}
    assert {name: own["triples"] for name, own in metrics["categories"].items()} == {
        "1-1": 1, "1-N": 1, "N-1": 3, "N-N": 1
    }  # fmt: skip
    assert metrics["categories"]["N-1"]["mrr"] == mrr([1, 4, 5])
    assert metrics["patterns"]["symmetric"]["mrr"] == mrr([0])
    assert metrics["unseen"]["entities"]["mrr"] == mrr([5])
    assert metrics["unseen"]["relations"]["mrr"] == mrr([6])


def test_compositional_triples_follow_from_rules_of_train(small: Store, scorer: Table) -> None:
    """Such as e4 → e5 → e6 by r4 and r5; the cache gives the same again."""
    for length in (2, 3, 2):
        rules = mine_rules(load_graph(small), RuleLimits(length=length)).rules
        edges = small.triples("train").tolist()
        follow = {(rule.head, pair) for rule in rules for pair in oracle.body_pairs(edges, conjunction(rule))}
        expected = sum((r, (h, t)) in follow for h, r, t in small.triples("test").tolist())
        found = evaluate(scorer, small, "test", rule_length=length)["patterns"]["compositional"]
        assert 0 < expected < len(TEST)
        assert (found["triples"], found["rule_length"]) == (expected, length)
    assert evaluate(scorer, small, "test", rule_length=1)["patterns"]["compositional"] is None
    with pytest.raises(ConfigError, match="rule_length is 4"):
        evaluate(scorer, small, "test", rule_length=4)


def test_too_many_rules_are_said(small: Store, scorer: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = lambda length: RuleLimits(length=length, max_rules=1)  # noqa: E731
    monkeypatch.setattr("kgr.completion.subsets.RuleLimits", limits)
    found = evaluate(scorer, small, "test")["patterns"]["compositional"]
    assert (found["triples"], found["rule_length"]) == (0, 1)


def test_larger_graphs_are_searched_for_rules_on_demand(
    small: Store, scorer: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kgr.completion.subsets.MINED", len(TRAIN) - 1)
    assert evaluate(scorer, small, "test")["patterns"]["compositional"] is None
    assert evaluate(scorer, small, "test", rule_length=2)["patterns"]["compositional"]["rule_length"] == 2


def test_what_has_no_triples_has_no_figures(small: Store, scorer: Table) -> None:
    empty = evaluate(scorer, small, "valid")["unseen"]["entities"]
    assert empty.pop("triples") == 0
    assert set(empty.values()) == {None}


def test_a_limit_draws_always_the_same_triples(small: Store, scorer: Table) -> None:
    rows = split_queries(small, "test", limit=3).rows
    assert len(set(rows.tolist())) == 3
    assert (split_queries(small, "test", limit=3).triples == small.triples("test")[rows]).all()
    metrics = evaluate(scorer, small, "test", limit=3)
    assert metrics == evaluate(scorer, small, "test", limit=3)
    assert (metrics["limit"], metrics["triples"]) == (3, 3)
    assert evaluate(scorer, small, "test", limit=99) == evaluate(scorer, small, "test")
    with pytest.raises(ConfigError, match="limit is 0"):
        split_queries(small, "test", limit=0)


def test_without_tables(small: Store, scorer: Table) -> None:
    whole, found = evaluate(scorer, small, "test"), evaluate(scorer, small, "test", tables=False)
    assert set(found) == BOTH - {"popularity_mrr"} | {"split", "limit", "sides"}
    assert found["mrr"] == whole["mrr"]


def test_progress_tells_every_query(small: Store, scorer: Table) -> None:
    told: list[tuple[str, int, int]] = []
    evaluate(scorer, small, "test", progress=lambda *report: told.append(report))
    assert sum(done for _, done, _ in told) == told[0][2] == len(split_queries(small, "test"))
    assert {split for split, _, _ in told} == {"test"}


def test_wrong_splits(tmp_path: Path, small: Store, scorer: Table) -> None:
    with pytest.raises(UnknownKey, match="unknown split 'tests'; nearest: test"):
        evaluate(scorer, small, "tests")
    store = built(tmp_path, {"train": TRAIN, "test": []}, 9, 8)
    with pytest.raises(DataError, match="split 'test' has no triples"):
        evaluate(scorer, store, "test")


def test_a_diverged_model_is_an_error(small: Store) -> None:
    with pytest.raises(FormatError, match="NaN"):
        evaluate(Table(np.full((16, 9, 9), np.nan)), small, "test")


@pytest.fixture(scope="module")
def codex(mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("KGR_HOME", str(tmp_path_factory.mktemp("home")))
        return open_store("codex-s")


def test_popularity_on_codex_s(codex: Store) -> None:
    """From sorted counts and by scores of all entities: the same ranks; the mean is pinned."""
    train, queries = load_graph(codex), split_queries(codex, "test")
    ranks = popularity_ranks(train, queries)
    assert (ranks == rank_answers(Counts(train), queries, "test")).all()
    metrics = evaluate(Counts(train), codex, "test")
    assert metrics["mrr"] == metrics["popularity_mrr"] == pytest.approx((1 / ranks).mean())
    assert round(metrics["mrr"], 4) == 0.2147
    assert (metrics["triples"], len(queries)) == (1828, 2015)
    assert {name: own["triples"] for name, own in metrics["categories"].items()} == {
        "1-1": 7, "1-N": 1, "N-1": 404, "N-N": 1416
    }  # fmt: skip
    patterns = metrics["patterns"]
    assert (patterns["symmetric"]["triples"], patterns["compositional"]["triples"]) == (296, 805)
    assert sum(own["triples"] for own in metrics["relations"].values()) == 1828
