"""A link model of annotations and edges, as a task of the engine."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kgr._rng import key
from kgr.engine.ring import Layout, Slot
from kgr.engine.table import normal
from kgr.models.full_losses import label_cross_entropy
from kgr.models.link import Groups, LinkModel
from kgr.models.losses import softmax_loss
from kgr.models.named import LINK_MODELS
from kgr.models.regularizers import lp_penalty
from kgr.sememe.annotations import Annotations
from kgr.sememe.graph_base import GraphModelTask
from kgr.sememe.graph_config import GraphConfig
from kgr.sememe.graph_material import GraphMaterial, Order, most_labels

_EDGES, _SYNSETS, _NEGATIVES = 20, 21, 22  # streams of keyed draws


class GraphTask(GraphModelTask):
    """Trains a link model on annotations and edges; a :class:`kgr.engine.task.Task`.

    A synset's sememes are told from all sememes at once, by a softmax with a bias for each (1-N); an edge's end from
    entities drawn evenly, which stand for all. Both losses are means over what they predict. Beside them are the cubes
    of the moduli of the vectors that a batch names (N3 of Lacroix et al., ICML 2018).
    """

    def __init__(
        self, material: GraphMaterial, annotations: Annotations, config: GraphConfig, device: torch.device
    ) -> None:
        self.config = config
        self.model: LinkModel = LINK_MODELS[config.model](config.dim)
        super().__init__(
            material,
            annotations,
            config,
            device,
            width=config.dim,
            relations=material.directed,
            init=normal(config.init_scale),
            dense=torch.zeros(len(material.sememes)),
        )

    @property
    def epoch(self) -> int:
        """Steps of an epoch."""
        return max(1, math.ceil(len(self.material.edges) / self.config.batch))

    @property
    def _annotated(self) -> int:
        """Annotated synsets of a step."""
        return math.ceil(len(self.material.synsets) / self.epoch)

    def layout(self) -> Layout:
        """Return the slot's fields.

        Edges are sorted by directed relation, of which ``sizes`` int64[2R] has the numbers. ``labels`` int64[2, .] are
        places among ``synsets`` and columns; ``counts`` int64[1] says how many.
        """
        B, A = self.config.batch, self._annotated
        return {
            "heads": (np.int64, (B,)),
            "directed": (np.int64, (B,)),
            "tails": (np.int64, (B,)),
            "sizes": (np.int64, (self.material.directed,)),
            "negatives": (np.int64, (self.config.negatives,)),
            "synsets": (np.int64, (A,)),
            "labels": (np.int64, (2, most_labels(self.material.labels, A))),
            "counts": (np.int64, (1,)),
        }

    def fill(self, fields: dict[str, NDArray[Any]], step: int) -> None:
        """Write the batch of a step."""
        material, seed, B, A = self.material, self.config.seed, self.config.batch, self._annotated
        if len(material.edges):
            edges = material.edges[Order(len(material.edges), key(seed, _EDGES)).take((step - 1) * B, B)]
            edges = edges[np.argsort(edges[:, 1], kind="stable")]
            fields["heads"][:], fields["directed"][:], fields["tails"][:] = edges.T
            fields["sizes"][:] = np.bincount(edges[:, 1], minlength=material.directed)
        drawn = np.random.default_rng(key(seed, _NEGATIVES, step))
        fields["negatives"][:] = drawn.integers(0, material.entities, self.config.negatives)
        taken = Order(len(material.synsets), key(seed, _SYNSETS)).take((step - 1) * A, A)
        labels = material.labels[taken].tocoo().coords
        fields["synsets"][:] = material.synsets[taken]
        fields["labels"][:, : len(labels[0])] = labels
        fields["counts"][0] = len(labels[0])

    def step(self, slot: Slot) -> Tensor:
        """Return the loss of a batch."""
        entities, relations = self.tables["entities"].gather(None), self.tables["relations"].gather(None)
        operators = self.model.operators(relations, None)
        heads = entities.index_select(0, slot.tensors["synsets"])
        rows, columns = slot.tensors["labels"][:, : int(slot.host["counts"][0])]
        scores = self._sememe_scores(heads, entities, operators)
        loss = label_cross_entropy(scores, rows, columns, by_label=True) + self.config.penalty * self._size(heads)
        if len(self.material.edges):
            loss = loss + self._edge_loss(slot, entities, operators)
        return loss

    def _sememe_scores(self, heads: Tensor, entities: Tensor, operators: Tensor) -> Tensor:
        """Return [B, C]: the scores of all sememes for rows of synsets [B, We]."""
        have = torch.full((len(heads),), 2 * self.material.have, device=self.device)
        sizes = [len(heads) * (directed == 2 * self.material.have) for directed in range(len(operators))]
        query = self.model.query(heads, operators, Groups(have, tuple(sizes)))
        return self.model.scores(query, entities.index_select(0, self._sememes)) + self._dense

    def _edge_loss(self, slot: Slot, entities: Tensor, operators: Tensor) -> Tensor:
        directed, drawn = slot.tensors["directed"], slot.tensors["negatives"]
        heads, tails = (entities.index_select(0, slot.tensors[name]) for name in ("heads", "tails"))
        query = self.model.query(heads, operators, Groups(directed, tuple(slot.host["sizes"].tolist())))
        positive = self.model.pair_scores(query, tails)
        # those drawn stand for all entities: so the softmax is that over all, in expectation
        rivals = self.model.scores(query, entities.index_select(0, drawn)) + math.log(len(entities) / len(drawn))
        is_negative = drawn != slot.tensors["tails"].unsqueeze(1)
        loss, _ = softmax_loss(positive, rivals, is_negative, torch.ones_like(positive))
        sizes = self._size(heads) + self._size(operators.index_select(0, directed)) + self._size(tails)
        return self.config.edge_weight * loss + self.config.penalty * sizes

    def _size(self, rows: Tensor) -> Tensor:
        return lp_penalty(self.model.moduli(rows), 3).mean()

    def probabilities(self, synsets: Tensor) -> Tensor:
        entities, relations = self.tables["entities"].weight, self.tables["relations"].weight
        heads = entities.index_select(0, synsets)
        return torch.softmax(self._sememe_scores(heads, entities, self.model.operators(relations, None)), dim=1)
