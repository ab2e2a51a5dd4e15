"""Tags of languages have one name each, whatever their capital letters."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kgr.index.languages import LANGUAGE, LONGEST, language_name


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("EN", "en"),
        ("pt-br", "pt-BR"),
        ("ZH-hans-cn", "zh-Hans-CN"),
        ("de-1996", "de-1996"),
        ("sl-rozaj-biske", "sl-rozaj-biske"),
        ("be-tarask", "be-tarask"),
        ("es-419", "es-419"),
        ("en-x-us", "en-x-us"),
        ("x-klingon", "und-x-klingon"),
        ("simple", "und-x-simple"),
        ("i-klingon", "und-x-i-klingon"),
    ],
)
def test_language_tags(tag: str, name: str) -> None:
    assert language_name(tag) == name


@given(tag=st.from_regex("[A-Za-z]{1,9}(-[A-Za-z0-9]{1,9}){0,12}", fullmatch=True))
@example("x" * 200)
@example("en-" + "a" * LONGEST)
@example("simple-" + "latn-" * 20)
def test_capital_letters_make_no_difference(tag: str) -> None:
    name = language_name(tag)
    assert re.fullmatch(LANGUAGE, name)
    assert len(name) <= LONGEST
    assert {language_name(other) for other in (tag.lower(), tag.upper(), name, name.lower())} == {name}
