"""Word sets of B-PROP: the law without replacement against enumeration, temperature, what is counted and refused."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from query.test_sampler import agrees

from kgr.errors import ConfigError, DataError
from kgr.prop.sets_config import SetsConfig, sets_config
from kgr.prop.weighted_sets import TermWeights, WeightedSets, temperature_for

WEIGHTS = ([0.5, 0.1, 0.35, 0.02], [0.3, 0.1], [], [0.25], [0.1 * i for i in range(12)])


def term_weights(weights: Any = WEIGHTS) -> TermWeights:
    """Weights of documents' words; the words of document d are 100 d, 100 d + 1, …; a word's term is its tenth."""
    words = np.array([100 * d + i for d, own in enumerate(weights) for i in range(len(own))], np.int32)
    offsets = np.cumsum([0, *map(len, weights)])
    return TermWeights(words // 10, words, np.array([w for own in weights for w in own], float), offsets)


def weighted_sets(weights: Any = WEIGHTS, **settings: Any) -> WeightedSets:
    values = {"law": "attention", "min_length": 1, "temperature": 0.2, **settings}
    return WeightedSets(term_weights(weights), sets_config(values))


def successive(weights: list[float], temperature: float, length: int) -> dict[tuple[int, ...], float]:
    """The chance of each sequence of different words."""
    share = [math.exp(w / temperature) for w in weights]
    law = {}
    for own in itertools.permutations(range(len(weights)), length):
        left, chance = sum(share), 1.0
        for i in own:
            chance *= share[i] / left
            left -= share[i]
        law[own] = chance
    return law


@pytest.mark.parametrize("length", [1, 2])
def test_sets_are_drawn_by_their_shares_of_what_is_left(length: int) -> None:
    found = weighted_sets(pairs=60_000, set_length=1.0).draw(np.array([0], np.int32), epoch=0, seed=3)
    law, weights = successive(WEIGHTS[0], 0.2, length), WEIGHTS[0]
    score = {own: sum(weights[i] for i in own) for own in law}
    pairs = {(a, b): law[a] * law[b] for a in law for b in law if abs(score[a] - score[b]) > 1e-9}
    total = sum(pairs.values())
    counts: Counter[Any] = Counter()
    for pair in np.flatnonzero(found.kept[0]).tolist():
        sets = [tuple(found.words[found.set(0, pair, side)].tolist()) for side in (0, 1)]
        assert found.scores[0, pair] == pytest.approx([sum(weights[i] for i in own) for own in sets])
        if len(sets[0]) == length:
            counts[tuple(sets)] += 1
    assert agrees(counts, {pair: p / total for pair, p in pairs.items()})


def test_terms_are_those_of_the_words() -> None:
    found = weighted_sets().draw(np.array([4, 0], np.int32), epoch=0, seed=0)
    assert found.kept[0].all()
    assert np.array_equal(found.terms[found.words >= 0], found.words[found.words >= 0] // 10)
    assert found.words[: found.offsets[20]].min() >= 400


def test_any_threads_and_any_cut_give_the_same() -> None:
    sets = weighted_sets()
    documents = np.tile(np.arange(5, dtype=np.int32), 4)
    whole = sets.draw(documents, epoch=1, seed=1)
    for threads in (2, 3, 4):
        other = sets.draw(documents, epoch=1, seed=1, threads=threads)
        for name in ("terms", "words", "offsets", "scores", "kept", "redrawn"):
            assert np.array_equal(getattr(whole, name), getattr(other, name)), name
    alone = sets.draw(documents[9:10], epoch=1, seed=1)
    assert np.array_equal(alone.words, whole.words[whole.offsets[9 * 20] : whole.offsets[10 * 20]])


def test_pairs_that_need_more_words_than_there_are_are_counted() -> None:
    found = weighted_sets(pairs=1000).draw(np.array([1, 2, 3], np.int32), epoch=0, seed=0)
    lengths = np.diff(found.offsets).reshape(3, 1000, 2)[..., 0]
    assert np.array_equal(found.kept[0], lengths[0] == 1)  # both sets of two words would be the same
    assert not found.kept[1:].any()
    assert (lengths[1] == 0).all()
    assert found.dropped == int((lengths[0] > 1).sum()) + 1000


def test_weights_that_vanish_are_never_drawn() -> None:
    found = weighted_sets([[0.0, 1.0, 0.999, -1e6]], pairs=200).draw(np.array([0], np.int32), epoch=0, seed=0)
    kept = np.repeat(found.kept[0], np.diff(found.offsets).reshape(-1, 2).sum(axis=1))
    assert set(found.words[kept].tolist()) == {0, 1, 2}


@pytest.mark.parametrize("most", [0.5, 0.9])
def test_the_temperature_is_the_largest_that_the_entropy_allows(most: float) -> None:
    weights = term_weights()
    temperature = temperature_for(weights, most)
    entropies = []
    for own in (WEIGHTS[0], WEIGHTS[1], WEIGHTS[4]):
        share = np.exp(np.array(own) / temperature)
        share /= share.sum()
        entropies.append(-(share * np.log(share)).sum() / math.log(len(own)))
    assert np.mean(entropies) == pytest.approx(weights.entropy(temperature)) == pytest.approx(most, abs=1e-4)
    assert weights.entropy(temperature) <= most < weights.entropy(temperature * 1.01)
    sets = weighted_sets(temperature=None, max_entropy=most)
    assert sets.config.temperature == temperature
    assert sets.entropy == weights.entropy(temperature)


def test_equal_weights_have_no_temperature() -> None:
    with pytest.raises(DataError, match=r"no temperature lets .* be 0\.9"):
        weighted_sets([[0.5, 0.5, 0.5]], temperature=None)
    with pytest.raises(DataError, match="no document has two words"):
        weighted_sets([[0.5]], temperature=None)
    assert weighted_sets([[0.5, 0.5]]).draw(np.array([0], np.int32), epoch=0, seed=0).dropped == 10


def test_short_and_empty_documents_are_counted() -> None:
    sets = weighted_sets(min_length=4)
    assert (sets.eligible.short, sets.eligible.empty, sets.documents.tolist()) == (2, 1, [0, 4])
    with pytest.raises(DataError, match="1 have no usable word and 4 have fewer than 100"):
        weighted_sets(min_length=100)


def test_another_law_is_refused() -> None:
    with pytest.raises(ConfigError, match="law is 'dirichlet', expected attention here"):
        WeightedSets(term_weights(), SetsConfig())
