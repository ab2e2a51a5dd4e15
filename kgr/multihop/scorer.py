"""A query model and its tables as they are now, to score entities for queries."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kgr.engine.memory import free_memory
from kgr.models.embed import embed, word_candidate_scores, word_own_scores
from kgr.models.model import QueryModel
from kgr.query.words import Word

_SCORES = 1 << 24  # scores held at once, 64 MiB
_RANGE = 1 << 28  # bytes of the rows of a range


class Scorer:
    """Scores entities for queries of any word.

    The entity table may lie elsewhere than the model, in host memory or in a mapped file, and be larger than
    what is free: it is then scored by ranges of rows, one at a time where the model computes. The scores are the
    same but for rounding: products of few rows may be made by another routine than those of many.

    Parameters
    ----------
    model : QueryModel
    entities, relations : float32[G, .], float32[2R, .]
        The model's tables.
    device : torch.device, optional
        Where the model computes; by default where the entities are.
    rows : int, optional
        Entities of a range. By default all, where the table is on the device and half of its free memory would
        hold another.
    """

    def __init__(
        self,
        model: QueryModel,
        entities: Tensor,
        relations: Tensor,
        *,
        device: torch.device | None = None,
        rows: int | None = None,
    ) -> None:
        self.model = model
        self.device = device or entities.device
        self._entities, self._relations = entities, relations
        self._rows = rows or self._rows_of_a_range()

    @cached_property
    def _candidates(self) -> Tensor:
        """What scoring needs of all entities, made when all are first scored."""
        return self.model.candidates(self._entities)

    def _rows_of_a_range(self) -> int:
        size = self._entities.nbytes
        if self._entities.device == self.device and 2 * size <= _free(self.device):
            return len(self._entities)
        return max(1, _RANGE * len(self._entities) // size)

    @property
    def entities(self) -> int:
        """Number of entities, G."""
        return len(self._entities)

    @property
    def batch(self) -> int:
        """Queries to score at once, where all entities are scored."""
        return max(1, min(512, _SCORES // len(self._entities)))

    def batch_of(self, candidates: int) -> int:
        """Return the queries to score at once, where each has so many candidates of its own."""
        return max(1, min(512, _SCORES // (candidates * self._entities.shape[1])))

    @torch.no_grad()
    def scores(self, word: Word, arguments: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return float32[B, G] for ``arguments`` int32[B, S]; higher is better."""
        branches = self._embed(word, arguments)
        if self._rows >= len(self._entities):
            return _array(word_candidate_scores(self.model, branches, self._candidates))
        scores = np.empty((len(arguments), len(self._entities)), np.float32)
        for first in range(0, len(self._entities), self._rows):
            span = slice(first, first + self._rows)
            candidates = self.model.candidates(self._entities[span].to(self.device))
            scores[:, span] = _array(word_candidate_scores(self.model, branches, candidates))
        return scores

    @torch.no_grad()
    def candidate_scores(
        self, word: Word, arguments: NDArray[np.int32], candidates: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return float32[B, K] for ``arguments`` int32[B, S], each with entities of its own, int32[B, K].

        Nothing is read of the table but the rows of these, and of the anchors.
        """
        branches = self._embed(word, arguments)
        return _array(word_own_scores(self.model, branches, self._take(self._entities, candidates)))

    def _embed(self, word: Word, arguments: NDArray[np.int32]) -> list[Tensor]:
        anchors = self._take(self._entities, arguments[:, list(word.anchors)])
        relations = self._take(self._relations, arguments[:, list(word.relations)])
        return embed(self.model, word, anchors, relations)

    def _take(self, table: Tensor, ids: NDArray[np.int32]) -> Tensor:
        places = torch.from_numpy(np.ascontiguousarray(ids, np.int64)).to(table.device)
        return table[places].to(self.device)


def _free(device: torch.device) -> int:
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else free_memory()


def _array(scores: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = scores.cpu().numpy()
    return array
