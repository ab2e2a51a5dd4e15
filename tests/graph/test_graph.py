from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from mapping import is_mapped

from kgr.errors import DataError
from kgr.graph import graph as graphs
from kgr.graph.graph import Graph, build_graph, graph_section, join_graph, load_graph
from kgr.index.keys import Keys
from kgr.index.store import Section, create_store

Rows = np.ndarray[Any, Any]


def lists(entities: int, relations: int) -> st.SearchStrategy[Rows]:
    """Triples with self-loops, parallel relations and duplicates."""
    ids = (entities, relations, entities)
    columns = [arrays.arrays(np.int64, 60, elements=st.integers(0, count - 1)) for count in ids]
    return st.tuples(st.integers(0, 60), *columns).map(lambda drawn: np.stack(drawn[1:], axis=1)[: drawn[0]])


def same(one: Graph, other: Graph) -> bool:
    pairs = zip(one.arrays, other.arrays, strict=True)
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs) and one.directed == other.directed


def naive(triples: Rows, entities: int, relations: int) -> Graph:
    """The same graph by sorting the rows of both directions."""
    back = triples[:, ::-1] * [1, 2, 1] + [0, 1, 0]
    edges = np.unique(np.concatenate([triples * [1, 2, 1], back]), axis=0)
    starts, offsets = np.unique(edges[:, :2], axis=0, return_index=True)
    fragments = np.searchsorted(starts[:, 0], np.arange(entities + 1))
    return Graph(
        fragments.astype(np.int32), starts[:, 1].astype(np.uint16 if relations <= 1 << 15 else np.int32),
        np.append(offsets, len(edges)).astype(np.int32), edges[:, 2].astype(np.int32), 2 * relations,
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 3), st.integers(0, 60))
def test_fragments_hold_every_edge_both_ways(seed: int, entities: int, relations: int, count: int) -> None:
    triples = oracle.random_triples(np.random.default_rng(seed), entities, relations, count)
    graph, edges = build_graph(triples, entities, relations), oracle.edges_of(triples)
    assert (graph.entities, graph.directed, graph.edges) == (entities, 2 * relations, 2 * len(triples))
    for entity in range(entities):
        for relation in range(2 * relations):
            assert graph.tails(entity, relation).tolist() == sorted(edges.get((entity, relation), ()))
    for relation in range(2 * relations):
        assert graph.in_degrees(relation).tolist() == [len(edges.get((x, relation ^ 1), ())) for x in range(entities)]


@settings(max_examples=100, deadline=None)
@given(lists(9, 3), st.integers(1, 20))
def test_repeated_triples_count_once_in_any_number_of_passes(triples: Rows, least: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graphs, "_LEAST", least)
        found = build_graph(triples, 12, 3)
    assert same(found, naive(triples, 12, 3))
    assert found.edges == 2 * len(np.unique(triples, axis=0))


@settings(max_examples=60, deadline=None)
@given(lists(7, 2), lists(7, 2))
def test_join_is_the_graph_of_all(one: Rows, other: Rows) -> None:
    assert same(join_graph([one, other], 7, 2), naive(np.concatenate([one, other]), 7, 2))


@settings(max_examples=60, deadline=None)
@given(lists(5, 2), lists(5, 2))
def test_what_a_graph_holds_and_what_comes_first(triples: Rows, asked: Rows) -> None:
    graph, rows = build_graph(triples, 5, 2), list(map(tuple, triples.tolist()))
    assert graph.holds(asked).tolist() == [tuple(row) in rows for row in asked.tolist()]
    expected = [row not in rows[:place] for place, row in enumerate(rows)]
    assert graph.firsts(triples).tolist() == graph.firsts(list(triples.T)).tolist() == expected
    assert not graph.holds(np.array([[5, 0, 0], [-1, 0, 0], [0, 2, 0], [0, -1, 0], [0, 0, 5]])).any()
    strangers = np.array([[2**40, 0, 0]])
    assert graph.firsts(np.concatenate([strangers, triples])).tolist() == [False, *expected]


@pytest.mark.parametrize("least", [1, 1000, 1 << 22])
def test_heads_of_any_length_are_sorted(least: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lengths about the bounds between the ways of sorting: 24 and 1024."""
    monkeypatch.setattr(graphs, "_LEAST", least)
    rng, lengths = np.random.default_rng(0), [0, 1, 24, 25, 1024, 1025, 2000]
    heads = np.repeat(np.arange(len(lengths)), lengths)
    triples = np.stack([heads, rng.integers(5, size=len(heads)), 10 + rng.integers(4000, size=len(heads))], axis=1)
    assert same(build_graph(rng.permutation(triples), 4010, 5), naive(triples, 4010, 5))


def test_a_hub_of_a_million_edges() -> None:
    """As of a star, drawn twice with a few relations: half the edges of the graph have one head."""
    rng, count = np.random.default_rng(1), 1_000_000
    columns = (np.zeros(count, np.int32), rng.integers(3, size=count), rng.integers(1, 600_000, size=count))
    graph = build_graph(columns, 600_000, 3)
    keys = np.unique(columns[1] * 600_000 + columns[2])
    assert graph.edges == 2 * len(keys)
    for relation in range(3):
        expected = keys[keys // 600_000 == relation] % 600_000
        assert np.array_equal(graph.tails(0, 2 * relation), expected)
        assert np.array_equal(np.flatnonzero(graph.in_degrees(2 * relation)), expected)


def test_dtypes_are_the_smallest_and_arrays_are_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    small = build_graph(np.array([[0, 0, 1]], np.int32), 2, 1)
    assert (small.fragments.dtype, small.relation.dtype, small.offsets.dtype) == (np.int32, np.uint16, np.int32)
    assert not any(array.flags.writeable for array in small.arrays)
    most = build_graph(np.array([[0, 32_767, 1]], np.int32), 2, 32_768)
    assert most.relation.dtype == np.uint16 and most.tails(1, 65_535).tolist() == [0]
    many = build_graph(np.array([[0, 32_768, 1]], np.int32), 2, 32_769)
    assert many.relation.dtype == np.int32 and many.tails(1, 65_537).tolist() == [0]
    monkeypatch.setattr(graphs, "_INT32", 4)
    triples = np.array([[0, 0, 1], [0, 0, 2], [0, 0, 1]])
    large = build_graph(triples, 3, 1)
    assert (large.fragments.dtype, large.offsets.dtype) == (np.int32, np.int64)  # 3 fragments of 4 edges
    assert large.tails(0, 0).tolist() == [1, 2] and large.tails(2, 1).tolist() == [0]
    small = build_graph(triples[[0, 2]], 2, 1)  # of 4 edges, 2 are left
    assert small.offsets.dtype == np.int32


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64])
def test_rows_columns_and_maps_of_any_integers(dtype: type, tmp_path: Path) -> None:
    triples = oracle.random_triples(np.random.default_rng(3), 9, 3, 40)
    expected = naive(triples, 9, 3)
    np.save(tmp_path / "rows.npy", triples.astype(dtype))
    rows = np.load(tmp_path / "rows.npy", mmap_mode="r")
    head, relation, tail = (np.ascontiguousarray(column) for column in triples.T.astype(dtype))
    for given_triples in (rows, (head, relation, tail), [head, relation.astype(np.int32), rows[:, 2]]):
        assert same(build_graph(given_triples, 9, 3), expected)
    assert rows.tolist() == triples.tolist()


def test_nothing_that_was_cut_off_is_held() -> None:
    triples = np.array([[0, 0, 1]] * 100)
    for array in build_graph(triples, 2, 1).arrays:
        assert array.base is not None and array.base.nbytes == array.nbytes


@pytest.mark.parametrize(
    ("triple", "found"),
    [
        ([4, 0, 0], r"triple 1 is \(4, 0, 0\), expected ids of 4 entities and 2 relations"),
        ([0, 2, 0], r"triple 1 is \(0, 2, 0\)"),
        ([0, 0, -1], r"triple 1 is \(0, 0, -1\)"),
        ([2**40, 0, 0], "triple 1 is"),
    ],
)
def test_ids_out_of_range_are_refused(triple: list[int], found: str) -> None:
    with pytest.raises(DataError, match=found):
        build_graph(np.array([[0, 0, 1], triple]), 4, 2)
    with pytest.raises(DataError, match="triple 1 of part 1"):
        join_graph([np.zeros((1, 3), np.int32), np.array([[0, 0, 1], triple])], 4, 2)


@pytest.mark.parametrize(
    ("triples", "found"),
    [
        (np.zeros((2, 4), np.int32), r"shape \(2, 4\), expected \[E, 3\] or three columns"),
        (np.zeros(3, np.int32), r"shape \(3,\), expected"),
        ((np.zeros(2, int), np.zeros(2, int)), "expected three of one length"),
        ((np.zeros(2, int), np.zeros(2, int), np.zeros(1, int)), "expected three of one length"),
        ((np.zeros((2, 1), int),) * 3, "expected three of one length"),
        ([[0, 0, 1], [1, 0, 2], [2, 0, 0]], "triples are a list, expected an array"),
        (np.zeros((2, 3)), "of float64, float64, float64, expected integers"),
        (np.zeros((2, 3), ">i4"), "byte order"),
    ],
)
def test_other_arrays_are_refused(triples: Any, found: str) -> None:
    with pytest.raises(DataError, match=found):
        build_graph(triples, 4, 2)


def test_graphs_without_edges_or_entities() -> None:
    for entities in (0, 3):
        graph = build_graph(np.empty((0, 3), np.int32), entities, 0)
        assert (graph.entities, graph.edges, graph.offsets.tolist()) == (entities, 0, [0])
    assert join_graph([], 2, 1).fragments.tolist() == [0, 0, 0]


@pytest.mark.parametrize("kept", [1, 10**9])
def test_cumulative_graphs_are_kept_from_a_size_on(kept: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "_KEPT", kept)
    rng = np.random.default_rng(0)
    splits = {name: oracle.random_triples(rng, 8, 2, 30) for name in ("train", "valid", "test")}
    keys = {"entries": Keys.numbers(8, what="entity"), "relations": Keys.numbers(2, what="relation")}
    sections = {name: Section(own.arrays()) for name, own in keys.items()}
    sections["entries"] = Section({**sections["entries"].arrays, "kinds": np.ones(8, np.uint8)})
    sections |= {f"triples/{name}": Section({"ids": rows}) for name, rows in splits.items()}
    sections["graph"] = Section(graph_section(build_graph(splits["train"], 8, 2)))
    store = create_store(tmp_path / "store", sections, entities=8, counts={}, sources={})
    for _ in range(2):
        assert same(load_graph(store), build_graph(splits["train"], 8, 2))
        for names in (["train", "valid"], ["valid", "train"], ["train", "valid", "test"]):
            found = load_graph(store, names)
            assert same(found, naive(np.concatenate([splits[name] for name in names]), 8, 2))
            assert not any(array.flags.writeable for array in found.arrays)
            assert [is_mapped(array) for array in found.arrays] == [kept == 1] * 4
    assert all(map(is_mapped, load_graph(store).arrays))
    assert len(list(store.cache.glob("graph-*"))) == (2 if kept == 1 else 0)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 7), st.integers(1, 3), st.integers(0, 30))
def test_spans_are_where_tails_are(seed: int, entities: int, relations: int, count: int) -> None:
    graph = build_graph(
        oracle.random_triples(np.random.default_rng(seed), entities, relations, count), entities, relations
    )
    asked = np.array(list(itertools.product(range(entities), range(2 * relations))))
    begin, end = graph.spans(*asked.T)
    for (entity, relation), a, b in zip(asked.tolist(), begin.tolist(), end.tolist(), strict=True):
        assert graph.tail[a:b].tolist() == graph.tails(entity, relation).tolist()
