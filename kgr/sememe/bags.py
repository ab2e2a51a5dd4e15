"""Views of counted things: each description is a bag of tokens, weighted by how few descriptions have them."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kgr._ragged import offsets_of

if TYPE_CHECKING:
    from kgr.sememe.descriptions import Descriptions

Bag = Mapping[Any, float]
"""Weights by token."""

Tokens = Callable[["Descriptions"], Sequence[Bag]]
"""What a view counts of each description."""


@dataclasses.dataclass(frozen=True)
class BagView:
    """Compares descriptions by the tokens that they share.

    Attributes
    ----------
    name : str
    tokens : callable
        Gives the bag of each description.
    columns : dict
        F tokens by number; others are not seen.
    idf : float32[F]
        Their weights.
    """

    name: str
    tokens: Tokens
    columns: Mapping[Hashable, int]
    idf: NDArray[np.float32]

    def features(self, asked: Descriptions) -> csr_array:
        """Return the weighted tokens: float32[B, F], rows of norm 1, or 0 where no token is known."""
        return self._rows(self.tokens(asked))

    def _rows(self, bags: Sequence[Bag]) -> csr_array:
        known = [
            [(self.columns[token], weight) for token, weight in bag.items() if token in self.columns] for bag in bags
        ]
        pairs = [pair for own in known for pair in own]
        columns = np.array([column for column, _ in pairs], np.int32)
        weights = np.array([weight for _, weight in pairs], np.float32) * self.idf[columns]
        return unit_rows(
            csr_array((weights, columns, offsets_of([len(own) for own in known])), (len(bags), len(self.idf)))
        )


def fit_bags(
    name: str,
    tokens: Tokens,
    descriptions: Descriptions,
    *,
    least: int = 1,
    idf: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> BagView | None:
    """Number and weigh the tokens that at least ``least`` descriptions have; None where there are none.

    ``idf`` takes the number of descriptions over that of those that have a token.
    """
    bags = tokens(descriptions)
    counts = Counter(token for bag in bags for token in bag)
    kept = {token: count for token, count in counts.items() if count >= least}
    if not kept:
        return None
    weights = idf(len(bags) / np.fromiter(kept.values(), np.float64, len(kept)))
    return BagView(name, tokens, {token: column for column, token in enumerate(kept)}, weights.astype(np.float32))


def unit_rows(rows: csr_array) -> csr_array:
    """Return rows divided by their norms; rows of zeros stay."""
    norms = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    norms[norms == 0] = 1
    scaled = rows.data / np.repeat(norms, np.diff(rows.indptr)).astype(np.float32)
    return csr_array((scaled.astype(np.float32), rows.indices, rows.indptr), rows.shape)


def weighted(rows: csr_array, weights: NDArray[np.float32]) -> csr_array:
    """Return rows with each column times its weight, without zeros."""
    found = csr_array((rows.data * weights[rows.indices], rows.indices, rows.indptr), rows.shape, copy=True)
    found.eliminate_zeros()
    return found
