"""Texts of synsets: lines and tables by key, several languages, what is refused and where."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from synset_folder import built_synsets

from kgr.data.add_synsets import add_synset_texts
from kgr.data.describe import entry
from kgr.data.synset_texts import letter_of, plain_lemmas, read_synset_texts
from kgr.errors import ConfigError, DataError
from kgr.index.check import check_store
from kgr.index.store import Store
from kgr.index.terms import kept_indexes
from kgr.retrieval.search import search


def written(path: Path, *records: dict[str, Any]) -> Path:
    data = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


ZERO = {
    "bn": "bn:00000002n",
    "wn30": "13742358-n",
    "ili": "i109092",
    "lemmas": ["zero", "nought", "zero", "naught_point", " "],
    "gloss": "a mathematical element",
    "examples": ["count from zero", "zero"],
    "zh": ["〇", "异常+的"],
    "fr": ["zéro"],
    "src": None,
}


def test_lines_become_texts_of_synsets(tmp_path: Path) -> None:
    store = built_synsets(tmp_path)
    more = {"_id": "bn:00000003n", "lemmas": None, "gloss": ["one", "two"], "fr": []}
    lines = written(tmp_path / "texts.jsonl.gz", ZERO, more, {"id": "bn:00000004n", "lemmas": "lost"}, {"id": "bn:9n"})
    said: list[str] = []
    added = add_synset_texts(store, lines, message=said.append)
    assert said == [f"{lines}: 2 keys are left out, {store.path} has no such entry: bn:00000004n, bn:9n"]
    found = entry(added, "bn:00000002n")
    assert (found.kind, found.labels) == ("synset", {"en": "zero", "fr": "zéro", "zh": "〇"})
    assert found.texts == {
        "alias": {"en": ("nought", "naught point"), "zh": ("异常的",)},
        "example": {"en": ("count from zero", "zero")},
        "gloss": {"en": ("a mathematical element",)},
    }
    assert entry(added, "bn:00000003n").texts == {"gloss": {"en": ("one", "two")}}
    assert entry(added, "human|人").labels == {"en": "human", "zh": "人"}
    assert kept_indexes(added) == (("en", "text"),)
    assert [hit.key for hit in search(added, "mathematical")] == ["bn:00000002n"]
    assert [hit.key for hit in search(added, "nought")][:1] == ["bn:00000002n"]
    assert added.manifest["sources"]["added"] == [{"form": "synset-texts", "files": [str(lines)]}]
    assert check_store(added.path) == []


def test_a_table_and_another_language(tmp_path: Path) -> None:
    store = built_synsets(tmp_path)
    table = tmp_path / "texts.tsv"
    table.write_text("key\tlabel.zh\talias.zh\tgloss.en\nbn:00000002n\t零+的\t无+限|〇\ta+b\n", encoding="utf-8")
    lines = written(
        tmp_path / "de.jsonl", {"id": "bn:00000002n", "lemmas": "Null", "gloss": "eine Zahl", "en": ["zero"]}
    )
    added = add_synset_texts(store, [table, lines], language="de", index=False)
    found = entry(added, "bn:00000002n")
    assert found.labels == {"de": "Null", "en": "zero", "zh": "零的"}
    assert found.texts == {"alias": {"zh": ("无限", "〇")}, "gloss": {"de": ("eine Zahl",), "en": ("a+b",)}}
    assert kept_indexes(added) == ()


def test_texts_that_are_there(tmp_path: Path) -> None:
    store = add_synset_texts(built_synsets(tmp_path), written(tmp_path / "1", ZERO))
    other = written(tmp_path / "2", {"id": "bn:00000002n", "lemmas": ["nil"]})
    with pytest.raises(DataError, match=r"2: entry 'bn:00000002n' has a text in text/entries/en\.label already: give"):
        add_synset_texts(store, other)
    assert Store(store.path).version == store.version
    added = add_synset_texts(store, other, replace=True)
    found = entry(added, "bn:00000002n")
    assert (found.label, found.texts["alias"], found.labels["zh"]) == ("nil", {"zh": ("异常的",)}, "〇")
    none = written(tmp_path / "3", {"id": "bn:00000004n", "lemmas": ["nil"]})
    with pytest.raises(DataError, match=r"3: found no text of an entry of .*store"):
        add_synset_texts(store, none)
    with pytest.raises(ConfigError, match="strict is True, expected nothing"):
        add_synset_texts(store, other, strict=True)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"lemmas": ["a"]}, r'in:2: found no key among \[\'lemmas\'\], expected "bn", "id" or "_id"'),
        ({"id": None}, r"in:2: found 'id' None"),
        ({"bn": "bn:00000001n"}, r"in:2: found key 'bn:00000001n' again, first in line 1"),
        ({"id": "bn:00000002n", "gloss": 3}, r"in:2: found 'gloss' 3, expected a text or a list of texts"),
        ({"id": "bn:00000002n", "lemmas": ["a", 3]}, r"in:2: found 'lemmas' \['a', 3\], expected a text or"),
        ({"id": "bn:00000002n", "zh": [None]}, r"in:2: found 'zh' \[None\], expected"),
        (
            {"id": "bn:00000002n", "pt-br": ["a"], "pt-BR": []},
            r"in:2: found lemmas under 'pt-br' and 'pt-BR', expected",
        ),
        ({"id": "bn:00000002n", "lemmas": [], "en": ["a"]}, r"in:2: found lemmas under 'lemmas' and 'en', expected"),
    ],
)
def test_bad_lines_are_named(record: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_synset_texts(written(tmp_path / "in", {"id": "bn:00000001n", "lemmas": ["x"]}, record), "en")


@pytest.mark.parametrize(
    ("place", "right"),
    [
        ({"wn30": "00001740-v"}, False),
        ({"wn30": "00001740-n"}, True),
        ({"wn": "wn:00001740s"}, False),
        ({"wn": "wn:00001740n"}, True),
        ({"pos": "r"}, False),
        ({"pos": "noun"}, True),  # in words of the file's own
        ({"wn30": None}, True),
    ],
)
def test_texts_of_another_part_of_speech_are_refused(place: dict[str, Any], right: bool, tmp_path: Path) -> None:
    lines = written(tmp_path / "in", {"id": "bn:00000001n", "lemmas": ["x"], **place})
    if right:
        assert read_synset_texts(lines, "en").keys == ["bn:00000001n"]
    else:
        expected = r"in:1: found \w+ '.*' for bn:00000001n, expected part of speech n: align WordNet with .* rank"
        with pytest.raises(DataError, match=expected):
            read_synset_texts(lines, "en")


def test_a_satellite_is_an_adjective(tmp_path: Path) -> None:
    lines = written(tmp_path / "in", {"id": "bn:00000001a", "wn30": "00001740-s", "lemmas": ["x"]})
    assert read_synset_texts(lines, "en").texts == {("en", "label"): {"bn:00000001a": ("x",)}}


def test_lemmas_and_letters() -> None:
    assert plain_lemmas(["a_b", "a b", "c+"], "en") == ("a b", "c+")
    assert [plain_lemmas(["无+限+的"], language) for language in ("zh", "zh-Hant", "cmn", "zha")] == [
        ("无限的",), ("无限的",), ("无限的",), ("无+限+的",),
    ]  # fmt: skip
    assert [letter_of(key) for key in ("bn:00000001n", "bn:00000001r", "human|人", "bn:x")] == ["n", "r", "", ""]


def test_the_texts_of_the_mirror(mirror: Path) -> None:
    table = read_synset_texts(mirror / "sememe" / "wordnet" / "synset_text.jsonl.gz", "en")
    assert len(table.keys) == 15_756
    counts = {f"{field}.{language}": len(column) for (language, field), column in table.texts.items()}
    assert (counts["label.en"], counts["gloss.en"], counts["label.zh"], counts["label.fr"]) == (
        14_887,
        14_887,
        7_003,
        13_135,
    )
    assert table.texts["en", "label"]["bn:00000004n"] == ("zero",)
    chinese = [text for field in ("label", "alias") for texts in table.texts["zh", field].values() for text in texts]
    assert not any("+" in text for text in chinese)


def test_the_texts_of_the_mirror_in_a_store(opened: Callable[[str], Store], mirror: Path) -> None:
    said: list[str] = []
    lines = mirror / "sememe" / "wordnet" / "synset_text.jsonl.gz"
    store = add_synset_texts(opened("babelsememe-noun"), lines, index=False, message=said.append)
    assert said[-1].startswith(f"{lines}: 6,031 keys are left out")
    counts = {
        f"{language}.{field}": len(set(texts.rows.tolist()))
        for language, field in [("en", "label"), ("en", "gloss"), ("zh", "label"), ("fr", "label")]
        if (texts := store.texts("entries", field, language)) is not None
    }
    assert counts == {"en.label": 9_878, "en.gloss": 8_903, "zh.label": 5_114, "fr.label": 8_755}  # 975 sememes' too
    found = entry(store, "bn:00000004n")
    assert (found.label, found.texts["alias"]["en"]) == ("zero", ("0", "nought", "cipher", "cypher"))
