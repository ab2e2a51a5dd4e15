"""The floor of every figure: each synset gets the sememes that most others have."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kgr.sememe.annotations import rows_at

if TYPE_CHECKING:
    from kgr.sememe.annotations import Annotations
    from kgr.sememe.descriptions import Descriptions


@dataclasses.dataclass(frozen=True)
class Popularity:
    """Scores by the share of the references that have a sememe.

    Attributes
    ----------
    counts : int64[C]
        References that have each sememe.
    references : int
        How many there are.
    own : csr float32[S, C]
        What each reference has; rows of others are empty.
    """

    counts: NDArray[np.int64]
    references: int
    own: csr_array
    name: str = "popularity"

    def scores(self, asked: Descriptions) -> NDArray[np.float32]:
        """Return shares, float32[B, C]; a reference is not counted for itself."""
        mine = rows_at(self.own, asked.rows).toarray()
        others = self.references - (mine > 0).any(1)
        shares: NDArray[np.float32] = (self.counts - mine) / np.maximum(others, 1)[:, None].astype(np.float32)
        return shares.astype(np.float32)

    def knows(self, asked: Descriptions) -> bool:
        """Every synset: it asks nothing of it."""
        return True


def fit_popularity(annotations: Annotations, references: NDArray[np.int32]) -> Popularity:
    """Count the train sememes of the references."""
    return Popularity(annotations.counts(references), len(references), annotations.labels_of(references))
