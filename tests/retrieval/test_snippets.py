"""Snippets show where a query's words stand."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import kgr
from kgr._config import make
from kgr.index.analysis import Analyzer, AnalyzerConfig
from kgr.index.store import Store
from kgr.retrieval.results import named_results
from kgr.retrieval.snippets import READ, snippet

ENGLISH = Analyzer(make(AnalyzerConfig, {"language": "en"}))


def marked(text: str, query: str, width: int = 160, language: str = "en") -> str:
    analyzer = Analyzer(make(AnalyzerConfig, {"language": language}))
    return snippet(text, frozenset(analyzer.terms(query)), analyzer, width=width).marked()


@pytest.mark.parametrize(
    ("text", "query", "language", "expected"),
    [
        ("The wings of a bird", "wing", "en", "The *wings* of a bird"),
        ("one\ntwo\tthree", "two", "en", "one *two* three"),
        ("Die Straßen von Ulm", "straße", "de", "Die *Straßen* von Ulm"),
        ("ﬁnal ﬁle", "file", "en", "ﬁnal *ﬁle*"),
        ("В чёрных лесах", "черный", "ru", "В *чёрных* лесах"),
        ("北京是中国的首都", "北京是", "zh", "*北京是*中国的首都"),
        ("محمد ﷺ", "صلى عليه وسلم", "ar", "محمد *ﷺ*"),
        ("nothing", "wing", "en", "nothing"),
        ("", "wing", "en", ""),
    ],
)
def test_marks(text: str, query: str, language: str, expected: str) -> None:
    assert marked(text, query, language=language) == expected


def test_the_part_with_most_different_words() -> None:
    text = "wing wing wing. " + "filler words go here. " * 20 + "a wing in a flutter test. " + "more filler. " * 20
    shown = marked(text, "flutter of wings", width=60)
    assert "*wing* in a *flutter*" in shown
    assert shown.startswith("… ") and shown.endswith(" …")
    assert len(shown) <= 60 + 4 + 4


def test_the_end_of_a_text_is_filled_from_the_left() -> None:
    text = "some words that stand before it " * 10 + "flutter"
    own = snippet(text, frozenset(["flutter"]), ENGLISH, width=50)
    assert own.text.endswith("before it flutter") and len(own.text) > 40
    assert [own.text[first:last] for first, last in own.marks] == ["flutter"]


def test_large_texts_and_long_words() -> None:
    start = time.process_time()
    text = "x" * 1_000_000 + " wing " * 10_000_000
    own = snippet(text, frozenset(["wing"]), ENGLISH)
    assert len(own.text) <= READ + 10
    assert snippet("y " * 200 + "x" * 500 + " wing", frozenset(["wing"]), ENGLISH).marked().endswith("*wing*")
    assert time.process_time() - start < 5


def test_results_have_titles_and_snippets(corpus: Store) -> None:
    ranking = kgr.retrieve(corpus, {"q": "cone in flow"})
    first = named_results(ranking, "q", count=2)[0]
    assert (first.key, first.label) == ("d3", "d3")
    assert first.snippet.marked() == "A *cone* in a hypersonic *flow*"
    assert first.score == ranking["q"][0][1]
    assert named_results(ranking, "q", count=9)[1].label == "Flow"


def test_snippets_without_an_index_of_all_texts(corpus: Store, tmp_path: Path) -> None:
    plain = kgr.build_corpus(tmp_path / "corpus.jsonl", tmp_path / "plain", index=False)
    (first,) = named_results(kgr.retrieve(plain, "laminar", fields={"body": 1.0}), "1")
    assert first.snippet.marked() == "Flow Flow about a wing: the flow is *laminar*."
