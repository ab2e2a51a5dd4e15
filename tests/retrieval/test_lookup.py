"""Names: every one within some edits of a text is found, whatever its script."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgr.index.keys import Keys
from kgr.index.kinds import ENTITY
from kgr.index.store import Section, Store, create_store, extend_store
from kgr.index.texts import Texts
from kgr.retrieval import lookup
from kgr.retrieval.lookup import EDITS, KEY, Names, load_names, name_form

WORDS = (
    "ab",
    "abc",
    "abcd",
    "acbd",
    "bacd",
    "abcde",
    "abcdef",
    "abdcef",
    "fedcba",
    "abcdefgh",
    "x",
    "ab cd",
    "瑞士",
    "士瑞",
)


def make_store(path: Path, labels: dict[str, list[str | None]], keys: list[str] | None = None) -> Store:
    """A store whose entries have labels by ``language.field``."""
    count = max(map(len, labels.values()), default=0) if keys is None else len(keys)
    own = Keys.build(keys or [f"k{i}" for i in range(count)], what="entry").arrays()
    sections = {"entries": Section({**own, "kinds": np.full(count, ENTITY, np.uint8)})}
    for name, texts in labels.items():
        rows = [row for row, text in enumerate(texts) if text is not None]
        built = Texts.build(rows, [texts[row] or "" for row in rows])
        sections[f"text/entries/{name}"] = Section(built.arrays(), ("entries",))
    return create_store(path, sections, entities=count, counts={}, sources={})


def distance(some: str, other: str) -> int:
    """Optimal string alignment, by the whole table."""
    table = [[max(i, j) if 0 in (i, j) else 0 for j in range(len(other) + 1)] for i in range(len(some) + 1)]
    for i in range(1, len(some) + 1):
        for j in range(1, len(other) + 1):
            cells = [table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (some[i - 1] != other[j - 1])]
            if i > 1 and j > 1 and some[i - 1] == other[j - 2] and some[i - 2] == other[j - 1]:
                cells.append(table[i - 2][j - 2] + 1)
            table[i][j] = min(cells)
    return table[-1][-1]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Names:
    return load_names(make_store(tmp_path_factory.mktemp("names") / "store", {"en.label": list(WORDS)}))


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.sampled_from(WORDS), st.text("abcdef 瑞士", max_size=9)), st.integers(0, 3))
def test_finds_all_within_the_edits(names: Names, text: str, edits: int) -> None:
    form = name_form(text)
    expected = {row: d for row, word in enumerate(WORDS) if form and (d := distance(form, word)) <= edits}
    found = names.find(text, edits)
    assert dict(zip(found.entries.tolist(), found.edits.tolist(), strict=True)) == expected
    assert len(found.entries) == len(expected)


def test_edits_by_default(names: Names) -> None:
    for word in ("ab", "abcd", "abcdef", "abcdefgh"):
        same, most = names.find(word), EDITS[min(len(word), len(EDITS) - 1)]
        explicit = names.find(word, most)
        assert same.entries.tolist() == explicit.entries.tolist()
    assert names.find("").entries.tolist() == names.find(" -- ").entries.tolist() == []


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Côte d’Ivoire", "cote d ivoire"),
        ("  São   Tomé & Príncipe ", "sao tome principe"),
        ("Straße", "strasse"),
        ("ЁЛКА", "елка"),
        ("مُحَمَّد", "محمد"),
        ("Ａ１", "a1"),
        ("マイケル・ジャクソン", "マイケル ジャクソン"),
        ("हिन्दी", "हिन्दी"),
    ],
)
def test_form(text: str, form: str) -> None:
    assert name_form(text) == form


def test_all_languages_and_several_uses(tmp_path: Path) -> None:
    labels = {
        "en.label": ["Germany", "German", None],
        "de.label": ["Deutschland", "Deutsch", "Germany"],
        "en.alias": [None, "germany", None],
    }
    names = load_names(make_store(tmp_path / "store", labels))
    assert names.sources == ("de.label", "en.label", "en.alias")
    found = names.find("GERMANY", 0)
    uses = sorted(zip(found.entries.tolist(), found.sources.tolist(), strict=True))
    assert uses == [(0, 1), (1, 2), (2, 0)]
    assert sorted(names.find("deutschlnad").entries.tolist()) == [0]


def test_without_names_the_keys_are_looked_up_if_there_are_not_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = ["acquired_abnormality", "virus"]
    names = load_names(make_store(tmp_path / "store", {}, keys))
    assert names.sources == (KEY,)
    assert names.find("acquired abnormalty").entries.tolist() == [0]
    monkeypatch.setattr(lookup, "MOST_KEYS", 1)
    none = load_names(make_store(tmp_path / "many", {}, keys))
    assert none.find("virus").entries.tolist() == none.find("acquired abnormalty").entries.tolist() == []


def test_kept_in_the_cache_and_made_anew_when_names_change(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", {"en.label": ["one", "two"]})
    first = load_names(store)
    (kept,) = store.cache.glob("names-*")
    assert not np.asarray(load_names(Store(store.path)).letters).flags.writeable
    changed = Texts.build([0, 1], ["one", "three"])
    later = extend_store(store, {"text/entries/en.label": Section(changed.arrays(), ("entries",))})
    assert load_names(later).find("three").entries.tolist() == [1]
    assert not kept.exists()
    assert first.find("two").entries.tolist() == [1]


def test_read_only_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = make_store(tmp_path / "store", {"en.label": ["one", "two"]})

    def refuse(self: Path, *args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert load_names(store).find("two").entries.tolist() == [1]
    assert not store.cache.exists()


def test_arrays(names: Names) -> None:
    assert {field.name for field in dataclasses.fields(Names)} >= {"letters", "offsets", "lengths", "marks"}
    lengths = np.diff(names.offsets)
    assert (np.diff(lengths) >= 0).all()
    for length in range(len(names.lengths) - 1):
        own = lengths[names.lengths[length] : names.lengths[length + 1]]
        assert (own == length).all()
    assert names.lengths[-1] == len(names.marks) == len(WORDS)
