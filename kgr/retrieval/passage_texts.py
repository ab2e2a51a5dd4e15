"""The texts of a store that a model reads: of chosen fields joined, whole or cut into passages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr.errors import ConfigError
from kgr.index.passages import Passages, whole
from kgr.index.store import Store
from kgr.index.text_index import indexed_rows, joined_text, text_fields, text_languages
from kgr.index.texts import Texts
from kgr.retrieval.lexical import text_language


@dataclass(frozen=True)
class PassageTexts:
    """Texts of a store's entries in one language; made by :meth:`of`.

    Attributes
    ----------
    fields : tuple of str
        Joined by line feeds, in this order, as in an index of texts.
    passages : Passages, optional
        How each is cut; None: whole.
    """

    store: Store
    language: str
    fields: tuple[str, ...]
    passages: Passages | None = None

    @classmethod
    def of(
        cls,
        store: Store,
        language: str | None = None,
        fields: Sequence[str] | None = None,
        passages: Passages | None = None,
    ) -> PassageTexts:
        """Choose texts: by default in the language in which the store is searched, of all fields that an index joins.

        Raises
        ------
        ConfigError
            There are no such texts.
        """
        language = language or text_language(store)
        chosen = text_fields(store, language) if fields is None else tuple(fields)
        for field in chosen:
            if not store.has(f"text/entries/{language}.{field}"):
                there = ", ".join(store.languages("entries", field)) or "no language"
                raise ConfigError(f"fields: {store.path} has no text {field!r} in {language!r}; in {there}")
        if not chosen:
            there = ", ".join(text_languages(store)) or "none"
            raise ConfigError(
                f"language is {language!r}: {store.path} has no texts of entries in it; languages: {there}"
            )
        return cls(store, language, chosen, passages)

    @property
    def described(self) -> dict[str, Any]:
        """All that they depend on, as JSON has it."""
        sections = ["entries", *(f"text/entries/{self.language}.{field}" for field in self.fields)]
        return {
            "language": self.language,
            "fields": list(self.fields),
            "passages": self.passages and asdict(self.passages),
            "sections": self.store.fingerprints(sections),
        }

    def __len__(self) -> int:
        return len(indexed_rows(self.store, self.fields, self.language))

    def __iter__(self) -> Iterator[tuple[int, NDArray[np.int32], list[str]]]:
        """Yield id, spans and passages of each document and each entry with a text, ascending; none where it is empty.

        Spans are int32[p, 2]: the first character of a passage in the joined text, and the one after its last.
        """
        for id, text in joined_text(self.store, self.fields, self.language):
            spans = self._spans(text)
            yield id, spans, [text[first:last] for first, last in spans.tolist()]

    def passages_of(self, id: int) -> list[str]:
        """Return the passages of an entry; none where it has no text."""
        text = "\n".join(part for texts in self._texts for part in texts.all(id))
        return [text[first:last] for first, last in self._spans(text).tolist()]

    @cached_property
    def _texts(self) -> list[Texts]:
        found = (self.store.texts("entries", field, self.language) for field in self.fields)
        return [texts for texts in found if texts is not None]

    def _spans(self, text: str) -> NDArray[np.int32]:
        return self.passages.spans(text) if self.passages else whole(text)
