"""Rankings and their files."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgr import open_store, read_ranking
from kgr.errors import DataError, FormatError, UnknownKey
from kgr.index.keys import Keys
from kgr.retrieval.ranking import Ranking

IN_ANY_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

KEYS = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters=" "), min_size=1, max_size=5)
SCORES = st.dictionaries(KEYS, st.dictionaries(KEYS, st.floats(width=32, allow_nan=False, allow_infinity=False)))


def test_a_ranking_is_a_mapping() -> None:
    ranking = Ranking.build({"q2": {"a": 1.0, "b": 3.0, "c": 1.0}, "q1": {}})
    assert list(ranking) == ["q2", "q1"]
    assert len(ranking) == 2
    assert ranking["q2"] == [("b", 3.0), ("a", 1.0), ("c", 1.0)]
    assert ranking["q1"] == []
    with pytest.raises(UnknownKey, match="unknown query 'q3'"):
        ranking["q3"]
    assert (ranking.offsets.dtype, ranking.document.dtype, ranking.score.dtype) == (np.int64, np.int32, np.float32)


@IN_ANY_FOLDER
@given(SCORES, st.booleans())
def test_what_is_saved_is_read_again(tmp_path: Path, scores: dict[str, dict[str, float]], packed: bool) -> None:
    path = tmp_path / ("f.trec.gz" if packed else "f.trec")
    ranking = Ranking.build(scores, tag="two words")
    ranking.save(path)
    again = read_ranking(path)
    found = {query: again[query] for query in again}
    assert found == {query: ranking[query] for query in ranking if scores[query]}
    assert again.tag == ("two words" if found else "kgr")


def test_the_file_is_trecs(tmp_path: Path) -> None:
    ranking = Ranking.build({"q": {"a": 0.1, "b": 1e-9, "c": 100.0}})
    ranking.save(tmp_path / "f")
    assert (tmp_path / "f").read_text() == "q Q0 c 1 100.0 kgr\nq Q0 a 2 0.1 kgr\nq Q0 b 3 1e-09 kgr\n"
    ranking.save(tmp_path / "f.gz")
    assert gzip.decompress((tmp_path / "f.gz").read_bytes()) == (tmp_path / "f").read_bytes()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["f", "f.gz"]


@pytest.mark.parametrize(("key", "tag"), [("a b", "kgr"), ("a\u000bb", "kgr"), ("a", " ")])
def test_what_could_not_be_read_is_not_saved(tmp_path: Path, key: str, tag: str) -> None:
    (tmp_path / "f").write_text("old")
    with pytest.raises(DataError, match=r"white space in it|tag is empty"):
        Ranking.build({"q": {key: 1.0}}, tag=tag).save(tmp_path / "f")
    assert (tmp_path / "f").read_text() == "old"


def test_lines_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(
        b"\xef\xbb\xbfq2\tQ0\td1\t7\t 1.5\tour  run, 2nd\r\nq1 0 d\xc3\xa9 x -2 b\r\n"
        b"q2 Q0 d2 1 1.5 c\nq2 Q0 d3 9 +2e0 d\n\n"
    )
    ranking = read_ranking(path)
    assert ranking.tag == "our run, 2nd"
    assert {query: ranking[query] for query in ranking} == {
        "q2": [("d3", 2.0), ("d1", 1.5), ("d2", 1.5)],
        "q1": [("dé", -2.0)],
    }
    path.write_bytes(b"")
    assert len(read_ranking(path)) == 0


GOOD = "q Q0 d1 1 2.0 run\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "q Q0 d2 2 1.0\n", r":2: found 5 fields: 'q Q0 d2 2 1.0', expected query, Q0, document, rank, score"),
        (GOOD + "q Q0 d2 2 one run\n", r":2: found score 'one', expected a finite number"),
        (GOOD + "q Q0 d2 2 nan run\n", r":2: found score 'nan', expected a finite number"),
        (GOOD + "q Q0 d2 2 -inf run\n", r":2: found score '-inf', expected a finite number"),
        (GOOD + "q Q0 d2 2 1_0 run\n", r":2: found score '1_0', expected a finite number"),
        (GOOD + "q Q0 d2 2 1e39 run\n", r":2: found score 1e\+39, which single precision cannot hold"),
        (
            GOOD + "p Q0 d1 2 1.0 run\nq Q0 d1 2 1.0 run\n",
            r":3: found document 'd1' again for its query, first in line 1",
        ),
        (GOOD + "\n" + GOOD, r":2: found 0 fields: '', expected query"),
        (GOOD + "q Q0 d\udce4 2 1.0 run\n", r":2: found byte 0xe4, expected UTF-8"),
        (GOOD + "q Q0 d\0 2 1.0 run\n", r":2: found a NUL character"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "f.trec"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(DataError, match=re.escape(str(path)) + message):
        read_ranking(path)


@IN_ANY_FOLDER
@given(st.binary(max_size=60), st.integers(0, 40))
def test_any_bytes_are_read_or_refused(tmp_path: Path, junk: bytes, place: int) -> None:
    good = (GOOD + "p Q0 d1 2 1.0 run\n").encode()
    path = tmp_path / "f.trec"
    path.write_bytes(good[:place] + junk + good[place:])
    try:
        ranking = read_ranking(path)
    except DataError as error:
        assert str(error).startswith(f"{path}:")
    else:
        ranking.save(path)
        assert [read_ranking(path)[query] for query in ranking] == [ranking[query] for query in ranking]


def test_documents_of_a_store(tmp_path: Path, home: Path) -> None:
    store = open_store("atlas")
    first, second = store.entries.keys_of([0, 5])
    path = tmp_path / "f"
    path.write_text(f"q Q0 {second} 1 2.0 x\nq Q0 {first} 2 1.0 x\n")
    ranking = read_ranking(path, "atlas")
    assert ranking.document.tolist() == [5, 0]
    assert ranking.store is not None
    assert ranking["q"] == [(second, 2.0), (first, 1.0)]
    path.write_text(f"q Q0 {first} 1 2.0 x\nq Q0 no 2 1.0 x\nq Q0 nor 3 0.0 x\n")
    with pytest.raises(DataError, match=r"f:2: found document 'no', one of 2 that are no entries of"):
        read_ranking(path, store)


def test_arrays_that_do_not_fit() -> None:
    keys = Keys.build(["q"], what="query"), Keys.build(["a", "b"], what="document")
    ids = np.array([0, 1], np.int32)
    good = np.array([2, 1], np.float32)
    Ranking(*keys, np.array([0, 2]), ids, good)
    for offsets, score in [([0, 1], good), ([0, 2], good[:1]), ([0, 1, 2], good)]:
        with pytest.raises(FormatError, match="they do not fit"):
            Ranking(*keys, np.array(offsets), ids, score)
    for score in ([1, 2], [np.nan, 1], [1, np.nan], [np.inf, 1]):
        with pytest.raises(FormatError, match="not finite or not descending"):
            Ranking(*keys, np.array([0, 2]), ids, np.array(score, np.float32))


def test_scores_that_are_none() -> None:
    for score in (float("nan"), float("inf"), 1e39):
        with pytest.raises(DataError, match="query 'q', document 'b': the score is no finite number"):
            Ranking.build({"p": {"a": 1.0}, "q": {"b": score}})
