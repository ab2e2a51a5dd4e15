"""Snippets: the part of a text that shows best why it was found."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from kgr._config import make
from kgr.index.analysis import Analyzer, AnalyzerConfig
from kgr.index.store import Store
from kgr.index.terms import open_terms
from kgr.index.text_index import joined_text, text_fields

READ = 100_000
"""Characters of a text among which a snippet is sought."""

WIDTH = 160
"""Characters of a snippet, at most, but for its first word."""


@dataclass(frozen=True)
class Snippet:
    """Part of a text on one line; ``marks`` are the places in it of words that the query has, apart and ascending."""

    text: str
    marks: tuple[tuple[int, int], ...]

    def marked(self, before: str = "*", after: str = "*") -> str:
        """Return the text with something before and after each mark."""
        parts, end = [], 0
        for first, last in self.marks:
            parts += [self.text[end:first], before, self.text[first:last], after]
            end = last
        return "".join((*parts, self.text[end:]))


def snippet(text: str, terms: Collection[str], analyzer: Analyzer, *, width: int = WIDTH) -> Snippet:
    """Return the part of a text with most different terms, the first such, then most occurrences.

    Only the first :data:`READ` characters are looked at. What is left out before and after is shown by ``…``.
    """
    text = text[:READ]
    spans = analyzer.spans(text)
    wanted = {word for word in {word for word, _, _ in spans} if analyzer.term(word) in terms}
    hits = [(first, last, analyzer.term(word)) for word, first, last in spans if word in wanted]
    start, end = _window(hits, width) if hits else (0, 0)
    start, end = _widened(start, end, [span[1:] for span in spans], len(text), width)
    head, tail = "… " if start > 0 else "", " …" if end < len(text) else ""
    line = "".join(" " if character.isspace() else character for character in text[start:end])
    shift = len(head) - start
    marks = [(first + shift, last + shift) for first, last, _ in hits if start <= first and last <= end]
    return Snippet(head + line + tail, tuple(_apart(marks)))


def _apart(marks: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return marks with those that meet as one: pairs of Chinese characters overlap."""
    apart: list[tuple[int, int]] = []
    for first, last in marks:
        if apart and first <= apart[-1][1]:
            first, last = apart[-1][0], max(apart.pop()[1], last)
        apart.append((first, last))
    return apart


def _window(hits: list[tuple[int, int, str | None]], width: int) -> tuple[int, int]:
    """Return the first part, from a hit to a hit, with most different terms, then most hits."""
    best, place, last = (0, 0), (hits[0][0], hits[0][1]), 0
    counts: dict[str | None, int] = {}
    for first, (start, _, term) in enumerate(hits):
        while last < len(hits) and (last == first or hits[last][1] - start <= width):
            counts[hits[last][2]] = counts.get(hits[last][2], 0) + 1
            last += 1
        if (len(counts), last - first) > best:
            best, place = (len(counts), last - first), (start, hits[last - 1][1])
        counts[term] -= 1
        if not counts[term]:
            del counts[term]
    return place


def _widened(start: int, end: int, words: list[tuple[int, int]], size: int, width: int) -> tuple[int, int]:
    """Return a part with whole words around it, as far as the width goes, a third of what is left before it."""
    spare = max(0, width - (end - start))
    low = max(0, start - spare // 3)
    high = min(size, low + max(width, end - start))
    low = max(0, min(low, high - width))
    starts = [first for first, _ in words if low <= first <= start]
    ends = [last for _, last in words if end <= last <= high]
    low = 0 if low == 0 else min(starts, default=start)
    high = size if high == size else max(ends, default=end)
    return low, high


def snippets_of(store: Store, language: str, query: str, entries: list[int], *, width: int = WIDTH) -> list[Snippet]:
    """Return a snippet of the texts of each entry, analysed as their index is, else by the default settings."""
    terms = open_terms(store, language)
    fields = text_fields(store, language) if terms is None else terms.settings["fields"]
    analyzer = Analyzer(make(AnalyzerConfig, {"language": language})) if terms is None else terms.analyzer
    wanted = frozenset(analyzer.terms(query))
    found = []
    for entry in entries:
        (text,) = (text for _, text in joined_text(store, fields, language, np.array([entry], np.int32)))
        found.append(snippet(text, wanted, analyzer, width=width))
    return found
