"""Documents in all forms: the same store whatever the cuts and the workers; what is no document is set aside."""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from killed_worker import Deadly

import kgr.data.documents
from kgr._shards import ENGINES
from kgr.data.collection import build_corpus
from kgr.data.collection_view import load_judgements
from kgr.data.document_forms import DOCUMENT_FORMS
from kgr.data.document_shards import cut_shards
from kgr.data.index_texts import index_texts
from kgr.data.ir_dataset import build_ir_dataset
from kgr.errors import ConfigError, DataError, FormatError, UnknownKey
from kgr.index.check import check_store
from kgr.index.store import Store
from kgr.index.terms import open_terms

LINES = '{"_id": "a", "title": "Ä b", "text": "x  y", "url": "u/1"}\r\n\n{"id": 7, "text": "z", "url": 3}\n'
LINES += '{"_id": "e", "text": ""}'
TREC = """<DOC>
<DOCNO> FT-1 </DOCNO>
<HEADLINE>Ä &amp; b</HEADLINE>
<DATE>1990</DATE><TEXT>
x <P>y</P> <!-- no -->
</TEXT>
<AUTHOR>N. N.</AUTHOR>
</DOC>

<doc><docno>7</docno><text>a < b</text><text>z</doc>
<DOC><DOCNO>e</DOCNO></DOC>
"""
WIKI = """<doc id="12" url="https://x.org?curid=12" title="&quot;A&quot; &amp; B">
"A" &amp; B

Text of
two lines.

</doc>
<doc id="13" url="https://x.org?curid=13" title="C">
D.
</doc>
"""

FILES: dict[str, tuple[str, dict[str, str], list[tuple[str, str, str, str]]]] = {
    "corpus": (LINES, {"url": "url"}, [("a", "Ä b", "x  y", "u/1"), ("7", "", "z", "3"), ("e", "", "", "")]),
    "trec": (
        TREC,
        {"author": "author"},
        [("FT-1", "Ä & b", "1990\nx  y", "N. N."), ("7", "", "a < b\nz", ""), ("e", "", "", "")],
    ),
    "msmarco": (
        "D1\thttps://x\tÄ b\tx y\nD2\t\t\tz\n7\tpassage\n",
        {"url": "url"},
        [("D1", "Ä b", "x y", "https://x"), ("D2", "", "z", ""), ("7", "", "passage", "")],
    ),
    "wikiextractor": (
        WIKI,
        {"url": "url"},
        [
            ("12", '"A" & B', "Text of\ntwo lines.", "https://x.org?curid=12"),
            ("13", "C", "D.", "https://x.org?curid=13"),
        ],
    ),
}
"""By form: a file, a field more, and key, title, body and that field of each document."""


def texts_of(store: Store, field: str) -> list[str]:
    texts = store.texts("entries", field, "en")
    return ["" if texts is None else texts.first(row) or "" for row in range(len(store.entries))]


def fingerprints(store: Store) -> dict[str, str]:
    return store.fingerprints(store.sections)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two files of documents with words in common, one packed."""
    folder = tmp_path_factory.mktemp("many")
    rng = np.random.default_rng(3)
    lines = [
        json.dumps({"_id": f"d{row}", "title": f"Title {row % 7}", "text": " ".join(map(str, rng.integers(0, 99, 30)))})
        for row in range(200)
    ]
    (folder / "1.jsonl").write_text("\n".join(lines[:120]))
    (folder / "2.jsonl.gz").write_bytes(gzip.compress("\n".join(lines[120:]).encode()))
    return [folder / "1.jsonl", folder / "2.jsonl.gz"]


def cut_small(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(kgr.data.documents, "cut_shards", partial(cut_shards, size=size))


@pytest.mark.parametrize("form", DOCUMENT_FORMS)
@pytest.mark.parametrize("size", [1, 50, 1 << 22])
def test_forms(form: str, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut_small(monkeypatch, size)
    text, fields, expected = FILES[form]
    (tmp_path / "in").write_bytes(text.encode())
    store = build_corpus(tmp_path / "in", tmp_path / "store", form=form, fields=fields, prefix="p:")
    columns = [store.entries.keys_of(range(len(expected))), *(texts_of(store, name) for name in ("title", "body"))]
    columns.append(texts_of(store, next(iter(fields))))
    assert list(zip(*columns, strict=True)) == [(f"p:{key}", *texts) for key, *texts in expected]
    assert store.manifest["counts"]["quarantined"] == 0
    assert check_store(store.path) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "store"]


def test_wikiextractor_folders(tmp_path: Path) -> None:
    (tmp_path / "in" / "AA").mkdir(parents=True)
    (tmp_path / "in" / "AA" / "wiki_00").write_text(
        '{"id": "1", "revid": "2", "url": "u", "title": "T", "text": "x"}\n'
    )
    (tmp_path / "in" / "AB").mkdir()
    (tmp_path / "in" / "AB" / "wiki_00").write_text(WIKI)
    (tmp_path / "in" / ".hidden").write_text("no document")
    store = build_corpus(tmp_path / "in", tmp_path / "store", form="wikiextractor")
    assert store.entries.keys_of(range(3)) == ["1", "12", "13"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: no files in this folder"):
        build_corpus(tmp_path / "empty", tmp_path / "other", form="wikiextractor")
    with pytest.raises(DataError, match=r"none: no such file"):
        build_corpus(tmp_path / "none", tmp_path / "other")


@pytest.mark.parametrize("size", [1, 333, 4000])
def test_any_cut_gives_the_same_store(
    size: int, many: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = build_corpus(many, tmp_path / "whole")
    cut_small(monkeypatch, size)
    assert fingerprints(build_corpus(many, tmp_path / "cut")) == fingerprints(whole)


RAY = pytest.param("ray", marks=pytest.mark.skipif(not importlib.util.find_spec("ray"), reason="Ray is not installed"))


@pytest.mark.parametrize("engine", ["local", RAY])
def test_any_workers_give_the_same_store(
    engine: str, many: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    whole = build_corpus(many, tmp_path / "whole")
    cut_small(monkeypatch, 2000)
    assert set(ENGINES) == {"local", "ray"}
    found = build_corpus(many, tmp_path / "store", workers=2, engine=engine)
    assert fingerprints(found) == fingerprints(whole)


@pytest.mark.parametrize("engine", ["local", RAY])
def test_a_killed_worker_changes_no_byte(
    engine: str, many: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    tests = Path(__file__).resolve().parents[1]  # where workers of Ray find what kills them
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tests), os.environ.get("PYTHONPATH", "")]))
    whole = build_corpus(many, tmp_path / "whole")
    cut_small(monkeypatch, 2000)
    monkeypatch.setattr(kgr.data.documents, "ReadShard", partial(Deadly, mark=tmp_path / "killed"))
    found = build_corpus(many, tmp_path / "store", workers=2, engine=engine)
    assert (tmp_path / "killed").exists()
    assert stored(found) == stored(whole)


def stored(store: Store) -> dict[str, bytes]:
    """Every array of a store, byte for byte."""
    return {path.relative_to(store.folder).as_posix(): path.read_bytes() for path in store.folder.rglob("*.npy")}


def test_the_index_is_that_of_the_texts(many: list[Path], tmp_path: Path) -> None:
    store = build_corpus(many, tmp_path / "store")
    made = {name: mark for name, mark in fingerprints(store).items() if name.startswith(("terms/", "tokens/"))}
    assert set(made) == {"terms/en.text", "tokens/en.text"}
    plain = build_corpus(many, tmp_path / "plain", index=False)
    assert open_terms(plain) is None
    assert fingerprints(index_texts(plain)) == fingerprints(store)
    index = open_terms(store)
    assert index is not None and index.settings["fields"] == ["title", "body"]


def test_progress_is_told_in_bytes(many: list[Path], tmp_path: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    build_corpus(many, tmp_path / "store", progress=lambda *what: told.append(what))
    total = sum(path.stat().st_size for path in many)
    assert told[-1] == ("documents", total, total)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)


BAD = {
    "corpus": (
        '{"_id": "x", "text": "broken"',
        "found no JSON at column 30: Expecting ',' delimiter, expected one JSON object a line",
    ),
    "msmarco": (
        "x\ty\tz",
        "found 3 fields, expected docid, url, title and body, or pid and passage, with tabs between",
    ),
    "trec": ("stray words\n", "found 'stray words', expected <DOC> … </DOC>"),
    "wikiextractor": (
        "<doc title='x'>\ny</doc>\n",
        'found "<doc title=\'x\'>\\ny</doc>", expected <doc id="…" title="…"> … </doc>',
    ),
}
"""By form: a record that is no document, and what is said of it."""


@pytest.mark.parametrize("form", DOCUMENT_FORMS)
def test_what_is_no_document_is_set_aside(form: str, tmp_path: Path) -> None:
    text, _, expected = FILES[form]
    line, found = BAD[form]
    text = text.removesuffix("\n") + "\n"
    (tmp_path / "in").write_text(text + line)
    said: list[str] = []
    store = build_corpus(tmp_path / "in", tmp_path / "store", form=form, message=said.append)
    assert (len(store.entries), store.manifest["counts"]["quarantined"]) == (len(expected), 1)
    aside = tmp_path / "store.quarantine.jsonl"
    place = f"{tmp_path}/in:{text.count(chr(10)) + 1}"
    assert json.loads(aside.read_text()) == {"place": place, "found": found, "line": line.strip()}
    assert said[-1] == f"1 lines are no documents: set aside in {aside}; the first: {place}: {found}"
    with pytest.raises(DataError, match=rf"in:{text.count(chr(10)) + 1}: found"):
        build_corpus(tmp_path / "in", tmp_path / "other", form=form, strict=True)
    assert not (tmp_path / "other").exists()


def test_other_encodings_are_named(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes('{"id": 1, "text": "a"}\n{"id": 2, "text": "ä"}\n'.encode("latin-1"))
    said: list[str] = []
    store = build_corpus(tmp_path / "in", tmp_path / "store", message=said.append)
    assert len(store.entries) == 1
    assert said[-1].endswith("in:2: found byte 0xe4, expected UTF-8: convert the file to UTF-8")
    assert json.loads((tmp_path / "store.quarantine.jsonl").read_text())["line"] == '{"id": 2, "text": "\\xe4"}'
    (tmp_path / "in").write_bytes('{"id": 1, "text": "a"}'.encode("utf-16"))
    with pytest.raises(DataError, match="in:1: found a UTF-16 byte order mark"):
        build_corpus(tmp_path / "in", tmp_path / "other")


def test_nothing_but_faults(tmp_path: Path) -> None:
    (tmp_path / "in").write_text('{"docid": 1}\n{"docid": 2}\n')
    with pytest.raises(
        DataError, match=r"in: found no documents, .*; 2 lines are no documents, the first: .*in:1: found no key"
    ):
        build_corpus(tmp_path / "in", tmp_path / "store")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_duplicates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        json.dumps({"id": row, "title": "t", "text": "same" if row in (1, 3, 4) else str(row)}) for row in range(6)
    ]
    (tmp_path / "1").write_text("\n\n".join(lines))
    said: list[str] = []
    store = build_corpus(tmp_path / "1", tmp_path / "store", message=said.append)
    assert store.manifest["counts"]["repeated_documents"] == 2
    assert said == ["2 documents have title and text of an earlier one: kept"]
    (tmp_path / "2").write_text("\n" + lines[2])
    for size in (1, 1 << 22):
        cut_small(monkeypatch, size)
        with pytest.raises(DataError, match=r"/2:2: found key '2' again, first in .*/1:5$"):
            build_corpus([tmp_path / "1", tmp_path / "2"], tmp_path / "other")
    (tmp_path / "2").write_text(lines[2] + "\n" + lines[2])
    with pytest.raises(DataError, match=r"/2:2: found key '2' again, first in .*/2:1$"):
        build_corpus([tmp_path / "2"], tmp_path / "other")


def test_a_large_document(tmp_path: Path) -> None:
    (tmp_path / "in").write_text(
        json.dumps({"id": "large", "text": "word " * 2_000_000}) + '\n{"id": "x", "text": "y"}'
    )
    store = build_corpus(tmp_path / "in", tmp_path / "store")
    index = open_terms(store)
    assert index is not None and index.lengths.tolist() == [2_000_000, 1]


def test_a_record_without_an_end_is_refused() -> None:
    """Whatever the length of the file."""
    blocks = chain((LINES.encode(),), repeat(b"x" * (1 << 20)))
    with pytest.raises(DataError, match=r"a:4: found a line or record of more than 64 MiB"):
        list(cut_shards([("a", blocks)], "corpus", 8))


def test_settings_are_checked(many: list[Path], tmp_path: Path) -> None:
    for settings, message in (
        ({"form": "pdf"}, "form is 'pdf', expected one of corpus, trec"),
        ({"fields": ["URL"]}, "fields: found 'URL', expected small letters"),
        ({"workers": 0}, "workers is 0, expected a whole number, at least 1"),
        ({"engine": "spark"}, "engine is 'spark', expected one of local, ray"),
        ({"language": "english"}, "language is 'english'"),
        ({"stem": False}, "unknown setting 'stem'"),
    ):
        with pytest.raises(ConfigError, match=message):
            build_corpus(many, tmp_path / "store", **settings)  # type: ignore[arg-type]
    assert not (tmp_path / "store").exists()


def test_ir_datasets(tmp_path: Path) -> None:
    ir_datasets = pytest.importorskip("ir_datasets")
    (tmp_path / "docs").write_text("d1\tfirst document\nd2\tsecond\n")
    (tmp_path / "queries").write_text("q1\tfirst?\n")
    (tmp_path / "qrels").write_text("q1 0 d2 1\n")
    files = {"docs_tsv": "docs", "queries_tsv": "queries", "qrels_trec": "qrels"}
    dataset = ir_datasets.create_dataset(**{what: str(tmp_path / name) for what, name in files.items()})
    told: list[int] = []
    store = build_ir_dataset(dataset, tmp_path / "store", progress=lambda _, done, __: told.append(done))
    assert (store.entries.keys_of([0, 1]), texts_of(store, "body")) == (["d1", "d2"], ["first document", "second"])
    judged = load_judgements(store)
    assert (judged.name, judged.document.tolist(), judged.grade.tolist()) == ("ir-datasets/test", [1], [1])
    assert told == [2]
    with pytest.raises(UnknownKey, match="unknown data set of ir_datasets 'vasvani'; nearest: vaswani"):
        build_ir_dataset("vasvani", tmp_path / "other")
    with pytest.raises(ConfigError, match="prefix is 'p', expected none"):
        build_ir_dataset(dataset, tmp_path / "other", prefix="p")
    queries = ir_datasets.create_dataset(queries_tsv=str(tmp_path / "queries"))
    with pytest.raises(DataError, match="has no documents"):
        build_ir_dataset(queries, tmp_path / "other")


def test_fields_of_ir_datasets(tmp_path: Path) -> None:
    documents = [
        SimpleNamespace(doc_id="1", title="T", abstract="A", authors=["X", "Y"]),
        SimpleNamespace(doc_id="2", title=None, abstract="B", authors=[]),
    ]
    dataset = SimpleNamespace(
        has_docs=lambda: True, has_queries=lambda: False, docs_count=lambda: 2, docs_iter=lambda: iter(documents)
    )
    store = build_ir_dataset(dataset, tmp_path / "store", fields={"author": "authors"})
    assert [texts_of(store, name) for name in ("title", "body", "author")] == [["T", ""], ["A", "B"], ["X\nY", ""]]


def test_other_fields_are_texts_as_json_writes_them(tmp_path: Path) -> None:
    line = '{"id": "a", "text": "x", "tags": ["é", 1.5, true, {"k": "ü"}], "ok": false, "none": null, "empty": []}'
    (tmp_path / "in").write_text(line)
    store = build_corpus(tmp_path / "in", tmp_path / "store", fields=["tags", "ok", "none", "empty"])
    assert texts_of(store, "tags") == ['é\n1.5\ntrue\n{"k": "ü"}']
    assert texts_of(store, "ok") == ["false"]
    assert not {"text/entries/en.none", "text/entries/en.empty"} & set(store.sections)
    with pytest.raises(ConfigError, match="found no name in the files for 'url'"):
        build_corpus(tmp_path / "in", tmp_path / "other", fields={"url": ""})


HOSTILE = 200_000
"""Repeated, a mark that is never closed: looked for to the end each time, it takes hours."""


def test_hostile_marks_are_read_in_linear_time(tmp_path: Path) -> None:
    marks = {
        "1": "<TEXT>" + "<!--" * HOSTILE,
        "2": "<TITLE " * HOSTILE,
        "3": "<TEXT>kept <!-- no --> <b>text <!-- open",
    }
    records = [f"<DOC><DOCNO>{key}</DOCNO>{text}</DOC>\n" for key, text in marks.items()]
    (tmp_path / "in").write_text("".join(records) + "<DOC>" + "<DOCNO>" * HOSTILE + "</DOC>\n")
    store = build_corpus(tmp_path / "in", tmp_path / "store", form="trec", index=False)
    assert (len(store.entries), store.manifest["counts"]["quarantined"]) == (3, 1)
    assert texts_of(store, "body")[2].split() == ["kept", "text", "<!--", "open"]
    (tmp_path / "wiki").write_text(f'<doc {"a" * HOSTILE} id="1">\nx\n</doc>\n')
    assert len(build_corpus(tmp_path / "wiki", tmp_path / "other", form="wikiextractor", index=False).entries) == 1


def test_a_place_that_cannot_hold_a_store_is_refused_before_reading(
    many: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kgr.data.documents.cut_shards", lambda *_: pytest.fail("was read"))
    there, taken = tmp_path / "old", tmp_path / "file"
    there.mkdir()
    (there / "CURRENT").touch()
    taken.touch()
    with pytest.raises(FormatError, match="a store is there already"):
        build_corpus(many, there)
    with pytest.raises(FormatError, match="exists and is no store"):
        build_corpus(many, taken)
    monkeypatch.chdir(tmp_path)
    for place in (".", ".."):
        with pytest.raises(FormatError, match="give one by its name"):
            build_corpus(many, place)


def test_a_quarantine_of_an_earlier_store_goes(tmp_path: Path) -> None:
    (tmp_path / "in").write_text('{"id": 1, "text": ""}')
    aside = tmp_path / "store.quarantine.jsonl"
    aside.touch()
    build_corpus(tmp_path / "in", tmp_path / "store")
    assert not aside.exists()
