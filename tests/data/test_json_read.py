"""JSON lines as a store: what is exported comes back, in any order of lines, and nothing is dropped silently."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from odd_store import add_odder, build_odd, facts, texts, types

import kgr
from kgr.cli import cli
from kgr.data.document_shards import cut_records
from kgr.data.known import build_known
from kgr.errors import DataError, FormatError
from kgr.graph.graph import load_graph
from kgr.index.check import check_store
from kgr.index.kinds import DOCUMENT, ENTITY, SEMEME, SYNSET
from kgr.index.statements import OF
from kgr.index.store import Section, Store, extend_store

Build = Callable[..., Store]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Build a store of lines, each an object or as it stands in the file."""

    def build(*lines: dict[str, Any] | str, **settings: Any) -> Store:
        text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
        (tmp_path / "in.jsonl").write_text(text, encoding="utf-8")
        return kgr.build_json(tmp_path / "in.jsonl", tmp_path / "store", **settings)

    return build


def triple(head: str, relation: str, tail: str, split: str = "train") -> dict[str, Any]:
    return {"kind": "triple", "head": head, "relation": relation, "tail": tail, "split": split}


def keys(store: Store) -> list[str]:
    return store.entries.keys_of(range(len(store.entries)))


def again(store: Store, folder: Path, name: str = "out.jsonl") -> Store:
    kgr.export(store, folder / name, "jsonl")
    return kgr.build_json(folder / name, folder / "again")


def assert_equal(found: Store, store: Store) -> None:
    """Compare all that lines hold, in its order."""
    assert (found.entities, found.splits) == (store.entities, store.splits)
    assert np.array_equal(found.kinds, store.kinds)
    for of in OF:
        assert found.keys(of).bytes.tobytes() == store.keys(of).bytes.tobytes()
        assert np.array_equal(found.keys(of).offsets, store.keys(of).offsets)
    for split in store.splits:
        assert np.array_equal(found.triples(split), store.triples(split))
    assert (found.types is None) == (store.types is None)
    if found.types and store.types:
        for entry in range(len(store.entries)):
            assert np.array_equal(found.types.of(entry), store.types.of(entry))
    names = {name for name in store.sections if name.startswith("text/")}
    assert {name for name in found.sections if name.startswith("text/")} == names
    for name in names:
        for array, values in store.section(name).items():
            assert np.array_equal(found.section(name)[array], values), name
    for of in OF:  # in no language of the store: the first that a thing has
        count = len(store.keys(of))
        assert found.labels(of, 0, count, "xx") == store.labels(of, 0, count, "xx")
    assert check_store(found.path) == []


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz"])
def test_an_odd_store_comes_back(name: str, tmp_path: Path) -> None:
    store = add_odder(build_odd(tmp_path))
    found = again(store, tmp_path, name)
    assert_equal(found, store)
    assert np.array_equal(load_graph(found).tails(0, 0), load_graph(store).tails(0, 0))
    counted = {name: count for name, count in store.manifest["counts"].items() if name != "duplicates"}
    assert counted.items() <= found.manifest["counts"].items()


def test_the_atlas_comes_back(tmp_path: Path) -> None:
    store = build_known("atlas", tmp_path / "atlas")
    assert_equal(again(store, tmp_path), store)


def test_documents_come_back_with_their_texts(tmp_path: Path) -> None:
    lines = [
        {"id": "d2", "title": "T", "text": "a\nb"},
        {"id": "d1", "text": ""},
        {"id": "d3", "text": "c", "url": "u"},
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    store = kgr.build_corpus(tmp_path / "in.jsonl", tmp_path / "store", fields=["url"], language="pt-BR")
    found = again(store, tmp_path)
    assert_equal(found, store)
    assert ("entries", "d3", "url", "pt-BR", "u") in texts(found)
    assert (found.entities, found.manifest["counts"]["documents"]) == (0, 3)


def test_rdf_comes_back_with_entries_in_no_triple(tmp_path: Path) -> None:
    (tmp_path / "in.nt").write_text(
        "<http://e/a> <http://e/r> <http://e/b> .\n"
        '<http://e/x> <http://www.w3.org/2000/01/rdf-schema#label> "X"@fr .\n'
        '<http://e/x> <http://www.w3.org/2000/01/rdf-schema#label> "x"@de .\n'
        '<http://e/b> <http://www.w3.org/2000/01/rdf-schema#label> "b"@de .\n'
        "<http://e/b> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://e/T> .\n"
    )
    store = kgr.build_rdf(tmp_path / "in.nt", tmp_path / "store")
    found = again(store, tmp_path)
    assert_equal(found, store)
    assert (found.entities, found.manifest["counts"]["entries_without_triples"]) == (2, 1)


def test_predicted_triples_come_back_and_it_is_said(tmp_path: Path) -> None:
    store = build_odd(tmp_path)
    store = extend_store(store, {"triples/predicted": Section({"ids": store.triples("valid").copy()})})
    kgr.export(store, tmp_path / "out.jsonl", "jsonl")
    said: list[str] = []
    assert_equal(kgr.build_json(tmp_path / "out.jsonl", tmp_path / "again", message=said.append), store)
    assert f"{tmp_path / 'out.jsonl'}: found triples of predicted, splits of no known name: kept" in said


def test_lines_in_any_order_and_in_several_files(tmp_path: Path) -> None:
    store = build_odd(tmp_path)
    kgr.export(store, tmp_path / "out.jsonl", "jsonl")
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    random.Random(0).shuffle(lines)
    for part in range(2):
        (tmp_path / f"{part}.jsonl").write_text("".join(lines[part::2]), encoding="utf-8")
    found = kgr.build_json([tmp_path / "0.jsonl", tmp_path / "1.jsonl"], tmp_path / "again", name="mine")
    described = [json.loads(line) for line in lines[::2] + lines[1::2]]
    entities = [line["key"] for line in described if line["kind"] == "entity"]
    assert (keys(found), found.name, found.splits[0]) == (entities, "mine", "train")
    for split in store.splits:
        assert facts(found, split) == facts(store, split)
    assert (texts(found), types(found)) == (texts(store), types(store))


def test_how_things_are_numbered(build: Build) -> None:
    said: list[str] = []
    store = build(
        triple("z", "s", "a", "test"),
        {"kind": "document", "key": "d"},
        {"kind": "entity", "key": "lonely", "types": ["U", "T"]},
        triple("a", "r", "y"),
        {"kind": "synset", "key": "a", "texts": {"gloss": {"PT-br": ["1", ""], "pt-BR": ["2"], "en": []}}},
        {"kind": "sememe", "key": "b"},
        {"kind": "relation", "key": "r"},
        {"kind": "type", "key": "T"},
        triple("a", "r", "y"),
        message=said.append,
    )
    assert keys(store) == ["lonely", "a", "b", "z", "y", "d"]
    assert store.entities == 5
    assert store.kinds.tolist() == [ENTITY, ENTITY | SYNSET, ENTITY | SEMEME, ENTITY, ENTITY, DOCUMENT]
    assert (store.relations.keys_of([0, 1]), store.keys("types").keys_of([0, 1])) == (["r", "s"], ["T", "U"])
    assert store.types is not None and store.types.of(0).tolist() == [1, 0]
    assert (store.triples("train").tolist(), store.triples("test").tolist()) == ([[1, 0, 4]], [[3, 1, 1]])
    assert [name for name in store.sections if "text" in name] == ["text/entries/pt-BR.gloss"]
    found = store.texts("entries", "gloss", "pt-BR")
    assert found is not None and found.all(1) == ["1", "", "2"]
    where = str(store.path.with_name("in.jsonl"))
    assert said[0] == f"{where}: 2 entities are in triples, but no line describes them: kept after the others"
    assert said[1] == f"{where}, train: 1 duplicate triples removed"


def test_entries_after_the_last_with_a_triple_are_outside_the_graph(build: Build) -> None:
    store = build(*({"kind": "entity", "key": key} for key in "abcd"), triple("c", "r", "a"))
    assert (keys(store), store.entities) == (["a", "b", "c", "d"], 3)


def test_a_store_without_train(build: Build) -> None:
    said: list[str] = []
    store = build(triple("a", "r", "b", "test"), message=said.append)
    assert (store.splits, len(store.triples("train")), facts(store, "test")) == (
        ("train", "test"),
        0,
        {("a", "r", "b")},
    )
    assert said[0].endswith("in.jsonl: found no triples of train: there is nothing to train on")


ENTITY_LINE = {"kind": "entity", "key": "a"}
KINDS = "entity, document, synset, sememe, relation, type, triple"
BAD = [
    ("no", "found no JSON at column 1"),
    ("[1]", "found list, expected one JSON object a line"),
    ('{"kind": "entity", "key": "a", "key": "b"}', "'key' is there twice"),
    ({"key": "a"}, f"found no 'kind', expected one of {KINDS}"),
    ({"kind": "thing", "key": "a"}, f"found kind 'thing', expected one of {KINDS}"),
    ({"kind": ["entity"]}, f"found kind list, expected one of {KINDS}"),
    ({"kind": "entity"}, "found no 'key', expected in a line of kind entity: kind, key"),
    ({"kind": "triple", "head": "a", "relation": "r", "split": "train"}, "found no 'tail', expected in a line of kind"),
    (
        {**ENTITY_LINE, "label": "A"},
        "found 'label', expected in a line of kind entity nothing but kind, key, types, tex",
    ),
    ({"kind": "relation", "key": "r", "types": []}, "found 'types', expected in a line of kind relation nothing but"),
    ({"kind": "entity", "key": 1}, "found key 1, expected a key, in quotes"),
    ({"kind": "entity", "key": "a\tb"}, r"key 'a\tb' has a tab"),
    ({"kind": "relation", "key": "^r"}, "relation '^r': begins with ^, which inverts a relation in queries; rename it"),
    (triple("a", "^r", "b"), "relation '^r': begins with ^"),
    (triple("a", "", "b"), "relation '' is empty"),
    (triple("a", "r", "b", "a/b"), "found split 'a/b', expected train, valid, test, or a name of letters, digits, - a"),
    ({**triple("a", "r", "b"), "split": None}, "found split None, expected train, valid, test"),
    ({**ENTITY_LINE, "types": "T"}, "found types: 'T', expected a list, [ … ]"),
    ({**ENTITY_LINE, "types": [{}]}, "found type dict, expected a key, in quotes"),
    ({**ENTITY_LINE, "types": ["T", "T"]}, "found a type twice in types, expected each once"),
    ({**ENTITY_LINE, "texts": ["A"]}, "found texts: list, expected an object, { … }"),
    ({**ENTITY_LINE, "texts": {"label": "A"}}, "found texts 'label': 'A', expected an object, { … }"),
    ({**ENTITY_LINE, "texts": {"label": {"en": "A"}}}, "found texts 'label' 'en': 'A', expected a list, [ … ]"),
    ({**ENTITY_LINE, "texts": {"label": {"en": [1]}}}, "found 1 in texts 'label' 'en', expected texts, in quotes"),
    (
        {**ENTITY_LINE, "texts": {"label": {"en": ["\ud800"]}}},
        "found a text in texts 'label' 'en' that is not valid Uni",
    ),
    (
        {**ENTITY_LINE, "texts": {"label": {"e": ["A"]}}},
        "found the language 'e', expected a tag such as en, zh or pt-BR",
    ),
    ({**ENTITY_LINE, "texts": {"label": {f"en-{'x' * 90}": ["A"]}}}, "found the language 'en-xxx"),
    ({**ENTITY_LINE, "texts": {"Label": {"en": ["A"]}}}, "found the field 'Label', expected a short name of small let"),
    ({**ENTITY_LINE, "texts": {"l" * 200: {"en": ["A"]}}}, "found the field 'lll"),
    (
        {"kind": "entity", "key": "first"},
        "found the entity 'first' again, the entity of FILE:1; expected one line fo",
    ),
    (
        {"kind": "document", "key": "first"},
        "found the document 'first' again, the entity of FILE:1; expected one line",
    ),
    (
        triple("d", "r", "first"),
        "found the document 'd' in a triple, but documents are outside the graph; expected an ",
    ),
    ({"kind": "document", "key": "named"}, "found the document 'named', which an earlier triple names, but documents"),
]


@pytest.mark.parametrize(("line", "message"), BAD)
def test_bad_lines_are_set_aside_or_stop_the_build(
    line: dict[str, Any] | str, message: str, build: Build, tmp_path: Path
) -> None:
    good = [{"kind": "entity", "key": "first"}, {"kind": "document", "key": "d"}, triple("first", "r", "named")]
    place = f"{tmp_path / 'in.jsonl'}:4"
    with pytest.raises(DataError) as error:
        build(*good, line, strict=True)
    assert str(error.value).startswith(f"{place}: ")
    assert message.replace("FILE", str(tmp_path / "in.jsonl")) in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]
    said: list[str] = []
    store = build(*good, line, message=said.append)
    assert (keys(store), facts(store, "train")) == (["first", "named", "d"], {("first", "r", "named")})
    assert store.manifest["counts"]["quarantined"] == 1
    (aside,) = (tmp_path / "store.quarantine.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(aside)["place"] == place
    assert (
        said[-1]
        == f"1 lines are no records: set aside in {tmp_path / 'store.quarantine.jsonl'}; the first: {error.value}"
    )


def test_nothing_to_keep(build: Build) -> None:
    with pytest.raises(
        DataError, match=r"found no records, expected at least one; 1 lines are no records, the first: .*:1: "
    ):
        build("{}")


def test_a_place_that_is_taken_is_refused_before_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")
    with pytest.raises(FormatError, match="exists and is no store"):
        kgr.build_json(tmp_path / "absent.jsonl", tmp_path / "store")


def test_blocks_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = build_odd(tmp_path)
    kgr.export(store, tmp_path / "out.jsonl", "jsonl")
    with monkeypatch.context() as patch:
        patch.setattr(
            "kgr.data.json_read.cut_records", lambda where, blocks, ends, _: cut_records(where, blocks, ends, 1)
        )
        patch.setattr("kgr.data.json_read._BLOCK", 7)
        assert_equal(kgr.build_json(tmp_path / "out.jsonl", tmp_path / "again"), store)


def test_the_command(tmp_path: Path) -> None:
    line = json.dumps(triple("a", "r", "b"))
    (tmp_path / "in.jsonl").write_text(f"{line}\nbad\n")
    command = ["build", "--format", "jsonl", str(tmp_path / "in.jsonl"), "--out", str(tmp_path / "store")]
    stopped = CliRunner().invoke(cli, [*command, "--strict"])
    assert stopped.exit_code == 1 and f"{tmp_path / 'in.jsonl'}:2: found no JSON" in stopped.stderr
    done = CliRunner().invoke(cli, [*command, "--json"])
    assert json.loads(done.stdout)["counts"]["train"] == 1 and "1 lines are no records" in done.stderr
    for more, said in (
        ("--language", "is for documents"),
        ("--strip", "is for --format rdf"),
        ("--train", "no other fi"),
    ):
        refused = CliRunner().invoke(cli, [*command, more, "x"])
        assert refused.exit_code == 2 and said in refused.stderr


def test_bad_lines_that_cannot_be_kept_leave_no_store(build: Build, tmp_path: Path) -> None:
    (tmp_path / "store.quarantine.jsonl").mkdir()
    with pytest.raises(OSError, match="directory"):
        build(triple("a", "r", "b"), "no record")
    assert not (tmp_path / "store").exists()
    (tmp_path / "store.quarantine.jsonl").rmdir()
    assert build(triple("a", "r", "b"), "no record").entities == 2
    assert json.loads((tmp_path / "store.quarantine.jsonl").read_text())["line"] == "no record"
