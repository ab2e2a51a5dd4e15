"""Words, their places, and terms, in the languages of the data sets and some others."""

from __future__ import annotations

import pickle
import re
import sys
import unicodedata
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kgr._config import make
from kgr.errors import ConfigError, FormatError
from kgr.index.analysis import SNOWBALL, Analyzer, AnalyzerConfig
from kgr.index.boundaries import LONGEST, folded, spans_of, words_of
from kgr.index.stop_words import _LISTS, stop_words


def analyzer(language: str = "en", **settings: Any) -> Analyzer:
    return Analyzer(make(AnalyzerConfig, {"language": language, **settings}))


TEXTS = [
    (
        "en",
        "The river's bridges weren't rebuilt until 1948; state-of-the-art cranes did it.",
        "river bridg rebuilt 1948 state art crane",
    ),
    (
        "de",
        "Die Straßen der Stadt wurden im Frühjahr wegen des Hochwassers gesperrt.",
        "strass stadt fruhjahr weg hochwass gesperrt",
    ),
    (
        "es",
        "Los pescadores de la isla venden sus redes a los niños del puerto.",
        "pescador isla vend red niñ puert",
    ),
    (
        "ru",
        "Ещё в апреле на озёрах лежал тяжёлый лёд, и рыбаки ждали тепла.",
        "апрел озер лежа тяжел лед рыбак ждал тепл",
    ),
    ("ar", "كَتَبَ المُعَلِّمُ الدَّرسَ على السَّبّورة في الصـــباح.", "كتب معلم درس سبور صباح"),
    ("zh", "北京的冬天很冷,河水结冰。", "北京 京的 的冬 冬天 天很 很冷 河水 水结 结冰"),
    ("fr", "L'été, les bateaux n'entrent qu'au port de l'île.", "été bateau entrent port île"),
    ("hi", "नदी में पानी बढ़ रहा है", "नद म पान बढ़ रह है"),
    ("ja", "東京タワーは高い。", "東京 京タ タワ ワー ーは は高 高い"),
    ("ko", "서울은 큰 도시이다.", "서울은 큰 도시이다"),
    ("tr", "ISPARTA'da IŞIK ve İnci", "ıspar da ışık ve inci"),
]


@pytest.mark.parametrize(("language", "text", "expected"), TEXTS, ids=[language for language, _, _ in TEXTS])
def test_terms_of_real_text(language: str, text: str, expected: str) -> None:
    assert " ".join(analyzer(language).terms(text)) == expected


@pytest.mark.parametrize("language", ["ar", "de", "en", "es", "ru", "zh"])
def test_forms_of_one_word_are_one_term(language: str) -> None:
    forms = {
        "ar": ["مدرسة", "مَدْرَسَةٌ", "المدرسة", "مدرســة"],
        "de": ["Straße", "STRASSEN", "strasse"],
        "en": ["connection", "Connected", "CONNECTING", "connections", "ｃｏｎｎｅｃｔ"],
        "es": ["camino", "Caminos", "CAMINO"],
        "ru": ["ёлка", "Елки", "ЁЛКИ", "елке"],
        "zh": ["北京", "\u5317\u4eac"],
    }[language]
    found = {tuple(analyzer(language).terms(form)) for form in forms}
    assert len(found) == 1 and all(found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("don't O'Brien’s rock-'n'-roll", "don t o brien s rock n roll"),
        ("e-mail, state_of_mind; 3.14 1,000 C++ x²", "e mail state of mind 3 14 1 000 c x2"),
        ("ﬁsh ½ 5㎏ Ⅷ ①", "fish 1 2 5kg viii 1"),
        ("cafe\u0301 café CAFÉ", "café café café"),
        ("co\u00adoperate zero\u200bwidth نمی\u200cخواهم", "cooperate zero width نمیخواهم"),
        ("Σίσυφος ΣΊΣΥΦΟΣ", "σίσυφοσ σίσυφοσ"),
        ("أحمد إحسان آمال ٱلله", "احمد احسان امال الله"),
        ("١٢٣ १२३ 123", "123 123 123"),
        ("𝐁𝐨𝐥𝐝 𐐀𐐁 😀 👨‍👩‍👧", "bold 𐐨𐐩"),
        ("中 中国 中国人 か カタカナ ｶﾞ", "中 中国 中国 国人 か カタ タカ カナ ガ"),
        ("Python3は速い", "python3 は速 速い"),
        ("ـ \u064e \u0301", ""),
        ("", ""),
        (" \t\n.,;!?", ""),
    ],
)
def test_words(text: str, words: str) -> None:
    assert " ".join(words_of(text)) == words


def test_spans_point_into_the_text() -> None:
    text = "Die ﬁnale STRASSE – «كِتَابٌ» ½kg, 東京都 Ⅷ. 5㎏ İzmir"
    places = [(word, text[first:last]) for word, first, last in spans_of(text)]
    assert places == [
        ("die", "Die"), ("finale", "ﬁnale"), ("strasse", "STRASSE"), ("كتاب", "كِتَابٌ"), ("1", "½"), ("2kg", "½kg"),
        ("東京", "東京"), ("京都", "京都"), ("viii", "Ⅷ"), ("5kg", "5㎏"), ("izmir", "İzmir"),
    ]  # fmt: skip


_ANY = st.text(st.one_of(st.characters(), st.sampled_from("aAßﬁ½İΣёЁأكِـَ中カｶﾞ각ᅡᆨ \u0301\u0308\u200d-'㎏１")), max_size=40)


@given(_ANY)
@example("ا\u064e\u0654")
@example("e\u200d\u0301")
@example("ё\u0300")
@example("ᄀ\u1161\u11a8 ｶ\uff9e")
@settings(max_examples=400, deadline=None)
def test_laws_of_words(text: str) -> None:
    words = words_of(text)
    spans = list(spans_of(text))
    assert [word for word, _, _ in spans] == words
    assert all(0 <= first < last <= len(text) for _, first, last in spans)
    for word in words:
        assert folded(word) == word  # what is folded stays so
        assert word and not re.search(r"\s|_", word)
        assert unicodedata.is_normalized("NFKC", word)


def test_every_character_folds_once() -> None:
    """No character's form changes when it is folded again, and small letters fold as their capitals do."""
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character) in ("Lo", "Cn", "Co", "Cs") and unicodedata.is_normalized("NFKC", character):
            continue
        words = words_of(character)
        assert [folded(word) for word in words] == words, hex(code)
        assert words_of(character.lower()) == words, hex(code)


def test_terms_of_words() -> None:
    english = analyzer()
    assert english.term("houses") == "hous"
    assert english.term("the") is None
    text = "The cats' whiskers, and what of those?"
    assert [term for word in english.words(text) if (term := english.term(word))] == english.terms(text)
    assert english.terms("to be or not to be") == []
    assert analyzer(stop_words=False, stem=False).terms("The cats") == ["the", "cats"]
    assert [word for word, _, _ in english.spans(text)] == english.words(text)


def test_without_stemmer_or_list() -> None:
    thai = analyzer("th")
    assert thai.settings["stemmer"] is None and thai.settings["snowball"] is None
    assert thai.terms("The houses") == ["the", "houses"]
    assert analyzer("pt-BR").settings["stemmer"] == analyzer("pt_br").settings["stemmer"] == "portuguese"


def test_all_stemmers_run() -> None:
    import Stemmer

    assert set(SNOWBALL.values()) >= set(Stemmer.algorithms()) - {"porter", "dutch_porter"}
    for language in SNOWBALL:
        assert len(analyzer(language).terms("abc def")) == 2


@pytest.mark.parametrize("language", sorted(_LISTS))
def test_stop_words_are_in_their_form(language: str) -> None:
    found = stop_words(language)
    assert 80 < len(found) < 300
    assert all(words_of(word) == [word] for word in found)
    assert analyzer(language).terms(_LISTS[language]) == [] or language == "zh"


def test_an_analyzer_goes_to_workers() -> None:
    again = pickle.loads(pickle.dumps(analyzer("de", stem=False)))
    assert again.settings == analyzer("de", stem=False).settings
    assert again.terms("Die Häuser") == ["häuser"]


def test_settings_are_checked() -> None:
    english = analyzer()
    assert Analyzer.of(english.settings, where="here").settings == english.settings
    with pytest.raises(FormatError, match=r"^here: analysed with version 0, this kgr has 1: .*index-texts"):
        Analyzer.of({**english.settings, "version": 0}, where="here")
    with pytest.raises(FormatError, match=r"^here: analysed with snowball '1\.0', this kgr has "):
        Analyzer.of({**english.settings, "snowball": "1.0"}, where="here")
    with pytest.raises(FormatError, match=r"^here: analysed with accents False, this kgr has None"):
        Analyzer.of({**english.settings, "accents": False}, where="here")
    assert Analyzer.of({**english.settings, "fields": ["body"]}, where="here").config == english.config
    with pytest.raises(ConfigError, match="unknown setting 'steam'; nearest: stem"):
        analyzer(steam=True)


@pytest.mark.parametrize(
    ("text", "words", "longest"),
    [
        ("a" * 1_000_000, 3922, LONGEST),
        ("é" * 1_000_000, 3922, LONGEST),
        ("中" * 1_000_000, 999_999, 2),
        ("e" + "\u0301" * 100_000, 1, LONGEST),
        ("word " * 100_000, 100_000, 4),
        ("слово " * 100_000, 100_000, 5),
    ],
)
def test_extreme_texts(text: str, words: int, longest: int) -> None:
    found = words_of(text)
    assert len(found) == words
    assert max(map(len, found)) <= longest
