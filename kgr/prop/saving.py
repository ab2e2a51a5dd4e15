"""A pre-trained ranker as a folder of Hugging Face's form: one file of weights, which three of its classes read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors.torch

from kgr import _io
from kgr.models.text_weights import weights_signed
from kgr.prop.model import PropModel

WEIGHTS = "model.safetensors"

_IDENTITY = "torch.nn.modules.linear.Identity"


def save_frame(folder: Path, model: PropModel, tokenizer: Any, length: int | None = None) -> None:
    """Write the config and the tokenizer, all but the weights; what they are to be called with is said there too.

    ``length`` is what is to be read of a row where the user does not say; by default what the tokenizer has.
    """
    config = model.config.to_dict()
    config["architectures"] = [type(model.ranker).__name__]
    # sentence-transformers would else give a sigmoid of the score; older versions read the second name
    config["sentence_transformers"] = {"activation_fn": _IDENTITY}
    config["sbert_ce_default_activation_function"] = _IDENTITY
    config["model_type"] = model.config.model_type
    tokenizer.model_max_length = length or tokenizer.model_max_length
    tokenizer.save_pretrained(folder)
    # last, and at once: where it is, the tokenizer is whole
    _io.replace_text(folder / "config.json", json.dumps(config, indent=1, default=str) + "\n")


def save_weights(folder: Path, model: PropModel) -> None:
    """Write the weights of encoder, pooler, ranker and language model as one file, and its checksum."""
    with weights_signed(folder):
        _io.replace_bytes(folder / WEIGHTS, safetensors.torch.save(model.weights(), {"format": "pt"}))
