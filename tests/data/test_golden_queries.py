"""The known query sets as published: counts by structure, answers, and the texts of their graphs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from kgr.graph.graph import load_graph
from kgr.index.check import check_store
from kgr.index.store import Store
from kgr.query.answers import Evaluator
from kgr.query.inference import count_pairs
from kgr.query.kept import kept_names, kept_set
from kgr.query.keyed import write_arguments

SETS = {"wn18rr-qa": "betae", "fb15k-237-betae": "query2box"}

EIGHT = ("2p", "3p", "2i", "3i", "pi", "ip", "2u", "up")
FIVE = ("2in", "3in", "inp", "pin", "pni")

COUNTS = {
    "wn18rr-qa": {
        "valid": {"1p": 5202, **dict.fromkeys(EIGHT + FIVE, 1000)},
        "test": {"1p": 5356, **dict.fromkeys(EIGHT + FIVE, 1000)},
    },
    "fb15k-237-betae": {
        "valid": {"1p": 20101, **dict.fromkeys(EIGHT, 5000)},
        "test": {"1p": 22812, **dict.fromkeys(EIGHT, 5000)},
    },
}

PAIRS = {
    "wn18rr-qa": {
        "1p": (5848, 5848, 5848),
        "2p": (4966, 91, 4875, 91),
        "3p": (9742, 0, 9506, 236),
        "2i": (1217, 9, 1208, 9),
        "3i": (1014, 0, 972, 42),
        "pi": (3762, 48, 2341, 1373, 48),
        "ip": (6977, 4, 6762, 211, 4),
        "2in": (3530, 3530, 3530),
        "3in": (1558, 20, 1538, 20),
        "inp": (8125, 97, 8028, 97),
        "pin": (9323, 61, 9262, 61),
        "pni": (4184, 4184, 4184),
        "2u": (4451, 4451, 4451),
        "up": (7842, 67, 7775, 67),
    },
    "fb15k-237-betae": {
        "1p": (40876, 40876, 40876),
        "2p": (98551, 4328, 94223, 4328),
        "3p": (159699, 169, 150955, 8575, 169),
        "2i": (48917, 2171, 46746, 2171),
        "3i": (37745, 100, 34494, 3151, 100),
        "pi": (202531, 2842, 147097, 52592, 2842),
        "ip": (347713, 224, 333906, 13583, 224),
        "2u": (17294, 17294, 17294),
        "up": (56430, 1185, 55245, 1185),
    },
}
"""Pairs of the test sets, full-inference ones, and those whose easiest derivation has 1, 2, … unseen links."""

FIRST = {
    "wn18rr-qa": {
        "1p": (
            "00260622 ^_derivationally_related_form",
            1,
            "00265386",
        ),
        "pni": (
            "01332730 ^_hypernym ^_derivationally_related_form 04014297 ^_hypernym",
            16,
            "03142679 04151581 03318983",
        ),
        "up": (
            "03122748 ^_hypernym 00052043 _derivationally_related_form _derivationally_related_form",
            19,
            "00052374 00106592",
        ),
    },
    "fb15k-237-betae": {
        "1p": (
            "/m/08966 /travel/travel_destination/climate./travel/travel_destination_monthly_climate/month",
            11,
            "/m/05lf_",
        ),
        "pi": (
            "/m/027d5g5 /people/person/spouse_s./people/marriage/type_of_union "
            "^/people/person/spouse_s./people/marriage/type_of_union /m/0bsjcw "
            "^/award/award_nominee/award_nominations./award/award_nomination/award",
            29,
            "/m/0h1mt /m/05slvm /m/0h96g /m/01q9b9 /m/0mbhr /m/06r3p2",
        ),
        "2u": (
            "/m/026kqs9 /award/award_ceremony/awards_presented./award/award_honor/award_winner "
            "/m/014m1m /location/location/time_zones",
            14,
            "/m/0l786",
        ),
    },
}
"""Arguments by key, number of easy answers, hard answers of the first test query."""


@pytest.mark.parametrize("name", SETS)
def test_counts_and_answers(name: str, opened: Callable[[str], Store]) -> None:
    store = opened(name)
    assert kept_names(store) == {SETS[name]: ("valid", "test")}
    for split, counts in COUNTS[name].items():
        queries = kept_set(store, SETS[name], split)
        assert {structure: len(own) for structure, own in queries.queries.items()} == counts
        assert store.manifest["counts"][f"{split}_queries"] == sum(counts.values())
        recorded = store.manifest["sources"]["queries"][f"{SETS[name]}/{split}"]
        assert (recorded["queries"], recorded["different"]) == (counts, {})  # all stored answers are the executed ones
    assert check_store(store.path) == []


@pytest.mark.parametrize("name", SETS)
def test_first_queries_by_key(name: str, opened: Callable[[str], Store]) -> None:
    store = opened(name)
    queries = kept_set(store, SETS[name], "test").queries
    assert len(queries) == len(COUNTS[name]["test"])
    found = {}
    for structure in FIRST[name]:
        own = queries[structure]
        query, hard = write_arguments(store, own.word, own.arguments[0]), store.entries.keys_of(own.hard[0])
        found[structure] = (" ".join(query), len(own.easy[0]), " ".join(hard))
    assert found == FIRST[name]


@pytest.mark.parametrize("name", SETS)
def test_kept_answers_are_those_of_the_graph(name: str, opened: Callable[[str], Store]) -> None:
    store = opened(name)
    small, large = load_graph(store, ["train", "valid"]), load_graph(store, ["train", "valid", "test"])
    for own in kept_set(store, SETS[name], "test").queries.values():
        before, after = Evaluator(small, own.word), Evaluator(large, own.word)
        for i in range(0, len(own), 97):
            easy = before.answers(own.arguments[i])
            assert np.array_equal(own.easy[i], easy)
            assert np.array_equal(own.hard[i], np.setdiff1d(after.answers(own.arguments[i]), easy))


@pytest.mark.parametrize("name", SETS)
def test_pairs_by_what_is_left_to_predict(name: str, opened: Callable[[str], Store]) -> None:
    store = opened(name)
    counts = count_pairs(store, kept_set(store, SETS[name], "test"))
    found = {
        structure: (own.pairs, own.full_inference, *own.unseen_links.values()) for structure, own in counts.items()
    }
    assert found == PAIRS[name]


def test_graphs_have_the_texts_of_their_originals(opened: Callable[[str], Store]) -> None:
    wordnet, freebase = opened("wn18rr-qa"), opened("fb15k-237-betae")
    assert (wordnet.entries.key(0), wordnet.label("entries", 0)) == ("00260881", "land reform")
    assert wordnet.relations.keys_of(range(2)) == ["_hypernym", "_derivationally_related_form"]
    assert len(wordnet.texts("entries", "gloss", "en") or ()) == 40559
    assert (freebase.entries.key(0), freebase.label("entries", 0)) == ("/m/027rn", "Dominican Republic")
    assert freebase.relations.key(0) == "/location/country/form_of_government"
    assert freebase.label("relations", 0) == "location country form of government"
    assert len(freebase.texts("entries", "label", "en") or ()) == 14505
