from __future__ import annotations

import dataclasses
import errno
from pathlib import Path

import numpy as np
import oracle
import pytest

from kgr.data.build import build_store
from kgr.errors import DataError
from kgr.index.check import check_store
from kgr.index.store import Store
from kgr.query.keyed import read_arguments, read_queries, write_arguments, write_queries
from kgr.query.sets import HARD_LIMIT, Queries, Ragged, default_set, draw_queries, from_arrays, to_arrays
from kgr.query.words import STRUCTURES, parse


@pytest.mark.parametrize("split", ["valid", "test"])
def test_drawn_queries_have_the_answers_that_they_say(store: Store, split: str) -> None:
    before = ["train"] if split == "valid" else ["train", "valid"]
    small = oracle.edges_of(np.concatenate([store.triples(name) for name in before]).tolist())
    large = oracle.edges_of(np.concatenate([store.triples(name) for name in [*before, split]]).tolist())
    drawn = draw_queries(store, [*STRUCTURES, "APAPAPUNI"], count=30, split=split)
    assert list(drawn.queries) == [*STRUCTURES, "APAPAPUNI"]
    for own in drawn.queries.values():
        assert len(own) == 30
        assert len(np.unique(own.arguments, axis=0)) == 30
        for i, query in enumerate(own.arguments.tolist()):
            easy, every = oracle.answers(small, own.word, query), oracle.answers(large, own.word, query)
            assert own.easy[i].tolist() == sorted(easy)
            assert own.hard[i].tolist() == sorted(every - easy)
            assert 1 <= len(own.hard[i]) <= HARD_LIMIT
            if own.word.negates:
                assert easy - every


def test_draws_depend_on_the_seed_and_not_on_the_other_structures(store: Store) -> None:
    one = draw_queries(store, ["2i"], count=20)
    assert one.fingerprint == draw_queries(store, ["2i"], count=20).fingerprint
    assert one.fingerprint != draw_queries(store, ["2i"], count=20, seed=1).fingerprint
    several = draw_queries(store, ["1p", "2i"], count=20).queries["2i"]
    assert np.array_equal(several.arguments, one.queries["2i"].arguments)


def test_more_queries_than_there_are(store: Store) -> None:
    found = draw_queries(store, ["1p"], count=5000).queries["1p"]
    assert 0 < len(found) < 5000
    graph = oracle.edges_of(np.concatenate([store.triples(s) for s in store.splits]).tolist())
    new = oracle.edges_of(store.triples("test").tolist())
    assert len(found) == sum(1 for key in graph if new.get(key))


def test_the_default_set_is_drawn_once_and_kept(store: Store) -> None:
    first = default_set(store, "test")
    kept = Store(store.path)
    assert kept.version == store.version + 1
    assert kept.has("queries/test")
    assert default_set(kept, "test").fingerprint == default_set(store, "test").fingerprint == first.fingerprint
    assert Store(store.path).version == kept.version
    assert check_store(store.path) == []
    # a run names the graph's sections, which have not changed
    names = ("entities", "relations", "graph")
    assert kept.fingerprints(names) == store.fingerprints(names)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_store_that_cannot_be_written_has_its_set_drawn_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, "refused")

    monkeypatch.setattr("kgr.query.sets.extend_store", refuse)
    first = default_set(store, "test").fingerprint
    assert not Store(store.path).has("queries/test")
    assert default_set(store, "test").fingerprint == first


def test_a_set_drawn_by_another_version_is_drawn_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first = default_set(store, "test").fingerprint
    version = Store(store.path).version
    monkeypatch.setattr("kgr.query.sets.FORMAT", 2)
    assert default_set(store, "test").fingerprint == first
    assert Store(store.path).version == version + 1


def test_lines_of_a_file_return_as_written(store: Store, tmp_path: Path) -> None:
    drawn = draw_queries(store, ["1p", "pni", "up"], count=10)
    write_queries(tmp_path / "q.jsonl", store, drawn)
    again = read_queries(tmp_path / "q.jsonl", store)
    assert again.fingerprint == drawn.fingerprint
    assert again.drawn
    write_queries(tmp_path / "q.jsonl", store, dataclasses.replace(drawn, drawn=False))
    assert not read_queries(tmp_path / "q.jsonl", store).drawn
    word = parse("pni")
    keys = write_arguments(store, word, drawn.queries["pni"].arguments[0])
    assert np.array_equal(read_arguments(store, word, keys), drawn.queries["pni"].arguments[0])


def test_unranked_answers_return_as_they_were(store: Store, tmp_path: Path) -> None:
    drawn = draw_queries(store, ["1p", "2p", "3in"], count=10, hard=True)
    assert len(drawn.queries["2p"].unranked.values)
    write_queries(tmp_path / "q.jsonl", store, drawn)
    again = read_queries(tmp_path / "q.jsonl", store)
    assert again.fingerprint == drawn.fingerprint == from_arrays(to_arrays(drawn), "test", drawn=True).fingerprint
    # sets without any are kept as ever
    assert [name for name in to_arrays(drawn.head(3)) if "1p.unranked" in name] == []
    parts = list(again.queries["2p"].parts(4))
    assert [len(part.unranked) for part in parts] == [4, 4, 2]
    for i in range(10):
        assert parts[i // 4].unranked[i % 4].tolist() == drawn.queries["2p"].unranked[i].tolist()


def test_answers_kept_of_a_query() -> None:
    rows = [[1, 2], [3], [4, 5]]
    easy, hard = (Ragged.of([np.array(row, np.int32) for row in own]) for own in ([[7], [8], [9]], rows))
    own = Queries(parse("1p"), np.arange(6, dtype=np.int32).reshape(3, 2), easy, hard)
    assert [own.unranked[i].tolist() for i in range(3)] == [[], [], []]
    some = own.ranking(np.array([False, True, False, True, True]))
    assert some.arguments.tolist() == [[0, 1], [4, 5]]
    assert [some.hard[i].tolist() for i in range(2)] == [[2], [4, 5]]
    assert [some.easy[i].tolist() for i in range(2)] == [[7], [9]]
    assert [some.unranked[i].tolist() for i in range(2)] == [[1], []]
    fewer = some.ranking(np.array([True, False, True]))
    assert [fewer.unranked[i].tolist() for i in range(2)] == [[1], [4]]
    assert len(some.ranking(np.zeros(3, np.bool_))) == 0
    joined = own.hard.union(own.easy, Ragged.none(3), Ragged.of([np.array([0, 2], np.int32)] * 3))
    assert [joined[i].tolist() for i in range(3)] == [[0, 1, 2, 7], [0, 2, 3, 8], [0, 2, 4, 5, 9]]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "q.jsonl:2: "),
        ("[1]", "q.jsonl:2: found list"),
        ('{"structure": "1p", "query": ["e1", "r0"], "easy": []}', "q.jsonl:2: hard is None"),
        ('{"structure": "9p", "query": ["e1", "r0"], "easy": [], "hard": ["e2"]}', "q.jsonl:2: unknown structure '9p'"),
        ('{"structure": "1p", "query": ["e1"], "easy": [], "hard": ["e2"]}', "q.jsonl:2: structure 1p takes 2 keys"),
        ('{"structure": "1p", "query": ["e1", "r9"], "easy": [], "hard": ["e2"]}', "q.jsonl:2: .*r9.*nearest: r"),
        ('{"structure": "1p", "query": ["e1", "r0"], "easy": [], "hard": []}', "q.jsonl:2: no hard answer"),
        ('{"structure": "1p", "query": ["e1", 3], "easy": [], "hard": ["e2"]}', "q.jsonl:2: "),
        (
            '{"structure": "1p", "query": ["e1", "r0"], "easy": ["e2"], "hard": ["e2"]}',
            "q.jsonl:2: .*both easy and hard",
        ),
        (
            '{"structure": "1p", "query": ["e1", "r0"], "easy": [], "hard": ["e2"], "unranked": ["e2"]}',
            "q.jsonl:2: .*both hard and unranked",
        ),
        (
            '{"structure": "1p", "query": ["e1", "r0"], "easy": [], "hard": ["e2"], "unranked": "e3"}',
            "q.jsonl:2: unranked is 'e3', a list of keys is wanted",
        ),
        ('{"structure": 1, "query": ["e1", "r0"], "easy": [], "hard": ["e2"]}', "q.jsonl:2: "),
    ],
)
def test_a_line_that_is_no_query(store: Store, tmp_path: Path, line: str, message: str) -> None:
    good = '{"structure": "1p", "query": ["e1", "r0"], "easy": [], "hard": ["e2"]}'
    (tmp_path / "q.jsonl").write_text(good + "\n" + line + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_queries(tmp_path / "q.jsonl", store)


def test_files_that_are_none(store: Store, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_queries(tmp_path / "none.jsonl", store)
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(DataError, match="no queries"):
        read_queries(tmp_path / "empty.jsonl", store)
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="not UTF-8"):
        read_queries(tmp_path / "bytes.jsonl", store)


def test_splits_that_hold_nothing_out(files: dict[str, Path], tmp_path: Path) -> None:
    bare = build_store(tmp_path / "bare", train=files["train"])
    with pytest.raises(DataError, match="no test triples"):
        draw_queries(bare)
    with pytest.raises(DataError, match="split is 'train', expected valid or test"):
        draw_queries(bare, split="train")
