"""Judgements from files of any collection."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgr.data.keyed_texts import file_source
from kgr.data.qrels import KeyedQrels, read_keyed_qrels
from kgr.errors import DataError


def read(path: Path, text: str) -> KeyedQrels:
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return read_keyed_qrels(file_source(path))


@pytest.mark.parametrize("name", ["qrels.txt", "qrels.tsv"])
@pytest.mark.parametrize(
    "text",
    [
        "q2 0 d\u00a01 1\nq1\tQ0\tb  -3\n q2 0 b 0 \nq2 0 b 0\n",
        "query-id\tcorpus-id\tscore\nq2\td\u00a01\t1\nq1\tb\t-3\nq2\tb\t+0\nq2\tb\t0\n",
    ],
)
def test_the_form_is_known_by_the_header(tmp_path: Path, name: str, text: str) -> None:
    read_qrels = read(tmp_path / name, text)
    assert (list(read_qrels.queries), list(read_qrels.documents)) == (["q2", "q1"], ["d\u00a01", "b"])
    qrels = read_qrels.qrels
    assert (qrels.query.tolist(), qrels.document.tolist(), qrels.grade.tolist()) == ([0, 0, 1], [0, 1, 1], [1, 0, -3])
    assert qrels.repeated == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("q 0 d\n", "q:1: found 3 fields: 'q 0 d', expected query, iteration, document, grade; or in the first line"),
        ("q 0 d 1\nq 0 e 1 x\n", "q:2: found 5 fields: 'q 0 e 1 x', expected query, iteration, document, grade$"),
        ("q 0 d 1\nq 0 d 2\n", "q:2: found query 'q' and document 'd' with grade 2: an earlier line has grade 1"),
        ("q 0 d 0.5\n", r"q:1: found grade '0\.5', expected a whole number"),
        ("q 0 d 1\n\nq 0 e 1\n", "q:2: found 1 fields: ''"),
        ("q 0 d 1\nq 0 \udce4 1\n", "q:2: found byte 0xe4, expected UTF-8"),
        ("query-id\tcorpus-id\tscore\nq\t\t1\n", r"q:2: found 3 fields: 'q\\t\\t1', expected query-id"),
        ("", "q: found no judgements"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path / "q", text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=60), st.integers(0, 16))
def test_any_bytes_are_read_or_refused(tmp_path: Path, junk: bytes, place: int) -> None:
    good = b"q 0 d 1\nq 0 e 2\n"
    path = tmp_path / "q"
    path.write_bytes(good[:place] + junk + good[place:])
    try:
        judged = read_keyed_qrels(file_source(path))
    except DataError as error:
        assert str(error).startswith(f"{path}:")
    else:
        assert 0 < len(judged.qrels.grade) == len(judged.qrels.query) == len(judged.qrels.document)


def test_covid_judgements(mirror: Path) -> None:
    judged = read_keyed_qrels(file_source(mirror / "trec_eval" / "qrels.covid-complete.txt.gz"))
    assert (len(judged.queries), len(judged.qrels.grade), judged.qrels.repeated) == (50, 69_318, 0)
    assert sorted(set(judged.qrels.grade.tolist())) == [-1, 0, 1, 2]
