"""Rows, masks, sentences: what a batch holds."""

import numpy as np
import pytest
import text_models
from prop_corpus import small_store

from kgr._config import make
from kgr.errors import DataError
from kgr.index.terms import open_terms, open_tokens
from kgr.prop.batches import PropBatches
from kgr.prop.config import PropConfig
from kgr.prop.masks import Masker, _whole_words
from kgr.prop.pieces import pieces_of
from kgr.prop.sentences import Sentences
from kgr.prop.set_pairs import SetPairs
from kgr.prop.word_sets import WordSets

TOKENIZER = text_models.tokenizer()
CLS, SEP, MASK = TOKENIZER.cls_token_id, TOKENIZER.sep_token_id, TOKENIZER.mask_token_id
BASE = {"batch": 4, "window": 64, "steps": 40, "held_out": 5, "mlm_start": 0.0}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return small_store(tmp_path_factory.mktemp("batches"))


def batches_of(store, *, limit=512, **settings):
    config = make(PropConfig, {**BASE, **settings})
    terms, tokens = open_terms(store), open_tokens(store)
    pieces = pieces_of(store, terms, "text", TOKENIZER, "letters", window=config.window)
    sets = None
    if config.objective == "prop":
        sets = WordSets(terms, tokens, config.sets, visible=pieces.visible(config.window))
    return PropBatches(terms, pieces, TOKENIZER, config, sets, limit)


def filled(batches, step=1):
    fields = {name: np.full(shape, 7, dtype) for name, (dtype, shape) in batches.layout().items()}
    batches.fill(fields, step)
    rows, longest, masked, unused = fields["counts"].tolist()
    own = {name: fields[name][:rows] for name in ("ids", "segments", "lengths")}
    own |= {"masked": fields["masked"][:masked], "labels": fields["labels"][:masked]}
    return {**own, "longest": longest, "unused": unused}


def parts(found, row):
    """The word set, or sentence, and the document of a row."""
    ids = found["ids"][row, : found["lengths"][row]].tolist()
    middle = ids.index(SEP)
    assert ids[0] == CLS and ids[-1] == SEP
    return ids[1:middle], ids[middle + 1 : -1]


def test_a_pair_of_rows_has_two_sets_and_one_document(store):
    batches = batches_of(store, mlm_weight=0.0, mlm_start=0.5)
    found = filled(batches)
    assert len(found["lengths"]) == 8 and found["longest"] == found["lengths"].max()
    for row in range(4):
        (better, document), (worse, other) = parts(found, row), parts(found, row + 4)
        assert document == other and len(document) == 64 and better != worse
        end = len(better) + 2
        assert found["segments"][row, :end].tolist() == [0] * end
        assert found["segments"][row, end : found["lengths"][row]].all()
        assert (found["ids"][row, found["lengths"][row] : found["longest"]] == TOKENIZER.pad_token_id).all()


def test_the_better_set_is_first(store):
    batches = batches_of(store, mlm_weight=0.0, mlm_start=0.5)
    found = filled(batches)
    documents = batches._documents(0, 0)
    pairs = batches.sets.draw(documents, epoch=0, seed=0)
    for row, b in enumerate(np.flatnonzero(pairs.kept[:, 0]).tolist()):
        for at, side in ((row, int(pairs.scores[b, 0].argmax())), (row + 4, int(pairs.scores[b, 0].argmin()))):
            assert parts(found, at)[0] == batches.pieces.forms(pairs.words[pairs.set(b, 0, side)]).tolist()


@pytest.mark.parametrize("objective", ["prop", "mlm", "ict"])
def test_a_batch_depends_on_its_number_alone(store, objective):
    one, other = batches_of(store, objective=objective, **({} if objective != "mlm" else {"mlm_start": 0.5})), None
    other = batches_of(store, objective=objective, **({} if objective != "mlm" else {"mlm_start": 0.5}))
    late = filled(one, 30)
    for step in (1, 2, 30):
        a, b = filled(one, step), filled(other, step)
        assert all(np.array_equal(a[name], b[name]) for name in ("lengths", "masked", "labels"))
        for row, length in enumerate(a["lengths"]):
            assert np.array_equal(a["ids"][row, :length], b["ids"][row, :length])
    assert not np.array_equal(late["labels"], filled(one, 1)["labels"])


def test_a_pass_takes_every_document_once_but_those_over_whole_batches(store):
    batches = batches_of(store)
    taken = np.concatenate([batches._documents(3, at) for at in range(len(batches.train) // 4)])
    assert len(np.unique(taken)) == len(taken) == len(batches.train) // 4 * 4
    assert set(taken) <= set(batches.train) and not set(batches.train) & set(batches.held)


def test_masks_are_of_the_document_alone_and_the_same_in_both_rows(store):
    found = filled(batches_of(store))
    labels = iter(found["labels"].tolist())
    shares = []
    for row in range(4):
        (first, document), (other, twin) = parts(found, row), parts(found, row + 4)
        assert document == twin and MASK not in first and MASK not in other
        places = found["masked"][found["masked"][:, 0] == row, 1]
        assert (places >= len(first) + 2).all()
        shares.append(len(places) / len(document))
        for place in places:
            assert next(labels) != MASK
            assert found["ids"][row, place] == document[place - len(first) - 2]
        assert document.count(MASK) <= len(places)
    assert 0.02 < np.mean(shares) <= 0.2


def test_no_words_are_masked_before_they_are_to_join(store):
    batches = batches_of(store, mlm_start=0.5)
    assert len(filled(batches, 20)["labels"]) == 0 < len(filled(batches, 21)["labels"])


def test_whole_words_are_masked_four_fifths_of_the_time():
    config = make(PropConfig, {"objective": "mlm"})
    masker = Masker(TOKENIZER, config)
    words = np.repeat(np.arange(300, dtype=np.int32), np.arange(300) % 3 + 1)
    ids = np.full(len(words), 9, np.int64)
    draw, kinds, count = np.random.default_rng(0), np.zeros(3), 0
    for _ in range(100):
        ((places, shown, labels),) = masker.draw([(ids, words)], draw)
        assert (labels == 9).all() and abs(len(places) - 90) <= 3
        chosen = np.unique(words[places])
        assert np.array_equal(places, np.flatnonzero(np.isin(words, chosen)))
        kinds += [(shown == MASK).sum(), ((shown != MASK) & (shown != 9)).sum(), (shown == 9).sum()]
        assert not np.isin(shown[shown != MASK], TOKENIZER.all_special_ids).any()
        count += len(places)
    assert np.allclose(kinds / count, [0.8, 0.1, 0.1], atol=0.02)


def test_one_word_is_masked_even_where_it_is_longer_than_the_share():
    assert _whole_words(np.zeros(9, np.int32), 1, np.random.default_rng(0)).tolist() == list(range(9))


def test_inverse_cloze_shows_a_sentence_with_its_document_and_with_another(store):
    batches = batches_of(store, objective="ict", mlm_weight=0.0, mlm_start=0.5)
    found = filled(batches)
    for row in range(4):
        (sentence, rest), (same, other) = parts(found, row), parts(found, row + 4)
        assert sentence == same and rest != other and 0 < len(sentence) <= 48


@pytest.mark.parametrize("window", [32, 64, 600])
def test_no_length_tells_which_document_a_sentence_is_of(tmp_path, window):
    draw = np.random.default_rng(0)
    sentences = [" ".join(draw.choice(["river", "city", "hill"], 6)) for _ in range(900)]
    texts = [". ".join(sentences[10 * i : 10 * i + i % 5 + 6]) for i in range(90)]
    batches = batches_of(small_store(tmp_path, texts), objective="ict", mlm_weight=0.0, mlm_start=0.5, window=window)
    better, worse = np.concatenate([np.split(filled(batches, i)["lengths"], 2) for i in range(1, 201)], axis=1)
    assert 0.4 < ((better < worse) + 0.5 * (better == worse)).mean() < 0.6


def test_a_sentence_ends_with_its_mark_and_is_mostly_taken_out():
    stop = TOKENIZER.convert_tokens_to_ids(".")
    ids = np.array([9, 9, stop, 10, 10, 10, stop, 11, 11, 11, 11, stop], np.int64)
    words = np.arange(12, dtype=np.int32)
    sentences, removed, seen = Sentences(TOKENIZER), 0, set()
    draw = np.random.default_rng(1)
    for _ in range(200):
        (sentence,), ((rest, own),) = sentences.draw([(ids, words)], draw)
        seen.add(tuple(sentence.tolist()))
        removed += len(rest) < len(ids)
        assert len(rest) == len(own) and len(rest) in (len(ids), len(ids) - len(sentence))
    assert seen == {(9, 9, stop), (10, 10, 10, stop), (11, 11, 11, 11, stop)}
    assert 165 <= removed <= 195


def test_rows_are_no_longer_than_the_model_reads(store):
    batches = batches_of(store, limit=80)
    assert all(filled(batches, step)["longest"] <= 80 for step in range(1, 6))


def test_another_document_is_shown_where_it_is_to_be_wrong(store):
    batches = batches_of(store)
    fields = {name: np.zeros(shape, dtype) for name, (dtype, shape) in batches.layout().items()}
    documents, pairs = batches.held_rows(fields, 0)
    right = [fields["ids"][row].copy() for row in range(8)]
    same, _ = batches.held_rows(fields, 0, wrong=True)
    assert np.array_equal(documents, same) and len(documents) == 4 and pairs is not None
    assert not set(documents.tolist()) & set(batches.train.tolist())
    for row in range(8):
        assert fields["ids"][row, 1] == right[row][1] and not np.array_equal(fields["ids"][row], right[row])


def test_the_other_document_does_not_depend_on_the_batch(store):
    shown = []
    for size in (1, 4):
        batches = batches_of(store, batch=size, mlm_weight=0.0, mlm_start=0.5)
        fields = {name: np.zeros(shape, dtype) for name, (dtype, shape) in batches.layout().items()}
        rows = []
        for first in range(0, len(batches.held), size):
            batches.held_rows(fields, first, wrong=True)
            count = fields["counts"][0] // 2
            own = {"ids": fields["ids"], "lengths": fields["lengths"]}
            rows += [tuple(map(tuple, parts(own, row))) for row in range(count)]
        shown.append(rows)
    right = [tuple(batches._document(i, 64)[0].tolist()) for i in np.roll(batches.held, -1).tolist()]
    assert shown[0] == shown[1] and [document for _, document in shown[0]] == right


def test_batches_are_of_documents_that_are_drawn_from(store):
    batches = batches_of(store, min_length=100, short_share=0.3, pairs=2)
    taken = {}
    for step in range(1, 40):
        round_, at = divmod(step - 1, batches._per_round)
        documents = batches._documents(round_, at)
        assert filled(batches, step)["unused"] == 0 and len(documents) == 4
        taken.setdefault(round_ // 2, set()).update(documents.tolist())
    assert len(taken) > 3 and len(set.union(*taken.values())) > 30 > max(map(len, taken.values()))


def test_a_pair_that_cannot_be_used_gives_way_to_the_next():
    kept = np.array([[True, True, True], [True, False, False], [False, False, False], [False, True, True]])
    empty = np.empty(0)
    pairs = SetPairs(empty, empty, np.zeros(1, np.int64), np.zeros((4, 3, 2)), kept, 0)
    assert pairs.usable(0) == [(0, 0), (1, 0), (3, 1)]
    assert pairs.usable(2) == [(0, 2), (1, 0), (3, 2)]


def test_texts_of_one_word_pair_have_no_sets_that_differ(tmp_path):
    store = small_store(tmp_path, ["river city " * 9 + str(i) * 3 for i in range(40)])
    with pytest.raises(DataError, match="has two word sets with different scores: expected texts of more different"):
        filled(batches_of(store, min_count=2, background="document"))


def test_too_few_documents_are_refused(tmp_path):
    store = small_store(tmp_path, ["river city mountain " * 9] * 10)
    with pytest.raises(DataError, match="found 10, beside 0 without a usable word and 0 that are too short"):
        batches_of(store, objective="ict")
