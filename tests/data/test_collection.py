"""Collections of documents: JSON lines, BEIR's folders, judgements; bad lines are named."""

from __future__ import annotations

import gzip
import hashlib
import json
import zipfile
from collections import deque
from pathlib import Path

import numpy as np
import pytest
from collection_folder import FILES, write_collection_folder
from hypothesis import given, settings
from hypothesis import strategies as st

from kgr.data import known
from kgr.data.analysis import analyze
from kgr.data.beir import build_beir
from kgr.data.build import build_store
from kgr.data.collection import build_corpus
from kgr.data.collection_view import load_judgements
from kgr.data.describe import entry
from kgr.data.documents import DocumentReader, Documents, ReadingConfig
from kgr.data.judgements import judgement_names, kept_judgements
from kgr.errors import ConfigError, DataError, FetchError, FormatError, UnknownKey
from kgr.index.check import check_store
from kgr.index.kinds import DOCUMENT
from kgr.index.store import Section, Store, extend_store
from kgr.query.kept import kept_names
from kgr.query.sets import draw_queries, draw_training

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
KEY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\t\n\r\0"), min_size=1, max_size=6)


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_becomes_a_store(tmp_path: Path, packed: bool) -> None:
    said: list[str] = []
    folder = write_collection_folder(tmp_path / "in", packed=packed)
    store = build_beir(folder, tmp_path / "store", language="de", message=said.append)
    assert said == ["1 documents have no text: kept: d3"]
    assert store.entries.keys_of(range(3)) == ["d1", "d2", "d3"]
    assert (store.entities, store.kinds.tolist(), store.splits) == (0, [DOCUMENT] * 3, ())
    titles, bodies = (store.texts("entries", field, "de") for field in ("title", "body"))
    assert titles is not None and bodies is not None
    assert [titles.all(row) for row in range(3)] == [["Ä"], [], ["C"]]
    assert [bodies.all(row) for row in range(3)] == [["one  two"], [" three\n"], []]  # as they are
    assert store.manifest["counts"] == {
        "documents": 3, "documents_without_text": 1, "repeated_documents": 0, "quarantined": 0, "queries": 3,
        "test_queries": 2, "test_judgements": 3, "train_queries": 1, "train_judgements": 1,
    }  # fmt: skip
    assert check_store(store.path) == []
    with pytest.raises(FormatError, match="already"):
        build_beir(folder, tmp_path / "store")


def test_judgements_by_name(tmp_path: Path) -> None:
    store = build_beir(write_collection_folder(tmp_path / "in"), tmp_path / "store")
    assert judgement_names(store) == ("beir/test", "beir/train")
    test = load_judgements(store.path)
    assert (test.name, len(test), test.judged.tolist()) == ("beir/test", 3, [0, 1])
    assert test.queries.keys_of(range(3)) == ["q1", "q2", "q3"]
    assert [test.texts.first(row) for row in range(3)] == ["one?", "3?", "?"]
    columns = (test.query, test.document, test.grade)
    assert [column.tolist() for column in columns] == [[0, 1, 1], [2, 1, 0], [0, 1, 2]]  # by query, then as in the file
    assert {column.dtype for column in columns} == {np.dtype(np.int32)}
    for name in ("train", "beir/train"):
        assert load_judgements(store, name).grade.tolist() == [2]
    with pytest.raises(UnknownKey, match=r"unknown qrels 'dev'; .*the store keeps beir/test, beir/train"):
        load_judgements(store, "dev")
    assert kept_names(store) == {}  # no logical queries


def test_judgements_of_two_collections(tmp_path: Path) -> None:
    store = build_beir(write_collection_folder(tmp_path / "in"), tmp_path / "store")
    more = {
        f"queries/other/{part}": Section(store.section(f"queries/beir/{part}")) for part in ("topics", "qrels/test")
    }
    both = extend_store(store, more)
    assert kept_judgements(both).name == "beir/test"
    assert kept_judgements(both, "other/test").name == "other/test"
    with pytest.raises(ConfigError, match=r"qrels 'test' are kept of several collections, .*beir/test, other/test"):
        kept_judgements(both, "test")


def test_trec_qrels_and_their_names(tmp_path: Path) -> None:
    folder = write_collection_folder(tmp_path / "in")
    for name in ("test", "train"):
        (folder / "qrels" / f"{name}.tsv").unlink()
    (folder / "qrels.txt").write_text("q2 0 d1 1\nq1\tQ0\td2\t-1\nq2 0 d1 1\n")
    said: list[str] = []
    judged = load_judgements(build_beir(folder, tmp_path / "plain", message=said.append))
    assert judged.name == "beir/test"
    assert [judged.query.tolist(), judged.document.tolist(), judged.grade.tolist()] == [[0, 1], [1, 0], [-1, 1]]
    assert "qrels test: 1 lines that repeat an earlier one removed" in said
    (folder / "qrels-graded.txt").write_text("q1 0 d1 3\n")
    (folder / "qrels-binary.txt").write_text("q1 0 d1 1\n")
    named = build_beir(folder, tmp_path / "named", message=said.append)
    assert judgement_names(named) == ("beir/binary", "beir/graded")
    assert f"{folder}/qrels.txt: not read: judgements with names lie beside it: binary, graded" in said


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("corpus_jsonl", '{"_id": "d4", "text": "x"', r"corpus\.jsonl:4: found no JSON at column 26: "),
        ("corpus_jsonl", '["d4"]', r"corpus\.jsonl:4: found list, expected one JSON object a line"),
        ("corpus_jsonl", "[" * 100_000, r"corpus\.jsonl:4: cannot be read: .*recursion"),
        ("corpus_jsonl", '{"_id": ' + "1" * 5000 + "}", r"corpus\.jsonl:4: cannot be read: .*digits"),
        ("corpus_jsonl", '{"docid": "d4", "text": "x"}', r"corpus\.jsonl:4: found no key among \['docid', 'text'\], "),
        ("corpus_jsonl", '{"_id": 1.5, "text": "x"}', r"corpus\.jsonl:4: found '_id' 1\.5, expected .*whole number"),
        ("corpus_jsonl", '{"_id": true, "text": "x"}', r"corpus\.jsonl:4: found '_id' True"),
        ("corpus_jsonl", '{"_id": "", "text": "x"}', r"corpus\.jsonl:4: '_id' '' is empty"),
        ("corpus_jsonl", '{"_id": "a\\tb", "text": "x"}', r"corpus\.jsonl:4: '_id' 'a\\tb' has a tab"),
        ("corpus_jsonl", '{"_id": "\\ud800", "text": "x"}', r"corpus\.jsonl:4: '_id' .* is not valid Unicode"),
        ("corpus_jsonl", '{"_id": "d2", "text": "x"}', r"corpus\.jsonl:4: found key 'd2' again, first in .*jsonl:2$"),
        ("corpus_jsonl", '{"_id": "d4"}', r"corpus\.jsonl:4: found no 'text' among \['_id'\], expected 'text'"),
        ("corpus_jsonl", '{"_id": "d4", "text": null}', r"corpus\.jsonl:4: found 'text' None, expected 'text': a text"),
        ("corpus_jsonl", '{"_id": "d4", "text": "x", "title": 3}', r"corpus\.jsonl:4: found 'title' 3"),
        ("corpus_jsonl", '{"_id": "d4", "text": "\\udfff"}', r"corpus\.jsonl:4: 'text' is not valid Unicode"),
        ("corpus_jsonl", '{"_id": "d4", "text": "\udce4"}', r"corpus\.jsonl:4: found byte 0xe4, expected UTF-8"),
        ("queries_jsonl", '{"_id": "q1", "text": "x"}', r"queries\.jsonl:4: found key 'q1' again, first in .*jsonl:1$"),
        ("qrels_test_tsv", "q9\td1\t1", r"test\.tsv:5: found query 'q9', expected one of the 3 of this collection"),
        ("qrels_test_tsv", "q1\td9\t1", r"test\.tsv:5: found document 'd9', expected one of the 3"),
        ("qrels_test_tsv", "q1\td1\t0.5", r"test\.tsv:5: found grade '0\.5', expected a whole number"),
        ("qrels_test_tsv", "q1\td1\t" + "9" * 10, r"test\.tsv:5: found grade '9999999999'"),
        ("qrels_test_tsv", "q1\td1", r"test\.tsv:5: found 2 fields: 'q1\\td1', expected query-id, corpus-id, score"),
        ("qrels_test_tsv", "q2\td1\t1", r"test\.tsv:5: found query 'q2' and document 'd1' with grade 1: .* grade 2$"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, file: str, line: str, message: str) -> None:
    names = {name.replace("/", "_").replace(".", "_"): name for name in FILES}
    folder = write_collection_folder(tmp_path / "in", **{file: FILES[names[file]] + line + "\n"})
    with pytest.raises(DataError, match=message):
        build_beir(folder, tmp_path / "store", strict=True)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_judged_documents_that_are_set_aside(tmp_path: Path) -> None:
    corpus = FILES["corpus.jsonl"].replace('"d2", "title"', '"d2" "title"')
    folder = write_collection_folder(tmp_path / "in", corpus_jsonl=corpus)
    said: list[str] = []
    store = build_beir(folder, tmp_path / "store", message=said.append)
    counts = store.manifest["counts"]
    left_out = counts["test_judgements_left_out"]
    assert left_out > 0
    assert counts["test_judgements"] + left_out == FILES["qrels/test.tsv"].count("\n") - 1
    assert len(load_judgements(store).query) == counts["test_judgements"]
    assert any(
        f"qrels test: {left_out} lines of what is not here left out; the first: " in line and "document 'd2'" in line
        for line in said
    )
    assert "1 lines are no documents" in said[-1]


def test_judgements_of_nothing_that_is_here(tmp_path: Path) -> None:
    rows = "query-id\tcorpus-id\tscore\nq1\tno\t1\nno\td1\t1\n"
    folder = write_collection_folder(tmp_path / "in", qrels_test_tsv=rows)
    with pytest.raises(DataError, match=r"found no judgements.*; 2 are of others, the first: .*tsv:2: .*'no'"):
        build_beir(folder, tmp_path / "store")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("qrels_test_tsv", "q1\td1\t1\n", r"test\.tsv:1: found 3 fields: .* or in the first line the header query-id"),
        (
            "qrels_test_tsv",
            "query-id\tcorpus-id\tscore\nq1\t\t1\n",
            r"test\.tsv:2: found 3 fields: 'q1\\t\\t1', expected",
        ),
        ("qrels_test_tsv", "query-id\tcorpus-id\tscore\n", r"test\.tsv: found no judgements"),
        ("corpus_jsonl", "", "found no documents"),
    ],
)
def test_files_that_are_none(tmp_path: Path, file: str, text: str, message: str) -> None:
    folder = write_collection_folder(tmp_path / "in", **{"qrels_train_tsv": text, file: text})
    if file == "corpus_jsonl":  # judgements of no documents would be found first
        for path in (folder / "qrels").iterdir():
            path.unlink()
        with pytest.raises(DataError, match=message):
            build_corpus(folder / "corpus.jsonl", tmp_path / "store")
        return
    with pytest.raises(DataError, match=message):
        build_beir(folder, tmp_path / "store")


@pytest.mark.parametrize("missing", ["corpus.jsonl", "queries.jsonl", "qrels"])
def test_missing_files_are_named(tmp_path: Path, missing: str) -> None:
    folder = write_collection_folder(tmp_path / "in")
    (folder / missing).rename(tmp_path / "elsewhere")
    with pytest.raises(
        DataError, match="no such file" if missing != "qrels" else "no judgements: expected qrels/<name>"
    ):
        build_beir(folder, tmp_path / "store")


def test_corpus_of_several_files(tmp_path: Path) -> None:
    (tmp_path / "1.jsonl").write_bytes(b'\xef\xbb\xbf{"id": 7, "text": "a"}\r\n{"id": "b", "_id": "c", "text": "d"}')
    (tmp_path / "2.jsonl.gz").write_bytes(gzip.compress(b'{"id": "b", "text": "e", "title": null}\n\n'))
    files = [tmp_path / "1.jsonl", tmp_path / "2.jsonl.gz"]
    store = build_corpus(files, tmp_path / "store", name="mine")
    assert store.entries.keys_of(range(3)) == ["7", "c", "b"]
    assert (store.name, store.texts("entries", "title", "en")) == ("mine", None)
    assert store.manifest["sources"] == {"files": [str(path) for path in files]}
    with pytest.raises(DataError, match=r"no judgements are kept here"):
        load_judgements(store)
    (tmp_path / "3.jsonl").write_text('{"id": "x", "text": ""}\n{"id": "c", "text": ""}\n')
    with pytest.raises(DataError, match=r"3\.jsonl:2: found key 'c' again, first in .*1\.jsonl:2$"):
        build_corpus([*files, tmp_path / "3.jsonl"], tmp_path / "other")
    with pytest.raises(ConfigError, match="language is 'english'"):
        build_corpus(files, tmp_path / "other", language="english")
    (tmp_path / "2.jsonl.gz").write_bytes((tmp_path / "2.jsonl.gz").read_bytes()[:-9])
    with pytest.raises(DataError, match=r"2\.jsonl\.gz: cannot be read"):
        build_corpus(files, tmp_path / "other")


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(KEY, TEXT, st.none() | TEXT), unique_by=lambda row: row[0]), st.integers(1, 40), st.booleans()
)
def test_any_texts_come_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str | None]], block: int, plain: bool
) -> None:
    lines = (json.dumps({"_id": key, "text": text, "title": title}, ensure_ascii=plain) for key, text, title in rows)
    data = "\n".join(lines).encode()
    blocks = (data[first : first + block] for first in range(0, len(data), block))
    found = DocumentReader(Documents([("x", blocks)]), ReadingConfig(), tmp_path_factory.mktemp("spool"))
    if not rows:
        with pytest.raises(DataError, match=r"x: found no documents, expected at least one$"):
            deque(found.read())
        return
    deque(found.read())
    assert list(found.rows.items()) == [(key, row) for row, (key, _, _) in enumerate(rows)]
    for field, column in (("body", 1), ("title", 2)):
        texts = (row[column] for row in rows)
        expected = [[text] if text and text.strip() else [] for text in texts]
        spooled = found.texts[field].texts()
        assert [spooled.all(row) for row in range(len(rows))] == expected
    assert [rows[row][0] for row in found.empty] == [key for key, text, _ in rows if not text.strip()]


def test_graph_verbs_refuse_documents(tmp_path: Path) -> None:
    store = build_corpus(write_collection_folder(tmp_path / "in") / "corpus.jsonl", tmp_path / "store")
    for verb in (analyze, draw_queries, draw_training):
        with pytest.raises(DataError, match="has no graph, only 3 documents; give a store with triples"):
            verb(store)
    assert len(store.relations) == 0
    found = entry(store, "d1")
    assert (found.kind, found.counts, found.texts["body"]["en"]) == ("document", {}, ("one  two",))
    with pytest.raises(UnknownKey, match=r"^unknown entry 'd9'; nearest: d3, d2, d1$"):
        entry(store, "d9")


def test_a_graph_keeps_its_queries_apart(tmp_path: Path) -> None:
    """Judgements may lie in a store whose logical queries are kept by name."""
    (tmp_path / "train.tsv").write_text("a\tr\tb\n")
    judged = build_beir(write_collection_folder(tmp_path / "in"), tmp_path / "judged")
    parts = [name for name in judged.sections if name.startswith("queries/")]
    store = build_store(tmp_path / "graph", train=tmp_path / "train.tsv")
    both = extend_store(store, {name: Section(judged.section(name)) for name in parts})
    assert (kept_names(both), judgement_names(both)) == ({}, ("beir/test", "beir/train"))


@pytest.fixture
def origins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A known collection that is had as files of a mirror or as an archive; the mirror's folder."""
    mirror = write_collection_folder(tmp_path / "mirror")
    with zipfile.ZipFile(mirror / "toy.zip", "w") as archive:
        for name in FILES:
            archive.write(mirror / name, f"toy/{name}")
    parts = {"corpus": "corpus.jsonl", "queries": "queries.jsonl", "qrels.test": "qrels/test.tsv"}
    lines = ['title = "Toy"', 'reader = "beir"', 'licence = "CC0"', 'source = "a test"', "[counts]", "documents = 3"]
    for what, name in parts.items():
        sha256 = hashlib.sha256((mirror / name).read_bytes()).hexdigest()
        lines += [f'[files."{what}"]', f'path = "{name}"', f'sha256 = "{sha256}"', "optional = true"]
    md5 = hashlib.md5((mirror / "toy.zip").read_bytes()).hexdigest()
    members = ", ".join(f'"{what}" = "toy/{name}"' for what, name in parts.items())
    lines += ["[files.archive]", 'path = "toy.zip"', f'md5 = "{md5}"', f"members = {{ {members} }}"]
    lines += [f"instead_of = {list(parts)}"]
    folder = tmp_path / "datasets" / "toy"
    folder.mkdir(parents=True)
    (folder / "manifest.toml").write_text("\n".join(lines))
    monkeypatch.setattr(known, "datasets_folder", lambda: tmp_path / "datasets")
    monkeypatch.setenv("KGR_MIRROR", str(mirror))
    monkeypatch.setenv("KGR_HOME", str(tmp_path / "home"))
    return mirror


def test_two_origins_make_the_same_store(origins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fingerprints(store: Store) -> dict[str, str]:
        return store.fingerprints(store.sections)

    files = known.open_store("toy")
    assert judgement_names(files) == ("toy/test",)
    assert set(files.manifest["sources"]["files"]) == {"corpus", "queries", "qrels.test"}
    (origins / "queries.jsonl").unlink()
    monkeypatch.setenv("KGR_HOME", str(tmp_path / "other"))
    said: list[str] = []
    archive = known.open_store("toy", message=said.append)
    assert any("with archive instead of queries" in line for line in said)
    assert set(archive.manifest["sources"]["files"]["archive"]) == {"path", "md5"}
    assert fingerprints(archive) == fingerprints(files)
    monkeypatch.setenv("KGR_HOME", str(tmp_path / "third"))
    with (origins / "toy.zip").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(FetchError, match=r"toy\.zip cannot be fetched: .*md5 \w+ where \w+ is expected"):
        known.open_store("toy")
