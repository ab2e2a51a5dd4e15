"""Checkpoints of the published code, as folders of Hugging Face's form.

The published models of PROP and B-PROP are of BERT's form, with both heads under one name: the ranker's is
``cls.weight`` and ``cls.bias``, the language model's ``cls.predictions.*``. Classes for sequence classification do not
look for the ranker there, and would begin with a random one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from kgr.errors import FormatError, KgrError
from kgr.models.text_model import load_config, load_tokenizer
from kgr.prop.model import PropModel, model_of
from kgr.prop.saving import save_frame, save_weights

_FILES = ("model.safetensors", "pytorch_model.bin")
_RENAMED = (
    ("cls.weight", "classifier.weight"),
    ("cls.bias", "classifier.bias"),
    (".gamma", ".weight"),
    (".beta", ".bias"),
)
_LEFT = ("bert.embeddings.position_ids", "cls.predictions.decoder.weight", "cls.predictions.decoder.bias")
"""Made anew, or tied to what is there."""


def convert_prop(checkpoint: str | Path, out: str | Path) -> None:
    """Write a published checkpoint of PROP or B-PROP as a folder that :func:`kgr.rerank` reads.

    Parameters
    ----------
    checkpoint : folder
        With ``config.json``, the vocabulary, and ``pytorch_model.bin`` or ``model.safetensors``.
    out : folder
        See :meth:`kgr.prop.run.PropRun.save`.

    Raises
    ------
    FormatError
        A file is missing, or the weights are of another architecture: names the keys that do not fit.
    ConfigError
        Hugging Face's library does not load the config or the vocabulary.
    """
    checkpoint, out = Path(checkpoint), Path(out)
    if not (checkpoint / "config.json").is_file():
        raise FormatError(f"{checkpoint}: has no config.json, expected a folder with it, a vocabulary and weights")
    auto = _says_its_kind(checkpoint / "config.json")
    tokenizer = load_tokenizer(str(checkpoint), "AutoTokenizer" if auto else "BertTokenizerFast")
    with torch.random.fork_rng(devices=[]):
        model = _made(checkpoint, load_config(str(checkpoint), "AutoConfig" if auto else "BertConfig"))
    set_weights(model, {_renamed(name): tensor for name, tensor in _read(checkpoint).items()}, str(checkpoint))
    out.mkdir(parents=True, exist_ok=True)
    save_frame(out, model, tokenizer)
    save_weights(out, model)


def _made(checkpoint: Path, config: Any) -> PropModel:
    """Return the model of a config, with random weights."""
    try:
        return model_of(config)
    except KgrError:
        raise
    except Exception as error:  # whatever Hugging Face's library and those below it raise
        raise FormatError(f"{checkpoint / 'config.json'}: no model can be made of it: {error}") from error


def _says_its_kind(config: Path) -> bool:
    """Whether a config names its architecture; those of the published code's time do not, and are BERT's."""
    try:
        found = json.loads(config.read_bytes())
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{config}: is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise FormatError(f"{config}: is {type(found).__name__}, expected an object of settings")
    return "model_type" in found


def set_weights(model: PropModel, found: dict[str, Tensor], where: str) -> None:
    """Write weights, by the names of Hugging Face's classes, into a model: all of them and no others.

    Raises
    ------
    FormatError
        Names the keys that do not fit; starts with ``where``.
    """
    own = model.weights()
    found = {name: tensor for name, tensor in found.items() if name not in _LEFT}
    own_names = {name for name in own if name not in _LEFT}
    faults = {
        "has no": sorted(own_names - set(found)),
        "has, but a model of its config has not,": sorted(set(found) - own_names),
        "has of another shape": sorted(name for name in own_names & set(found) if own[name].shape != found[name].shape),
    }
    told = [
        f"{what} {', '.join(names[:5])}{', …' if len(names) > 5 else ''}" for what, names in faults.items() if names
    ]
    if told:
        raise FormatError(f"{where}: weights of another architecture: it {'; it '.join(told)}")
    start = f"{model.prefix}."
    encoder = {name.removeprefix(start): tensor for name, tensor in found.items() if name.startswith(start)}
    heads = {name: tensor for name, tensor in found.items() if not name.startswith(start)}
    model.encoder.load_state_dict(encoder)
    for head in (model.ranker, model.language_model):
        head.load_state_dict({name: heads[name] for name in head.state_dict() if name in heads}, strict=False)


def _renamed(name: str) -> str:
    name = name.removeprefix("module.")  # of one that was trained on several GPUs
    for old, new in _RENAMED:
        if name == old or (old.startswith(".") and name.endswith(old)):
            name = name.removesuffix(old) + new
    return name


def _read(checkpoint: Path) -> dict[str, Tensor]:
    for name in _FILES:
        path = checkpoint / name
        if path.is_file():
            return _weights(path)
    raise FormatError(f"{checkpoint}: has none of {', '.join(_FILES)}")


def _weights(path: Path) -> dict[str, Tensor]:
    """Read a file of weights; of one by pickle, nothing but weights."""
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
        weights = dict(found)
    except Exception as error:  # damage may raise anything
        raise FormatError(f"{path}: cannot be read as weights: it is damaged, or holds other things") from error
    others = [name for name, weight in weights.items() if not isinstance(weight, Tensor)]
    if others:
        raise FormatError(f"{path}: {others[0]!r} is no weight: expected weights by name and nothing else")
    return weights
