"""BM25 on known collections: the scores of bm25s over the same tokens, and the figures that the defaults reach."""

from __future__ import annotations

from collections.abc import Callable

import bm25s
import numpy as np
import pytest

import kgr
from kgr.data.topics import topics_of
from kgr.index.store import Store
from kgr.index.terms import open_terms
from kgr.index.text_index import joined_text, needed_terms

FIGURES = {"cranfield": ("map", 0.405), "cisi": ("map", 0.219), "scifact": ("ndcg@10", 0.675)}


@pytest.mark.parametrize("name", FIGURES)
def test_scores_of_bm25s(name: str, opened: Callable[[str], Store]) -> None:
    store = opened(name)
    ranking = kgr.retrieve(store, k=10)
    terms = open_terms(Store(store.path), "en")
    assert terms is not None
    texts = [text for _, text in joined_text(store, terms.settings["fields"], "en")]
    own = [terms.analyzer.terms(text) for text in texts]
    words = {word: number for number, word in enumerate(dict.fromkeys(word for words in own for word in words))}
    peer = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    peer.index(([[words[word] for word in words_of] for words_of in own], words), show_progress=False)
    topics = topics_of(store)
    for number, text in enumerate(topics.texts):
        asked = [words[word] for word in terms.analyzer.terms(text) if word in words]
        rows = ranking.rows(number)
        if not asked:
            assert rows.start == rows.stop
            continue
        expected = peer.get_scores_from_ids(asked)
        best = np.sort(expected)[::-1][: rows.stop - rows.start]
        assert ranking.score[rows] == pytest.approx(best, abs=1e-5, rel=1e-5)
        assert ranking.score[rows] == pytest.approx(expected[ranking.document[rows]], abs=1e-5, rel=1e-5)


@pytest.mark.parametrize("name", FIGURES)
def test_figures_of_the_defaults(name: str, opened: Callable[[str], Store]) -> None:
    store = opened(name)
    measure, least = FIGURES[name]
    figures = kgr.evaluate_ranking(store, kgr.retrieve(store))
    assert figures[measure] >= least


def test_query_likelihood_on_cranfield(opened: Callable[[str], Store]) -> None:
    store = opened("cranfield")
    needed_terms(store, "en")
    for settings, least in (({}, 0.39), ({"smoothing": "jm"}, 0.385)):
        assert kgr.evaluate_ranking(store, kgr.retrieve(store, method="ql", **settings))["map"] >= least
