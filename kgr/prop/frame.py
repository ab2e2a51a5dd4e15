"""How a tokenizer joins texts: the marks about them, read off what it makes of short ones."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from kgr.errors import ConfigError

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Frame:
    """The marks of one text or of a pair of them, as ``[CLS] set [SEP] document [SEP]``.

    Attributes
    ----------
    before, between, after : int64[2, k]
        Word pieces and their segments: before the first text, between the two, after the second. Of one text,
        ``between`` is empty and there is no first text.
    first, second : int
        Segments of the texts.
    """

    before: Ids
    between: Ids
    after: Ids
    first: int
    second: int

    @property
    def marks(self) -> int:
        """How many marks there are."""
        return int(self.before.shape[1] + self.between.shape[1] + self.after.shape[1])

    def row(self, first: Ids, document: Ids) -> Ids:
        """Return word pieces and segments of a row: int64[2, n]."""
        texts = ((first, self.first), (document, self.second))
        parts = [np.stack([text, np.full_like(text, segment)]) for text, segment in texts]
        return np.concatenate([self.before, parts[0], self.between, parts[1], self.after], axis=1)

    def start(self, first: int) -> int:
        """Return where the document starts in a row whose first text has so many word pieces."""
        return int(self.before.shape[1] + first + self.between.shape[1])


def frame_of(tokenizer: Any, *, pair: bool) -> Frame:
    """Return the marks that a tokenizer puts about a pair of texts, or about one."""
    own = tokenizer("a", "a") if pair else tokenizer("a")
    segments = own.get("token_type_ids", [0] * len(own["input_ids"]))
    pieces = np.array([own["input_ids"], segments], np.int64)
    texts = [-1 if text is None else text for text in own.sequence_ids(0)]
    bounds = [(texts.index(text), len(texts) - texts[::-1].index(text)) for text in ((0, 1) if pair else (0,))]
    after = pieces[:, bounds[-1][1] :]
    if not pair:
        empty = np.empty((2, 0), np.int64)
        return Frame(pieces[:, : bounds[0][0]], empty, after, 0, int(pieces[1, bounds[0][0]]))
    (first, end), (second, _) = bounds
    return Frame(pieces[:, :first], pieces[:, end:second], after, int(pieces[1, first]), int(pieces[1, second]))


def plain_tokenizer(tokenizer: Any, name: str) -> Tokenizer:
    """Return what makes word pieces of a text, without marks, bounds or padding.

    Raises
    ------
    ConfigError
        It is one that cannot say which word a piece is of.
    """
    inner = getattr(tokenizer, "backend_tokenizer", None)
    if inner is None:
        raise ConfigError(f"model is {name!r}, whose tokenizer is not one of the package tokenizers: expected such one")
    plain = Tokenizer.from_str(inner.to_str())
    plain.no_truncation()
    plain.no_padding()
    return plain


def tokenizer_digest(tokenizer: Any, name: str) -> str:
    """Return a BLAKE2b digest of all that decides which word pieces a text has."""
    return hashlib.blake2b(plain_tokenizer(tokenizer, name).to_str().encode(), digest_size=16).hexdigest()


def mask_of(tokenizer: Any, name: str) -> int:
    """Return the word piece that stands for a masked one.

    Raises
    ------
    ConfigError
        The vocabulary has none.
    """
    if tokenizer.mask_token_id is None:
        raise ConfigError(
            f"model is {name!r}, whose vocabulary has no mask: set mlm_weight to 0, or give another model"
        )
    return int(tokenizer.mask_token_id)
