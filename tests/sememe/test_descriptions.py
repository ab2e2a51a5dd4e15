"""Descriptions: the store's synsets and new ones in one form, edges from both ends, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synset_folder import SYNSETS, built_synsets
from wordnet_folder import write_wordnet

from kgr.data.add_synsets import add_synset_texts, add_wordnet
from kgr.errors import ConfigError, UnknownKey
from kgr.index.store import Store
from kgr.sememe.annotations import annotations_of
from kgr.sememe.descriptions import Descriptions, Edges, describe, describe_new

TEXTS = (
    "key\tlabel.en\talias.en\tgloss.en\texample.en\tlabel.fr\n"
    "bn:00000002n\tzero\tnought|nil\tan element\tcount from zero\tzéro\n"
    "bn:00000007a\t\t\tpretty\t\t\n"
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "texts.tsv").write_text(TEXTS, encoding="utf-8")
    return add_synset_texts(built_synsets(tmp_path), tmp_path / "texts.tsv", index=False)


def edges_of(edges: Edges, at: int) -> list[tuple[int, int]]:
    own = slice(edges.offsets[at], edges.offsets[at + 1])
    return list(zip(edges.relations[own].tolist(), edges.others[own].tolist(), strict=True))


def same(one: Descriptions, other: Descriptions) -> bool:
    arrays = [
        (mine, its)
        for mine, its in (
            (one.rows, other.rows),
            (one.pos, other.pos),
            *zip(one.concepts, other.concepts, strict=True),
            *zip(one.edges, other.edges, strict=True),
        )
    ]
    texts = (one.lemmas, one.gloss, one.examples) == (other.lemmas, other.gloss, other.examples)
    return texts and all(mine.dtype == its.dtype and np.array_equal(mine, its) for mine, its in arrays)


def test_the_synsets_of_a_store(store: Store) -> None:
    found = describe(store, annotations_of(store))
    assert (len(found), found.rows.tolist()) == (6, [0, 1, 2, 3, 4, 5])
    assert bytes(found.pos) == b"nnnvan"
    assert found.lemmas == (("zero", "nought", "nil"), (), (), (), (), ())
    assert found.gloss == ("an element", "", "", "", "pretty", "")
    assert found.examples == (("count from zero",), (), (), (), (), ())
    assert found.concepts.offsets.tolist() == [0] * 7
    assert [edges_of(found.edges, at) for at in range(6)] == [
        [(2, 1), (3, 2), (4, 2)],
        [(3, 0), (5, 2)],
        [(2, 0), (4, 1), (5, 0)],
        [(4, 4)],
        [(5, 3)],
        [],
    ]
    assert [array.dtype for array in found.edges] == [np.int64, np.int32, np.int32]


def test_another_language(store: Store) -> None:
    assert describe(store, annotations_of(store), language="fr").lemmas == (("zéro",), (), (), (), (), ())
    assert describe(store, annotations_of(store), language="de").gloss == ("",) * 6
    with pytest.raises(ConfigError, match="language is 'French'"):
        describe(store, annotations_of(store), language="French")


def test_some_and_less(store: Store) -> None:
    whole = describe(store, annotations_of(store))
    some = whole.take([2, 0, 2])
    assert (some.rows.tolist(), some.lemmas) == ([2, 0, 2], ((), ("zero", "nought", "nil"), ()))
    assert [edges_of(some.edges, at) for at in range(3)] == [edges_of(whole.edges, at) for at in (2, 0, 2)]
    assert same(whole.take(range(6)), whole) and len(whole.take([])) == 0
    alone = some.without_edges()
    assert [edges_of(alone.edges, at) for at in range(3)] == [[], [], []]
    assert (alone.lemmas, alone.rows.tolist()) == (some.lemmas, [2, 0, 2])
    mute = some.without_texts()
    assert (mute.lemmas, mute.gloss, mute.examples) == (((),) * 3, ("",) * 3, ((),) * 3)
    assert edges_of(mute.edges, 1) == edges_of(whole.edges, 0)


def test_a_new_synset(store: Store) -> None:
    annotations = annotations_of(store)
    found = describe_new(
        store,
        annotations,
        lemmas=["computer_zero", " "],
        gloss=" a machine ",
        examples=["one", ""],
        hypernyms=[SYNSETS[2], SYNSETS[0], SYNSETS[0]],
    )
    assert (found.rows.tolist(), bytes(found.pos)) == ([-1], b"n")
    assert (found.lemmas, found.gloss, found.examples) == ((("computer zero",),), ("a machine",), (("one",),))
    assert edges_of(found.edges, 0) == [(2, 0), (2, 2)]
    spoken = describe_new(store, annotations, gloss="x", hypernyms=[SYNSETS[0], SYNSETS[3]])
    assert spoken.pos.tolist() == [0]
    assert bytes(describe_new(store, annotations, gloss="x", pos="v", hypernyms=[SYNSETS[0]]).pos) == b"v"
    assert describe_new(store, annotations, lemmas=["零+的"], language="zh").lemmas == (("零的",),)
    listed = describe_new(store, annotations, lemmas=["zero"], examples=["one"], hypernyms=[SYNSETS[0]])
    assert same(describe_new(store, annotations, lemmas="zero", examples="one", hypernyms=SYNSETS[0]), listed)


def test_the_store_and_a_new_synset_have_one_form(store: Store) -> None:
    """A synset that is described in the words of one of the store differs in its row and its edges alone."""
    annotations = annotations_of(store)
    known = describe(store, annotations).take([0]).without_edges()
    new = describe_new(
        store, annotations, lemmas=known.lemmas[0], gloss=known.gloss[0], examples=known.examples[0], pos="n"
    )
    assert same(replace(new, rows=known.rows), known)


def test_what_says_nothing_is_refused(store: Store) -> None:
    annotations = annotations_of(store)
    with pytest.raises(ConfigError, match="are empty: say something of the new synset"):
        describe_new(store, annotations, lemmas=["", "_"], gloss=" ")
    with pytest.raises(ConfigError, match="pos is 'x', expected one of n, v, a, r"):
        describe_new(store, annotations, gloss="x", pos="x")
    with pytest.raises(UnknownKey, match=r"unknown synset 'bn:00000009n'; nearest: bn:0"):
        describe_new(store, annotations, hypernyms=["bn:00000009n"])
    with pytest.raises(UnknownKey, match="unknown synset 'human"):
        describe_new(store, annotations, hypernyms=["human|人"])


def test_concepts_of_wordnet(store: Store, tmp_path: Path) -> None:
    annotations = annotations_of(store)
    added = add_wordnet(store, write_wordnet(tmp_path / "wn"), index=False)
    found = describe(added, annotations)
    assert found.concepts.offsets.tolist() == [0, 1, 2, 3, 4, 5, 5]
    assert found.concepts.ids.tolist() == [1, 0, 2, 4, 6]
    assert found.concepts.steps.tolist() == [0] * 5
    assert found.take([4, 5, 0]).concepts.ids.tolist() == [6, 1]
    new = describe_new(added, annotations, gloss="x", hypernyms=["bn:00000006v", SYNSETS[3], SYNSETS[5]])
    assert (new.concepts.ids.tolist(), new.concepts.steps.tolist()) == ([4, 5], [1, 1])
    assert (edges_of(new.edges, 0), new.pos.tolist()) == ([(2, 3), (2, 5)], [0])
    assert bytes(describe_new(added, annotations, hypernyms=["bn:00000006v"]).pos) == b"v"
    with pytest.raises(UnknownKey, match="unknown synset 'bn:00000010n'"):
        describe_new(added, annotations, hypernyms=["bn:00000010n"])
    with pytest.raises(UnknownKey, match="unknown synset 'bn:00000006n'"):  # a slip: it is a verb
        describe_new(added, annotations, hypernyms=["bn:00000006n"])
