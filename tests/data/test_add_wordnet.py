"""WordNet into a store: texts where there are none, the whole taxonomy, and texts that are of other synsets."""

from __future__ import annotations

from pathlib import Path

import pytest
from synset_folder import SYNSETS, built_synsets
from wordnet_folder import KEYS, write_wordnet

from kgr.data.add_synsets import add_synset_texts, add_wordnet
from kgr.data.describe import entry
from kgr.data.wordnet import open_wordnet, ranks_of
from kgr.errors import ConfigError, DataError
from kgr.index.check import check_store
from kgr.index.store import Store
from kgr.retrieval.search import search

OTHERS = tuple(f"bn:{id:08d}n" for id in range(90, 96))
"""Synsets that the made-up WordNet does not have."""


@pytest.fixture
def wordnet(tmp_path: Path) -> Path:
    return write_wordnet(tmp_path / "wn", {"verb": 18})


def with_texts(tmp_path: Path, *lines: str) -> Store:
    table = tmp_path / "texts.tsv"
    table.write_text("key\tlabel.en\talias.en\tgloss.en\texample.en\n" + "".join(f"{line}\n" for line in lines))
    return add_synset_texts(built_synsets(tmp_path), table, index=False)


def test_synsets_without_texts_get_them(wordnet: Path, tmp_path: Path) -> None:
    store = with_texts(
        tmp_path,
        "bn:00000002n\tnumber one\t\t\tat number one",
        "bn:00000001n\tdigit\tsign\ta sign\t",
        "bn:00000005v\tcount\t\tfind\t",
    )
    said: list[str] = []
    added = add_wordnet(store, wordnet, message=said.append)
    assert said == [
        f"{store.path}: 1 synsets are none of WordNet 3.0: bn:00000099n",
        f"{store.path}: the words of 3 of 3 synsets are also WordNet's",
        f"{wordnet}: texts of 4 of 6 synsets",
    ]
    found = {key: (entry(added, key).label, entry(added, key).texts) for key in SYNSETS}
    assert found == {
        "bn:00000002n": (
            "number one",
            {"gloss": {"en": ("an amount; of all",)}, "example": {"en": ("at number one",)}},
        ),
        "bn:00000001n": (
            "digit",
            {
                "alias": {"en": ("sign",)},
                "gloss": {"en": ("a sign",)},
                "example": {"en": ("two digits", "0 is a digit - X")},
            },
        ),
        "bn:00000003n": ("figure", {"gloss": {"en": ("a person",)}}),
        "bn:00000005v": ("count", {"gloss": {"en": ("find",)}}),
        "bn:00000007a": ("fair", {"gloss": {"en": ("pleasing to the eye",)}}),
        "bn:00000099n": ("bn:00000099n", {}),
    }
    assert [hit.key for hit in search(added, "pleasing")] == ["bn:00000007a"]
    assert len(added.section("wordnet")["pos"]) == len(KEYS)
    assert added.manifest["sources"]["added"][-1] == {"form": "wordnet", "files": [str(wordnet)]}
    assert check_store(added.path) == []


def test_wordnet_takes_the_place_of_texts(wordnet: Path, tmp_path: Path) -> None:
    store = with_texts(tmp_path, "bn:00000003n\tfigure\tman|lady\tx\ty", "bn:00000099n\tz\t\t\t")
    added = add_wordnet(store, wordnet, replace=True)
    found = entry(added, "bn:00000003n")
    assert (found.label, found.texts) == ("figure", {"gloss": {"en": ("a person",)}, "example": {"en": ("y",)}})
    assert entry(added, "bn:00000099n").label == "z"
    assert added.fingerprints(["wordnet"]) == add_wordnet(added, wordnet).fingerprints(["wordnet"])


def test_texts_that_were_aligned_by_offset(wordnet: Path, tmp_path: Path) -> None:
    """Verb and adjective have the words of the nouns that lie at their offsets."""
    store = with_texts(
        tmp_path, "bn:00000005v\tthing\t\t\t", "bn:00000007a\tnumber one\t\t\t", "bn:00000001n\tdigit\t\t\t"
    )
    line = (
        rf"{store.path}: the words of 1 of 3 synsets are also WordNet's; those of 2 are of another part of speech alone"
        r", as texts are that were aligned by offset instead of rank: bn:\d+[va] is '(thing|number one)', part of .* n"
    )
    with pytest.raises(
        DataError, match=rf"{line}: give replace=True \(--replace\) to put WordNet's texts in their place"
    ):
        add_wordnet(store, wordnet)
    assert Store(store.path).version == store.version
    said: list[str] = []
    assert entry(add_wordnet(store, wordnet, replace=True, message=said.append), "bn:00000005v").label == "count"
    assert sum("aligned by offset" in text for text in said) == 1


def test_keys_of_another_part_of_speech(wordnet: Path, tmp_path: Path) -> None:
    store = built_synsets(tmp_path, keys=("bn:00000006n", *OTHERS[1:]))
    with pytest.raises(
        DataError,
        match=r"store: found bn:00000006n where WordNet's synset of rank 6 is bn:00000006v: part of speech v, expected"
        r" n\. WordNet's synsets have BabelNet's ids by rank, never by offset, which differs between copies",
    ):
        add_wordnet(store, wordnet)
    assert not Store(store.path).has("wordnet")


def test_what_wordnet_does_not_fit(wordnet: Path, tmp_path: Path) -> None:
    store = built_synsets(tmp_path, keys=OTHERS)
    with pytest.raises(
        DataError, match=r"store: found no synset of WordNet among 6 synsets, expected keys bn:00000001n"
    ):
        add_wordnet(store, wordnet)
    with pytest.raises(ConfigError, match="language and prefix are not for WordNet"):
        add_wordnet(store, wordnet, language="fr")
    with pytest.raises(DataError, match=r"nowhere/index\.noun: no such file"):
        add_wordnet(store, tmp_path / "nowhere")


def test_words_of_the_users_own(wordnet: Path, tmp_path: Path) -> None:
    said: list[str] = []
    store = with_texts(tmp_path, "bn:00000001n\tnumeral\t\t\t", "bn:00000003n\tpersonage\t\t\t")
    assert entry(add_wordnet(store, wordnet, message=said.append), "bn:00000001n").label == "numeral"
    assert said[1] == f"{store.path}: the words of 0 of 2 synsets are also WordNet's"


def test_texts_after_wordnet_are_compared_with_it(wordnet: Path, tmp_path: Path) -> None:
    store = add_wordnet(built_synsets(tmp_path), wordnet, index=False)
    lines = tmp_path / "by-offset.jsonl"
    lines.write_text(
        '{"id": "bn:00000005v", "lemmas": ["thing"]}\n{"id": "bn:00000007a", "gloss": "x", "lemmas": ["Number_One"]}\n'
        '{"id": "bn:00000006n", "lemmas": ["of no entry"]}\n'
    )
    with pytest.raises(
        DataError,
        match=r"by-offset\.jsonl: the words of 0 of 2 synsets are also WordNet's; those of 2 are of another part of "
        r"speech alone, .* offset instead of rank: bn:00000005v is 'thing', part of speech n: they are texts of other",
    ):
        add_synset_texts(store, lines, replace=True)
    lines.write_text('{"id": "bn:00000007a", "lemmas": ["Fair", "just"]}\n{"id": "bn:00000003n", "gloss": "a human"}\n')
    said: list[str] = []
    added = add_synset_texts(store, lines, replace=True, index=False, message=said.append)
    assert said == [f"{lines}: the words of 1 of 1 synsets are also WordNet's"]
    assert (entry(added, "bn:00000007a").label, entry(added, "bn:00000003n").texts["gloss"]["en"]) == (
        "Fair",
        ("a human",),
    )


def test_the_wordnet_of_a_store(wordnet: Path, tmp_path: Path) -> None:
    store = built_synsets(tmp_path)
    assert open_wordnet(store) is None
    found = open_wordnet(add_wordnet(store, wordnet, index=False))
    assert found is not None and len(found) == 9
    assert ranks_of([KEYS[8], "human|人", KEYS[0]], found.pos, "here").tolist() == [8, -1, 0]
    assert (found.lemmas.all(1), found.gloss.all(5)) == (["figure", "Number one"], ["take into account"])
    assert (found.pos[8], found.lexname.tolist()) == (ord("r"), [23, 23, 18, 3, 31, 31, 0, 0, 2])
    offsets, above = found.related("@", "@i")
    assert (offsets.tolist(), above.tolist()) == ([0, 1, 2, 3, 3, 3, 4, 4, 4, 4], [1, 3, 3, 4])
    assert found.related("!")[0].tolist() == [0] * 10
