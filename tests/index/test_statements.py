"""What a store says is what it holds, and costs what is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from odd_store import TRIPLES, add_odder, build_odd

from kgr.index import statements
from kgr.index.iris import iri_of, predicate_of
from kgr.index.statements import OF, keyed, links, literals, texts_by_row
from kgr.index.store import Section, Store, extend_store
from kgr.index.texts import Texts


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return add_odder(build_odd(tmp_path))


@pytest.mark.parametrize("block", [1, 2, 100])
def test_triples_in_their_order(store: Store, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(statements, "BLOCK", block)
    names = [f"the {key}" for key in store.relations.keys_of(range(len(store.relations)))]
    for split, triples in TRIPLES.items():
        assert list(keyed(store, split, names)) == [(head, f"the {own}", tail) for head, own, tail in triples]
    written = [
        (iri_of(head, "entries"), iri_of(own, "relations"), iri_of(tail, "entries"))
        for split in ("test", "train")
        for head, own, tail in TRIPLES[split]
    ]
    assert list(links(store, ["test", "train"])) == written


@pytest.mark.parametrize("block", [1, 3, 100])
def test_texts_of_all_fields(store: Store, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(statements, "BLOCK", block)
    for of in OF:
        count, expected = len(store.keys(of)), []
        for field, language in statements.fields(store, of):
            texts = store.texts(of, field, language)
            assert texts is not None
            expected += [(row, field, language, text) for row in range(count) for text in texts.all(row)]
        iris = [iri_of(key, of) for key in store.keys(of).keys_of(range(count))]
        written = [(iris[row], predicate_of(field), text, language) for row, field, language, text in expected]
        assert list(literals(store, of)) == written
        found = texts_by_row(store, of, 1, count)
        rows = [(row, *column, text) for row, own in enumerate(found, 1) for column in own for text in own[column]]
        assert sorted(rows) == sorted(line for line in expected if line[0])


def test_texts_cost_what_is_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many languages and entries there are, a text has its subject named once."""
    one = Texts.build([0, 0, 1], ["a", "b", "c"]).arrays()
    many = {f"text/entries/en-x-a{number}.label": Section(one) for number in range(20)}
    store, named = extend_store(store, many), list[str]()
    monkeypatch.setattr(statements, "iri_of", lambda key, of: named.append(key) or iri_of(key, of))
    assert len(list(literals(store, "entries"))) >= 60
    columns = statements.fields(store, "entries")
    rows = [np.unique(store.texts("entries", *column).rows) for column in columns]  # type: ignore[union-attr]
    assert len(named) == sum(map(len, rows))
