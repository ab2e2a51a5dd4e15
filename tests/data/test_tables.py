"""Key tables: texts by field and language, types, and errors that name the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgr.data.tables import KeyTable, check_language, read_table
from kgr.errors import ConfigError, DataError


def table(text: str, tmp_path: Path) -> KeyTable:
    path = tmp_path / "entities.tsv"
    path.write_bytes(text.encode())
    return read_table(path)


def test_texts_and_types(tmp_path: Path) -> None:
    found = table(
        "key\ttypes\tlabel.en\talias.zh-Hant\tdescription.ar\na\tcity place\tAa 🏙\t甲|乙\t\nb\t\t\t\tمدينة | بلد\n",
        tmp_path,
    )
    assert found.types == {"a": ("city", "place")}
    assert found.texts == {
        ("en", "label"): {"a": ("Aa 🏙",)},
        ("zh-Hant", "alias"): {"a": ("甲", "乙")},
        ("ar", "description"): {"b": ("مدينة | بلد",)},
    }
    assert found.keys == ["a", "b"]


def test_languages_in_any_letters(tmp_path: Path) -> None:
    found = table("key\tlabel.EN-us\talias.zh-hans\na\tA\tB\n", tmp_path)
    assert found.texts == {("en-US", "label"): {"a": ("A",)}, ("zh-Hans", "alias"): {"a": ("B",)}}
    check_language("zh-Hans")
    with pytest.raises(ConfigError, match="language is 'ZH-hans', expected 'zh-Hans', as stores write it"):
        check_language("ZH-hans")


def test_mark_and_carriage_returns(tmp_path: Path) -> None:
    assert table("\ufeffkey\tlabel.en\r\na\tA\r\n", tmp_path).texts == {("en", "label"): {"a": ("A",)}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r":1: found column '', expected a header"),
        ("a\tA\n", r":1: found column 'a', expected a header"),
        ("key\tlabel\n", r":1: found column 'label'"),
        ("key\tlabel.en\tlabel.en\n", r":1: found column 'label.en'.*each once"),
        ("key\tlabel.zh-hans\tlabel.ZH-Hans\n", r":1: found column 'label.zh-Hans'.*each once"),
        ("key\tkey\n", r":1: found column 'key'"),
        ("key\tlabel.en\na\tA\nb\n", r":3: found 1 field, expected 2 \(key, label.en\)"),
        ("key\tlabel.en\na\tA\n\tB\n", r":3: found an empty key"),
        ("key\tlabel.en\na\tA\nb\tB\na\tC\n", r":4: found key 'a' again, first in line 2"),
        ("key\tlabel.en\na\tA\n\nb\tB\n", r":3: found 1 field, expected 2"),
    ],
)
def test_malformed(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"entities\.tsv" + message):
        table(text, tmp_path)


def test_wrong_encoding(tmp_path: Path) -> None:
    path = tmp_path / "entities.tsv"
    path.write_bytes("key\tlabel.de\na\tA\nb\tÄ\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"entities\.tsv:3: found byte 0xc4, expected UTF-8"):
        read_table(path)
