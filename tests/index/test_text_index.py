"""Indexes of a store's texts: what is joined, which rows there are, and how a store comes by one."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kgr
from kgr.errors import ConfigError, FormatError
from kgr.index import text_index
from kgr.index.check import check_store
from kgr.index.keys import Keys
from kgr.index.kinds import DOCUMENT, ENTITY
from kgr.index.store import Section, Store, create_store, extend_store
from kgr.index.terms import open_terms, open_tokens, summaries
from kgr.index.text_index import indexed_rows, joined_text, needed_terms, text_fields
from kgr.index.texts import Texts

LABELS = {0: ["Alps"], 2: ["Andes"], 5: ["Ural"]}
ALIASES = {2: ["Cordillera de los Andes", "the Andes"]}
BODIES = {3: ["Mountains of snow."], 4: ["Snow melts in the Andes."]}
GERMAN = {0: ["Alpen"]}


def texts(rows: dict[int, list[str]]) -> Section:
    pairs = [(row, text) for row, found in rows.items() for text in found]
    return Section(Texts.build([row for row, _ in pairs], [text for _, text in pairs]).arrays())


def entries(keys: list[str], kinds: list[int]) -> Section:
    return Section({**Keys.build(keys, what="entry").arrays(), "kinds": np.array(kinds, np.uint8)})


KINDS = [ENTITY, ENTITY, ENTITY, DOCUMENT, DOCUMENT, ENTITY | DOCUMENT, DOCUMENT]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three entities of which one has no text, documents of which one is empty, and one that is both."""
    sections = {
        "entries": entries(list("abcdefg"), KINDS),
        "text/entries/en.body": texts(BODIES),
        "text/entries/en.alias": texts(ALIASES),
        "text/entries/en.label": texts(LABELS),
        "text/entries/de.label": texts(GERMAN),
        "text/entries/en.url": texts({3: ["http://a.example"]}),
    }
    return create_store(tmp_path / "store", sections, entities=3, counts={}, sources={})


def words(store: Store, row: int, name: str = "text") -> list[str]:
    terms, tokens = open_terms(store, name=name), open_tokens(store, name=name)
    assert terms is not None and tokens is not None
    document = terms.rows.tolist().index(row)
    return terms.vocabulary.keys_of(tokens.ids[slice(*tokens.offsets[document : document + 2].tolist())])


def test_rows_and_joined_texts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert text_fields(store, "en") == ("label", "alias", "body")
    joined = {
        0: "Alps",
        2: "Andes\nCordillera de los Andes\nthe Andes",
        3: "Mountains of snow.",
        4: "Snow melts in the Andes.",
        5: "Ural",
        6: "",
    }
    for rows in (1, 2, 4096):
        monkeypatch.setattr(text_index, "ROWS", rows)
        assert dict(joined_text(store, text_fields(store, "en"), "en")) == joined
    assert indexed_rows(store, ["label"], "de").tolist() == [0, 3, 4, 5, 6]
    assert list(joined_text(store, ["body", "label"], "en", np.array([2, 4], np.int32))) == [
        (2, "Andes"),
        (4, "Snow melts in the Andes."),
    ]


def test_index_texts(store: Store) -> None:
    done: list[tuple[int, int]] = []
    indexed = kgr.index_texts(store, progress=lambda *counts: done.append(counts))
    assert done[-1] == (6, 6)
    assert words(indexed, 2) == ["andes", "cordillera", "de", "los", "andes", "andes"]
    assert words(indexed, 6) == []
    terms = open_terms(indexed)
    assert terms is not None
    assert terms.lengths.tolist() == [1, 6, 2, 3, 1, 0]
    assert terms.settings["fields"] == ["label", "alias", "body"]
    assert open_terms(store) is None and open_tokens(store) is None
    assert check_store(indexed.path) == []
    assert list((store.path / "cache").iterdir()) == []
    made_from = indexed.manifest["sections"]["terms/en.text"]["made_from"]
    assert set(made_from) == {"entries", "text/entries/en.label", "text/entries/en.alias", "text/entries/en.body"}


def test_some_fields_and_names(store: Store) -> None:
    indexed = kgr.index_texts(store, fields=["label"], stem=False)
    indexed = kgr.index_texts(indexed, fields=["body", "label"], name="both")
    indexed = kgr.index_texts(store.path, fields=["url"], stop_words=False)
    indexed = kgr.index_texts(indexed, language="de")
    assert [(one["language"], one["name"], one["fields"], one["documents"]) for one in summaries(indexed)] == [
        ("en", "label", ["label"], 6),
        ("en", "both", ["body", "label"], 6),
        ("en", "url", ["url"], 4),
        ("de", "text", ["label"], 5),
    ]
    assert words(indexed, 2, "label") == ["andes"]
    assert words(indexed, 3, "url") == ["http", "a", "exampl"]
    again = kgr.index_texts(indexed, fields=["label"])
    assert words(again, 5, "label") == ["ural"] and summaries(again)[0]["terms"] == 3
    assert len(summaries(again)) == 4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"language": "fr"}, "language is 'fr': .* has no texts of entries in it; languages: en, de"),
        ({"language": "no language"}, "language is 'no language', expected a tag"),
        ({"fields": ["gloss"]}, "fields: .* has no text 'gloss' in 'en'; in no language"),
        ({"fields": ["body"], "language": "de"}, "has no text 'body' in 'de'; in en"),
        ({"fields": ["body", "label"]}, "name is None, .*several fields needs one"),
        ({"fields": []}, "name is None"),
        ({"fields": ["label", "label"], "name": "both"}, "expected none twice"),
        ({"name": "a/b"}, "name is 'a/b'"),
        ({"stem": "yes"}, "stem is 'yes', expected true or false"),
        ({"workers": 0}, "workers is 0"),
    ],
)
def test_refusals(store: Store, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        kgr.index_texts(store, **settings)
    assert Store(store.path).version == 1


def test_workers_and_blocks_change_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fingerprints = [
        indexed.fingerprints(["terms/en.text", "tokens/en.text"])
        for size, workers in ((1 << 22, 1), (20, 1), (20, 2))
        if monkeypatch.setattr(text_index, "BLOCK_BYTES", size) is None
        for indexed in (kgr.index_texts(store, workers=workers),)
    ]
    assert fingerprints[0] == fingerprints[1] == fingerprints[2]


def test_only_language_is_the_default(tmp_path: Path) -> None:
    sections = {"entries": entries(["a"], [DOCUMENT]), "text/entries/zh.body": texts({0: ["北京"]})}
    said: list[str] = []
    path = create_store(tmp_path / "store", sections, entities=0, counts={}, sources={}).path
    indexed = kgr.index_texts(path, message=said.append)
    assert [one["language"] for one in summaries(indexed)] == ["zh"]
    assert said == ["no stemmer for 'zh': words are indexed as they are"]
    said.clear()
    with pytest.raises(ConfigError, match="languages: zh"):
        kgr.index_texts(path, language="nl", message=said.append)
    assert said == ["no list of stop words for 'nl': every word is indexed"]


def test_new_documents_need_a_new_index(store: Store) -> None:
    indexed = kgr.index_texts(store)
    more = entries(list("abcdefgh"), [*KINDS, DOCUMENT])
    with pytest.raises(kgr.DataError, match=r"'terms/en.text' was made from 'entries', which changes"):
        extend_store(indexed, {"entries": more})


def test_needed_terms(store: Store) -> None:
    said: list[str] = []
    terms = needed_terms(store, message=said.append)
    assert said == [f"{store.path}: indexing the texts in en first, by the default settings"]
    assert terms.rows.tolist() == [0, 2, 3, 4, 5, 6]
    assert needed_terms(store, message=said.append).settings == terms.settings  # found in the store's next version
    assert Store(store.path).version == 2
    assert needed_terms(store, name="body", message=said.append).settings["fields"] == ["body"]
    assert said[1:] == [f"{store.path}: indexing body in en first, by the default settings"]
    with pytest.raises(kgr.ConfigError, match="no texts of entries in it"):
        needed_terms(store, "fr", message=said.append)
    assert len(said) == 2


def test_needed_terms_of_a_store_that_cannot_be_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(text_index, "extend_store", refuse)
    said: list[str] = []
    terms = needed_terms(store, message=said.append)
    assert "cannot be written (Read-only file system): the index is made in memory" in said[-1]
    assert terms.lengths.tolist() == [1, 6, 2, 3, 1, 0]
    assert Store(store.path).version == 1


def test_another_analyzer_is_refused_at_opening(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    indexed = kgr.index_texts(store)
    monkeypatch.setattr("kgr.index.analysis.VERSION", 2)
    with pytest.raises(
        FormatError, match=r"terms/en\.text: analysed with version 1, this kgr has 2: index the texts anew"
    ):
        open_terms(indexed)
    again = kgr.index_texts(indexed)
    assert open_terms(again) is not None


def test_a_document_of_many_megabytes(tmp_path: Path) -> None:
    sections = {
        "entries": entries(["a", "b"], [DOCUMENT, DOCUMENT]),
        "text/entries/en.body": texts({0: ["some words " * 500_000]}),
    }
    store = create_store(tmp_path / "store", sections, entities=0, counts={}, sources={})
    terms = needed_terms(store)
    assert terms.lengths.tolist() == [500_000, 0]
