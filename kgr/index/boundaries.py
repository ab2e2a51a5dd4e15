"""Where words begin and end, and the one form of a word: the floor that every analysis of text stands on.

A word is a letter or digit and the letters, digits and combining marks after it, so that vocalised Arabic and Hindi
words stay whole; apostrophes, hyphens and everything else part words. Chinese and Japanese, written without spaces, are
cut into overlapping pairs of characters; a character that stands alone is a word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache

LONGEST = 255
"""Characters of a word at most, as in Lucene: what is longer is cut into words of this length."""

_PAIRED = "\u3005\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
_PAIRED += "\uf900-\ufaff\U0001b000-\U0001b167\U00020000-\U0003ffff"
"""Han and kana, as a class of a regular expression."""

_BEYOND = "\U00010000-\U0001afff\U0001b168-\U0001cfff\U0001d360-\U0001d7ff\U0001da00-\U0001efff"
"""Scripts beyond the first 65,536 characters, whole blocks of them; symbols and emoji are not among them."""

_INVISIBLE = "\u00ad\u034f\u200c\u200d\u2060\ufeff"
"""May stand within a word and say nothing of it: soft hyphens, joiners."""

_TASHKEEL = [*range(0x610, 0x61B), *range(0x64B, 0x660), 0x670, *range(0x6D6, 0x6DD), *range(0x6DF, 0x6E5)]
_TASHKEEL += [0x6E7, 0x6E8, *range(0x6EA, 0x6EE)]
_TATWEEL = 0x640

_PLAIN = re.compile(f"[a-z0-9]{{1,{LONGEST}}}")
_BLANKS = re.compile(r"\s+|\S+")


def words_of(text: str) -> list[str]:
    """Return the words of a text in their order, each in its one form."""
    raw = raw_words(text)
    if text.isascii():
        return raw
    forms = {word: folded(word) for word in set(raw)}
    return [form for word in raw if (form := forms[word])]


def raw_words(text: str) -> list[str]:
    """Return the words of a text, each as it stands or as :func:`folded` has it."""
    if text.isascii():
        return _PLAIN.findall(text.lower())
    word, paired = _patterns()
    text = unicodedata.normalize("NFKC", text.lower())  # fewer forms of each word to fold
    found: list[str] = word.findall(text)
    if not paired.search(text):
        return found
    return [part for run in found for part in (_pairs(run) if paired.match(run) else (run,))]


def spans_of(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the words of a text as :func:`words_of` has them, each with its place ``text[first:last]``."""
    if text.isascii():
        yield from ((match[0], match.start(), match.end()) for match in _PLAIN.finditer(text.lower()))
        return
    word, paired = _patterns()
    normal, starts, ends = _aligned(text)
    for match in word.finditer(normal):
        first = match.start()
        for place, part in enumerate(_pairs(match[0]) if paired.match(match[0]) else (match[0],)):
            if form := folded(part):
                yield form, starts[first + place], ends[first + place + len(part) - 1]


def folded(word: str) -> str:
    """Return the one form of a word, perhaps empty.

    NFKC, case folded (ß is ss), without Arabic vowel signs and tatweel, alef in one form, е for ё, digits 0-9 for those
    of any script. What is in that form stays as it is.
    """
    if word.isascii():
        return word.lower()
    dropped, replaced = _tables()
    word = unicodedata.normalize("NFKC", word.casefold().translate(dropped))
    return unicodedata.normalize("NFKC", word.translate(replaced)).replace("i\u0307", "i")


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)] if len(run) > 2 else [run]


def _aligned(text: str) -> tuple[str, Sequence[int], Sequence[int]]:
    """Return NFKC of a text, and where in the text the source of each of its characters begins and ends."""
    normal = unicodedata.normalize("NFKC", text)
    if normal == text:
        return text, range(len(text)), range(1, len(text) + 1)
    for parts in (_clusters(), _BLANKS):  # nothing composes across blanks, which is coarse but always exact
        pieces = parts.findall(text)
        forms = [unicodedata.normalize("NFKC", piece) for piece in pieces]
        if "".join(forms) == normal:
            break
    starts: list[int] = []
    ends: list[int] = []
    at = 0
    for piece, form in zip(pieces, forms, strict=True):
        starts += [at] * len(form)
        at += len(piece)
        ends += [at] * len(form)
    return normal, starts, ends


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the patterns of a word or a run of Han and kana, and of a character of such a run.

    An explicit class costs less than ``\\w``, which has no combining marks.
    """
    paired = re.compile(f"[{_PAIRED}]")
    first, more = (_class(kinds, paired) for kinds in ("LN", "LNM"))
    word = f"[{first}{_BEYOND}][{more}{_BEYOND}{_INVISIBLE}]{{0,{LONGEST - 1}}}"
    return re.compile(f"{word}|[{_PAIRED}]+"), paired


@cache
def _clusters() -> re.Pattern[str]:
    """Return the pattern of a character and what NFKC may compose with it."""
    return re.compile(f"(?s).[{_class('M', None)}\u1160-\u11ff\uff9e\uff9f]*")


def _class(kinds: str, without: re.Pattern[str] | None) -> str:
    """Return the characters of some kinds below 65,536 as ranges."""
    ranges: list[list[int]] = []
    for code in range(0x10000):
        character = chr(code)
        if unicodedata.category(character)[0] not in kinds or (without and without.match(character)):
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"\\u{first:04x}-\\u{last:04x}" for first, last in ranges)


@cache
def _tables() -> tuple[dict[int, None], dict[int, str]]:
    """Return what is dropped from words, and what is replaced in them."""
    dropped = dict.fromkeys([*map(ord, _INVISIBLE), *_TASHKEEL, _TATWEEL])
    replaced = {0x451: "\u0435", **dict.fromkeys((0x622, 0x623, 0x625, 0x671), "\u0627")}
    for code in range(0x80, 0x20000):
        if unicodedata.category(chr(code)) == "Nd":
            replaced[code] = str(unicodedata.digit(chr(code)))
    return dropped, replaced
