"""The word pieces of a corpus: tokenised once, and kept in the store's cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from kgr.index.analysis import Analyzer
from kgr.index.cache import Arrays, cached
from kgr.index.store import Store
from kgr.index.terms import Terms, terms_name
from kgr.index.text_index import joined_text
from kgr.prop.frame import plain_tokenizer, tokenizer_digest

LEAST = 512
"""Word pieces kept of a document, at least: what most models read."""

_CHARACTERS = 8  # of a word piece: few documents of so many have fewer pieces than are kept
_TEXTS = 256

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Pieces:
    """Word pieces of the beginnings of an index's n documents, and of its W surface forms.

    Attributes
    ----------
    ids : int32[L]
        Word pieces of document i are ``offsets[i]:offsets[i + 1]``.
    offsets : int64[n + 1]
    words : int32[L]
        Which word of its document a piece is of, as the tokenizer parts them: ascending.
    terms : int32[L]
        How many of the document's terms end with a piece or before it.
    form_ids : int32[F]
        Word pieces of the surface forms of ``Terms.words``, as they stand within a text.
    form_offsets : int64[W + 1]
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    words: NDArray[np.int32]
    terms: NDArray[np.int32]
    form_ids: NDArray[np.int32]
    form_offsets: NDArray[np.int64]

    def lengths(self, window: int) -> NDArray[np.int64]:
        """Return how many pieces of each document are within a window: int64[n]."""
        return np.minimum(np.diff(self.offsets), window)

    def visible(self, window: int) -> NDArray[np.int32]:
        """Return how many terms of each document are within a window: int32[n]."""
        lengths = self.lengths(window)
        last = self.offsets[:-1] + lengths - 1
        return np.where(lengths > 0, self.terms[np.maximum(last, 0)], 0).astype(np.int32) if len(self.terms) else (
            np.zeros(len(lengths), np.int32)
        )  # fmt: skip

    def document(self, i: int, length: int) -> slice:
        """Return where the first pieces of a document are."""
        first = int(self.offsets[i])
        return slice(first, first + length)

    def forms(self, words: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return the pieces of surface forms, one after another: int64[k]."""
        spans = zip(self.form_offsets[words].tolist(), self.form_offsets[words + 1].tolist(), strict=True)
        parts = [self.form_ids[first:last] for first, last in spans]
        return np.concatenate([np.empty(0, np.int64), *parts])


def pieces_of(
    store: Store, terms: Terms, index: str, tokenizer: Any, name: str, *, window: int, progress: Progress | None = None
) -> Pieces:
    """Return the word pieces of an index's texts, from the cache if they are there.

    Parameters
    ----------
    tokenizer, name
        The tokenizer of a model, and the model's name; another tokenizer makes other pieces, kept beside these.
    window : int
        Pieces of a document that are needed; at least ``LEAST`` are kept.
    """
    kept, fields = max(window, LEAST), terms.settings["fields"]
    language = terms.analyzer.config.language
    sections = [terms_name(language, index), *(f"text/entries/{language}.{field}" for field in fields)]
    settings = {"tokenizer": tokenizer_digest(tokenizer, name), "kept": kept}

    def make() -> Arrays:
        texts = (text for _, text in joined_text(store, fields, language, np.asarray(terms.rows)))
        plain = plain_tokenizer(tokenizer, name)
        return {**_of_texts(plain, terms.analyzer, texts, len(terms.rows), kept, progress), **_of_forms(plain, terms)}

    return Pieces(**cached(store, "pieces", sections, make, settings=settings))


def _of_texts(
    plain: Tokenizer, analyzer: Analyzer, texts: Iterator[str], count: int, kept: int, progress: Progress | None
) -> dict[str, NDArray[Any]]:
    parts: dict[str, list[NDArray[np.int32]]] = {"ids": [], "words": [], "terms": []}
    lengths: list[int] = []
    while chunk := list(islice(texts, _TEXTS)):
        for text, own in zip(chunk, _encoded(plain, chunk, kept), strict=True):
            ids = np.array(own.ids[:kept], np.int32)
            ends = np.array([last for _, last in own.offsets[:kept]], np.int64)
            parts["ids"].append(ids)
            parts["words"].append(np.array(own.word_ids[:kept], np.int32))
            parts["terms"].append(_terms_before(analyzer, text, ends))
            lengths.append(len(ids))
        if progress:
            progress(len(lengths), count)
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    empty = np.empty(0, np.int32)
    return {"offsets": offsets, **{name: np.concatenate([empty, *arrays]) for name, arrays in parts.items()}}


def _encoded(plain: Tokenizer, texts: list[str], kept: int) -> list[Any]:
    """Return the pieces of texts: of a long one, of its beginning, if that has as many as are kept."""
    most = _CHARACTERS * kept
    found = plain.encode_batch([text[:most] for text in texts], add_special_tokens=False)
    for i, text in enumerate(texts):
        # the last piece of a beginning may be part of a word
        if len(text) > most and len(found[i].ids) <= kept:
            found[i] = plain.encode(text, add_special_tokens=False)
    return list(found)


def _terms_before(analyzer: Analyzer, text: str, ends: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return how many terms end at or before each place in a text: int32[k]."""
    last = int(ends[-1]) if len(ends) else 0
    space = text.find(" ", last)
    head = text if space < 0 else text[:space]
    spans = [end for word, _, end in analyzer.spans(head) if word not in analyzer.stop_words]
    return np.searchsorted(np.array(spans, np.int64), ends, "right").astype(np.int32)


def _of_forms(plain: Tokenizer, terms: Terms) -> dict[str, NDArray[Any]]:
    parts, lengths = [np.empty(0, np.int32)], [np.zeros(1, np.int64)]
    for first in range(0, len(terms.words), 1 << 16):
        some = np.arange(first, min(first + (1 << 16), len(terms.words)))
        found = plain.encode_batch([f" {word}" for word in terms.words.keys_of(some)], add_special_tokens=False)
        parts += [np.array(own.ids, np.int32) for own in found]
        lengths.append(np.array([len(own.ids) for own in found], np.int64))
    return {"form_ids": np.concatenate(parts), "form_offsets": np.cumsum(np.concatenate(lengths))}
