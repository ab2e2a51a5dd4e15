"""Topics from files of every form, and from stores."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from collection_folder import write_collection_folder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgr import read_topics
from kgr.data.beir import build_beir
from kgr.data.collection import build_corpus
from kgr.data.topics import Topics, topics_of
from kgr.errors import DataError, UnknownKey
from kgr.index.keys import Keys

SGML = """
<top>
<num> Number: 0301
<title> International   Organized Crime

<desc> Description:
Identify R&D organizations with < 5 members
that participate.

<narr> Narrative:
A relevant document must: name one.

</top>

<top>
<num>Number: 302</num>
<title>Topic: Poliomyelitis: and Post-Polio</title>
<desc>
Is it <under control>?
</desc>
</top>
<TOP lang="de"><NUM>C041</NUM><DE-title>Pestizide</DE-title></TOP>
"""

XML = """<?xml version="1.0" encoding="UTF-8"?>
<topics task="x"><topic number="1">
  <query>coronavirus
   origin</query><question>where &amp; <b>when</b> did it start</question></topic>
<topic number="b 2"><query/></topic></topics>
"""

LINES = '{"_id": "q1", "text": "one", "title": "T"}\n{"id": 7, "text": " ", "title": "two"}\n'

TABS = "\ufeffq1\tone  and\ttwo\r\nq 2\t\n"


def read(path: Path, text: str, field: str | None = None) -> dict[str, str]:
    path.write_text(text, encoding="utf-8", newline="")
    topics = read_topics(path, field)
    return dict(zip(topics.keys.keys_of(range(len(topics))), topics.texts, strict=True))


@pytest.mark.parametrize(
    ("text", "field", "expected"),
    [
        (LINES, None, {"q1": "one", "7": ""}),
        (LINES, "title", {"q1": "T", "7": "two"}),
        (LINES, "title+text", {"q1": "T one", "7": "two"}),
        (TABS, None, {"q1": "one and two", "q 2": ""}),
        (SGML, None, {"301": "International Organized Crime", "302": "Poliomyelitis: and Post-Polio", "C041": ""}),
        (SGML, "de-title", {"301": "", "302": "", "C041": "Pestizide"}),
        (
            SGML,
            "desc",
            {
                "301": "Identify R&D organizations with < 5 members that participate.",
                "302": "Is it <under control>?",
                "C041": "",
            },
        ),
        (
            SGML,
            "title+narr",
            {
                "301": "International Organized Crime A relevant document must: name one.",
                "302": "Poliomyelitis: and Post-Polio",
                "C041": "",
            },
        ),
        (XML, None, {"1": "coronavirus origin", "b 2": ""}),
        (XML, "question", {"1": "where & when did it start", "b 2": ""}),
    ],
)
def test_forms(tmp_path: Path, text: str, field: str | None, expected: dict[str, str]) -> None:
    assert read(tmp_path / "topics", text, field) == expected
    (tmp_path / "t.gz").write_bytes(gzip.compress(text.encode()))
    assert list(read_topics(tmp_path / "t.gz", field).texts) == list(expected.values())


_ENTITIES = "".join(f"<!ENTITY a{i} '{f'&a{i - 1};' * 10}'>" for i in range(1, 13))
BOMB = f"<!DOCTYPE t [<!ENTITY a0 'aaa'>{_ENTITIES}]><topics><topic number='1'><query>&a12;</query></topic></topics>"


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("", None, "t: found no topics, expected at least one"),
        ("q1\tone\nq2 two\n", None, "t:2: found 'q2 two', expected a key and a text with a tab between"),
        ("q1\tone\n\ttwo\n", None, "t:2: the topic's key '' is empty"),
        ("q1\tone\nq1\ttwo\n", None, "t:2: found topic 'q1' again"),
        ("q1\tone\n", "title", "no topic has field 'title'; there are text"),
        (LINES + "{}\n", None, "t:3: found no key"),
        (LINES + '{"id": "q1", "text": ""}\n', None, "t:3: found key 'q1' again"),
        (LINES, "words", "no topic has text in field 'words'"),
        ("<top>\n<title> no number\n</top>", None, "t:1: found a topic without <num>"),
        (SGML + SGML, None, "t:24: found topic '301' again"),
        (SGML, "question", "no topic has field 'question'; there are title, desc, narr, de-title"),
        ("<html>\n<body>", None, "t:2: cannot be read as XML"),
        ("<html></html>", None, "t: found no topics"),
        ("<topics><topic><query>x</query></topic></topics>", None, "t: topic 1 has no number"),
        ('<?xml version="1.0" encoding="none"?><topics/>', None, "t: cannot be read as XML: unknown encoding"),
        (BOMB, None, "cannot be read as XML"),
    ],
)
def test_what_is_none_is_refused(tmp_path: Path, text: str, field: str | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path / "t", text, field)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(st.sampled_from([SGML, XML, LINES, TABS]), st.binary(max_size=20), st.integers(0, 300))
def test_any_bytes_are_read_or_refused(tmp_path: Path, good: str, junk: bytes, place: int) -> None:
    path = tmp_path / "t"
    data = good.encode()
    path.write_bytes(data[:place] + junk + data[place:])
    try:
        topics = read_topics(path)
    except DataError as error:
        assert str(error).startswith(f"{path}:")
    else:
        assert len(topics.keys) == len(topics.texts) > 0


def test_topics_of_a_store(tmp_path: Path) -> None:
    store = build_beir(write_collection_folder(tmp_path / "in"), tmp_path / "store")
    topics = topics_of(store)
    assert topics.keys.keys_of(range(3)) == ["q1", "q2", "q3"]
    assert list(topics.texts) == ["one?", "3?", "?"]
    assert list(topics_of(store, "beir").texts) == list(topics.texts)
    with pytest.raises(UnknownKey, match=r"unknown queries 'ber'; nearest: beir; the store keeps beir"):
        topics_of(store, "ber")
    with pytest.raises(DataError, match="no queries are kept here"):
        topics_of(build_corpus(tmp_path / "in" / "corpus.jsonl", tmp_path / "plain"))


def test_a_text_for_each_key() -> None:
    with pytest.raises(DataError, match="2 texts for 1 keys"):
        Topics(Keys.build(["q"], what="query"), ["a", "b"])


def test_covid_topics(mirror: Path) -> None:
    topics = read_topics(mirror / "trec_eval" / "topics.covid-round5.xml", "question")
    assert len(topics) == 50
    keys = topics.keys.keys_of(range(50))
    assert keys == [str(number) for number in range(1, 51)]
    assert (topics.texts[0][-8:], topics.texts[49][-6:]) == ("COVID-19", "virus?")


@pytest.mark.parametrize(("name", "count"), [("cranfield", 225), ("cisi", 112), ("scifact", 1109)])
def test_queries_of_the_collections(mirror: Path, name: str, count: int) -> None:
    topics = read_topics(mirror / "ir" / name / "queries.jsonl")
    assert len(topics) == count
    assert all(topics.texts)
