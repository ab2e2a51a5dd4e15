from __future__ import annotations

import dataclasses

import numpy as np
import oracle
import pytest

from kgr.errors import DataError, QueryError
from kgr.graph.graph import build_graph
from kgr.index.store import Store
from kgr.query.inference import count_pairs, full_inference
from kgr.query.sets import HARD_LIMIT, Queries, QuerySet, Ragged, draw_queries, execute, split_graphs
from kgr.query.unseen import without_unseen
from kgr.query.words import STRUCTURES, parse

NAMES = (*STRUCTURES, "APAPUAPI", "APAPAPUNI")


def edges(store: Store, *splits: str) -> oracle.Edges:
    return oracle.edges_of(np.concatenate([store.triples(split) for split in splits]).tolist())


def links(store: Store, own: Queries, i: int) -> dict[int, list[tuple[int, int]]]:
    """Known and unseen links of every derivation of each answer to query ``i`` of the test split."""
    small = edges(store, "train", "valid")
    known = {(x, r, y) for (x, r), tails in small.items() for y in tails}
    found: dict[int, list[tuple[int, int]]] = {}
    for x, links in oracle.derivations(edges(store, *store.splits), own.word.tree, own.arguments[i]):
        own_known = sum(link in known for link in links)
        found.setdefault(x, []).append((own_known, len(links) - own_known))
    return found


@pytest.mark.parametrize("name", [*NAMES, "APAPNIPAPI"])
def test_only_full_inference_answers_are_ranked(store: Store, name: str) -> None:
    drawn = draw_queries(store, [name], count=40)
    before, after = (found.queries[parse(name).name] for found in (drawn, full_inference(store, drawn)))
    places = {tuple(row): i for i, row in enumerate(before.arguments.tolist())}
    order = [places.pop(tuple(row)) for row in after.arguments.tolist()]
    assert order == sorted(order)
    for place, i in enumerate(order):
        derived = links(store, before, i)
        full = [answer for answer in before.hard[i].tolist() if not any(known for known, _ in derived[answer])]
        assert after.hard[place].tolist() == full
        assert sorted(full + after.unranked[place].tolist()) == before.hard[i].tolist()
        assert after.easy[place].tolist() == before.easy[i].tolist()
    for i in places.values():
        derived = links(store, before, i)
        assert all(any(known for known, _ in derived[answer]) for answer in before.hard[i].tolist())


def test_pairs_are_counted_by_their_derivations(store: Store) -> None:
    drawn = draw_queries(store, ["2p", "pi", "pni"], count=30)
    for name, counts in count_pairs(store, drawn).items():
        own = drawn.queries[name]
        derived = [links(store, own, i)[answer] for i in range(len(own)) for answer in own.hard[i].tolist()]
        fewest = [min(unseen for _, unseen in each) for each in derived]
        assert counts.pairs == len(fewest) == len(own.hard.values)
        assert counts.unseen_links == {links: fewest.count(links) for links in sorted(set(fewest))}
        assert counts.full_inference == sum(not any(known for known, _ in each) for each in derived)
    # what is left unranked is still counted
    narrowed = full_inference(store, drawn)
    for name, counts in count_pairs(store, narrowed).items():
        own = narrowed.queries[name]
        assert counts.pairs == len(own.hard.values) + len(own.unranked.values)
        assert counts.full_inference == len(own.hard.values)
    assert full_inference(store, narrowed).fingerprint == narrowed.fingerprint


def test_sets_are_narrowed_in_any_order(store: Store) -> None:
    drawn = draw_queries(store, ["1p", "2p", "2u"], count=100)
    some = build_graph(store.triples("train")[:12], store.entities, len(store.relations))
    full, seen = full_inference(store, drawn), without_unseen(some, drawn)
    both = without_unseen(some, full)
    assert both.fingerprint == full_inference(store, seen).fingerprint
    assert 0 < len(both.queries["2p"]) < min(len(full.queries["2p"]), len(seen.queries["2p"]))


@pytest.mark.parametrize("name", NAMES)
def test_hard_queries_are_drawn_with_all_their_answers(store: Store, name: str) -> None:
    word = parse(name)
    own = draw_queries(store, [name], count=8, hard=True).queries[word.name]
    assert 1 <= len(own) <= 8
    assert len(np.unique(own.arguments, axis=0)) == len(own)
    whole = execute(*split_graphs(store, "test"), word, own.arguments)
    narrowed = full_inference(store, QuerySet("test", True, {name: whole})).queries[name]
    for kind in ("easy", "hard", "unranked"):
        assert getattr(own, kind).values.tolist() == getattr(narrowed, kind).values.tolist()
        assert getattr(own, kind).offsets.tolist() == getattr(narrowed, kind).offsets.tolist()
    assert 1 <= np.diff(own.hard.offsets).min() <= np.diff(own.hard.offsets).max() <= HARD_LIMIT
    if word.negates:
        before, after = edges(store, "train", "valid"), edges(store, *store.splits)
        rows = own.arguments.tolist()
        assert all(oracle.answers(before, word, row) - oracle.answers(after, word, row) for row in rows)


@pytest.mark.parametrize("law", ["relation", "edge"])
@pytest.mark.parametrize("name", ["2p", "2i", "2u"])
def test_hard_queries_without_negation_are_those_of_the_held_out_triples(store: Store, name: str, law: str) -> None:
    """All that the law grounds there and that have such answers, and no others."""
    held_out = edges(store, "test")
    lawful = sorted({query for query, _ in oracle.groundings(held_out, store.entities, parse(name), law)})
    whole = execute(*split_graphs(store, "test"), parse(name), np.array(lawful, np.int32))
    possible = full_inference(store, QuerySet("test", True, {name: whole})).queries[name]
    own = draw_queries(store, [name], count=len(lawful), law=law, hard=True).queries[name]
    few = np.diff(possible.hard.offsets) <= HARD_LIMIT
    assert sorted(own.arguments.tolist()) == sorted(possible.arguments[few].tolist())


def test_hard_draws_depend_on_the_seed_alone(store: Store) -> None:
    first = draw_queries(store, ["2i", "2in"], count=10, hard=True)
    assert first.fingerprint == draw_queries(store, ["2i", "2in"], count=10, hard=True).fingerprint
    assert first.fingerprint != draw_queries(store, ["2i", "2in"], count=10, hard=True, seed=1).fingerprint


def test_answers_that_the_graph_does_not_give_are_refused(store: Store) -> None:
    drawn = draw_queries(store, ["1p"], count=1)
    own = drawn.queries["1p"]
    other = next(x for x in range(store.entities) if x not in own.hard[0] and x not in own.easy[0])
    wrong = dataclasses.replace(own, hard=Ragged.of([np.array([other], np.int32)]))
    with pytest.raises(QueryError, match=f"first entity {other} of query 1"):
        full_inference(store, dataclasses.replace(drawn, queries={"1p": wrong}))
    with pytest.raises(DataError, match="split is 'train'"):
        full_inference(store, dataclasses.replace(drawn, split="train"))
