"""Documents and texts into a store that is there: ids stay, indexes are those of a store built at once."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kgr._shards import map_shards
from kgr.data.add import add_documents, add_texts
from kgr.data.build import build_store
from kgr.data.collection import build_corpus
from kgr.data.index_texts import index_texts
from kgr.errors import ConfigError, DataError
from kgr.index.check import check_store
from kgr.index.kinds import DOCUMENT, ENTITY
from kgr.index.store import Store
from kgr.index.terms import kept_indexes, open_terms

LINES = [
    '{"id": "a", "title": "T", "text": "eins zwei"}',
    '{"id": "b", "text": "zwei"}',
    '{"id": "c", "title": "U", "text": ""}',
    '{"id": "d", "text": "zwei vier"}',
]


def fingerprints(store: Store) -> dict[str, str]:
    return store.fingerprints(store.sections)


def written(path: Path, *lines: str) -> Path:
    data = "\n".join(lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.fixture
def graph(tmp_path: Path) -> Store:
    """Entities x, y and z, two with labels and one of these with a type."""
    train = written(tmp_path / "train.tsv", "x\tr\ty", "y\tr\tz", "")
    labels = written(tmp_path / "labels.tsv", "key\tlabel.en\tlabel.de\ttypes", "x\tOx\tOchse\tt", "z\tZebra\t\t", "")
    return build_store(tmp_path / "graph", train=train, entities_table=labels)


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_added_documents_are_as_if_built_at_once(cut: int, tmp_path: Path) -> None:
    first, second = written(tmp_path / "1", *LINES[:cut]), written(tmp_path / "2.gz", *LINES[cut:])
    whole = build_corpus([first, second], tmp_path / "whole")
    store = build_corpus(first, tmp_path / "store")
    said: list[str] = []
    added = add_documents(store, second, message=said.append)
    assert fingerprints(added) == fingerprints(whole)
    assert added.manifest["counts"] == whole.manifest["counts"]
    assert added.manifest["sources"]["added"] == [{"form": "corpus", "files": [str(second)]}]
    assert said == (["1 documents have no text: kept: c"] if cut < 3 else [])
    assert check_store(added.path) == []
    assert len(store.entries) == cut and len(Store(store.path).entries) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2.gz", "store", "whole"]


def test_documents_into_a_graph(graph: Store, tmp_path: Path) -> None:
    marks = fingerprints(graph)
    added = add_documents(graph, written(tmp_path / "in", *LINES), prefix="doc:", workers=2)
    assert added.entries.keys_of(range(7)) == ["x", "y", "z", "doc:a", "doc:b", "doc:c", "doc:d"]
    assert added.kinds.tolist() == [ENTITY] * 3 + [DOCUMENT] * 4
    assert added.entities == 3
    now = fingerprints(added)
    assert {name for name in marks if now[name] != marks[name]} == {"entries"}
    assert now.keys() - marks.keys() == {
        "text/entries/en.title", "text/entries/en.body", "terms/en.text", "tokens/en.text",
    }  # fmt: skip
    assert added.fingerprints(["entities"]) == graph.fingerprints(["entities"])
    types = added.types
    assert types is not None and [len(types.of(entry)) for entry in range(7)] == [1, 0, 0, 0, 0, 0, 0]
    index = open_terms(added)
    assert index is not None
    assert index.rows.tolist() == [0, 2, 3, 4, 5, 6]  # entities with a text, and every document
    assert index.settings["fields"] == ["title", "label", "body"]
    assert check_store(added.path) == []


def test_indexes_are_made_anew_with_their_own_settings(graph: Store, tmp_path: Path) -> None:
    store = index_texts(graph, language="de", stem=False)
    store = index_texts(store, language="en", fields=["label"])
    lines = written(tmp_path / "in", '{"id": "n", "title": "Kühe", "text": ""}')
    added = add_documents(store, lines, language="de", index=False)
    assert kept_indexes(added) == (("de", "text"), ("en", "label"))
    german, labels = open_terms(added, "de"), open_terms(added, "en", "label")
    assert german is not None and labels is not None
    assert (german.settings["stem"], german.settings["fields"]) == (False, ["title", "label"])
    assert (german.rows.tolist(), german.lengths.tolist()) == ([0, 3], [1, 1])
    assert german.ids(["kühe"]).tolist() == [1]
    assert (labels.rows.tolist(), labels.lengths.tolist()) == ([0, 2, 3], [1, 1, 0])
    assert check_store(added.path) == []


def test_present_keys_are_refused(graph: Store, tmp_path: Path) -> None:
    lines = written(tmp_path / "in", '{"id": "n", "text": ""}', '{"id": "y", "text": ""}')
    with pytest.raises(DataError, match=r"in:2: found key 'y', which the store has: give the documents a prefix"):
        add_documents(graph, lines)
    assert Store(graph.path).version == graph.version
    again = written(tmp_path / "again", '{"id": "n", "text": ""}', '{"id": "n", "text": ""}')
    with pytest.raises(DataError, match=r"again:2: found key 'n' again, first in .*again:1"):
        add_documents(graph, again)
    with pytest.raises(ConfigError, match="form is 'texts', expected one of corpus"):
        add_documents(graph, lines, form="texts")
    assert sorted(path.name for path in graph.path.parent.iterdir()) == [
        "again",
        "graph",
        "in",
        "labels.tsv",
        "train.tsv",
    ]


def test_more_is_set_aside(tmp_path: Path) -> None:
    store = build_corpus(written(tmp_path / "1", LINES[0], "{"), tmp_path / "store")
    added = add_documents(store, written(tmp_path / "2", LINES[1], "["))
    assert added.manifest["counts"]["quarantined"] == 2
    aside = [json.loads(line) for line in (tmp_path / "store.quarantine.jsonl").read_text().splitlines()]
    assert [(row["place"], row["line"]) for row in aside] == [(f"{tmp_path}/1:2", "{"), (f"{tmp_path}/2:2", "[")]


def test_texts_by_key(graph: Store, tmp_path: Path) -> None:
    store = index_texts(graph, language="en")
    lines = written(
        tmp_path / "texts.jsonl",
        '{"id": "z", "summary": "striped"}',
        '{"id": "y", "title": "Whale", "summary": "a letter"}',
        '{"id": "q", "title": "?"}',
    )
    table = written(tmp_path / "more.tsv.gz", "key\talias.en\tlabel.fr", "z\tdazzle|zeal\tZèbre", "u\tx\t", "")
    said: list[str] = []
    added = add_texts(store, [lines, table], fields={"description": "summary"}, message=said.append)
    assert said == [
        f"{table}: 1 keys are left out, {graph.path} has no such entry: u",
        f"{lines}: 1 keys are left out, {graph.path} has no such entry: q",
    ]
    found = {
        (field, language): [texts.all(row) for row in range(3)]
        for field, language in [
            ("description", "en"),
            ("title", "en"),
            ("alias", "en"),
            ("label", "fr"),
            ("label", "en"),
        ]
        if (texts := added.texts("entries", field, language)) is not None
    }
    assert found == {
        ("description", "en"): [[], ["a letter"], ["striped"]],
        ("title", "en"): [[], ["Whale"], []],
        ("alias", "en"): [[], [], ["dazzle", "zeal"]],
        ("label", "fr"): [[], [], ["Zèbre"]],
        ("label", "en"): [["Ox"], [], ["Zebra"]],
    }
    index = open_terms(added)
    assert index is not None
    assert (index.rows.tolist(), index.lengths.tolist()) == ([0, 1, 2], [1, 2, 4])
    assert kept_indexes(added) == (("en", "text"),)
    assert check_store(added.path) == []
    assert added.entries.keys_of(range(3)) == ["x", "y", "z"]


def test_texts_that_are_there(graph: Store, tmp_path: Path) -> None:
    table = written(tmp_path / "in.tsv", "key\tlabel.en", "y\tYak", "z\tZebu", "")
    with pytest.raises(
        DataError, match=r"in\.tsv: entry 'z' has a text in text/entries/en\.label already: give replace"
    ):
        add_texts(graph, table)
    added = add_texts(graph, table, replace=True, index=False)
    labels = added.texts("entries", "label", "en")
    assert labels is not None and [labels.all(row) for row in range(3)] == [["Ox"], ["Yak"], ["Zebu"]]
    assert kept_indexes(added) == ()
    with pytest.raises(DataError, match=r"entry 'y' has texts for text/entries/en\.label in several files"):
        add_texts(graph, [table, table], replace=True)
    strangers = written(tmp_path / "strangers.jsonl", '{"id": "q", "title": "?"}', '{"id": "x"}')
    with pytest.raises(DataError, match=r"strangers\.jsonl: found no text of an entry of .*graph"):
        add_texts(graph, strangers)


def test_a_new_text_of_an_index_of_all(tmp_path: Path) -> None:
    """A field that the index did not have yet comes into it."""
    store = build_corpus(written(tmp_path / "1", LINES[1]), tmp_path / "store")
    added = add_texts(store, written(tmp_path / "2", '{"id": "b", "title": "neu"}'))
    index = open_terms(added)
    assert index is not None
    assert (index.settings["fields"], index.lengths.tolist()) == (["title", "body"], [2])


@pytest.mark.parametrize("place", [".", "v00000001/.."])
def test_a_store_is_added_to_from_within(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_corpus(written(tmp_path / "in", LINES[0]), tmp_path / "store")
    monkeypatch.chdir(tmp_path / "store")
    add_documents(place, written(tmp_path / "more", LINES[1], "broken"), index=False)
    assert len(Store(tmp_path / "store").entries) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"in", "more", "store", "store.quarantine.jsonl"}


def test_indexes_are_made_anew_where_the_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, more = (
        build_corpus(written(tmp_path / "in", LINES[0]), tmp_path / "store"),
        written(tmp_path / "2", LINES[1]),
    )
    asked: list[tuple[int, str]] = []

    def noted(*given: Any, workers: int, engine: str) -> Iterator[Any]:
        asked.append((workers, engine))
        return map_shards(*given)

    for module in ("kgr.data.documents", "kgr.index.text_index"):
        monkeypatch.setattr(f"{module}.map_shards", noted)
    add_documents(store, more, workers=3, engine="ray")
    assert asked == [(3, "ray"), (3, "ray")]
