"""Label propagation: sememes flow from annotated synsets along the edges of the graph, weighed by their relation."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from kgr.sememe.annotations import remainder, rows_at
from kgr.sememe.edges import adjacency, agreement, inverse_root
from kgr.sememe.scorer import Evidence

if TYPE_CHECKING:
    from kgr.sememe.annotations import Annotations
    from kgr.sememe.descriptions import Descriptions

DECAY = 0.7
"""What is left of a sememe after each edge."""

STEPS = 4
"""Edges that a sememe may go at most."""

POWER = 3.0
"""Of the agreement of a relation, which makes it the weight of its edges."""

_PRIOR = 1e-6  # orders by frequency the sememes that no edge speaks for
_BLOCK = 1024  # synsets at once
_SHOWN = 20  # pieces of evidence


@dataclasses.dataclass(frozen=True)
class Propagation:
    """Scores by what flows to a synset along at most ``STEPS`` edges.

    With ``A`` the summed weights of the edges between two synsets, ``d`` their row sums,
    ``P = d^-1/2 A d^-1/2`` and ``Y`` the references' sememes, the scores are
    ``decay P Y + decay^2 P^2 Y + ...`` (Zhou et al., NIPS 2003, cut after some steps and without the synset's own
    sememes). The last step is made along the edges of the synset as it is described, so one that is new is scored
    as if it stood in the graph with its edges, unseen by all others.

    Attributes
    ----------
    weights : float32[R]
        Of the edges of a relation: how much alike the sememes of their two ends are in train.
    flow : csr float32[S, S]
        ``decay P``.
    scale : float32[S]
        ``d^-1/2``, 0 where there is no edge.
    labels : csr float32[S, C]
        ``Y``: what the references have in train; all other rows are empty.
    sums : float32[S, C]
        ``Y`` and what flows to each synset in all but the last step.
    keys, lemmas : S texts
        Of the synsets, for explanations.
    relations : R texts, or none
        Names of the relations, for explanations.
    """

    weights: NDArray[np.float32]
    flow: csr_array
    scale: NDArray[np.float32]
    labels: csr_array
    sums: NDArray[np.float32]
    decay: float
    steps: int
    keys: tuple[str, ...]
    lemmas: tuple[str, ...]
    relations: tuple[str, ...]
    name: str = "propagation"

    def scores(self, asked: Descriptions) -> NDArray[np.float32]:
        """Return float32[B, C]; a reference's own sememes do not come back to it."""
        last = self._last(asked)
        own = rows_at(self.labels, asked.rows)
        found: NDArray[np.float32] = last @ self.sums
        counts = self.labels.sum(0)
        for first in range(0, len(asked.rows), _BLOCK):
            part = slice(first, first + _BLOCK)
            mine = own[part].toarray()
            own_flow = self._returns(asked.rows[part], last[part])[:, None] * mine
            found[part] = remainder(found[part], own_flow) + (_PRIOR / max(1.0, counts.max())) * (counts - mine)
        return found

    def knows(self, asked: Descriptions) -> bool:
        """Whether an edge leads to the synset or from it."""
        return len(asked.edges.others) > 0

    def why(self, asked: Descriptions, columns: Sequence[int]) -> list[list[Evidence]]:
        """Return the annotated synsets from which each sememe came, by how much of it came from each.

        Those that an edge leads to are named with its relation, ``^`` before one that leads from them.
        """
        sources = self._walks(self._last(asked)).tocoo()
        others = sources.coords[1] != asked.rows[0]
        ends, amounts = sources.coords[1][others], sources.data[others]
        direct = dict(zip(asked.edges.others.tolist(), asked.edges.relations.tolist(), strict=True))
        return [self._came(ends, amounts, direct, column) for column in columns]

    def _came(
        self, ends: NDArray[np.int32], amounts: NDArray[np.float32], direct: Mapping[int, int], column: int
    ) -> list[Evidence]:
        kept = self.labels[:, [column]].toarray().ravel()[ends] > 0
        order = np.argsort(-amounts[kept], kind="stable")[:_SHOWN]
        found = zip(ends[kept][order].tolist(), amounts[kept][order].tolist(), strict=True)
        return [self._evidence(end, direct.get(end), amount) for end, amount in found]

    def _evidence(self, end: int, directed: int | None, amount: float) -> Evidence:
        if directed is None or not self.relations:
            return Evidence("synset", self.keys[end], self.lemmas[end], amount)
        relation = "^" * (directed & 1) + self.relations[directed >> 1]
        return Evidence("relation", f"{relation} {self.keys[end]}", self.lemmas[end], amount)

    def _last(self, asked: Descriptions) -> csr_array:
        """Return the last step, from all synsets to those that are asked: csr float32[B, S]."""
        weights = adjacency(asked, self.weights, len(self.scale))
        own = inverse_root(weights.sum(1))
        return (self.decay * (diags_array(own) @ weights @ diags_array(self.scale))).tocsr()

    def _walks(self, last: csr_array) -> csr_array:
        """Return how much of a sememe flows from each synset to those that are asked: csr float32[B, S]."""
        here = walks = last
        for _ in range(self.steps - 1):
            here = here @ self.flow
            walks = walks + here
        return walks

    def _returns(self, rows: NDArray[np.int32], last: csr_array) -> NDArray[np.float32]:
        """Return how much of what leaves a synset of the store comes back to it: float32[B], 0 for new ones."""
        known = rows >= 0
        start = csr_array((known.astype(np.float32), (np.arange(len(rows)), np.maximum(rows, 0))), shape=last.shape)
        there = walks = start
        for _ in range(self.steps - 1):
            there = there @ self.flow
            walks = walks + there
        back: NDArray[np.float32] = (walks * last).sum(1)
        return back


def fit_propagation(
    descriptions: Descriptions,
    annotations: Annotations,
    references: NDArray[np.integer],
    *,
    decay: float = DECAY,
    steps: int = STEPS,
    power: float = POWER,
    relations: Sequence[str] = (),
) -> Propagation:
    """Fit label propagation to the graph of all synsets and the train sememes of the references.

    Parameters
    ----------
    descriptions
        Of all S synsets, in the order of their rows; their edges are the graph. Edges of synsets that are to be
        hidden are left out by leaving them out here.
    references : int[…]
        Rows of the synsets whose sememes may be used.
    relations
        Names of the store's relations, with which explanations name edges.
    """
    labels = annotations.labels_of(references)
    weights = agreement(descriptions, labels) ** np.float32(power)
    edges = adjacency(descriptions, weights, len(descriptions))
    scale = inverse_root(edges.sum(1))
    flow = (decay * (diags_array(scale) @ edges @ diags_array(scale))).tocsr()
    here = sums = labels.toarray()
    for _ in range(steps - 1):
        here = flow @ here
        sums = sums + here
    lemmas = tuple(known[0] if known else "" for known in descriptions.lemmas)
    return Propagation(weights, flow, scale, labels, sums, decay, steps, annotations.keys, lemmas, tuple(relations))
