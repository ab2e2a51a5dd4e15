"""Queries in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgr.data.build import build_store
from kgr.errors import UnknownKey
from kgr.query.words import STRUCTURES, parse
from kgr.show.words import phrase, query_in_words

EXPECTED = {
    "1p": "a → r",
    "2p": "a → r → s",
    "3p": "a → r → s → t",
    "2i": "(a → r) and (b → s)",
    "3i": "(a → r) and (b → s) and (c → t)",
    "pi": "(a → r → s) and (b → t)",
    "ip": "((a → r) and (b → s)) → t",
    "2in": "(a → r) and not (b → s)",
    "3in": "(a → r) and (b → s) and not (c → t)",
    "inp": "((a → r) and not (b → s)) → t",
    "pin": "(a → r → s) and not (b → t)",
    "pni": "not (a → r → s) and (b → t)",
    "2u": "(a → r) or (b → s)",
    "up": "((a → r) or (b → s)) → t",
    "APAPUAPI": "((a → r) or (b → s)) and (c → t)",
    "APAPAPINI": "(a → r) and not ((b → s) and (c → t))",
}


@pytest.mark.parametrize(("structure", "words"), EXPECTED.items())
def test_phrase(structure: str, words: str) -> None:
    anchors, relations = iter("abc"), iter("rst")
    word = parse(structure)
    assert phrase(word, [next(anchors if letter == "A" else relations) for letter in word.slots]) == words


def test_all_structures_are_here() -> None:
    assert set(EXPECTED) >= set(STRUCTURES)


def test_labels_and_inverses(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("bern\tlies in\tch\n")
    (tmp_path / "entities.tsv").write_text("key\tlabel.en\tlabel.zh\nch\tSwitzerland\t瑞士\n")
    (tmp_path / "relations.tsv").write_text("key\tlabel.de\nlies in\tliegt in\n")
    store = build_store(
        tmp_path / "store",
        train=tmp_path / "train.tsv",
        entities_table=tmp_path / "entities.tsv",
        relations_table=tmp_path / "relations.tsv",
    )
    assert query_in_words(store, "2p", ["ch", "^lies in", "lies in"]) == "Switzerland → ^liegt in → liegt in"
    assert query_in_words(store, "1p", ["ch", "^lies in"], "zh") == "瑞士 → ^liegt in"
    with pytest.raises(UnknownKey, match="bern"):
        query_in_words(store, "1p", ["bren", "lies in"])
