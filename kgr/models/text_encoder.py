"""Encoders of texts: a Hugging Face model and how a vector is made of its tokens, or any callable."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kgr.errors import ConfigError, DataError
from kgr.models.text_config import POOLINGS, EncoderConfig
from kgr.models.text_model import TextModel, model_folder

EncodeTexts = Callable[[list[str]], Any]
"""Takes texts, returns a row of numbers for each: [n, W]."""

_OF_MODELS = ("pooling", "max_length", "batch", "precision", "device")  # what a callable settles for itself
_KINDS = ("Transformer", "Pooling", "Normalize")


class TextEncoder:
    """Makes vectors of texts.

    Parameters
    ----------
    model : str, path or callable
        A name or a folder as Hugging Face has it, or what takes a list of texts and returns a row for each.
    config : EncoderConfig
        What it leaves open is as the folder says in the files of sentence-transformers.

    Attributes
    ----------
    config : EncoderConfig
        With everything said.
    settings : dict
        All that makes the vectors what they are: the model and a digest of its weights (None of a callable), pooling,
        normalisation, prefixes and the tokens read.

    Raises
    ------
    ConfigError
        See :class:`TextModel`; a setting that a callable does not read; a folder with layers that are not run here.
    """

    def __init__(self, model: str | Path | EncodeTexts, config: EncoderConfig | None = None) -> None:
        config = config or EncoderConfig()
        self._model: TextModel | None = None
        self._rows: Callable[[list[str]], NDArray[np.float32]]
        if isinstance(model, str | Path):
            stated = _stated(str(model), model_folder(str(model)))
            self.config = _completed(str(model), config, stated)
            self._model = TextModel(model, "AutoModel", self.config, length=stated.get("max_length"))
            self._rows = self._of_model
        else:
            _check_callable(config)
            self.config, self._rows = _completed("callable", config, {}), _checked(model)
        own = self.config
        self.settings: dict[str, Any] = {
            "model": self._model.name if self._model else "callable",
            "weights": self._model.weights if self._model else None,
            "pooling": own.pooling if self._model else None,
            "normalize": own.normalize,
            "prefix": own.prefix,
            "query_prefix": own.query_prefix,
            "max_length": self._model.max_length if self._model else None,
        }

    @property
    def truncated(self) -> int:
        """Texts so far of which not all was read."""
        return self._model.truncated if self._model else 0

    @cached_property
    def width(self) -> int:
        """W: numbers of a vector."""
        before = self.truncated
        width = int(self.encode(["text"]).shape[1])
        if self._model:
            self._model.truncated = before
        return width

    def encode(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """Encode texts, or queries: float32[n, W].

        Raises
        ------
        DataError
            A row is not finite, or a callable gives no row of the same width for each text.
        """
        if not texts:
            return np.empty((0, self.width), np.float32)
        prefix = self.config.query_prefix if query else self.config.prefix
        rows = self._rows([f"{prefix}{text}" for text in texts])
        if self.config.normalize:
            norms = np.linalg.norm(rows, axis=1, keepdims=True)
            np.divide(rows, norms, out=rows, where=norms > 0)
        return rows

    def _of_model(self, texts: list[str]) -> NDArray[np.float32]:
        assert self._model is not None
        return self._model.rows(texts, POOL[self.config.pooling or "mean"])


def _cls(output: Any, mask: torch.Tensor) -> torch.Tensor:
    return _states(output)[:, 0]


def _mean(output: Any, mask: torch.Tensor) -> torch.Tensor:
    weights = mask[:, :, None]
    # in 32 bits: a sum of many halves loses its last digits
    return (_states(output).float() * weights).sum(dim=1) / weights.sum(dim=1)


def _last(output: Any, mask: torch.Tensor) -> torch.Tensor:
    return _states(output)[torch.arange(len(mask), device=mask.device), mask.sum(dim=1) - 1]


def _states(output: Any) -> torch.Tensor:
    states: torch.Tensor | None = getattr(output, "last_hidden_state", None)
    if states is None:
        raise ConfigError(f"the model gives {', '.join(output)}, expected last_hidden_state: a vector of each token")
    return states


POOL = dict(zip(POOLINGS, (_cls, _mean, _last), strict=True))
"""How a vector is made of those of a text's tokens, by name."""


def _check_callable(config: EncoderConfig) -> None:
    default = EncoderConfig()
    for name in _OF_MODELS:
        if getattr(config, name) != getattr(default, name):
            raise ConfigError(f"{name} is {getattr(config, name)!r}, but a callable does not read it: leave it out")


def _checked(model: EncodeTexts) -> Callable[[list[str]], NDArray[np.float32]]:
    """Return a callable that gives float32[n, W], finite, with as many rows as texts."""

    def rows(texts: list[str]) -> NDArray[np.float32]:
        given = model(texts)
        found = given.detach().float().cpu().numpy() if isinstance(given, torch.Tensor) else np.asarray(given)
        if found.ndim != 2 or len(found) != len(texts) or found.dtype.kind not in "fiu":
            raise DataError(
                f"the callable gives {found.dtype}{list(found.shape)} for {len(texts)} texts, "
                "expected numbers, a row each"
            )
        with np.errstate(over="ignore"):
            found = found.astype(np.float32)
        if not np.isfinite(found).all():
            raise DataError("the callable gives numbers that are not finite in 32 bits")
        return found

    return rows


def _completed(name: str, config: EncoderConfig, stated: dict[str, Any]) -> EncoderConfig:
    """Return the settings with everything said: by the user, else by the model's folder, else by us."""
    pooling = config.pooling or stated.get("pooling", "mean")
    if pooling not in POOLINGS:
        raise ConfigError(f"model is {name!r}, whose pooling is {pooling}; expected one of {', '.join(POOLINGS)}")
    said: dict[str, Any] = {"pooling": pooling}
    for field, default in (("normalize", False), ("prefix", ""), ("query_prefix", "")):
        given = getattr(config, field)
        said[field] = stated.get(field, default) if given is None else given
    return dataclasses.replace(config, **said)


def _stated(name: str, folder: Path) -> dict[str, Any]:
    """Return what a model's folder says in the files of sentence-transformers; empty where it has none."""
    modules = _json(name, folder / "modules.json")
    if not modules:
        return {}
    kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
    other = [kind for kind in kinds if kind not in _KINDS]
    if other:
        raise ConfigError(
            f"model is {name!r}, whose modules.json has a layer {other[0]}, which is not run here; give a callable, "
            "as SentenceTransformer(…).encode"
        )
    said: dict[str, Any] = {"normalize": "Normalize" in kinds}
    if "Pooling" in kinds:
        said["pooling"] = _stated_pooling(_json(name, folder / modules[kinds.index("Pooling")]["path"] / "config.json"))
    length = _json(name, folder / "sentence_bert_config.json").get("max_seq_length")
    prompts = _json(name, folder / "config_sentence_transformers.json").get("prompts") or {}
    document = prompts.get("document", prompts.get("passage"))
    more = {"max_length": length, "prefix": document, "query_prefix": prompts.get("query")}
    return said | {field: value for field, value in more.items() if value is not None}


def _stated_pooling(config: dict[str, Any]) -> str:
    names = {"cls_token": "cls", "mean_tokens": "mean", "lasttoken": "last"}
    start = "pooling_mode_"
    chosen = [name.removeprefix(start) for name, on in config.items() if name.startswith(start) and on is True]
    return " with ".join(names.get(name, name) for name in chosen) or str(config.get("pooling_mode", "mean"))


def _json(name: str, file: Path) -> Any:
    """Return what a file of a model holds, an empty dict where there is no such file."""
    try:
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except ValueError as error:
        raise ConfigError(f"model is {name!r}: its file {file.name} is not JSON: {error}") from error
