"""Completion as a task of the engine: a step's loss, and what is evaluated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kgr._rng import key
from kgr.completion.batches import Batches
from kgr.completion.config import CompletionConfig
from kgr.completion.evaluate import evaluate
from kgr.completion.penalty import answers_of, penalty
from kgr.completion.scorer import LinkScorer
from kgr.engine.ring import Layout, Slot
from kgr.engine.table import Init, Table, normal, uniform
from kgr.engine.tables import make_table
from kgr.errors import ConfigError
from kgr.graph.graph import load_graph
from kgr.index.store import Store
from kgr.models.full_losses import cross_entropy, label_bce, label_cross_entropy
from kgr.models.link import Groups
from kgr.models.losses import sampled_loss
from kgr.models.named import LINK_MODELS

_DENSE, _ENTITIES, _RELATIONS = 1, 2, 3  # streams of keyed draws
_FEW = 16
"""Entities taken for each negative of a row up to which all of them are scored, rather than every row's own."""


class CompletionTask:
    """Trains a link model on the train graph of a store; a :class:`kgr.engine.task.Task`.

    Dropout draws anew for every query's entity and relation and for every candidate; where a relation is a matrix, for
    every relation of a batch.

    Raises
    ------
    ConfigError
        The model cannot do what the settings ask for, or its dimension does not fit.
    """

    def __init__(self, store: Store, config: CompletionConfig, device: torch.device) -> None:
        self.store, self.config, self.device = store, config, device
        self.batches = Batches(load_graph(store), config)
        self.model = LINK_MODELS[config.model](config.dim, **config.model_fields, seed=key(config.seed, _DENSE))
        self._check_model()
        self._without = torch.zeros(1, dtype=torch.int64, device=device)
        self.model.register_buffer("rows_without_negatives", self._without)  # a buffer, so that checkpoints keep it
        self.module: nn.Module = self.model.to(device)
        relations = len(store.relations) * (2 if config.reciprocal else 1)
        own = self.model.relation_init or self.model.init
        self.tables = {
            "entities": self._table(store.entities, self.model.entity_width, self.model.init, _ENTITIES),
            "relations": self._table(relations, self.model.relation_width, own, _RELATIONS),
        }

    def _check_model(self) -> None:
        if self.model.needs_reciprocal and not self.config.reciprocal:
            raise ConfigError(f"reciprocal is false, but model {self.config.model} has no inverse form: leave it true")
        if self.config.relation_prediction and not self.model.ranks_relations:
            able = ", ".join(name for name, model in LINK_MODELS.items() if model.ranks_relations)
            raise ConfigError(f"relation_prediction is not read by model {self.config.model}, only by {able}")

    def _table(self, rows: int, width: int, default: tuple[str, float], stream: int) -> Table:
        law, scale = default
        if self.config.init is not None:
            law, scale = self.config.init, 1.0
        if self.config.init_scale is not None:
            scale = self.config.init_scale
        init, own = initial(law, scale, rows, width), key(self.config.seed, stream)
        return make_table(
            "device", rows, width, optimizer=self.config.optimizer, device=self.device, init=init, key=own
        )

    def layout(self) -> Layout:
        """Return the slot's fields: see :meth:`Batches.layout`."""
        return self.batches.layout()

    def fill(self, fields: dict[str, NDArray[Any]], step: int) -> None:
        """Write the batch of a step."""
        self.batches.fill(fields, step)

    def ids(self, slot: Slot) -> Mapping[str, NDArray[np.int64]]:
        """Return nothing: the tables lie on the device."""
        return {}

    def step(self, slot: Slot) -> Tensor:
        """Return the loss of a batch."""
        entities = self._rows("entities", slot, int(slot.host["counts"][2]), self.batches.every_entity)
        relations, operators, groups = self._operators(slot)
        heads = entities.index_select(0, slot.tensors["heads"][: int(slot.host["counts"][4])])
        query = self.model.query(self.model.entity_dropout(heads), operators, groups)
        if self.config.training == "negatives":
            loss = self._loss_of_negatives(slot, query, entities)
        else:
            loss = self._loss_of_all(slot, query, entities)
        if self.config.relation_prediction:
            loss = loss + self.config.relation_prediction * self._relation_loss(slot, heads, entities, relations)
        if self.config.regularizer != "none":
            loss = loss + penalty(self.config, self.model, slot, query, heads, entities, relations)
        return loss

    def _rows(self, table: str, slot: Slot, named: int, every: bool) -> Tensor:
        return self.tables[table].gather(None if every else slot.tensors[table][:named])

    def _operators(self, slot: Slot) -> tuple[Tensor, Tensor, Groups]:
        """Return the relation rows taken, operators of directed relations, and the queries by operator."""
        kinds, named, _, _, queries = (int(n) for n in slot.host["counts"])
        relations = self._rows("relations", slot, named, self.batches.every_relation)
        taken, inverse = slot.tensors["operator_rows"][:kinds], slot.tensors["inverse"][:kinds]
        groups = Groups(slot.tensors["places"][:queries], tuple(slot.host["sizes"][:kinds].tolist()))
        if self.config.relation_dropout and not self.model.has_matrices:  # a query is a group of its own
            taken, inverse = taken.index_select(0, groups.places), inverse.index_select(0, groups.places)
            groups = Groups.of([1] * len(groups.places), self.device)
        rows = self.model.relation_dropout(relations.index_select(0, taken))
        return relations, self.model.operators(rows, None if self.config.reciprocal else inverse), groups

    def _loss_of_all(self, slot: Slot, query: Tensor, entities: Tensor) -> Tensor:
        parts = self.model.part_scores(query, self.model.entity_dropout(entities))
        return sum((self._loss_of_scores(slot, scores) for scores in parts), start=query.new_zeros(()))

    def _loss_of_scores(self, slot: Slot, scores: Tensor) -> Tensor:
        rows, labels = answers_of(self.config, slot)
        smoothing, one_by_one = self.config.label_smoothing, self.config.training == "1vsall"
        if self.config.loss == "bce":
            return label_bce(scores, rows, labels, smoothing, by_label=one_by_one)
        if one_by_one:
            return cross_entropy(scores, rows, labels, smoothing)
        return label_cross_entropy(scores, rows, labels, smoothing, by_label=self.config.weighting == "answers")

    def _loss_of_negatives(self, slot: Slot, query: Tensor, entities: Tensor) -> Tensor:
        entities = self.model.entity_dropout(entities)
        positive = self.model.pair_scores(query, entities.index_select(0, slot.tensors["targets"]))
        negatives = self._negative_scores(query, entities, slot.tensors["negatives"])
        scores = positive, negatives, slot.tensors["is_negative"], torch.ones_like(positive)
        loss, without = sampled_loss(self.config.loss, *scores, adversarial=self.config.adversarial)
        self._without += without
        return loss

    def _negative_scores(self, query: Tensor, entities: Tensor, places: Tensor) -> Tensor:
        """Return [B, K]; of the rows' own negatives by all entities taken where these are few."""
        if places.dim() == 1:
            return self.model.scores(query, entities.index_select(0, places))
        if len(entities) <= _FEW * places.shape[1]:
            return self.model.scores(query, entities).gather(1, places)
        rows = entities.index_select(0, places.flatten())
        return self.model.pair_scores(query.repeat_interleave(places.shape[1], dim=0), rows).view(places.shape)

    def _relation_loss(self, slot: Slot, heads: Tensor, entities: Tensor, relations: Tensor) -> Tensor:
        """Return the cross-entropy of each triple's directed relation among all, given its two entities, by parts."""
        rows, answers = answers_of(self.config, slot)
        pairs = heads.index_select(0, rows), entities.index_select(0, answers)
        parts = self.model.part_relation_scores(*pairs, self._all_operators(relations))
        right = slot.tensors["directed"].index_select(0, slot.tensors["places"].index_select(0, rows))
        each = torch.arange(len(right), device=self.device)
        return sum((cross_entropy(scores, each, right) for scores in parts), start=heads.new_zeros(()))

    def _all_operators(self, relations: Tensor) -> Tensor:
        if self.config.reciprocal:
            return self.model.operators(relations, None)
        inverse = torch.arange(2 * len(relations), device=self.device) % 2 == 1
        return self.model.operators(relations.repeat_interleave(2, dim=0), inverse)

    def describe(self, step: int) -> str:
        """Return "": all steps train alike."""
        return ""

    def report(self) -> dict[str, float]:
        """Return how many rows had no negative so far, which train their positive alone; nothing without negatives."""
        return {"rows_without_negatives": int(self._without)} if self.config.training == "negatives" else {}

    def evaluate(self, split: str) -> dict[str, Any]:
        """Evaluate on ``eval_triples`` of a split, the same each time, without tables by relation."""
        return evaluate(self.scorer(), self.store, split, tables=False, limit=self.config.eval_triples)

    def figure(self, metrics: dict[str, Any]) -> float:
        """Return the MRR of an evaluation."""
        return float(metrics["mrr"])

    def scorer(self) -> LinkScorer:
        """Return the model as it is now, to score entities, triples and relations."""
        tables = self.tables
        return LinkScorer(self.model, tables["entities"].weight, tables["relations"].weight, self.config.reciprocal)


def initial(law: str, scale: float, rows: int, width: int) -> Init:
    """Return the initialisation of a table of such a shape; the laws of Glorot and Bengio see its two sides as fans."""
    if law == "normal":
        return normal(scale)
    if law == "uniform":
        return uniform(scale)
    spread = scale * math.sqrt(2 / (rows + width))
    return normal(spread) if law == "xavier-normal" else uniform(spread * math.sqrt(3))
