"""What is exported is read again by our readers and by others', and nothing is lost unsaid."""

from __future__ import annotations

import errno
import gzip
import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import networkx
import numpy as np
import pytest
import rdflib
from click.testing import CliRunner
from odd_store import TRIPLES, add_odder, build_odd, facts, texts, types

import kgr
from kgr import _io
from kgr.cli import cli
from kgr.data import export as exports
from kgr.data.export import FORMATS, Format
from kgr.errors import FormatError
from kgr.index.check import check_store
from kgr.index.store import SPLITS, Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return build_odd(tmp_path_factory.mktemp("odd"))


@pytest.fixture(scope="module")
def odder(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return add_odder(build_odd(tmp_path_factory.mktemp("odder")))


def built(folder: Path, *splits: str) -> Store:
    """Build a store of an export as tables."""
    tables: dict[str, Any] = {f"{of}_table": folder / f"{of}.tsv" for of in ("entities", "relations", "types")}
    return kgr.build_store(folder / "store", **{split: folder / f"{split}.tsv" for split in splits}, **tables)


def test_tables_come_back(store: Store, tmp_path: Path) -> None:
    done = kgr.export(store, tmp_path / "out", "tsv")
    assert done.triples == {split: len(triples) for split, triples in TRIPLES.items()}
    assert done.left_out == ()
    again = built(tmp_path / "out", *TRIPLES)
    for split in TRIPLES:
        assert facts(again, split) == facts(store, split)
        assert np.array_equal(again.triples(split), store.triples(split))
    assert texts(again) == texts(store)
    assert types(again) == types(store)


def test_what_tables_cannot_hold_is_counted(odder: Store, tmp_path: Path) -> None:
    said: list[str] = []
    done = kgr.export(odder, tmp_path / "out", "tsv", message=said.append)
    assert said == [f"{tmp_path / 'out'}: {line}" for line in done.left_out]
    assert sorted(done.left_out) == [
        "1 texts with tabs or line ends: written with spaces",
        "2 texts beside the first of their field and language: left out",
        "without 1 entries outside the graph (documents, or in no triple) and what is said of these",
        "without other sections of the store, for which tsv has no place: vectors (1)",
    ]
    again = built(tmp_path / "out", "train", "valid", "test")
    assert facts(again, *SPLITS) == facts(odder, *SPLITS)
    assert {text for *_, text in texts(odder)} - {text for *_, text in texts(again)} == {
        "two\nlines\tand\x01",
        "again",
        "Zweite",
        "a text",
    }


@pytest.mark.parametrize("form", ["nt", "ttl"])
def test_rdf_says_the_same_to_other_parsers(odder: Store, tmp_path: Path, form: Format) -> None:
    done = kgr.export(odder, tmp_path / "out", form)
    found = rdflib.Graph().parse(tmp_path / "out", format=form)
    expected = odder.to_rdflib()
    assert set(found) == set(expected)
    assert len(expected) == len(facts(odder, *SPLITS)) + len(types(odder)) + len(texts(odder))
    assert done.triples == {"train": 6, "valid": 2, "test": 1}
    assert done.left_out == (
        "without the triples of test_negatives; they are written when they are named as splits",
        f"train, valid, test stand together, for {form} has no splits; one alone is written when it is named",
        f"without what entries are, documents, synsets or sememes: {form} has things alone",
        f"without other sections of the store, for which {form} has no place: vectors (1)",
    )
    pyoxigraph = pytest.importorskip("pyoxigraph")
    other = pyoxigraph.parse(path=str(tmp_path / "out"), format=pyoxigraph.RdfFormat.from_extension(form))
    assert len(set(other)) == len(found)


@pytest.mark.parametrize("form", ["nt", "ttl", "nt.gz"])
def test_rdf_comes_back(odder: Store, tmp_path: Path, form: str) -> None:
    kgr.export(odder, tmp_path / f"out.{form}", form.removesuffix(".gz"))  # type: ignore[arg-type]
    command = ["build", "--format", "rdf", str(tmp_path / f"out.{form}"), "--out", str(tmp_path / "store")]
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == 0, result.output
    again = Store(tmp_path / "store")
    assert facts(again, "train") == facts(odder, *SPLITS)
    assert texts(again) == texts(odder)
    assert types(again) == types(odder)
    assert not again.manifest["counts"]["irregular_iris"]


def test_the_type_of_rdf_may_be_spoken_of(tmp_path: Path) -> None:
    kind = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
    (tmp_path / "in.nt").write_text(f"<http://a/x> <http://a/about> {kind} .\n{kind} <http://a/about> <http://a/x> .\n")
    kgr.export(kgr.build_rdf(tmp_path / "in.nt", tmp_path / "one"), tmp_path / "out.ttl", "ttl")
    again = kgr.build_rdf(tmp_path / "out.ttl", tmp_path / "two")
    assert set(facts(again, "train")) == set(facts(kgr.open_store(tmp_path / "one"), "train"))


def test_one_split_alone(store: Store, tmp_path: Path) -> None:
    done = kgr.export(store, tmp_path / "out.nt", "nt", splits=["test_negatives"])
    assert done.triples == {"test_negatives": 1}
    lines = (tmp_path / "out.nt").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "<urn:kgr:entity:/m/027rn> <urn:kgr:relation:P2> <urn:kgr:entity:Q1> ."


def test_turtle_is_short_and_by_subject(store: Store, tmp_path: Path) -> None:
    kgr.export(store, tmp_path / "out.ttl", "ttl")
    text = (tmp_path / "out.ttl").read_text(encoding="utf-8")
    assert "\nentity:Q1 a type:human ;\n    a <http://dbpedia.org/ontology/City> ;\n" in text
    assert "    relation:P1 entity:Q1, <urn:kgr:entity:/m/027rn> ;\n" in text
    assert text.count("\nentity:Q1 ") == 1


def test_json_lines_hold_everything_but_vectors(odder: Store, tmp_path: Path) -> None:
    done = kgr.export(odder, tmp_path / "out.jsonl.gz", "jsonl")
    assert done.left_out == ("without other sections of the store, for which jsonl has no place: vectors (1)",)
    lines = [json.loads(line) for line in gzip.decompress((tmp_path / "out.jsonl.gz").read_bytes()).splitlines()]
    triples = [line for line in lines if line["kind"] == "triple"]
    for split, own in TRIPLES.items():
        assert [(t["head"], t["relation"], t["tail"]) for t in triples if t["split"] == split] == own
    of = {"relation": "relations", "type": "types"}
    described = [line for line in lines if line["kind"] != "triple"]
    found = {
        (of.get(line["kind"], "entries"), line["key"], field, language, text)
        for line in described
        for field, by_language in line["texts"].items()
        for language, own_texts in by_language.items()
        for text in own_texts
    }
    assert found == texts(odder)
    assert {(line["key"], type) for line in described for type in line.get("types", ())} == types(odder)
    assert [line["kind"] for line in described if line["key"] == "doc:1"] == ["document"]


def test_graphml_is_what_networkx_is_given(odder: Store, tmp_path: Path) -> None:
    done = kgr.export(odder, tmp_path / "out.graphml", "graphml", language="de")
    assert "1 labels with characters that XML cannot hold: written with U+FFFD" in done.left_out
    found = networkx.read_graphml(tmp_path / "out.graphml", force_multigraph=True)
    expected = odder.to_networkx(language="de")
    relabelled = {**dict(expected.nodes(data=True)), odder.entries.key(1): {"label": "\ufffd\ufffd"}}
    assert dict(found.nodes(data=True)) == relabelled
    # the triple that train and valid share is two edges here, and the first of them there
    rows = [(head, tail, data["relation"], data["label"], data["split"]) for head, tail, data in found.edges(data=True)]
    more = ("Q1", "/m/027rn", "P1", "führt zu", "valid")
    assert sorted(rows) == sorted([more, *((h, t, *data.values()) for h, t, data in expected.edges(data=True))])


def test_line_ends_in_labels_stay_in_graphml(tmp_path: Path) -> None:
    (tmp_path / "in.nt").write_text(
        '<e:a> <e:p> <e:b> .\n<e:a> <http://www.w3.org/2000/01/rdf-schema#label> "1\\r2\\r\\n3\\t4\\u00855\\u00086" .\n'
    )
    done = kgr.export(kgr.build_rdf(tmp_path / "in.nt", tmp_path / "store"), tmp_path / "out", "graphml")
    found = networkx.read_graphml(tmp_path / "out")
    assert found.nodes["e:a"]["label"] == "1\r2\r\n3\t4\u00855\ufffd6"
    assert "1 labels with characters that XML cannot hold: written with U+FFFD" in done.left_out


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("call", ["_write", "_sync", "_rename"])
def test_a_full_disk_leaves_what_was_there(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: Format, call: str
) -> None:
    out = tmp_path / "out"
    if form != "tsv":
        out.write_text("before")

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(_io, call, full)
    result = CliRunner().invoke(cli, ["export", str(store.path), str(out), "--format", form])
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.endswith("No space left on device")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"] * (form != "tsv")


def test_a_small_disk(odder: Store, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        result = CliRunner().invoke(cli, ["export", "atlas", str(disk / "out.nt"), "--format", "nt"])
        assert result.exit_code == 1
        assert result.stderr.splitlines()[-1].endswith("No space left on device")
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["out", "--format", "nt", "--split", "tset"], "unknown split 'tset'; nearest: test"),
        (["out", "--format", "ttl", "--language", "de"], "language is 'de', but ttl has the texts of all languages"),
        (["full", "--format", "tsv"], "full: exists already; give a new or an empty folder"),
        (["full", "--format", "nt"], "full: is a folder, but nt is one file; give its name"),
        (["nowhere/out", "--format", "nt"], "nowhere: No such file or directory"),
    ],
)
def test_bad_input(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], line: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    result = CliRunner().invoke(cli, ["export", str(store.path), *words])
    assert result.exit_code == 1
    (said,) = result.stderr.splitlines()
    assert line in said
    assert [path.name for path in tmp_path.iterdir()] == ["full"]


def test_bad_formats_and_keys(store: Store, tmp_path: Path) -> None:
    assert get_args(Format) == FORMATS
    with pytest.raises(kgr.ConfigError, match="format is 'xml', expected one of nt, ttl, tsv, jsonl, graphml"):
        kgr.export(store, tmp_path / "out", "xml")  # type: ignore[arg-type]
    (tmp_path / "train.tsv").write_text("a\x01b\tr\tc\n")
    odd = kgr.build_store(tmp_path / "store", train=tmp_path / "train.tsv")
    with pytest.raises(kgr.DataError, match=r"key 'a\\x01b': XML has no place for it"):
        kgr.export(odd, tmp_path / "out", "graphml")
    assert not (tmp_path / "out").exists()


def test_documents_alone_are_texts_alone(tmp_path: Path) -> None:
    (tmp_path / "docs.jsonl").write_text('{"id": "d1", "title": "one", "text": "two"}\n{"id": "d2", "text": ""}\n')
    store = kgr.build_corpus([tmp_path / "docs.jsonl"], tmp_path / "store", index=False)
    done = kgr.export(store, tmp_path / "out.nt", "nt")
    assert (done.triples, len(done.left_out)) == ({}, 2)
    assert done.left_out[0] == "without 1 entries of which nothing is said: no triple, type or text"
    assert done.left_out[1].startswith("without what entries are, documents, synsets or sememes")
    assert '<urn:kgr:entity:d1> <urn:kgr:text:title> "one"@en .\n' in (tmp_path / "out.nt").read_text()
    with pytest.raises(kgr.DataError, match="has no graph"):
        kgr.export(store, tmp_path / "out.graphml", "graphml")


def test_pieces_are_written_as_they_come() -> None:
    """A file is made of pieces of about a megabyte, whatever its lines are."""
    pieces = list(exports._chunks("x" * 999 + "\n" for _ in range(5000)))
    assert b"".join(pieces) == b"".join(b"x" * 999 + b"\n" for _ in range(5000))
    assert max(map(len, pieces)) <= exports._CHUNK + 1000


def test_an_export_goes_where_its_place_leads(store: Store, tmp_path: Path) -> None:
    kgr.export(store, tmp_path / "plain.nt", "nt")
    plain = (tmp_path / "plain.nt").read_bytes()
    (tmp_path / "target").write_text("before")
    (tmp_path / "link").symlink_to("target")
    kgr.export(store, tmp_path / "link", "nt")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "target").read_bytes() == plain
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit((tmp_path / "pipe").read_bytes)
        kgr.export(store, tmp_path / "pipe", "nt")
        assert read.result(timeout=60) == plain
    assert (tmp_path / "pipe").is_fifo()


def test_an_export_into_a_store_is_refused(store: Store) -> None:
    for name in ("CURRENT", "more/out.nt"):
        with pytest.raises(FormatError, match="lies within a store"):
            kgr.export(store, store.path / name, "nt")
    assert check_store(store.path) == []
