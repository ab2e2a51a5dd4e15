"""Explanations add up to scores."""

from __future__ import annotations

from typing import Any

import pytest

import kgr
from kgr.index.store import Store

ASKED = "the wings at high speed, wing flutters zzzz"


@pytest.mark.parametrize("fields", [None, {"title": 2.0, "body": 0.5}])
@pytest.mark.parametrize(
    ("method", "settings"),
    [("bm25", {}), ("bm25", {"form": "robertson", "k1": 2.0}), ("ql", {"mu": 10.0}), ("ql", {"smoothing": "jm"})],
)
def test_shares_add_up(corpus: Store, method: str, settings: dict[str, Any], fields: dict[str, float] | None) -> None:
    ranking = kgr.retrieve(corpus, ASKED, method=method, fields=fields, **settings)["1"]
    assert ranking
    for key, score in ranking:
        explained = kgr.explain(corpus, ASKED, key, method=method, fields=fields, **settings)
        assert explained.found
        assert explained.score == pytest.approx(score, rel=1e-5, abs=1e-6)
        assert sum(share.contribution for share in explained.terms) == explained.score


def test_what_a_term_has(corpus: Store) -> None:
    explained = kgr.explain(corpus, ASKED, "d1")
    assert (explained.key, explained.label, explained.statistic) == ("d1", "Wing flutter", "idf")
    shares = {share.term: share for share in explained.terms}
    assert set(shares) == {"wing", "high", "speed", "flutter"}
    wing = shares["wing"]
    assert (wing.index, wing.words, wing.count, wing.frequency) == ("text", ("wings", "wing"), 2, 3)
    assert wing.length == sum((2, 4, 3))  # wing flutter; flutter wings high speed; wings flutter break
    assert explained.dropped == ("the", "at", "zzzz")


def test_an_entry_that_is_not_found(corpus: Store) -> None:
    for method in ("bm25", "ql"):
        explained = kgr.explain(corpus, "flutter", "d4", method=method)
        assert not explained.found
        assert [share.frequency for share in explained.terms] == [0]
    assert kgr.explain(corpus, "flutter", "d4").score == 0
    assert kgr.explain(corpus, "of", "d1").terms == ()


def test_words_of_half_the_documents_find_nothing_by_robertson(corpus: Store) -> None:
    asked = {"method": "bm25", "form": "robertson"}
    assert not kgr.retrieve(corpus, "wing", **asked)["1"]
    explained = kgr.explain(corpus, "wing", "d1", **asked)
    assert (explained.found, explained.score) == (False, 0)
    assert [share.frequency for share in explained.terms] == [3]


def test_what_cannot_be_explained(corpus: Store) -> None:
    with pytest.raises(kgr.ConfigError, match="no terms to explain"):
        kgr.explain(corpus, "wing", "d1", method="dense")
    with pytest.raises(kgr.ConfigError, match="'lucene' has no terms to explain a score by; bm25 and ql have"):
        kgr.explain(corpus, "wing", "d1", method="lucene")
    with pytest.raises(kgr.UnknownKey, match="d9"):
        kgr.explain(corpus, "wing", "d9")
