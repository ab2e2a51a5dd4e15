"""Frames, word pieces and what is visible of a document."""

import numpy as np
import pytest
import text_models
from prop_corpus import small_store, texts

from kgr.errors import ConfigError
from kgr.index.terms import open_terms, open_tokens
from kgr.prop.frame import frame_of, mask_of, tokenizer_digest
from kgr.prop.pieces import pieces_of

TOKENIZER = text_models.tokenizer()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return small_store(tmp_path_factory.mktemp("pieces"))


@pytest.fixture(scope="module")
def pieces(store):
    return pieces_of(store, open_terms(store), "text", TOKENIZER, "letters", window=32)


def test_a_row_is_what_the_tokenizer_makes_of_a_pair():
    own = TOKENIZER("city river", "the mountain")
    first, second = (
        np.array(TOKENIZER(text, add_special_tokens=False)["input_ids"]) for text in ("city river", "the mountain")
    )
    frame = frame_of(TOKENIZER, pair=True)
    row = frame.row(first, second)
    assert row[0].tolist() == own["input_ids"] and row[1].tolist() == own["token_type_ids"]
    assert frame.marks == 3 and row[0, frame.start(len(first))] == second[0]


def test_a_row_of_one_text():
    own = TOKENIZER("city river")
    frame = frame_of(TOKENIZER, pair=False)
    text = np.array(TOKENIZER("city river", add_special_tokens=False)["input_ids"])
    row = frame.row(np.empty(0, np.int64), text)
    assert row[0].tolist() == own["input_ids"] and frame.start(0) == 1


def test_pieces_are_the_tokenizers(store, pieces):
    for i, text in enumerate([*texts(), "tiny"]):
        own = TOKENIZER(text, add_special_tokens=False, truncation=True, max_length=512)
        found = slice(pieces.offsets[i], pieces.offsets[i + 1])
        assert pieces.ids[found].tolist() == own["input_ids"]
        assert pieces.words[found].tolist() == own.word_ids(0)


def test_visible_terms_are_those_whose_words_are_wholly_within_the_window(store, pieces):
    terms, tokens = open_terms(store), open_tokens(store)
    for window in (1, 7, 8, 32, 300):
        visible = pieces.visible(window)
        for i, text in enumerate([*texts(), "tiny"]):
            ends = TOKENIZER(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"][:window]
            found = tokens.ids[tokens.offsets[i] : tokens.offsets[i] + visible[i]]
            whole = [word for word, _, last in terms.analyzer.spans(text) if last <= ends[-1][1]]
            assert found.tolist() == terms.ids(terms.analyzer.stems(whole)).tolist()


def test_forms_are_words_within_a_text(store, pieces):
    terms = open_terms(store)
    words = np.array([3, 0], np.int32)
    expected = [TOKENIZER(word, add_special_tokens=False)["input_ids"] for word in terms.words.keys_of(words)]
    assert pieces.forms(words).tolist() == expected[0] + expected[1]


def test_pieces_are_kept_by_tokenizer_and_length(store, pieces):
    names = {path.name for path in store.cache.glob("pieces-*")}
    again = pieces_of(store, open_terms(store), "text", TOKENIZER, "letters", window=200)
    assert {path.name for path in store.cache.glob("pieces-*")} == names
    assert np.array_equal(again.ids, pieces.ids)
    pieces_of(store, open_terms(store), "text", TOKENIZER, "letters", window=513)
    assert len({path.name for path in store.cache.glob("pieces-*")}) == len(names) + 1


def test_a_long_text_is_read_as_far_as_needed(tmp_path):
    given = ["a " * 2000 + "b", "- " * 5000 + "city", "city"]  # of the second most characters give few pieces
    store = small_store(tmp_path, given)
    pieces = pieces_of(store, open_terms(store), "text", TOKENIZER, "letters", window=16)
    assert np.diff(pieces.offsets).tolist() == [512, 512, 1]


def test_a_digest_tells_tokenizers_apart():
    assert tokenizer_digest(TOKENIZER, "a") == tokenizer_digest(text_models.tokenizer(), "b")
    other = text_models.tokenizer()
    other.add_tokens(["river!"])
    assert tokenizer_digest(other, "a") != tokenizer_digest(TOKENIZER, "a")


def test_a_vocabulary_without_a_mask_is_refused():
    with pytest.raises(ConfigError, match="'m', whose vocabulary has no mask"):
        mask_of(text_models.tokenizer(mask_token=None), "m")
