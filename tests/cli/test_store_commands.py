"""Verbs that make stores and look into them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from synset_folder import built_synsets
from wordnet_folder import write_wordnet

from kgr.data.known import known_names
from kgr.graph.graph import load_graph
from kgr.index.store import Store
from kgr.query.statistics import sampling_statistics
from kgr.query.words import STRUCTURES

Kgr = Callable[..., Result]


def test_data_list(kgr: Kgr, kgr_json: Callable[..., Any]) -> None:
    graphs, collections, marks = (part.splitlines() for part in kgr("data", "list").stdout.split("\n\n"))
    assert marks == ["* untested: no test of kgr has built it from its own files"]
    assert graphs[0].split() == ["name", "entities", "relations", "triples", "size", "at", "hand", "licence"]
    assert collections[0].split()[:5] == ["name", "documents", "queries", "judgements", "size"]
    assert sorted(line.split()[0].rstrip("*") for line in graphs[1:] + collections[1:]) == list(known_names())
    assert collections[2].split()[:7] == ["cranfield", "1,400", "225", "1,837", "binary,", "1,837", "graded"]
    assert graphs[1].split()[:6] == ["atlas", "3,336", "30", "12,125", "1.4", "MB"]
    rows = {row["name"]: row for row in kgr_json("data", "list")["datasets"]}
    assert list(rows) == list(known_names())
    assert [name for name, row in rows.items() if row["untested"]] == [
        "fb15k-betae",
        "nell-betae",
        "ogbl-wikikg2",
        "wikidata5m",
        "yago3-10",
    ]
    assert "share-alike" in rows["codex-s"]["restrictions"]


def test_data_list_says_what_is_at_hand(
    kgr: Kgr, kgr_json: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KGR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KGR_MIRROR", str(tmp_path / "mirror"))

    def held(name: str) -> dict[str, Any]:
        (row,) = (row for row in kgr_json("data", "list")["datasets"] if row["name"] == name)
        at_hand: dict[str, Any] = row["at_hand"]
        return at_hand

    none = {"bytes": 0, "unsized": 1, "unverified": 1, "files": 1, "fetched": 0, "mirrored": 0, "store": None}
    assert held("yago3-10") == none
    assert held("atlas")["fetched"] == held("atlas")["files"] == 10
    nations = held("nations")
    assert (nations["bytes"], nations["mirrored"]) == (8077, 0)
    path = tmp_path / "mirror/kg/small/nations.tar.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(8076))  # not its size
    assert held("nations")["mirrored"] == 0
    path.write_bytes(bytes(8077))
    assert held("nations")["mirrored"] == 1
    assert "1 of 1 files in the mirror" in kgr("data", "list").stdout
    kgr("build", "atlas")
    assert held("atlas")["store"] == str(tmp_path / "home/stores/atlas")


def test_data_list_and_verify_of_a_first_download(
    kgr: Kgr, kgr_json: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KGR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KGR_MIRROR", str(tmp_path / "mirror"))

    def listed() -> str:
        return next(line for line in kgr("data", "list").stdout.splitlines() if line.startswith("nell-betae"))

    assert "nothing, no checksum published" in listed()
    path = tmp_path / "mirror/multihop/KG_data.zip"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"the first")
    assert "no checksum is published; that of this download, sha256" in kgr("data", "get", "nell-betae").stderr
    assert "1 of 1 files here" in listed()
    assert "no checksum" not in listed()
    assert "whole" in kgr("data", "verify", "nell-betae").stdout
    (tmp_path / "home/downloads/multihop/KG_data.zip").write_bytes(b"the other")
    assert "sha256" in kgr("data", "verify", "nell-betae", code=1).stdout


def test_data_verify_where_no_checksum_is_published(kgr: Kgr, tmp_path: Path) -> None:
    path = tmp_path / "kg/YAGO3-10/YAGO3-10.tar.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"whatever")
    assert "unverified" in kgr("data", "verify", "yago3-10", "--to", str(tmp_path), code=1).stdout


def test_data_get_unpacks(kgr: Kgr, mirror: Path, tmp_path: Path) -> None:
    lines = kgr("data", "get", "umls", "--to", str(tmp_path), "--unpack").stdout.splitlines()
    assert lines == [str(tmp_path / "kg/small/umls.tar.gz"), str(tmp_path / "kg/small/umls")]
    assert (tmp_path / "kg/small/umls/valid.txt").stat().st_size == 32963
    again = kgr("data", "get", "umls", "--to", str(tmp_path), "--unpack")
    assert "is there already" in again.stderr
    assert "its terms are to be checked" in again.stderr


def test_data_verify(kgr: Kgr, kgr_json: Callable[..., Any], tmp_path: Path) -> None:
    found = kgr_json("data", "verify", "atlas")
    assert found["whole"] is True
    assert {file["state"] for file in found["files"].values()} == {"whole"}
    absent = kgr("data", "verify", "codex-s", "--to", str(tmp_path), code=1)
    assert "missing" in absent.stdout
    assert "missing (optional)" in absent.stdout
    assert "nearest: atlas" in kgr("data", "verify", "atlsa", code=1).stderr


def test_data_get(kgr: Kgr, mirror: Path, tmp_path: Path) -> None:
    names = kgr("data", "get", "codex-s", "--to", str(tmp_path)).stdout.split()
    assert all(Path(name).is_file() for name in names)
    assert "whole" in kgr("data", "verify", "codex-s", "--to", str(tmp_path)).stdout
    with Path(names[0]).open("r+b") as file:
        file.write(b"\0")
    assert "sha256" in kgr("data", "verify", "codex-s", "--to", str(tmp_path), code=1).stdout


def test_data_get_of_an_embedded_set(kgr: Kgr) -> None:
    result = kgr("data", "get", "atlas")
    assert result.stdout == ""
    assert result.stderr == "atlas: nothing to fetch, it travels with kgr\n"


def test_build_from_files(kgr: Kgr, kgr_json: Callable[..., Any], place: Any, tmp_path: Path) -> None:
    files = [f"--{split}={place.folder / split}.tsv" for split in ("train", "valid", "test")]
    tables = [f"--entities={place.folder / 'entities.tsv'}"]
    found = kgr_json("build", "--format", "triples", *files, *tables, "--out", str(tmp_path / "store"))
    assert found["counts"]["entities"] == 40
    store = Store(tmp_path / "store")
    assert store.manifest["counts"] == found["counts"]
    assert store.label("entries", store.entries.id("e7"), "ar") == "دولة 7"
    again = kgr("build", *files, "--out", str(tmp_path / "store"), code=1)
    assert "already" in again.stderr
    assert "train" in kgr("build", *files, "--out", str(tmp_path / "other")).stdout


def test_build_of_ids(kgr: Kgr, kgr_json: Callable[..., Any], tmp_path: Path) -> None:
    triples = np.array([[0, 0, 12], [3, 1, 0], [0, 0, 12]])
    paths = [tmp_path / f"{name}.npy" for name in ("heads", "relations", "tails", "valid")]
    for path, array in zip(paths, [*triples.T, triples[1:2]], strict=True):
        np.save(path, array)
    train = [part for path in paths[:3] for part in ("--train", str(path))]
    ids = ("build", "--format", "ids", *train, "--valid", str(paths[3]), "--out", str(tmp_path / "store"))
    counts = kgr_json(*ids)["counts"]
    assert [counts[what] for what in ("entities", "relations", "train", "duplicates", "repeated")] == [13, 2, 2, 1, 1]
    assert Store(tmp_path / "store").triples("train").tolist() == [[0, 0, 12], [3, 1, 0]]
    assert "tables of texts" in kgr(*ids, "--relations", "x.tsv", code=2).stderr


def test_build_of_a_known_set(kgr: Kgr, tmp_path: Path) -> None:
    output = kgr("build", "atlas", "--out", str(tmp_path / "atlas"))
    assert "3,336" in output.stdout
    assert "licence" in output.stderr
    assert Store(tmp_path / "atlas").name == "atlas"


def test_build_usage(kgr: Kgr, tmp_path: Path) -> None:
    assert "--train" in kgr("build", code=2).stderr
    assert "--out" in kgr("build", "--train", "x", code=2).stderr
    assert "known data set" in kgr("build", "--partial", "--train", "x", "--out", "y", code=2).stderr
    assert "not both" in kgr("build", "atlas", "--train", "x", code=2).stderr


def test_build_of_documents(kgr: Kgr, kgr_json: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"id": "a", "text": "eins"}\n{"id": "b", "text": ""}\n')
    (tmp_path / "queries.jsonl").write_text('{"_id": "q", "text": "?"}\n')
    (tmp_path / "qrels.txt").write_text("q 0 a 1\n")
    documents = {"documents": 2, "documents_without_text": 1, "repeated_documents": 0, "quarantined": 0}
    corpus = ["--format", "corpus", str(tmp_path / "corpus.jsonl"), "--language", "de"]
    assert kgr_json("build", *corpus, "--out", str(tmp_path / "corpus"))["counts"] == documents
    assert Store(tmp_path / "corpus").languages("entries", "body") == ("de",)
    store = str(tmp_path / "beir")
    built = kgr("build", "--format", "beir", str(tmp_path), "--out", store)
    assert "1 documents have no text: kept: b" in built.stderr
    assert ["test", "judgements", "1"] in [line.split() for line in built.stdout.splitlines()]
    assert kgr("check", store).stdout == f"{store}: whole\n"
    assert ["queries", "1"] in [line.split() for line in kgr("show", store).stdout.splitlines()]
    assert kgr("show", store, "a").stdout.split("\n\n") == ["document 0", "key      a\nlabel    a\nbody.en  eins\n"]
    for verb in (["sample", "--out", "q"], ["analyze"], ["train-multihop", "--out", str(tmp_path / "run")]):
        refused = kgr(verb[0], store, *verb[1:], code=1).stderr
        assert refused == f"kgr: error: {store}: has no graph, only 2 documents; give a store with triples\n"
    assert not (tmp_path / "run").exists()


def test_build_usage_of_documents(kgr: Kgr) -> None:
    for form in ("betae", "babelsememe", "beir"):
        assert "takes a folder and --out" in kgr("build", "--format", form, "x", "y", "--out", "z", code=2).stderr
        assert "folder: --out" in kgr("build", "--format", form, "x", code=2).stderr
    assert "files or folders" in kgr("build", "--format", "corpus", "--out", "z", code=2).stderr
    assert "files or folders" in kgr("build", "--format", "trec", "x", "--train", "y", "--out", "z", code=2).stderr
    assert "the name of a data set" in kgr("build", "--format", "ir-datasets", "x", "y", "--out", "z", code=2).stderr
    for option, value in (("--language", "de"), ("--field", "url"), ("--no-index", None)):
        refused = kgr("build", "atlas", option, *([value] if value else []), code=2).stderr
        assert f"{option.replace('no-', '')} is for documents: --format corpus, trec" in refused
    assert "not both" in kgr("build", "atlas", "nations", code=2).stderr


def test_documents_by_options(kgr: Kgr, kgr_json: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "in.tsv").write_text("d1\tu/1\tT\tone\nd2\tu/2\tT\n")
    options = ["--format", "msmarco", "--field", "url", "--prefix", "p:", "--language", "de", "--workers", "2"]
    store = str(tmp_path / "store")
    built = kgr("build", *options, str(tmp_path / "in.tsv"), "--out", store)
    assert "1 lines are no documents: set aside in" in built.stderr
    found = Store(tmp_path / "store")
    assert found.entries.keys_of([0]) == ["p:d1"]
    assert {"text/entries/de.url", "terms/de.text"} <= set(found.sections)
    strict = kgr("build", *options, "--strict", str(tmp_path / "in.tsv"), "--out", str(tmp_path / "other"), code=1)
    assert f"{tmp_path}/in.tsv:2: found 3 fields" in strict.stderr
    (tmp_path / "more.jsonl").write_text('{"id": "x", "text": "zwei"}\n')
    added = kgr_json("add", store, str(tmp_path / "more.jsonl"), "--language", "de")
    assert added == {"store": store, "version": 2, "entries": 2, "entries_added": 1}
    (tmp_path / "texts.jsonl").write_text('{"id": "x", "text": "drei"}\n')
    texts = ["add", store, str(tmp_path / "texts.jsonl"), "--format", "texts", "--language", "de"]
    assert "--replace" in kgr(*texts, code=1).stderr
    assert kgr(*texts, "--replace").stdout == f"{store}: version 3, 2 entries, 0 new\n"
    assert "--replace is for" in kgr("add", store, str(tmp_path / "more.jsonl"), "--replace", code=2).stderr
    assert kgr("check", store).stdout == f"{store}: whole\n"


def test_texts_of_synsets(kgr: Kgr, kgr_json: Callable[..., Any], tmp_path: Path) -> None:
    store, wordnet = str(built_synsets(tmp_path).path), str(write_wordnet(tmp_path / "wn"))
    (tmp_path / "texts.jsonl").write_text('{"id": "bn:00000003n", "lemmas": ["Gestalt"], "en": ["figure"]}\n')
    texts = ["add", store, str(tmp_path / "texts.jsonl"), "--format", "synset-texts", "--language", "de"]
    assert kgr_json(*texts) == {"store": store, "version": 2, "entries": 9, "entries_added": 0}
    assert "give replace=True (--replace)" in kgr(*texts, code=1).stderr
    found = kgr("add", store, wordnet, "--format", "wordnet")
    assert found.stdout == f"{store}: version 3, 9 entries, 0 new\n"
    assert f"{wordnet}: texts of 5 of 6 synsets" in found.stderr
    shown = kgr("show", store, "bn:00000003n").stdout
    assert "Gestalt" in shown and "a person" in shown
    assert [hit["key"] for hit in kgr_json("search", store, "fair")["results"]] == ["bn:00000007a"]
    for form in ("synset-texts", "wordnet"):
        assert "--field is not for" in kgr("add", store, wordnet, "--format", form, "--field", "url", code=2).stderr
    assert "several folders" in kgr("add", store, wordnet, wordnet, "--format", "wordnet", code=2).stderr
    assert "strict is True" in kgr(*texts, "--strict", code=1).stderr


def test_build_names_a_bad_line(kgr: Kgr, tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("a\tr\tb\na\tb\n")
    result = kgr("build", "--train", str(tmp_path / "train.tsv"), "--out", str(tmp_path / "store"), code=1)
    assert f"{tmp_path / 'train.tsv'}:2" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "store").exists()


def test_check(kgr: Kgr, kgr_json: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("a\tr\tb\n")
    store = tmp_path / "store"
    kgr("build", "--train", str(tmp_path / "train.tsv"), "--out", str(store))
    assert kgr("check", str(store)).stdout == f"{store}: whole\n"
    array = next(store.rglob("tail.npy"))
    array.write_bytes(array.read_bytes()[:-1] + b"\x7f")
    result = kgr("check", str(store), code=1)
    assert "section 'graph', array 'tail'" in result.stdout
    assert result.stderr == ""
    assert kgr_json("check", str(store), code=1)["whole"] is False
    array.write_bytes(b"")
    assert "section 'graph', array 'tail'" in kgr("check", str(store), code=1).stdout
    assert "nothing" in kgr("check", str(tmp_path / "nothing"), code=1).stdout


def test_show(kgr: Kgr, kgr_json: Callable[..., Any], place: Any) -> None:
    assert ["entities", "40"] in [line.split() for line in kgr("show", place.store).stdout.splitlines()]
    assert kgr_json("show", place.store)["counts"]["relations"] == 3
    output = kgr("show", place.store, "e7", "--edges", "2", "--language", "ar").stdout
    assert "دولة 7" in output
    assert " more" in output
    assert kgr_json("show", place.store, "e7")["labels"] == {"en": "Entity 7", "ar": "دولة 7"}
    assert "relation" in kgr("show", place.store, "r1").stdout
    assert "nearest: e7" in kgr("show", place.store, "e77", code=1).stderr


def test_sample(kgr: Kgr, kgr_json: Callable[..., Any], place: Any, tmp_path: Path) -> None:
    out = tmp_path / "q.jsonl"
    options = ["--structures", "2p,2in", "--count", "30", "--split", "test", "--seed", "1", "--out", str(out)]
    lines = kgr("sample", place.store, *options).stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:3]] == [["2p", "30"], ["2in", "30"]]
    assert lines[0].endswith("unranked  full inference  1 unseen  2 unseen")
    assert lines[2].endswith("0          100.0%    100.0%")
    assert "Shares of all pairs" in lines[4]
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == 60
    assert {tuple(row) for row in rows} == {("structure", "query", "easy", "hard", "drawn")}
    first = out.read_bytes()
    counts = kgr_json("sample", place.store, *options)["structures"]
    assert counts["2p"]["hard"] == sum(len(row["hard"]) for row in rows if row["structure"] == "2p")
    assert out.read_bytes() == first


def test_sample_of_full_inference_answers(kgr: Kgr, kgr_json: Callable[..., Any], place: Any, tmp_path: Path) -> None:
    out = tmp_path / "q.jsonl"
    counts = kgr_json("sample", place.store, "--structures", "2p,2in", "--count", "30", "--hard", "--out", str(out))
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert {row["structure"] for row in rows if "unranked" in row} == {"2p"}
    for name, own in counts["structures"].items():
        mine = [row for row in rows if row["structure"] == name]
        assert own["hard"] == own["full_inference"] == sum(len(row["hard"]) for row in mine)
        assert own["unranked"] == own["pairs"] - own["hard"] == sum(len(row.get("unranked", ())) for row in mine)
        assert sum(own["unseen_links"].values()) == own["pairs"]
        assert set(own["unseen_links"]) <= {"1", "2"}


def test_sample_says_where_it_falls_short(kgr: Kgr, place: Any, tmp_path: Path) -> None:
    options = ["--structures", "1p", "--count", "500", "--out", str(tmp_path / "q.jsonl")]
    assert "1p: " in kgr("sample", place.store, *options).stderr
    refused = kgr("sample", place.store, "--structures", "4p", "--out", str(tmp_path / "x"), code=1)
    assert "unknown structure '4p'" in refused.stderr
    assert "train" not in refused.stdout


def test_sample_statistics(kgr: Kgr, kgr_json: Callable[..., Any], place: Any) -> None:
    options = ["--structures", "2p,2in", "--count", "700", "--law", "edge", "--roots", "degree", "--seed", "3"]
    found = kgr_json("sample", place.store, "--stats", *options)
    drawn = sampling_statistics(
        load_graph(Store(place.store)), ["2p", "2in"], count=700, law="edge", roots="degree", seed=3
    )
    assert (found["law"], found["roots"]) == ("edge", "degree")
    assert list(found["structures"]) == ["2p", "2in"]
    own, expected = found["structures"]["2in"], drawn["2in"]
    assert expected is not None
    assert own["queries"] == 700
    assert own["back_steps"] is None
    assert 0 < own["idle_negations"] == expected.idle_negations < 1
    assert own["crowded"] == expected.crowded
    assert own["answers"]["mean"] == expected.mean_answers
    assert list(own["answers"]["quantiles"].values()) == expected.answers.tolist()
    assert found["structures"]["2p"]["idle_negations"] is None
    lines = kgr("sample", place.store, "--stats", *options).stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:3]] == [["2p", "700"], ["2in", "700"]]
    assert f"{100 * own['idle_negations']:.1f}%" in lines[2]
    other = kgr_json("sample", place.store, "--stats", *options[:4])
    assert (other["law"], other["roots"]) == ("relation", "uniform")


def test_sample_statistics_of_a_graph_that_hosts_few(kgr: Kgr, kgr_json: Callable[..., Any], tmp_path: Path) -> None:
    """One link has no 2p by the law that forbids the way back; who asks for it by name gets the error."""
    (tmp_path / "train.tsv").write_text("a\tr\tb\n")
    store = str(tmp_path / "store")
    kgr("build", "--train", str(tmp_path / "train.tsv"), "--out", store)
    structures = kgr_json("sample", store, "--stats", "--count", "5")["structures"]
    assert list(structures) == list(STRUCTURES)
    assert structures["1p"]["queries"] == 5
    assert structures["2p"] is None
    assert "\n2p: left out, this graph cannot host it" in kgr("sample", store, "--stats", "--count", "5").stdout
    refused = kgr("sample", store, "--stats", "--structures", "1p,2p", code=1)
    assert "structure 2p: row 0" in refused.stderr
    assert refused.stdout == ""


@pytest.mark.parametrize("form", [["--stats"], ["--out", "q.jsonl"]])
def test_sample_says_that_it_compiles(
    form: list[str], kgr: Kgr, place: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["sample", place.store, "--structures", "1p", "--count", "5", *form]
    kgr(*command)
    assert "compiling" not in kgr(*command).stderr
    monkeypatch.setattr("kgr._jit.is_compiled", lambda _: False)
    assert kgr(*command).stderr.count("compiling kernels") == 1
