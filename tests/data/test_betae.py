"""BetaE's form of graphs and queries: read, refused, written and read again."""

from __future__ import annotations

import gzip
import json
import pickle
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import oracle
import pytest
from betae_folder import IN, P1, dump, lines, write_folder
from random_graph import split_files

from kgr.data.betae import build_betae, fold_edges, fold_relations
from kgr.data.betae_write import sample_betae, write_betae
from kgr.data.build import build_store
from kgr.errors import DataError, FormatError, QueryError, UnknownKey
from kgr.index.check import check_store
from kgr.index.store import Store
from kgr.query.kept import kept_names, kept_set, named_or_read
from kgr.query.keyed import write_arguments, write_queries
from kgr.query.sets import default_set, draw_queries
from kgr.query.words import STRUCTURES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "betae")


def test_a_folder_becomes_a_store_with_its_queries(folder: Path, tmp_path: Path) -> None:
    said: list[str] = []
    store = build_betae(folder, tmp_path / "store", message=said.append)
    assert store.entries.keys_of(range(4)) == list("abcd")
    assert store.relations.keys_of(range(2)) == ["r", "s"]
    found = {split: store.triples(split).tolist() for split in store.splits}
    assert found == {"train": [[0, 0, 1], [1, 1, 2], [3, 0, 1]], "valid": [[0, 1, 3]], "test": [[2, 0, 3]]}
    assert kept_names(store) == {"betae": ("test",)}
    queries = kept_set(store, "betae", "test")
    assert (queries.split, queries.drawn, list(queries.queries)) == ("test", False, ["1p", "2p", "2in"])
    own = queries.queries["2in"]
    assert write_arguments(store, own.word, own.arguments[0]) == ["c", "r", "d", "r"]
    assert (own.easy[0].tolist(), own.hard[0].tolist()) == ([], [3])
    assert said == [
        "query set betae: 3 test queries of 3 structures; stored answers against executed ones: none differs"
    ]
    recorded = store.manifest["sources"]["queries"]["betae/test"]
    assert recorded == {"queries": {"1p": 1, "2p": 1, "2in": 1}, "easy": "stored", "different": {}}
    assert store.manifest["counts"]["test_queries"] == 3
    assert check_store(store.path) == []


@pytest.mark.parametrize("kind", ["easy", "hard"])
def test_answers_that_the_graph_does_not_give_are_kept_counted_and_said(
    folder: Path, tmp_path: Path, kind: str
) -> None:
    answers = pickle.loads((folder / f"test-{kind}-answers.pkl").read_bytes())
    answers[2, (0,)] = answers[2, (0,)] | {1}
    dump(folder / f"test-{kind}-answers.pkl", answers)
    said: list[str] = []
    store = build_betae(folder, tmp_path / "store", message=said.append)
    assert said[0].endswith("stored answers against executed ones: 1 differ (1 of 1p)")
    assert store.manifest["sources"]["queries"]["betae/test"]["different"] == {"1p": 1}
    own = kept_set(store, "betae", "test").queries["1p"]
    assert {"easy": own.easy, "hard": own.hard}[kind][0].tolist() == sorted(answers[2, (0,)])


def test_relations_in_another_order_are_folded_by_their_names(folder: Path, tmp_path: Path) -> None:
    write_folder(folder, ("-r", "+s", "+r", "-s"))
    (folder / "train.txt").write_text("0\t2\t1\n1\t0\t0\n1\t1\t2\n2\t3\t1\n")
    (folder / "valid.txt").write_text("")
    (folder / "test.txt").write_text("2\t2\t3\n3\t0\t2\n")
    dump(folder / "test-queries.pkl", {P1: {(2, (2,)), (3, (0,))}})
    dump(folder / "test-hard-answers.pkl", {(2, (2,)): {3}, (3, (0,)): {2}})
    store = build_betae(folder, tmp_path / "store")
    assert store.relations.keys_of(range(2)) == ["r", "s"]
    assert store.triples("train").tolist() == [[0, 0, 1], [1, 1, 2]]
    own = kept_set(store, "betae", "test").queries["1p"]
    assert own.arguments.tolist() == [[2, 0], [3, 1]]
    assert store.manifest["sources"]["queries"]["betae/test"]["different"] == {}


def test_edges_without_their_inverse_count_and_are_said(folder: Path, tmp_path: Path) -> None:
    (folder / "train.txt").write_text(lines([(0, 0, 1)]) + "1\t2\t2\n" + "1\t1\t3\n")
    said: list[str] = []
    store = build_betae(folder, tmp_path / "store", message=said.append)
    assert store.triples("train").tolist() == [[0, 0, 1], [1, 1, 2], [3, 0, 1]]
    assert said[0] == f"{folder / 'train.txt'}: 2 edges without their inverse: taken as both"


def test_folding_keeps_repeated_edges_for_the_count_of_duplicates() -> None:
    directed = np.arange(2, dtype=np.int32)
    edges = np.array([(0, 0, 1), (0, 0, 1), (1, 1, 0), (1, 1, 0), (2, 0, 2), (2, 1, 2)], np.int32)
    triples, alone = fold_edges(edges, directed)
    assert (triples.tolist(), alone) == ([[0, 0, 1], [0, 0, 1], [2, 0, 2]], 0)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["r", "-r"], "found relation 'r', expected .* for each relation and its inverse"),
        (["+r", "-r", "+s"], "relation '-s' is missing"),
        (["r", "r_reverse", "s"], "relation 's_reverse' is missing"),
        (["r_reverse"], "relation 'r' is missing"),
    ],
)
def test_relations_that_are_no_pairs(names: list[str], message: str) -> None:
    with pytest.raises(DataError, match=rf"^id2rel: {message}"):
        fold_relations(names, "id2rel")


def test_packed_files_and_json_lines(folder: Path, tmp_path: Path) -> None:
    for path in list(folder.glob("test-*")):
        path.unlink()
    for name in ("train.txt", "id2ent.pkl"):
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
        (folder / name).unlink()
    rows: list[Any] = [
        {"type": "1p", "query": [2, [0]], "hard": [3]},
        {"type": "1p", "query": [3, [1]], "hard": [2], "easy": 1},  # has none
        {"type": "2in", "query": [[2, [0]], [3, [0, -2]]], "hard": [3], "easy": []},
        {"type": "2u", "query": [[0, [0]], [2, [0]], [-1]], "hard": [3], "easy": 1},
    ]
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    said: list[str] = []
    store = build_betae(folder, tmp_path / "store", message=said.append)
    assert said[-1].endswith(
        "4 test queries of 3 structures, easy answers computed from the graph; "
        "stored answers against executed ones: 1 differ (1 of 1p)"
    )
    queries = kept_set(store, "betae", "test").queries
    assert queries["2u"].easy[0].tolist() == [1]
    assert store.manifest["sources"]["queries"]["betae/test"]["easy"] == "executed"


def test_repeated_queries_are_kept_and_said(folder: Path, tmp_path: Path) -> None:
    for path in list(folder.glob("test-*")):
        path.unlink()
    rows = [{"type": "1p", "query": [2, [0]], "hard": [3]}] * 3
    rows.append({"type": "1p", "query": [3, [1]], "hard": [2]})
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    said: list[str] = []
    store = build_betae(folder, tmp_path / "store", message=said.append)
    assert "query set betae: 2 test queries are there before: kept, and counted each time" in said
    assert store.manifest["counts"]["test_queries"] == 4
    assert store.manifest["sources"]["queries"]["betae/test"]["repeats"] == 2


@pytest.mark.parametrize("file", ["id2ent.pkl", "id2rel.pkl"])
def test_an_empty_id_map_is_named(folder: Path, tmp_path: Path, file: str) -> None:
    dump(folder / file, {})
    with pytest.raises(DataError, match=rf"{file}: the id map is empty"):
        build_betae(folder, tmp_path / "store")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[]", "found list"),
        ("{", "found no JSON at column 2: Expecting"),
        ('{"type": "1p", "query": [1, [0, 0]], "hard": [1]}', "type is '1p', but the query is a 2p"),
        ('{"type": "1p", "query": [9, [0]], "hard": [1]}', "found entity 9, expected 0 to 3"),
        ('{"type": "1p", "query": [0, [4]], "hard": [1]}', "found relation 4, expected 0 to 3"),
        ('{"type": "1p", "query": [0, [-3]], "hard": [1]}', "found relation -3"),
        ('{"type": "1p", "query": [0, [0]], "hard": [4]}', "found answer 4"),
        ('{"type": "1p", "query": [0, [0]], "hard": [-1, 4]}', "found answer -1"),
        ('{"type": "1p", "query": [0, [0]], "hard": []}', "no hard answer"),
        ('{"type": "1p", "query": [0, [0]]}', "found answers None"),
        ('{"type": "1p", "query": [0, [0]], "hard": [true]}', "found answers"),
        ('{"type": "1p", "query": ' + "[" * 100000 + "}", "recursion"),
    ],
)
def test_a_line_that_is_no_query(folder: Path, tmp_path: Path, line: str, message: str) -> None:
    for path in folder.glob("test-*"):
        path.unlink()
    good = '{"type": "1p", "query": [2, [0]], "hard": [3]}'
    (folder / "test.jsonl").write_text(f"{good}\n{line}\n")
    with pytest.raises(DataError, match=rf"test\.jsonl:2: .*{message}"):
        build_betae(folder, tmp_path / "store")
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("id2ent.pkl", {0: "a", 2: "b"}, "its 2 ids do not run from 0 to 1"),
        ("id2ent.pkl", {0: "a", 1: "a"}, "a key is empty, no text or there twice"),
        ("id2ent.pkl", [1, 2], "not an id map"),
        ("id2ent.pkl", 7, "not an id map"),
        ("test-queries.pkl", {}, "no queries"),
        ("test-queries.pkl", [1], "not a query set"),
        ("test-queries.pkl", {P1: 3}, "expected nested queries by structure"),
        ("test-queries.pkl", {"1p": {(0, (0,))}}, "found '1p' in a structure"),
        ("test-queries.pkl", {P1: {(0, (0, 0))}}, r"among queries of structure 1p"),
        ("test-queries.pkl", {P1: {(9, (0,))}}, "has no hard answer"),
        ("test-queries.pkl", {IN: {((2, (0, -2)), (3, (0, -2)))}}, "negated"),
        ("test-hard-answers.pkl", {(2, (0,)): {5}}, "found answer 5, expected 0 to 3"),
        ("test-hard-answers.pkl", {(2, (0,)): "abc"}, "found answers abc"),
        ("test-hard-answers.pkl", {7: {1}}, "expected sets of answers by nested query"),
    ],
)
def test_pickles_that_are_no_query_set(folder: Path, tmp_path: Path, file: str, content: Any, message: str) -> None:
    dump(folder / file, content)
    with pytest.raises(DataError, match=rf"{file}: .*{message}"):
        build_betae(folder, tmp_path / "store")
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0\t0\t4", "found entity '4'"),
        ("x\t0\t1", "found entity 'x'"),
        ("0\t9\t1", "found relation '9'"),
        ("0\t0", "found 2 fields"),
    ],
)
def test_edges_of_unknown_ids(folder: Path, tmp_path: Path, line: str, message: str) -> None:
    with (folder / "valid.txt").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(DataError, match=rf"valid\.txt:3: {message}"):
        build_betae(folder, tmp_path / "store")


@pytest.mark.parametrize("file", ["train.txt", "id2ent.pkl", "id2rel.pkl", "test-hard-answers.pkl"])
def test_files_that_are_missing(folder: Path, tmp_path: Path, file: str) -> None:
    (folder / file).unlink()
    with pytest.raises(DataError, match=file.replace(".", r"\.")):
        build_betae(folder, tmp_path / "store")


def test_queries_of_a_split_without_triples(folder: Path, tmp_path: Path) -> None:
    (folder / "test.txt").unlink()
    with pytest.raises(DataError, match="it has test queries, but there are no test triples"):
        build_betae(folder, tmp_path / "store")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A random graph of 30 entities."""
    return build_store(tmp_path / "random", **split_files(tmp_path, 30, 300, 240, 270))


def test_what_is_written_reads_as_it_was(store: Store, tmp_path: Path) -> None:
    sets = sample_betae(tmp_path / "out", store, count=20)
    again = build_betae(tmp_path / "out", tmp_path / "again")
    assert again.entries.keys_of(range(30)) == store.entries.keys_of(range(30))
    assert again.relations.keys_of(range(3)) == store.relations.keys_of(range(3))
    for split in store.splits:
        assert np.array_equal(again.triples(split), store.triples(split))
    for split in ("valid", "test"):
        found = kept_set(again, "betae", split)
        assert list(found.queries) == list(STRUCTURES)
        for name, own in found.queries.items():
            assert _as_dict(own) == _as_dict(sets[split].queries[name])
        assert again.manifest["sources"]["queries"][f"betae/{split}"]["different"] == {}


def _as_dict(queries: Any) -> dict[tuple[int, ...], tuple[list[int], list[int]]]:
    rows = map(tuple, queries.arguments.tolist())
    return {row: (queries.easy[i].tolist(), queries.hard[i].tolist()) for i, row in enumerate(rows)}


def test_files_are_as_kgreasoning_reads_them(store: Store, tmp_path: Path) -> None:
    sets = sample_betae(tmp_path / "out", store, ("1p", "2in", "up"), count=5, train_count=8)
    folder = tmp_path / "out"
    assert (folder / "stats.txt").read_text() == "numentity: 30\nnumrelations: 6\n"
    load = {path.name: pickle.loads(path.read_bytes()) for path in folder.glob("*.pkl")}
    expected = {
        f"{split}-{kind}.pkl" for split in ("valid", "test") for kind in ("queries", "easy-answers", "hard-answers")
    }
    assert set(load) == expected | {"train-queries.pkl", "train-answers.pkl"} | {
        "id2ent.pkl", "ent2id.pkl", "id2rel.pkl", "rel2id.pkl",
    }  # fmt: skip
    assert (load["id2rel.pkl"][3], load["rel2id.pkl"]["-r1"]) == (
        "-" + store.relations.key(1),
        2 * store.relations.id("r1") + 1,
    )
    head, relation, tail = store.triples("valid")[0].tolist()
    first = (folder / "valid.txt").read_text().splitlines()[:2]
    assert first == [f"{head}\t{2 * relation}\t{tail}", f"{tail}\t{2 * relation + 1}\t{head}"]
    queries, answers = load["train-queries.pkl"], load["train-answers.pkl"]
    assert isinstance(queries, defaultdict)
    assert {len(own) for own in queries.values()} == {8}
    edges = oracle.edges_of(store.triples("train").tolist())
    word = sets["train"].queries["2in"].word
    for (anchor, (one,)), (other, (two, negation)) in queries[IN]:
        assert negation == -2
        found = answers[(anchor, (one,)), (other, (two, -2))]
        assert found == oracle.answers(edges, word, [anchor, one, other, two])
        assert found


def test_writing_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="APPPP has no place in BetaE's form"):
        sample_betae(tmp_path / "out", store, ("1p", "APPPP"))
    with pytest.raises(QueryError, match="APPPP"):
        write_betae(tmp_path / "out", store, {"test": _of(store, "APPPP")})
    with pytest.raises(QueryError, match=r"structure 2p has \d+ answers that are filtered but not ranked"):
        write_betae(tmp_path / "out", store, {"test": draw_queries(store, ["2p"], count=2, hard=True)})
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("")
    with pytest.raises(FormatError, match="give a new or an empty folder"):
        write_betae(tmp_path / "out", store, {"test": _of(store, "1p")})
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def _of(store: Store, structure: str) -> Any:
    return draw_queries(store, [structure], count=2)


def test_a_kept_set_by_name_and_a_file_by_path(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = build_betae(folder, tmp_path / "store")
    kept = kept_set(store, "betae", "test")
    assert named_or_read(store, "betae", "test").fingerprint == kept.fingerprint
    monkeypatch.chdir(tmp_path / "betae")
    write_queries("betae", store, kept.head(0))
    assert named_or_read(store, "betae", "test").fingerprint == kept.fingerprint
    with pytest.raises(DataError, match="no queries"):
        named_or_read(store, "./betae", "test")
    write_queries("mine", store, kept)
    for place in ("mine", Path("mine")):
        assert named_or_read(store, place, "test").fingerprint == kept.fingerprint
    with pytest.raises(UnknownKey, match=r"'beta'; nearest: betae; the store keeps betae, and there is no file beta"):
        named_or_read(store, "beta", "test")
    with pytest.raises(UnknownKey, match="query set 'betae' has no split 'valid', it has test"):
        named_or_read(store, "betae", "valid")
    # the store's own set is another
    assert default_set(store, "test").drawn
    assert kept_names(Store(store.path)) == {"betae": ("test",)}
