"""Stores for networkx and rdflib."""

from __future__ import annotations

import pytest
from odd_store import add_odder, build_odd, facts, texts, types
from rdflib import RDFS, Literal, URIRef

from kgr.errors import ConfigError, UnknownKey
from kgr.index.iris import iri_of
from kgr.index.store import SPLITS, Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return add_odder(build_odd(tmp_path_factory.mktemp("odd")))


def test_networkx_has_every_triple_once(store: Store) -> None:
    graph = store.to_networkx()
    assert {(head, key, tail) for head, tail, key in graph.edges(keys=True)} == facts(store, *SPLITS)
    assert list(graph) == store.entries.keys_of(range(store.entities))
    assert graph.nodes["Q1"] == {"label": 'First "quoted" \\ back'}
    assert graph.nodes["/m/027rn"] == {"label": "只有中文"}
    assert graph.edges["Q1", "/m/027rn", "P1"] == {"relation": "P1", "label": "leads to", "split": "train"}


def test_networkx_by_split_language_and_entities(store: Store) -> None:
    graph = store.to_networkx(["test", "test_negatives"], language="zh", entities=["human|人", "/m/027rn"])
    assert dict(graph.nodes(data="label")) == {"/m/027rn": "只有中文", "human|人": "human|人"}
    assert list(graph.edges(keys=True)) == [("human|人", "/m/027rn", "P1")]


def test_networkx_of_no_entities(store: Store) -> None:
    assert not store.to_networkx(entities=[]).nodes


def test_labels_are_those_of_one_by_one(store: Store) -> None:
    for language in ("en", "de", "zh", "fr"):
        expected = [store.label("entries", id, language) for id in range(1, len(store.entries))]
        assert store.labels("entries", 1, len(store.entries), language) == expected


def test_rdflib_has_triples_types_and_texts(store: Store) -> None:
    graph = store.to_rdflib()
    assert len(graph) == len(facts(store, *SPLITS)) + len(types(store)) + len(texts(store))
    q1 = URIRef("urn:kgr:entity:Q1")
    assert set(graph.objects(q1, RDFS.label)) == {
        Literal('First "quoted" \\ back', lang="en"),
        Literal("第一", lang="zh"),
        Literal("Erste", lang="de"),
        Literal("Zweite", lang="de"),
    }
    assert (q1, URIRef("urn:kgr:text:gloss"), Literal("two\nlines\tand\x01", lang="en")) in graph
    assert len(store.to_rdflib(["test"], texts=False)) == 1 + len(types(store))


def test_rdflib_answers_sparql(store: Store) -> None:
    found = store.to_rdflib().query(
        "SELECT ?x WHERE { entity:Q1 relation:P1/relation:P1 ?x . FILTER (?x != entity:Q1) }"
    )
    expected = ["/m/027rn", "http://dbpedia.org/resource/Köln"]
    assert sorted(str(x) for (x,) in found) == sorted(iri_of(key, "entries") for key in expected)


def test_large_graphs_are_refused_unless_asked_for(store: Store) -> None:
    with pytest.raises(ConfigError, match=r"9 triples and 6 entities, .* by most=9$"):
        store.to_networkx(most=5)
    with pytest.raises(ConfigError, match=r"30 statements, but rdflib .* texts=False, .* or ask for it by most=30$"):
        store.to_rdflib(most=29)
    assert len(store.to_rdflib(most=30)) == 29  # one stands in two splits
    assert len(store.to_networkx(most=9)) == 6
    assert len(store.to_networkx(entities=["Q1"], most=2)) == 1


def test_unknown_names(store: Store) -> None:
    with pytest.raises(UnknownKey, match="unknown split 'tset'; nearest: test"):
        store.to_networkx(["tset"])
    with pytest.raises(UnknownKey, match="unknown entry 'Q2'; nearest: Q1"):
        store.to_networkx(entities=["Q2"])
