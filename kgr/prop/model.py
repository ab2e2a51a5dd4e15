"""An encoder with two heads, a ranker's and a language model's, as Hugging Face's classes have them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kgr.errors import ConfigError
from kgr.models.text_model import import_transformers, load_config, load_module, of_head

RANKER, LANGUAGE_MODEL = "AutoModelForSequenceClassification", "AutoModelForMaskedLM"


class _Shown(nn.Module):
    """Stands within a head's model for the encoder, which is run once for both: gives what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.output: Any = None

    def forward(self, *_: Any, **__: Any) -> Any:
        return self.output


class PropModel(nn.Module):
    """Scores rows, and tells masked word pieces.

    Takes the encoder of the ranker; the language model's own is left aside, and its output is tied to the encoder's
    word pieces.

    Parameters
    ----------
    ranker, language_model
        Of Hugging Face's classes for sequence classification with one label, and for masked language models; of one
        architecture.
    new_language_model : bool
        Whether the latter's head is random.
    """

    unused: Tensor
    """Pairs of batches so far that could not be used: int64[]; kept in checkpoints."""

    def __init__(self, ranker: Any, language_model: Any, *, new_language_model: bool = True) -> None:
        super().__init__()
        self.new_language_model = new_language_model
        self.config, self.prefix = ranker.config, str(ranker.base_model_prefix)
        embedded, output = ranker.get_input_embeddings().weight, language_model.get_output_embeddings()
        if output.weight.shape == embedded.shape:
            output.weight = embedded
        self.encoder = ranker.base_model
        for head in (ranker, language_model):
            setattr(head, self.prefix, _Shown())
        self.ranker, self.language_model = ranker, language_model
        self.register_buffer("unused", torch.zeros((), dtype=torch.int64))

    @property
    def embeddings(self) -> Tensor:
        """Vectors of word pieces: float32[vocabulary, width]."""
        weight: Tensor = self.encoder.get_input_embeddings().weight
        return weight

    def states(self, ids: Tensor, segments: Tensor, lengths: Tensor) -> Any:
        """Return the encoder's output for rows: ids and segments int64[R, n], lengths int64[R]."""
        mask = (torch.arange(ids.shape[1], device=ids.device) < lengths[:, None]).long()
        given = {"input_ids": ids, "attention_mask": mask}
        if getattr(self.config, "type_vocab_size", 0) > 1:
            given["token_type_ids"] = segments
        return self.encoder(**given)

    def scores(self, states: Any) -> Tensor:
        """Return the logit of each row: float32[R]."""
        self._shown(self.ranker).output = states
        logits: Tensor = self.ranker().logits
        return logits[:, 0].float()

    def pieces(self, states: Any, masked: Tensor) -> Tensor:
        """Return the logits of masked pieces, of which ``masked`` int64[M, 2] has row and place: float32[M, V]."""
        from transformers.modeling_outputs import BaseModelOutput

        chosen = states[0][masked[:, 0], masked[:, 1]]
        self._shown(self.language_model).output = BaseModelOutput(last_hidden_state=chosen[None])
        logits: Tensor = self.language_model().logits
        return logits[0].float()

    def _shown(self, head: Any) -> _Shown:
        shown: _Shown = getattr(head, self.prefix)
        return shown

    def weights(self) -> dict[str, Tensor]:
        """Return the weights of encoder and heads by the names that Hugging Face's classes give them, tied ones once.

        They are on the CPU.
        """
        found: dict[str, Tensor] = {}
        seen: set[int] = set()
        named = [(f"{self.prefix}.{name}", tensor) for name, tensor in self.encoder.state_dict(keep_vars=True).items()]
        for head in (self.ranker, self.language_model):
            named += head.state_dict(keep_vars=True).items()
        for name, tensor in named:
            if id(tensor) not in seen:
                found[name] = tensor.detach().cpu().contiguous()
            seen.add(id(tensor))
        return found


def given_model(name: str, layers: int | None) -> tuple[PropModel, list[str], list[str]]:
    """Load a model by its name or folder, with the heads that it has; the others are random.

    Returns
    -------
    PropModel, list of str, list of str
        With the names of the weights of the ranker, and of the language model, that the folder has not.

    Raises
    ------
    ConfigError
        It does not load, its encoder misses weights, or it has fewer layers.
    """
    changes: dict[str, Any] = {"num_labels": 1}
    if layers is not None:
        changes["num_hidden_layers"] = layers
        stated = load_config(name).num_hidden_layers
        if layers > stated:
            raise ConfigError(f"layers is {layers}, but {name} has {stated}: expected at most as many")
    ranker, missing = load_module(name, RANKER, of_head, expected=_EXPECTED, **changes)
    del changes["num_labels"]
    language_model, more = load_module(name, LANGUAGE_MODEL, of_head, expected=_EXPECTED, **changes)
    return PropModel(ranker, language_model, new_language_model=bool(more)), sorted(missing), sorted(more)


_EXPECTED = "an encoder of BERT's kind, of which only heads may be missing"


def set_dropout(model: PropModel, share: float) -> None:
    """Let every dropout of a model drop this share."""
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.p = share


def model_of(config: Any) -> PropModel:
    """Return a model of a config of Hugging Face's, with random weights."""
    transformers: Any = import_transformers("new")
    config.num_labels = 1
    ranker = getattr(transformers, RANKER).from_config(config)
    return PropModel(ranker, getattr(transformers, LANGUAGE_MODEL).from_config(config))


def set_unigram(model: PropModel, counts: NDArray[np.int64]) -> None:
    """Let a new language model begin with how often each word piece is met: int64[vocabulary]."""
    bias = model.language_model.get_output_embeddings().bias
    if bias is not None:
        with torch.no_grad():
            shares = torch.from_numpy((counts + 1) / (counts + 1).sum())
            bias[: len(shares)] = shares.log().to(bias)
