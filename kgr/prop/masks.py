"""Masked words, as BERT with whole-word masking has them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr.prop.config import PropConfig
from kgr.prop.frame import mask_of

Ids = NDArray[np.int64]


class Masker:
    """Chooses words of documents: of their pieces four in five are masked, one in ten is another, one in ten stays.

    Raises
    ------
    ConfigError
        Words are to be masked, but the vocabulary has no mask.
    """

    def __init__(self, tokenizer: Any, config: PropConfig) -> None:
        self._share = config.mlm_share
        masks = config.objective == "mlm" or config.mlm_weight > 0
        self._mask = mask_of(tokenizer, config.model or "new") if masks else -1
        self._others = np.setdiff1d(np.arange(len(tokenizer)), tokenizer.all_special_ids)
        self.pad = int(tokenizer.pad_token_id or 0)

    def draw(
        self, documents: list[tuple[Ids, NDArray[np.int32]]], draw: np.random.Generator
    ) -> list[tuple[Ids, Ids, Ids]]:
        """Return of each document the places chosen, the pieces shown there and those that were there."""
        return [self._drawn(ids, words, draw) for ids, words in documents]

    def _drawn(self, ids: Ids, words: NDArray[np.int32], draw: np.random.Generator) -> tuple[Ids, Ids, Ids]:
        places = _whole_words(words, max(1, round(self._share * len(words))), draw)
        labels = ids[places]
        lot = draw.random(len(places))
        other = self._others[draw.integers(0, len(self._others), len(places))]
        shown = np.where(lot < 0.8, self._mask, np.where(lot < 0.9, other, labels))
        return places, shown, labels


def _whole_words(words: NDArray[np.int32], most: int, draw: np.random.Generator) -> Ids:
    """Return the places of words drawn until they have ``most`` pieces; one word at least."""
    starts = np.flatnonzero(np.diff(words, prepend=-1))
    sizes = np.diff(starts, append=len(words))
    order = draw.permutation(len(starts))
    chosen = np.zeros(len(starts), np.bool_)
    chosen[order[np.cumsum(sizes[order]) <= most]] = True
    chosen[order[:1]] = True
    return np.flatnonzero(np.repeat(chosen, sizes))
