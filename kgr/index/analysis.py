"""Analysis: from a text to the terms that an index has, the same for documents and queries of every method."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import version
from typing import Any

from kgr._config import make, setting
from kgr.errors import FormatError
from kgr.index.boundaries import spans_of, words_of
from kgr.index.stop_words import stop_words

VERSION = 1
"""Raised when the terms of any text change: indexes made before are refused."""

SNOWBALL = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "eo": "esperanto", "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish",
    "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian",
    "it": "italian", "lt": "lithuanian", "nb": "norwegian", "ne": "nepali", "nl": "dutch", "nn": "norwegian",
    "no": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian",
    "st": "sesotho", "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
"""Snowball's algorithm for each language that it has, if the installed one does."""

_TURKIC = str.maketrans({"I": "ı", "İ": "i"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnalyzerConfig:
    """How texts are analysed."""

    language: str = setting("en", "of the texts: chooses stemmer and stop words; a tag such as en, zh or pt-BR")
    stem: bool = setting(True, "index the stems of words, by Snowball's algorithm for the language")
    stop_words: bool = setting(True, "leave out the language's function words")


class Analyzer:
    """Turns texts into words and terms.

    A *word* is normalised: NFKC, case folded, without Arabic vowel signs, see :mod:`kgr.index.boundaries`. A *term* is
    what is indexed: the stem of a word that is no stop word. Words of Chinese and Japanese are pairs of characters.

    Parameters
    ----------
    config : AnalyzerConfig
        A language for which there is no stemmer, or no list of stop words, goes without.

    Attributes
    ----------
    stop_words : frozenset of str
        Words that are not indexed.
    """

    def __init__(self, config: AnalyzerConfig) -> None:
        self.config = config
        tag = config.language.replace("_", "-").split("-")[0].lower()
        self._turkic = tag in ("tr", "az")
        self.stop_words = stop_words(tag) if config.stop_words else frozenset()
        self._algorithm = SNOWBALL.get(tag) if config.stem else None
        if self._algorithm not in _algorithms():
            self._algorithm = None
        self._stemmer = _stemmer(self._algorithm) if self._algorithm else None

    def __reduce__(self) -> tuple[Any, ...]:
        return Analyzer, (self.config,)

    @property
    def settings(self) -> dict[str, Any]:
        """What an index records, as JSON has it: terms of equal settings are equal."""
        snowball = _snowball() if self._algorithm else None
        made_by = {"version": VERSION, "stemmer": self._algorithm, "snowball": snowball}
        return {**dataclasses.asdict(self.config), **made_by}

    @classmethod
    def of(cls, settings: Mapping[str, Any], *, where: str) -> Analyzer:
        """Return the analyser that an index was made with.

        Raises
        ------
        FormatError
            This kgr, or its stemmer, would give other terms; starts with ``where``.
        """
        names = [field.name for field in dataclasses.fields(AnalyzerConfig)]
        analyzer = cls(make(AnalyzerConfig, {name: settings[name] for name in names if name in settings}, where=where))
        own = analyzer.settings
        for name in dict.fromkeys((*own, *settings)):
            if name != "fields" and settings.get(name) != own.get(name):
                raise FormatError(
                    f"{where}: analysed with {name} {settings.get(name)!r}, this kgr has {own.get(name)!r}: "
                    "index the texts anew (kgr index-texts, with the --field and --name that this index had), "
                    "or use the kgr and PyStemmer that wrote it"
                )
        return analyzer

    def words(self, text: str) -> list[str]:
        """Return the words of a text in its order, stop words among them, not stemmed."""
        return words_of(self.cased(text))

    def spans(self, text: str) -> list[tuple[str, int, int]]:
        """Return the words of a text, each with its place in it: ``text[first:last]`` as it was written."""
        return list(spans_of(self.cased(text)))

    def terms(self, text: str) -> list[str]:
        """Return what is indexed of a text, in its order."""
        return self.stems(word for word in self.words(text) if word not in self.stop_words)

    def term(self, word: str) -> str | None:
        """Return the term of a word, None of a stop word."""
        return None if word in self.stop_words else self.stems((word,))[0]

    def stems(self, words: Iterable[str]) -> list[str]:
        """Return the terms of words that are no stop words."""
        words = list(words)
        if self._stemmer is None:
            return words
        stems: list[str] = self._stemmer.stemWords(words)
        return [stem or word for stem, word in zip(stems, words, strict=True)]

    def cased(self, text: str) -> str:
        """Return a text in whose language small and capital i are pairs of their own, ready to be folded."""
        return text.translate(_TURKIC) if self._turkic else text


@cache
def _snowball() -> str:
    """Return the version of the stemmers, without its last part: that does not change what they do."""
    return ".".join(version("PyStemmer").split(".")[:2])


@cache
def _algorithms() -> frozenset[str]:
    import Stemmer

    return frozenset(Stemmer.algorithms())


def _stemmer(algorithm: str) -> Any:
    import Stemmer

    return Stemmer.Stemmer(algorithm)
