"""Word sets: their laws against enumeration, the same for any threads and cut, what is counted and refused."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from prop.corpus import DOCUMENTS, make_index, model
from query.test_sampler import agrees
from retrieval.scored import make_terms

from kgr.errors import ConfigError, DataError
from kgr.prop.set_pairs import length_chances
from kgr.prop.sets_config import SetsConfig, sets_config
from kgr.prop.word_sets import WordSets, alias_tables, usable_terms

EPOCHS = 60


def word_sets(documents: tuple[str, ...] = DOCUMENTS, visible: Any = None, **settings: Any) -> WordSets:
    values = {"min_length": 1, **settings}
    return WordSets(*make_index(documents), sets_config(values), visible=visible)


def drawn_pairs(sets: WordSets, document: int, length: int) -> Counter[tuple[Any, ...]]:
    """How often each pair of sets of so many words was drawn of a document, words as letters."""
    counts: Counter[tuple[Any, ...]] = Counter()
    keys = [sets._terms.vocabulary.key(i) for i in range(len(sets._terms.collection))]
    for epoch in range(EPOCHS):
        found = sets.draw(np.full(1, document, np.int32), epoch=epoch, seed=5)
        for pair in np.flatnonzero(found.kept[0]).tolist():
            one, other = (found.terms[found.set(0, pair, side)].tolist() for side in (0, 1))
            if len(one) == length:
                counts[tuple(keys[i] for i in one), tuple(keys[i] for i in other)] += 1
    return counts


def untied(words: dict[str, float], draws: dict[str, float], length: int) -> dict[tuple[Any, ...], float]:
    """The law of pairs, given that their scores by ``words`` differ, of sets drawn by ``draws``."""
    sets = {own: math.prod(draws[w] for w in own) for own in itertools.product(words, repeat=length)}
    score = {own: sum(math.log(words[w]) for w in own) for own in sets}
    law = {(a, b): sets[a] * sets[b] for a in sets for b in sets if abs(score[a] - score[b]) > 1e-9}
    total = sum(law.values())
    return {pair: p / total for pair, p in law.items()}


@pytest.mark.parametrize("background", ["collection", "document"])
@pytest.mark.parametrize("length", [1, 2])
def test_pairs_follow_the_smoothed_model(background: str, length: int) -> None:
    sets = word_sets(mu=3.0, background=background, pairs=2000, set_length=1.0)
    words = model(DOCUMENTS, 0, 3.0, background=background)
    assert agrees(drawn_pairs(sets, 0, length), untied(words, words, length))


def test_sub_sampled_words_follow_their_law_and_keep_their_scores() -> None:
    sets = word_sets(mu=3.0, subsample=0.05, pairs=2000, set_length=0.5)
    words = model(DOCUMENTS, 4, 3.0)
    counts = Counter(" ".join(DOCUMENTS).split())
    ratio = {w: 0.05 / (n / sum(counts.values())) for w, n in counts.items()}
    draws = {w: p * min(1.0, math.sqrt(ratio[w]) + ratio[w]) for w, p in words.items()}
    assert agrees(drawn_pairs(sets, 4, 1), untied(words, draws, 1))
    found = sets.draw(np.array([4], np.int32), epoch=0, seed=0)
    for pair in range(100):
        check_score(sets, found, pair, words)


def check_score(sets: WordSets, found: Any, pair: int, words: dict[str, float]) -> None:
    for side in (0, 1):
        own = [sets._terms.vocabulary.key(i) for i in found.terms[found.set(0, pair, side)].tolist()]
        assert found.scores[0, pair, side] == pytest.approx(sum(math.log(words[w]) for w in own))


def test_words_below_min_count_are_never_drawn() -> None:
    """|d| then counts only the others, and p(w|C) is normalised over them."""
    rare = ("g b c g x g h", "b e b y g e c h c h", *DOCUMENTS[1:])
    plain = tuple(" ".join(w for w in text.split() if w not in "xyf") for text in rare)
    sets = word_sets(rare, mu=3.0, min_count=2, pairs=2000, set_length=0.5)
    words = model(plain, 0, 3.0)
    assert agrees(drawn_pairs(sets, 0, 1), untied(words, words, 1))


def test_the_model_is_of_what_is_visible() -> None:
    visible = np.array([2, 9, 1, 0, 3], np.int32)
    sets = word_sets(mu=3.0, visible=visible, pairs=2000, set_length=0.5)
    counts = Counter(" ".join(DOCUMENTS).split())
    total = sum(counts.values())
    words = {w: ((w in "gb") + 3.0 * n / total) / (2 + 3.0) for w, n in counts.items()}
    assert agrees(drawn_pairs(sets, 0, 1), untied(words, words, 1))
    whole = word_sets(mu=3.0, visible=visible, modelled="whole", pairs=2000, set_length=0.5)
    assert drawn_pairs(whole, 0, 1) == drawn_pairs(word_sets(mu=3.0, pairs=2000, set_length=0.5), 0, 1)


def test_mu_is_the_mean_length_of_what_is_modelled() -> None:
    assert word_sets().config.mu == pytest.approx((6 + 5 + 1 + 10) / 4)
    assert word_sets(visible=np.array([2, 9, 1, 0, 3], np.int32)).config.mu == pytest.approx((2 + 5 + 1 + 3) / 4)


def test_lengths_are_poisson_given_that_there_are_words() -> None:
    sets = word_sets(pairs=20_000, set_length=3.0)
    found = sets.draw(np.array([4], np.int32), epoch=0, seed=0)
    sizes = np.diff(found.offsets).reshape(-1, 2)
    assert np.array_equal(sizes[:, 0], sizes[:, 1])
    expected = {n: 3.0**n / math.factorial(n) / (math.exp(3) - 1) for n in range(1, 30)}
    assert agrees(Counter(sizes[:, 0].tolist()), expected)


@pytest.mark.parametrize("mean", [1e-3, 3.0, 50.0])
def test_length_chances_end_at_one(mean: float) -> None:
    chances = length_chances(mean)
    assert chances[-1] == pytest.approx(1, abs=1e-12)
    assert (np.diff(chances) >= 0).all()
    assert chances[0] == pytest.approx(mean * math.exp(-mean) / -math.expm1(-mean))


@pytest.mark.parametrize("law", ["dirichlet", "published"])
def test_any_threads_and_any_cut_give_the_same(law: str) -> None:
    sets = word_sets(law=law, min_count=1, short_share=0.5, min_length=5)
    documents = np.tile(np.arange(5, dtype=np.int32), 6)
    whole = sets.draw(documents, epoch=3, seed=1)
    for threads in (2, 3, 4):
        same(whole, sets.draw(documents, epoch=3, seed=1, threads=threads))
    alone = sets.draw(documents[7:8], epoch=3, seed=1)
    assert np.array_equal(alone.scores[0], whole.scores[7])
    assert np.array_equal(alone.words, whole.words[whole.offsets[7 * 20] : whole.offsets[8 * 20]])
    assert not np.array_equal(whole.scores, sets.draw(documents, epoch=4, seed=1).scores)
    assert not np.array_equal(whole.scores, sets.draw(documents, epoch=3, seed=2).scores)


def same(one: Any, other: Any) -> None:
    for name in ("terms", "words", "offsets", "scores", "kept", "redrawn"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def test_a_pair_does_not_depend_on_how_many_there_are() -> None:
    few, many = (word_sets(pairs=n).draw(np.array([0], np.int32), epoch=0, seed=0) for n in (3, 9))
    assert np.array_equal(few.scores[0], many.scores[0, :3])


def test_surface_forms_follow_their_counts() -> None:
    terms, tokens = make_index()
    words = terms.words.__class__.build([f"{w}{i}" for w in "bcefgh" for i in range(3)], what="word")
    counts = np.tile(np.array([1, 3, 8]), 6)
    forms = type(terms)(**{**vars_of(terms), "words": words, "word_counts": counts, "forms": np.arange(0, 19, 3)})
    for by, share in (("count", counts[:3]), ("log", np.log1p(counts[:3]))):
        sets = WordSets(forms, tokens, sets_config({"forms": by, "min_length": 1, "pairs": 5000}))
        found = sets.draw(np.array([0], np.int32), epoch=0, seed=0)
        assert np.array_equal(found.words // 3, found.terms)
        assert agrees(Counter((found.words % 3).tolist()), dict(enumerate(share / share.sum())))


def vars_of(terms: Any) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in terms.__dataclass_fields__}


def test_published_sets_are_drawn_from_the_candidates() -> None:
    """Given the candidates, which lack the rarest words: the unnormalised model, with sub-sampling."""
    common = " ".join(f"w{i}" for i in range(12))
    documents = ("w1 w2 w2 w3 w3 w3 rare", *(common for _ in range(120)), "w1 w2 w4 w5 w6")
    sets = word_sets(
        documents, law="published", pairs=20_000, set_length=0.2, min_count=2, subsample=1e-3, candidates=8, mu=20.0
    )
    terms, shares = sets.candidates(0, epoch=0, seed=5)
    keys = [sets._terms.vocabulary.key(i) for i in terms.tolist()]
    assert len(set(keys)) == len(keys) < 12
    assert {"w1", "w2", "w3"} <= set(keys)
    words = model(documents, 0, 20.0, background="document")
    counts = Counter(" ".join(documents).split())
    ratio = {w: 1e-3 / (n / sum(counts.values())) for w, n in counts.items()}
    keep = {w: 1.0 if n < 100 else min(1.0, math.sqrt(ratio[w]) + ratio[w]) for w, n in counts.items()}
    draws = {w: words[w] * keep[w] for w in keys}
    assert dict(zip(keys, shares, strict=True)) == pytest.approx({w: p / sum(draws.values()) for w, p in draws.items()})
    found = sets.draw(np.array([0], np.int32), epoch=0, seed=5)
    own: Counter[tuple[Any, ...]] = Counter()
    for pair in np.flatnonzero(found.kept[0]).tolist():
        check_score(sets, found, pair, words)
        one, other = (found.terms[found.set(0, pair, side)].tolist() for side in (0, 1))
        if len(one) == 1:
            own[tuple((sets._terms.vocabulary.key(i),) for i in (*one, *other))] += 1
    assert agrees(own, untied({w: words[w] for w in keys}, draws, 1))


def test_candidates_are_those_of_the_document_and_shares_of_documents() -> None:
    """With fewer candidates than it has words, a document gets 100 draws more."""
    documents = ("b c e f g", *(f"x{i % 50} y z" for i in range(100)))
    sets = word_sets(documents, law="published", min_count=1, candidates=3)
    sizes = [len(sets.candidates(0, epoch=epoch, seed=0)[0]) for epoch in range(20)]
    shares = np.array([1 / 305] * 5 + [2 / 305] * 50 + [100 / 305] * 2)
    expected = 5 + (1 - (1 - shares[5:]) ** 105).sum()
    assert np.mean(sizes) == pytest.approx(expected, abs=3)


def test_ties_are_drawn_again_and_counted() -> None:
    found = word_sets(("b c", "b c"), pairs=500).draw(np.array([0], np.int32), epoch=0, seed=0)
    assert found.redrawn > 0
    assert found.dropped == (~found.kept).sum() == 500  # both words are equally likely: all scores are equal
    found = word_sets(("b c b", "b c"), pairs=500).draw(np.array([0], np.int32), epoch=0, seed=0)
    assert found.redrawn > 0
    assert found.dropped == 0
    assert (found.scores[..., 0] != found.scores[..., 1]).all()


def test_short_and_empty_documents_are_counted_and_give_no_sets() -> None:
    sets = word_sets(min_length=5)
    assert (sets.eligible.short, sets.eligible.empty) == (1, 1)
    assert sets.documents.tolist() == [0, 1, 4]
    found = sets.draw(np.arange(5, dtype=np.int32), epoch=0, seed=0)
    assert found.kept.all(axis=1).tolist() == [True, True, False, False, True]
    assert not found.kept[[2, 3]].any()
    assert (np.diff(found.offsets).reshape(5, -1) > 0).all(axis=1).tolist() == found.kept.all(axis=1).tolist()
    assert found.dropped == 0


def test_a_share_of_the_short_documents_is_drawn_from() -> None:
    sets = word_sets(min_length=5, short_share=0.25)
    assert sets.documents.tolist() == [0, 1, 2, 4]
    drawn = [sets.draw(np.array([2, 3], np.int32), epoch=epoch, seed=0).kept.any(axis=1) for epoch in range(2000)]
    assert np.mean(drawn, axis=0)[0] == pytest.approx(0.25, abs=0.04)
    assert not any(own[1] for own in drawn)


def test_too_few_words_are_refused() -> None:
    with pytest.raises(DataError, match=r"1 of the 1 words .* expected more texts$"):
        word_sets(("b b b", "b"))
    with pytest.raises(DataError, match=r"0 of the 6 words .* at least 50 times .* smaller min_count"):
        word_sets(min_count=50)
    with pytest.raises(DataError, match="of 5 documents 1 have no usable word and 4 have fewer than 100"):
        word_sets(min_length=100)


def test_stop_words_are_never_drawn() -> None:
    terms = make_terms([["the", "river", "of", "city"]])
    assert usable_terms(terms, 1).tolist() == [terms.vocabulary.key(i) in ("river", "city") for i in range(4)]


@pytest.mark.parametrize("document", [-1, 5])
def test_documents_that_are_not_there_are_refused(document: int) -> None:
    with pytest.raises(ValueError, match="there are 5"):
        word_sets().draw(np.array([document], np.int32), epoch=0, seed=0)


def test_candidates_are_of_the_published_law() -> None:
    with pytest.raises(ValueError, match="only 'published' has candidates"):
        word_sets().candidates(0, epoch=0, seed=0)


def test_alias_tables_give_each_outcome_its_share() -> None:
    weights = np.array([0.0, 5.0, 1.0, 0.25, 7.0, 2.0, 2.0])
    table = alias_tables(weights, np.array([0, 5, 7]))
    for first, last in ((0, 5), (5, 7)):
        shares, n = np.zeros(last - first), last - first
        for i, cell in enumerate(table[first:last].tolist()):
            shares[i] += (cell >> 32) / 2**32 / n
            shares[cell & 0xFFFFFFFF] += (1 - (cell >> 32) / 2**32) / n
        assert shares == pytest.approx(weights[first:last] / weights[first:last].sum(), abs=1e-9)


def test_defaults_of_the_laws() -> None:
    plain, published = sets_config({}), sets_config({"law": "published"})
    assert (plain.background, plain.modelled, plain.subsample, plain.forms) == ("collection", "visible", 0.0, "count")
    assert (published.background, published.modelled, published.subsample, published.forms) == (
        "document", "whole", 1e-4, "log",
    )  # fmt: skip
    assert sets_config({"law": "published", "forms": "count"}).forms == "count"


def test_settings_that_a_law_does_not_read_are_refused() -> None:
    with pytest.raises(ConfigError, match="law 'dirichlet' does not read candidates"):
        sets_config({"candidates": 5})
    with pytest.raises(ConfigError, match=r"max_entropy is 0\.5, but temperature is given"):
        sets_config({"law": "attention", "temperature": 1.0, "max_entropy": 0.5})
    with pytest.raises(ConfigError, match="pairs is 0, expected a whole number, at least 1"):
        sets_config({"pairs": 0})
    assert SetsConfig() == SetsConfig(law="dirichlet")


def test_another_law_or_index_is_refused() -> None:
    terms, tokens = make_index()
    with pytest.raises(ConfigError, match="law is 'attention', expected dirichlet or published here"):
        WordSets(terms, tokens, SetsConfig(law="attention"))
    with pytest.raises(ValueError, match="not of one index"):
        WordSets(terms, make_index(DOCUMENTS[1:])[1])
