"""SPBS-RR (arXiv 1912.01795): TransE, with a term by which a synset is the sum of its sememes; a task of the engine."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from kgr._rng import key
from kgr.engine.ring import Layout, Slot
from kgr.engine.table import uniform
from kgr.models.distance import l1_distances
from kgr.models.segments import segment_sum
from kgr.sememe.annotations import Annotations
from kgr.sememe.graph_base import GraphModelTask
from kgr.sememe.graph_config import SpbsRrConfig
from kgr.sememe.graph_material import GraphMaterial, Order, most_labels

_SUM, _TRIPLES, _SYNSETS, _NEGATIVES = 4, 30, 31, 32  # streams of keyed draws

_PART = 15  # triples of a batch for each synset of the equivalence term


class SpbsRrTask(GraphModelTask):
    """Trains SPBS-RR; a :class:`kgr.engine.task.Task`.

    With all vectors of length 1, the loss of a triple is ``max(0, margin + |h + r - t| - |h + r - t'|)`` in the L1
    norm, ``t'`` drawn evenly from all entities but ``t``; that of a synset with two or more sememes is
    ``|b + r_sum - sum of its sememes|``, ``r_sum`` a vector of its own. The whole is ``(1 - share)`` of the first
    and ``share`` of the second, summed and divided by the triples of the batch.

    Notes
    -----
    The published code differs in the second term, which ``equivalence="published"`` reproduces: sememes' vectors are
    scaled to length 1 not over their own numbers but over the batch, by place in the synset and number; and all
    batches of an epoch have the same synsets. It has 20,000 epochs of dimension 800, and chooses among them by test.
    """

    def __init__(
        self, material: GraphMaterial, annotations: Annotations, config: SpbsRrConfig, device: torch.device
    ) -> None:
        self.config, self._triples = config, material.triples
        several = np.flatnonzero(np.diff(material.labels.indptr) > 1)
        self._synsets, self._labels = material.synsets[several], material.labels[several]
        init = uniform(6 / math.sqrt(config.dim))
        the_sum = torch.empty(1, config.dim)
        init(the_sum, torch.Generator().manual_seed(key(config.seed, _SUM)))
        super().__init__(
            material,
            annotations,
            config,
            device,
            width=config.dim,
            relations=material.directed // 2,
            init=init,
            dense=the_sum[0],
        )

    @property
    def epoch(self) -> int:
        """Steps of an epoch."""
        return max(1, math.ceil(len(self._triples) / self.config.batch))

    @property
    def _equivalent(self) -> int:
        """Synsets of a step's second term."""
        none = self.config.equivalence == "none" or not len(self._synsets)
        return 0 if none else max(1, self.config.batch // _PART)

    def layout(self) -> Layout:
        """Return the slot's fields.

        ``triples`` int64[B, 3] are by base relation. ``labels`` int64[3, .] are places among ``synsets``, sememes as
        entities, and the sememe's place in its synset; ``counts`` int64[1] says how many.
        """
        B, A = self.config.batch, self._equivalent
        return {
            "triples": (np.int64, (B, 3)),
            "negatives": (np.int64, (B,)),
            "synsets": (np.int64, (A,)),
            "labels": (np.int64, (3, most_labels(self._labels, A) if A else 0)),
            "counts": (np.int64, (1,)),
        }

    def fill(self, fields: dict[str, NDArray[Any]], step: int) -> None:
        """Write the batch of a step."""
        seed, B, A = self.config.seed, self.config.batch, self._equivalent
        triples = self._triples[Order(len(self._triples), key(seed, _TRIPLES)).take((step - 1) * B, B)]
        fields["triples"][:] = triples
        drawn = np.random.default_rng(key(seed, _NEGATIVES, step)).integers(0, self.material.entities - 1, B)
        fields["negatives"][:] = drawn + (drawn >= triples[:, 2])
        if not A:
            return
        batch = step - 1
        if self.config.equivalence == "published":
            batch -= batch % self.epoch
        taken = Order(len(self._synsets), key(seed, _SYNSETS)).take(batch * A, A)
        labels = self._labels[taken]
        rows, columns = labels.tocoo().coords
        fields["synsets"][:] = self._synsets[taken]
        places = np.arange(len(rows)) - labels.indptr[rows]
        fields["labels"][:, : len(rows)] = rows, self.material.sememes[columns], places
        fields["counts"][0] = len(rows)

    def step(self, slot: Slot) -> Tensor:
        """Return the loss of a batch."""
        raw = self.tables["entities"].gather(None)
        entities, relations = normalize(raw), normalize(self.tables["relations"].gather(None))
        heads, base, tails = slot.tensors["triples"].T
        query = entities.index_select(0, heads) + relations.index_select(0, base)
        near, far = (
            (query - entities.index_select(0, ends)).abs().sum(1) for ends in (tails, slot.tensors["negatives"])
        )
        loss = (1 - self.config.share) * torch.relu(self.config.margin + near - far).mean()
        if self._equivalent:
            loss = loss + self.config.share * self._equivalence(slot, raw, entities) / len(heads)
        return loss

    def _equivalence(self, slot: Slot, raw: Tensor, entities: Tensor) -> Tensor:
        rows, sememes, places = slot.tensors["labels"][:, : int(slot.host["counts"][0])]
        if self.config.equivalence == "published":
            parts = raw.index_select(0, sememes)
            most = int(slot.host["labels"][2, : len(rows)].max()) + 1
            squares = segment_sum(parts.square(), places, most)
            parts = parts * squares.clamp_min(1e-12).rsqrt().index_select(0, places)
        else:
            parts = entities.index_select(0, sememes)
        wholes = entities.index_select(0, slot.tensors["synsets"]) + self._dense
        return (wholes - segment_sum(parts, rows, len(wholes))).abs().sum()

    def probabilities(self, synsets: Tensor) -> Tensor:
        entities = normalize(self.tables["entities"].weight)
        have = normalize(self.tables["relations"].weight[self.material.have], dim=0)
        heads, sememes = entities.index_select(0, synsets), entities.index_select(0, self._sememes)
        return torch.softmax(-l1_distances(heads + have, sememes), dim=1)
