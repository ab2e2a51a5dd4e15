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
    model : TextModel
        Whose weights a training may move.

    Parameters
    ----------
    head_seed : int, optional
        Draws a head where the model's folder has none; by default such a folder is refused.

    Raises
    ------
    ConfigError
        See :class:`TextModel`; a model with other numbers of labels.
    """

    def __init__(self, model: str | Path, config: TextModelConfig, *, head_seed: int | None = None) -> None:
        self.model = TextModel(model, "AutoModelForSequenceClassification", config, head_seed=head_seed)
        labels = self.model.module.config.num_labels
        if labels not in (1, 2):
            raise ConfigError(f"model is {str(model)!r}, which has {labels} labels; expected 1 or 2 to score pairs by")
        own = self.model
        self.settings: dict[str, Any] = {"model": own.name, "weights": own.weights, "max_length": own.max_length}

    @property
    def truncated(self) -> int:
        """Pairs so far of which not all was read."""
        return self.model.truncated

    def scores(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Score pairs of query and text: float32[n].

        Of a pair that is too long the text is cut, and the query where it has more than half of the tokens.
        """
        return self.model.rows(pairs, logit)[:, 0] if pairs else np.empty(0, np.float32)


def logit(output: Any, mask: torch.Tensor) -> torch.Tensor:
    """Return the score of each pair, float32[n, 1], of what the model gives; a :data:`kgr.models.text_model.Head`."""
    logits: torch.Tensor = output.logits.float()
    return logits if logits.shape[1] == 1 else logits[:, 1:] - logits[:, :1]
