"""Pre-training as a task of the engine: the losses of a step, and what is evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kgr.engine.ring import Layout, Slot
from kgr.engine.table import Table
from kgr.index.terms import Terms, Tokens
from kgr.prop.batches import PropBatches
from kgr.prop.config import PropConfig
from kgr.prop.evaluate import evaluate
from kgr.prop.model import PropModel
from kgr.prop.objective import pair_loss, pieces_loss


class PropTask:
    """Trains a ranker on a corpus; a :class:`kgr.engine.task.Task`."""

    def __init__(
        self,
        model: PropModel,
        batches: PropBatches,
        config: PropConfig,
        device: torch.device,
        words: tuple[Terms, Tokens],
    ) -> None:
        self.model, self.batches, self.config, self.device, self.words = (
            model.to(device),
            batches,
            config,
            device,
            words,
        )
        self.module: nn.Module = self.model
        self.tables: dict[str, Table] = {}
        model.embeddings.requires_grad_(not config.freeze_embeddings)

    def layout(self) -> Layout:
        """Return the slot's fields: see :meth:`PropBatches.layout`."""
        return self.batches.layout()

    def fill(self, fields: dict[str, NDArray[Any]], step: int) -> None:
        """Write a batch."""
        self.batches.fill(fields, step)

    def ids(self, slot: Slot) -> Mapping[str, NDArray[np.int64]]:
        """Return nothing: there are no tables."""
        return {}

    def step(self, slot: Slot) -> Tensor:
        """Return the loss of a batch: of its pairs, and of its masked words where there are some."""
        rows, longest, masked, unused = slot.host["counts"].tolist()
        self.model.unused += unused
        given = slot.tensors
        states = self.model.states(
            given["ids"][:rows, :longest], given["segments"][:rows, :longest], given["lengths"][:rows]
        )
        losses = []
        if self.config.objective != "mlm":
            scores = self.model.scores(states)
            losses.append(pair_loss(scores[: rows // 2], scores[rows // 2 :], self.config))
        if masked:
            logits = self.model.pieces(states, given["masked"][:masked])
            weight = 1.0 if self.config.objective == "mlm" else self.config.mlm_weight
            losses.append(weight * pieces_loss(logits, given["labels"][:masked]))
        return torch.stack(losses).sum()

    def describe(self, step: int) -> str:
        """Return "": all steps train alike."""
        return ""

    def report(self) -> dict[str, float]:
        """Return how many pairs so far could not be used."""
        return {"unused": int(self.model.unused)} if self.config.objective == "prop" else {}

    def evaluate(self, split: str) -> dict[str, Any]:
        """Return the figures of the held-out documents: see :func:`kgr.prop.evaluate.evaluate`."""
        return evaluate(self.model, self.batches, self.words, self.device)

    def figure(self, metrics: dict[str, Any]) -> float:
        """Return the accuracy of held-out pairs, or of masked pieces where there are no pairs."""
        figure: float = metrics["mlm_accuracy" if self.config.objective == "mlm" else "accuracy"]
        return figure
