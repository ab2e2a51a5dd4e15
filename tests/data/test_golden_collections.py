"""The known collections as published: counts, first and last rows, sizes of texts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kgr.data.collection_view import load_judgements
from kgr.data.judgements import judgement_names
from kgr.data.known import build_known, manifest_of
from kgr.index.check import check_store
from kgr.index.store import Store
from kgr.index.terms import open_terms

COUNTS = {
    "cranfield": {
        "documents": 1400, "documents_without_text": 2, "queries": 225,
        "binary_queries": 225, "binary_judgements": 1837, "graded_queries": 225, "graded_judgements": 1837,
    },
    "cisi": {
        "documents": 1460, "repeated_documents": 2, "queries": 112, "binary_queries": 76, "binary_judgements": 3114,
    },
    "scifact": {
        "documents": 5183, "queries": 1109,
        "test_queries": 300, "test_judgements": 339, "train_queries": 809, "train_judgements": 919,
    },
}  # fmt: skip

ENDS = {
    "cranfield": (("1", "1400"), ("1", "225"), (111_527, 1_430_019, 25_530)),
    "cisi": (("1", "1460"), ("1", "112"), (82_077, 1_131_491, 59_968)),
    "scifact": (("4983", "198309074"), ("0", "1395"), (504_997, 7_268_201, 98_800)),
}
"""Keys of the first and last document and query; bytes of titles, bodies and queries."""

JUDGEMENTS = {
    "cranfield/binary": (("1", "184", 1), ("225", "1188", 1), {1: 1837}),
    "cranfield/graded": (("1", "184", 3), ("225", "1188", 4), {1: 363, 2: 734, 3: 387, 4: 353}),
    "cisi/binary": (("1", "28", 1), ("111", "509", 1), {1: 3114}),
    "scifact/test": (("1", "31715818", 1), ("1395", "17717391", 1), {1: 339}),
    "scifact/train": (("0", "31715818", 1), ("1407", "29863668", 1), {1: 919}),
}
"""First and last judgement, and how many have each grade."""


@pytest.mark.parametrize("name", COUNTS)
def test_counts_and_ends(name: str, opened: Callable[[str], Store]) -> None:
    store = opened(name)
    assert {what: count for what, count in store.manifest["counts"].items() if count} == COUNTS[name]
    documents, queries, sizes = ENDS[name]
    judged = load_judgements(store)
    assert tuple(store.entries.keys_of([0, len(store.entries) - 1])) == documents
    assert tuple(judged.queries.keys_of([0, len(judged.queries) - 1])) == queries
    texts = [*(store.texts("entries", field, "en") for field in ("title", "body")), judged.texts]
    assert tuple(len(text.bytes) for text in texts if text is not None) == sizes
    index = open_terms(store)
    assert index is not None and np.array_equal(index.rows, np.arange(len(store.entries)))
    assert check_store(store.path) == []


@pytest.mark.parametrize("name", JUDGEMENTS)
def test_judgements(name: str, opened: Callable[[str], Store]) -> None:
    store = opened(name.partition("/")[0])
    judged = load_judgements(store, name)
    first, last, grades = JUDGEMENTS[name]
    rows = zip(judged.query[[0, -1]], judged.document[[0, -1]], judged.grade[[0, -1]], strict=True)
    found = [(judged.queries.key(q), store.entries.key(d), int(grade)) for q, d, grade in rows]
    assert found == [first, last]
    assert dict(zip(*(part.tolist() for part in np.unique(judged.grade, return_counts=True)), strict=True)) == grades


def test_defaults_and_what_has_no_text(opened: Callable[[str], Store]) -> None:
    found = [judgement_names(opened(name)) for name in COUNTS]
    assert [name for names in found for name in names] == list(JUDGEMENTS)  # the first of each is its default
    cranfield = opened("cranfield")
    binary, graded = (load_judgements(cranfield, name) for name in ("binary", "graded"))
    assert np.array_equal(binary.query, graded.query) and np.array_equal(binary.document, graded.document)
    bodies = cranfield.texts("entries", "body", "en")
    assert bodies is not None
    without = np.setdiff1d(np.arange(len(cranfield.entries)), bodies.rows)
    assert cranfield.entries.keys_of(without) == ["471", "995"]


@pytest.mark.parametrize(("name", "told"), [("cranfield", "research use"), ("cisi", "research use"), ("scifact", None)])
def test_licences_are_told(name: str, told: str | None, opened: Callable[[str], Store]) -> None:
    opened(name)
    said: list[str] = []
    build_known(name, message=said.append)
    assert manifest_of(name).licence in said[0]
    assert [told in line for line in said[1:2]] == ([True] if told else [])


def test_queries_of_a_graph(tmp_path: Path) -> None:
    """The atlas keeps queries and judgements beside its graph; what they judge are its entities."""
    store = build_known("atlas", tmp_path / "atlas")
    assert judgement_names(store) == ("atlas/test",)
    judged = load_judgements(store)
    assert (len(judged.queries), len(judged), len(judged.judged)) == (90, 1417, 90)
    assert judged.texts.first(0) == "countries that share a frontier with Portugal"
    rows = zip(judged.query, judged.document, judged.grade, strict=True)
    keyed = [(judged.queries.key(int(q)), store.entries.key(int(d)), int(g)) for q, d, g in rows]
    assert keyed[:2] == [("1", "territory:ES", 2), ("1", "territory:AD", 1)]
    assert np.bincount(judged.grade).tolist() == [313, 527, 577]
    assert check_store(store.path) == []
