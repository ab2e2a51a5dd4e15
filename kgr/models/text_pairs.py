"""Scores of pairs of texts by a Hugging Face model that reads both at once: a cross-encoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kgr.errors import ConfigError
from kgr.models.text_config import TextModelConfig
from kgr.models.text_model import TextModel


class PairScorer:
    """Scores query and text by a model for sequence classification.

    Of a model with one label the score is its logit; of one with two, that of the second label minus that of the
    first: the log-odds of "relevant".

    Attributes
    ----------
    settings : dict
        All that makes the scores what they are: the model, a digest of its weights, and the tokens read of a pair.

    Raises
    ------
    ConfigError
        See :class:`TextModel`; a model with other numbers of labels.
    """

    def __init__(self, model: str | Path, config: TextModelConfig) -> None:
        self._model = TextModel(model, "AutoModelForSequenceClassification", config)
        labels = self._model.module.config.num_labels
        if labels not in (1, 2):
            raise ConfigError(f"model is {str(model)!r}, which has {labels} labels; expected 1 or 2 to score pairs by")
        own = self._model
        self.settings: dict[str, Any] = {"model": own.name, "weights": own.weights, "max_length": own.max_length}

    @property
    def truncated(self) -> int:
        """Pairs so far of which not all was read."""
        return self._model.truncated

    def scores(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Score pairs of query and text: float32[n].

        Of a pair that is too long the text is cut, and the query where it has more than half of the tokens.
        """
        return self._model.rows(pairs, _logit)[:, 0] if pairs else np.empty(0, np.float32)


def _logit(output: Any, mask: torch.Tensor) -> torch.Tensor:
    logits: torch.Tensor = output.logits.float()
    return logits if logits.shape[1] == 1 else logits[:, 1:] - logits[:, :1]
