"""Indexes of texts: postings against an obvious count, whatever the blocks, runs and workers."""

from __future__ import annotations

import itertools
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kgr._config import make
from kgr.errors import FormatError
from kgr.index import blocks, terms_build
from kgr.index.analysis import Analyzer, AnalyzerConfig
from kgr.index.blocks import analyze_block
from kgr.index.store import Section
from kgr.index.terms import Terms, Tokens, terms_name, tokens_name
from kgr.index.terms_build import terms_sections

ENGLISH = Analyzer(make(AnalyzerConfig, {}))


def arrays_of(section: Section) -> dict[str, NDArray[Any]]:
    pieces = {name: np.concatenate([np.empty(0, p.dtype), *p.make()]) for name, p in section.pieces.items()}
    for name, piece in section.pieces.items():
        assert pieces[name].shape == piece.shape and pieces[name].dtype == piece.dtype
    return {**section.arrays, **pieces}


def index(texts: Sequence[str], cuts: Sequence[int] = (), analyzer: Analyzer = ENGLISH) -> tuple[Any, Any]:
    """Return the arrays of terms and tokens of texts, cut into blocks."""
    bounds = [0, *sorted(min(cut, len(texts)) for cut in cuts), len(texts)]
    parts = (analyze_block(texts[first:last], analyzer) for first, last in itertools.pairwise(bounds))
    with tempfile.TemporaryDirectory() as spool:
        rows = np.arange(len(texts), dtype=np.int32) * 3
        sections = terms_sections("text", rows, parts, analyzer, fields=("body",), spool=Path(spool), made_from=())
        language = analyzer.config.language
        assert list(sections) == [terms_name(language), tokens_name(language)]
        assert sections[tokens_name(language)].made_from == (terms_name(language),)
        return tuple(arrays_of(section) for section in sections.values())


def check(texts: Sequence[str], terms: Terms, tokens: Tokens, analyzer: Analyzer = ENGLISH) -> None:
    """Compare an index with counts of the analyser's own words and terms."""
    documents = [analyzer.terms(text) for text in texts]
    order = list(dict.fromkeys(term for document in documents for term in document))
    assert terms.vocabulary.keys_of(range(len(terms.vocabulary))) == order
    assert terms.lengths.tolist() == [len(document) for document in documents]
    assert [order[id] for id in tokens.ids.tolist()] == [term for document in documents for term in document]
    assert np.diff(tokens.offsets).tolist() == terms.lengths.tolist()
    counts = [Counter(document) for document in documents]
    everywhere = Counter(term for document in documents for term in document)
    assert terms.collection.tolist() == [everywhere[term] for term in order]
    words = Counter(w for text in texts for w in analyzer.words(text) if analyzer.term(w) is not None)
    for id, term in enumerate(order):
        postings = slice(*terms.offsets[id : id + 2].tolist())
        expected = [(number, count[term]) for number, count in enumerate(counts) if term in count]
        found = zip(terms.documents[postings].tolist(), terms.frequencies[postings].tolist(), strict=True)
        assert list(found) == expected
        forms = range(*terms.forms[id : id + 2].tolist())
        of = {terms.words.key(form): int(terms.word_counts[form]) for form in forms}
        assert of == {word: count for word, count in words.items() if analyzer.term(word) == term}
    assert len(terms.words) == terms.forms[-1] == len(words)


TEXTS = [
    "The bridges of the town.",
    "",
    "A bridge, another bridge: BRIDGING the gap; the gap!",
    "and the of",
    "Towns and 'towns'. Ünïcödé bridges – 東京.",
]


def test_against_plain_counts() -> None:
    terms, tokens = index(TEXTS)
    opened = Terms.from_arrays(terms)
    check(TEXTS, opened, Tokens(**tokens))
    assert opened.rows.tolist() == [0, 3, 6, 9, 12]
    assert opened.settings == {**ENGLISH.settings, "fields": ["body"]}
    assert opened.analyzer.terms("bridges") == ["bridg"]
    assert opened.ids(["bridg", "absent", "town"]).tolist() == [0, -1, 1]
    dtypes = {name: array.dtype.name for name, array in terms.items()}
    assert dtypes == {
        "rows": "int32", "lengths": "int32", "offsets": "int64", "documents": "int32", "frequencies": "uint16",
        "collection": "int64", "term_bytes": "uint8", "term_offsets": "int32", "term_table": "int32",
        "word_bytes": "uint8", "word_offsets": "int32", "word_table": "int32", "word_counts": "int64",
        "forms": "int64", "settings": "uint8",
    }  # fmt: skip


_WORDS = st.sampled_from(
    ["cat", "Cats", "dog", "the", "Räder", "rad", "don't", "ß", "SS", "x1", "中国", "ё", "е", "—", "ｃat"]
)


@given(
    st.lists(st.lists(_WORDS, max_size=8).map(" ".join), max_size=12),
    st.lists(st.integers(0, 12), max_size=5),
    st.data(),
)
@settings(max_examples=60, deadline=None)
def test_blocks_and_runs_change_nothing(texts: list[str], cuts: list[int], data: st.DataObject) -> None:
    whole = index(texts)
    check(texts, Terms.from_arrays(whole[0]), Tokens(**whole[1]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(terms_build, "RUN", data.draw(st.integers(1, 20)))
        patch.setattr(terms_build, "MERGED", data.draw(st.integers(1, 20)))
        again = index(texts, cuts)
    for one, other in zip(whole, again, strict=True):
        assert list(one) == list(other)
        assert all(one[name].dtype == other[name].dtype and np.array_equal(one[name], other[name]) for name in one)


def test_many_occurrences_in_one_document() -> None:
    texts = ["word " * 70_000 + "rest", "word"]
    terms, tokens = index(texts)
    assert terms["frequencies"].dtype == np.int32
    check(texts, Terms.from_arrays(terms), Tokens(**tokens))


def test_no_documents_and_no_words() -> None:
    for texts in ([], ["", "the"]):
        terms, tokens = index(texts)
        check(texts, Terms.from_arrays(terms), Tokens(**tokens))
        assert terms["offsets"].tolist() == [0]


def test_rows_must_fit() -> None:
    block = analyze_block(["one", "two"], ENGLISH)
    with tempfile.TemporaryDirectory() as spool, pytest.raises(ValueError, match="2 documents for 1 rows"):
        terms_sections("text", np.zeros(1, np.int32), [block], ENGLISH, fields=(), spool=Path(spool), made_from=())


def test_another_analyzer_is_refused() -> None:
    terms, _ = index(TEXTS)
    settings = terms["settings"].tobytes().replace(b'"version": 1', b'"version": 7')
    with pytest.raises(FormatError, match=r"^here: analysed with version 7, this kgr has 1"):
        Terms.from_arrays({**terms, "settings": np.frombuffer(settings, np.uint8)}, where="here")


_ANY = st.text(
    st.one_of(st.characters(), st.sampled_from("aAzZ09ßﬁ½İIıΣёأكِـَ中カｶﾞ각ᅡᆨ \u0301\u0338=<\u200d-'㎏１\ud800\xff\0")),
    max_size=30,
)


@given(st.lists(_ANY, max_size=6), st.sampled_from(["en", "tr", "ru"]), st.integers(1, 40))
@example(["x=\u0338y", "a\u0301b c\u0327"], "en", 1)
@example(["\ud800a\udfff", "Iİ\xff"], "tr", 1)
@settings(max_examples=300, deadline=None)
def test_blocks_have_the_words_of_the_analyzer(texts: list[str], language: str, chunk: int) -> None:
    analyzer = Analyzer(make(AnalyzerConfig, {"language": language}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "CHUNK", chunk)
        block = analyze_block(texts, analyzer)
    for number, text in enumerate(texts):
        found = [block.words[id] for id in block.ids[slice(*block.offsets[number : number + 2].tolist())].tolist()]
        assert found == [word for word in analyzer.words(text) if word not in analyzer.stop_words]
    assert len(block.offsets) == len(texts) + 1


def test_many_and_long_runs() -> None:
    texts = [" ".join(f"w{i}" for i in range(50_000)), "x" * 1_000_000, "é" * 300_000, "中" * 100_000 + "。"]
    block = analyze_block(texts, ENGLISH)
    assert np.diff(block.offsets).tolist() == [50_000, 3922, 1177, 99_999]
    assert len(block.words) == 50_000 + 2 + 2 + 1
    assert [block.words[id] for id in block.ids[:3].tolist()] == ["w0", "w1", "w2"]


def test_blocks() -> None:
    block = analyze_block(TEXTS, ENGLISH)
    assert [block.words[id] for id in block.ids.tolist()] == [
        word for text in TEXTS for word in ENGLISH.words(text) if ENGLISH.term(word) is not None
    ]
    assert block.offsets.tolist() == [0, 2, 2, 8, 8, 13]
    assert block.ids.dtype == np.int32 and block.offsets.dtype == np.int64
    assert list(block.words) == list(dict.fromkeys(block.words))
