"""Neighbourhoods beside those that networkx finds."""

from __future__ import annotations

import networkx
import numpy as np
import oracle
import pytest
from random_graph import split_files

import kgr
from kgr.data.neighbourhood import _degrees
from kgr.graph.graph import build_graph
from kgr.index.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("graph")
    return kgr.build_store(folder / "store", **split_files(folder, 60, 120, 90, 105))


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """One entity that 300 others know and two others own; each of the 300 knows the next."""
    folder = tmp_path_factory.mktemp("hub")
    lines = [f"p{i}\tknows\thub" for i in range(300)] + [f"p{i}\tknows\tp{i + 1}" for i in range(300)]
    lines += ["o1\towns\thub", "o2\towns\thub", "o2\tsells\to1", "o2\tbuys\to1"]
    (folder / "train.tsv").write_text("".join(f"{line}\n" for line in lines))
    return kgr.build_store(folder / "store", train=folder / "train.tsv")


@pytest.mark.parametrize("hops", [1, 2, 3])
def test_all_of_it_is_the_ego_graph(store: Store, hops: int) -> None:
    whole = store.to_networkx()
    for key in ("e0", "e7", "e31"):
        if key not in whole:
            continue
        expected = networkx.ego_graph(whole, key, hops, undirected=True)
        found = kgr.neighbourhood(store, key, hops)
        assert found.left_out == 0
        graph = found.to_networkx()
        assert set(graph) == set(expected)
        assert set(graph.edges(keys=True)) == set(expected.edges(keys=True))
        distances = networkx.single_source_shortest_path_length(whole.to_undirected(), key, hops)
        assert dict(graph.nodes(data="hops")) == distances
        held_out = {edge[:3] for edge in graph.edges(keys=True, data="held_out") if edge[3]}
        assert held_out == {edge[:3] for edge in expected.edges(keys=True, data="split") if edge[3] != "train"}


def test_hops_beyond_what_can_be_reached_cost_nothing(store: Store) -> None:
    key = store.entries.key(0)
    assert kgr.neighbourhood(store, key, 10**15, size=10**18) == kgr.neighbourhood(store, key, 100, size=10**18)


def test_a_split_alone(store: Store) -> None:
    whole = store.to_networkx(["train"])
    key = max(whole, key=whole.degree)
    found = kgr.neighbourhood(store, key, 1, splits=["train"])
    assert {entity.key for entity in found.entities} == {key, *networkx.all_neighbors(whole, key)}
    assert not any(link.held_out for link in found.links)


def test_a_hub_is_cut_and_counted(hub: Store) -> None:
    found = kgr.neighbourhood(hub, "hub", 1, size=5)
    # the two relations give one in turn, the better linked first
    assert [entity.key for entity in found.entities] == ["hub", "p1", "o1", "p2", "o2"]
    assert found.entities[0].left_out == found.left_out == 298
    assert {(link.head, link.relation, link.tail) for link in found.links} == {
        ("p1", "knows", "hub"),
        ("p2", "knows", "hub"),
        ("o1", "owns", "hub"),
        ("o2", "owns", "hub"),
        ("p1", "knows", "p2"),
        ("o2", "sells", "o1"),
        ("o2", "buys", "o1"),
    }


def test_hops_share_the_room(hub: Store) -> None:
    found = kgr.neighbourhood(hub, "p300", 3, size=7)
    assert [entity.hops for entity in found.entities] == [0, 1, 2, 2, 3, 3, 3]
    assert kgr.neighbourhood(hub, "p300", 3, size=7) == found
    assert [entity.left_out for entity in found.entities if entity.hops == 3] == [0, 0, 0]


def test_degrees_are_of_both_directions() -> None:
    triples = oracle.random_triples(np.random.default_rng(0), 20, 3, 50)
    graph = build_graph(triples, 25, 3)
    expected = np.bincount(np.unique(triples, axis=0)[:, ::2].reshape(-1), minlength=25)
    assert np.array_equal(_degrees(graph, np.arange(25)), expected)


def test_bad_input(store: Store) -> None:
    with pytest.raises(kgr.UnknownKey, match="unknown entry 'e999'; nearest: "):
        kgr.neighbourhood(store, "e999")
    with pytest.raises(kgr.ConfigError, match="hops is 0, expected at least 1"):
        kgr.neighbourhood(store, "e0", 0)
    with pytest.raises(kgr.ConfigError, match="size is 0, expected at least 1"):
        kgr.neighbourhood(store, "e0", size=0)
