"""Fine-tuning a cross-encoder as a task of the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from kgr.engine.ring import Layout, Slot
from kgr.engine.table import Table
from kgr.models.text_pairs import PairScorer, logit
from kgr.prop.examples import Examples
from kgr.prop.finetune_config import FinetuneConfig
from kgr.retrieval.passage_texts import PassageTexts

MEASURE = "ndcg@10"
"""By which evaluations during training are compared."""

Evaluate = Callable[[str], dict[str, Any]]
"""Returns the metrics of a split's queries, re-ranked by the model as it stands."""


class FinetuneTask:
    """Trains the model of a pair scorer; a :class:`kgr.engine.task.Task`.

    A batch is groups of pairs: a query with a relevant document, then with ``negatives`` others.
    """

    def __init__(
        self,
        scorer: PairScorer,
        examples: Examples,
        texts: PassageTexts,
        config: FinetuneConfig,
        evaluate: Evaluate,
    ) -> None:
        self.module: nn.Module = scorer.model.module
        self.tables: Mapping[str, Table] = {}
        self.evaluate = evaluate
        self._model, self._examples, self._texts, self._config = scorer.model, examples, texts, config
        self._names = list(self._model.tokens([("a", "a")])[0][0])

    def layout(self) -> Layout:
        """Return ``length`` int64[n], tokens of each pair, and the model's inputs, int64[n, max_length]."""
        rows = self._config.batch * (1 + self._config.negatives)
        inputs = dict.fromkeys(self._names, (np.int64, (rows, self._model.max_length)))
        return {**inputs, "length": (np.int64, (rows,))}

    def fill(self, fields: dict[str, NDArray[Any]], step: int) -> None:
        """Write the pairs of a batch, padded to the longest."""
        config = self._config
        first = (step - 1) * config.batch
        query, documents = self._examples.draw(first, config.batch, config.negatives, config.seed)
        pairs = [
            (self._examples.texts[own], self._texts.passages_of(document)[0])
            for own, group in zip(query.tolist(), documents.tolist(), strict=True)
            for document in group
        ]
        tokens, _ = self._model.tokens(pairs)
        fields["length"][:] = [len(own["input_ids"]) for own in tokens]
        longest = int(fields["length"].max())
        for name, pad in self._model.pads.items():
            for row, own in enumerate(tokens if name in fields else ()):
                ids = own[name]
                fields[name][row, : len(ids)] = ids
                fields[name][row, len(ids) : longest] = pad

    def ids(self, slot: Slot) -> Mapping[str, NDArray[np.int64]]:
        """Return nothing: there are no tables."""
        return {}

    def step(self, slot: Slot) -> Tensor:
        """Return the mean loss of a batch's groups."""
        longest = int(slot.host["length"].max())
        inputs = {name: slot.tensors[name][:, :longest] for name in self._names}
        lengths = slot.tensors["length"]
        mask = (torch.arange(longest, device=lengths.device) < lengths[:, None]).long()
        scores = logit(self.module(**inputs, attention_mask=mask), mask)
        return LOSSES[self._config.loss](scores.view(self._config.batch, -1))

    def describe(self, step: int) -> str:
        """Return "": all steps train alike."""
        return ""

    def report(self) -> dict[str, float]:
        """Return nothing beside the loss."""
        return {}

    def figure(self, metrics: dict[str, Any]) -> float:
        """Return nDCG@10."""
        return float(metrics[MEASURE])


def _pairwise(scores: Tensor) -> Tensor:
    """Return the logistic loss of the first of each group and each other: RankNet (Burges et al. 2005)."""
    return functional.softplus(scores[:, 1:] - scores[:, :1]).mean()


def _listwise(scores: Tensor) -> Tensor:
    """Return the cross-entropy of the first of each group (Gao, Dai and Callan 2021: localized contrastive loss)."""
    return -scores.log_softmax(1)[:, 0].mean()


LOSSES: dict[str, Callable[[Tensor], Tensor]] = {"pairwise": _pairwise, "listwise": _listwise}
"""Of scores float32[groups, 1 + negatives], the relevant document's first."""
