"""Models of text from Hugging Face folders or names: loaded whole or refused, run in batches of like lengths."""

from __future__ import annotations

import contextlib
import hashlib
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kgr.engine.device import device_of, out_of_memory
from kgr.errors import ConfigError, DataError
from kgr.models.text_config import TextModelConfig
from kgr.models.text_weights import verify_weights

DEFAULT_LENGTH = 512
"""Tokens read where neither the user nor the model's folder wants fewer."""

_FILES = ["*.json", "*.txt", "*.model", "*.jinja", "*.safetensors"]  # of a model's folder; the weights once
_CHARACTERS = 8  # of a token, at first: of a text that fills the model, few more are looked at than it reads

Head = Callable[[Any, torch.Tensor], torch.Tensor]
"""Takes what a model gives and the mask of its tokens, int64[B, L]; returns rows, [B, W]."""

Tokens = dict[str, list[int]]


def import_transformers(model: str) -> Any:
    """Return the package that reads the models.

    Raises
    ------
    ConfigError
        It is not installed.
    """
    try:
        import transformers
    except ImportError as error:
        raise ConfigError(
            f"model is {model!r}: such models need the package transformers ({error}); pip install 'kgr[text]'"
        ) from None
    return transformers


class TextModel:
    """A model and its tokenizer, ready to run.

    Attributes
    ----------
    name : str
        As it was given.
    module : torch.nn.Module
        The encoder alone, of a model that also has a decoder.
    max_length : int
        Tokens that it reads of a text, marks included.
    weights : str
        A BLAKE2b digest of the weights that the folder has and of the vocabulary.
    truncated : int
        Texts of :meth:`rows` so far of which not all was read.
    pads : dict
        What inputs that are shorter than others are filled up with, by name.
    drawn : tuple of str
        Names of the weights that the folder has not and that were drawn.

    Parameters
    ----------
    head_seed : int, optional
        Draws the weights of a head that the folder has not, for one label; by default such a folder is refused.

    Raises
    ------
    ConfigError
        No such model, one that misses weights, a length that it cannot read, half precision on the CPU.
    """

    def __init__(
        self,
        model: str | Path,
        kind: str,
        config: TextModelConfig,
        *,
        length: int | None = None,
        head_seed: int | None = None,
    ) -> None:
        self.name, self.config, self.truncated = str(model), config, 0
        self._turn = threading.Lock()
        self.device = device_of(config.device)
        if config.precision != "float32" and self.device.type == "cpu":
            raise ConfigError(f"precision is {config.precision!r}, but the device is the CPU: expected float32 there")
        module, self.tokenizer, missing = _load(self.name, kind, head_seed)
        self.drawn = tuple(sorted(missing))
        if module.config.is_encoder_decoder and kind == "AutoModel":
            module = module.get_encoder()
        stated = min(length or DEFAULT_LENGTH, _stated_length(self.tokenizer) or math.inf)
        self.max_length = _length(self.name, config.max_length, int(stated), token_limit(module))
        self.tokenizer.model_max_length = self.max_length  # as it is kept beside the weights
        self.weights = _digest(module, missing, self.tokenizer)
        self.tokenizer.truncation_side = "right"
        if self.tokenizer.pad_token_id is None:  # as decoders have none; what pads is masked, whatever it is
            self.tokenizer.pad_token = self.tokenizer.eos_token
            module.config.pad_token_id = self.tokenizer.pad_token_id
        self.pads = {"input_ids": self.tokenizer.pad_token_id, "token_type_ids": self.tokenizer.pad_token_type_id}
        self.module = module.to(self.device, getattr(torch, config.precision)).eval()

    def rows(self, texts: Sequence[str] | Sequence[tuple[str, str]], head: Head) -> NDArray[np.float32]:
        """Run the model on texts or pairs of texts: float32[n, W], what ``head`` makes of each.

        Of a text that is too long the beginning is read; of a pair, the longer text is cut first.

        Raises
        ------
        DataError
            A row is not finite.
        ConfigError
            The device has too little memory for a batch.
        """
        if not texts:
            raise ValueError("no texts to run the model on")
        tokens, truncated = self.tokens(texts)
        self.truncated += truncated
        order = np.argsort([-len(own["input_ids"]) for own in tokens], kind="stable")  # the longest first
        batches = [order[first : first + self.config.batch] for first in range(0, len(order), self.config.batch)]
        try:
            with torch.inference_mode():
                parts = [self._run([tokens[i] for i in places.tolist()], head) for places in batches]
                found: NDArray[np.float32] = torch.cat(parts).float().cpu().numpy()
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            raise ConfigError(
                f"batch is {self.config.batch}: {self.device} has too little memory for it: give a smaller batch or "
                f"max_length ({str(error).splitlines()[0]})"
            ) from error
        finite = np.isfinite(found).all(axis=1)
        if not finite.all():
            text = texts[int(order[np.argmin(finite)])]
            raise DataError(
                f"{self.name}: what it gives in {self.config.precision} is not finite, first of the text {text!r:.80}"
            )
        rows = np.empty_like(found)
        rows[order] = found
        return rows

    def save(self, folder: Path) -> None:
        """Write model and tokenizer in Hugging Face's form."""
        with _quiet(import_transformers(self.name)):
            self.module.save_pretrained(folder)
            self.tokenizer.save_pretrained(folder)

    def _run(self, tokens: list[Tokens], head: Head) -> torch.Tensor:
        longest = max(len(own["input_ids"]) for own in tokens)
        inputs = {
            name: torch.tensor([own[name] + [self.pads[name]] * (longest - len(own[name])) for own in tokens])
            for name in tokens[0]
        }
        lengths = torch.tensor([len(own["input_ids"]) for own in tokens])
        mask = (torch.arange(longest) < lengths[:, None]).long().to(self.device)
        given = {name: own.to(self.device) for name, own in inputs.items()}
        return head(self.module(**given, attention_mask=mask), mask)

    def tokens(self, texts: Sequence[str] | Sequence[tuple[str, str]]) -> tuple[list[Tokens], int]:
        """Return the tokens of texts, marks included, at most ``max_length`` of each, and how many texts have more.

        It may be called from several threads. Of long texts the first characters are looked at, and more where these
        gave too few tokens.
        """
        pairs = [text if isinstance(text, tuple) else (text,) for text in texts]
        found: list[Tokens] = [{} for _ in pairs]
        too_long: dict[int, tuple[str, ...]] = {}
        waiting, characters = list(range(len(pairs))), _CHARACTERS * self.max_length
        while waiting:
            heads = {i: tuple(_head(text, characters) for text in pairs[i]) for i in waiting}
            waiting = []
            for (i, own), tokens in zip(heads.items(), self._call(list(heads.values()), 1), strict=True):
                if len(tokens["input_ids"]) > self.max_length:
                    too_long[i] = own
                elif own != pairs[i]:
                    waiting.append(i)
                else:
                    found[i] = tokens
            characters *= 4
        for i, tokens in zip(too_long, self._call(list(too_long.values()), 0), strict=True):
            found[i] = tokens
        return found, len(too_long)

    def _call(self, texts: list[tuple[str, ...]], more: int) -> Iterator[Tokens]:
        """Yield the tokens of each text or pair, at most ``more`` than ``max_length``."""
        if not texts:
            return
        columns = [list(column) for column in zip(*texts, strict=True)]
        settings = {"truncation": True, "max_length": self.max_length + more, "return_attention_mask": False}
        with self._turn:  # a tokenizer keeps in itself how it cuts
            encoded = self.tokenizer(*columns, **settings)
        names = [name for name in ("input_ids", "token_type_ids") if name in encoded]
        for i in range(len(texts)):
            yield {name: encoded[name][i] for name in names}


def _head(text: str, characters: int) -> str:
    """Return the beginning of a text, words whole where they are parted by spaces."""
    if len(text) <= characters:
        return text
    end = text.rfind(" ", 1, characters)
    return text[: characters if end < 0 else end]


def model_folder(name: str) -> Path:
    """Return the folder of a model: the one named, or that in which Hugging Face's library keeps it.

    Raises
    ------
    ConfigError
        It is no such folder, or cannot be downloaded; the package that reads it is not installed.
    """
    import_transformers(name)
    is_folder = name.startswith((".", "/", "~")) or name.count("/") > 1 or Path(name).exists()
    folder = Path(name) if is_folder else _downloaded(name)
    if not (folder / "config.json").is_file():
        raise ConfigError(f"model is {name!r}: no config.json there, expected a folder of Hugging Face's form")
    return folder


@lru_cache
def _downloaded(name: str) -> Path:
    """Return the folder in the library's cache, brought there first.

    Without a network one request fails at once; loaded by its name, a model would ask for each file time and again.
    """
    from huggingface_hub import snapshot_download  # it comes with transformers

    try:
        folder = Path(snapshot_download(name, allow_patterns=_FILES, ignore_patterns="*/*.safetensors"))
        if not any(folder.glob("*.safetensors")):
            snapshot_download(name, allow_patterns="pytorch_model*")
    except Exception as error:  # its own, those of its client, of the disk
        first = (str(error).strip() or repr(error)).splitlines()[0]
        raise ConfigError(
            f"model is {name!r}, which is no folder, and not to be had from Hugging Face: {first}"
        ) from error
    return folder


def _load(name: str, kind: str, head_seed: int | None) -> tuple[Any, Any, set[str]]:
    """Return model, tokenizer and the names of weights that the model has and its folder has not."""
    spare = of_head if head_seed is not None else lambda _, key: kind == "AutoModel" and "pooler" in key
    with torch.random.fork_rng(devices=[]):
        module, missing = load_module(name, kind, spare)
        if missing and head_seed is not None:
            torch.default_generator.manual_seed(head_seed)
            changes: dict[str, Any] = {} if _only_pooler(missing) else {"num_labels": 1}
            module, missing = load_module(name, kind, spare, **changes)
    return module, load_tokenizer(name), missing


def of_head(module: Any, key: str) -> bool:
    """Whether a weight of a model with a head is of what stands on its encoder, and not the encoder's."""
    return "pooler" in key or not key.startswith(f"{module.base_model_prefix}.")


def _only_pooler(keys: set[str]) -> bool:
    return all("pooler" in key for key in keys)


def load_tokenizer(name: str, kind: str = "AutoTokenizer") -> Any:
    """Load the tokenizer of a model by its name or folder; ``kind`` is a class of Hugging Face's library.

    Raises
    ------
    ConfigError
        Hugging Face's library does not load it: says why.
    """
    with _loading(name) as (transformers, folder):
        return getattr(transformers, kind).from_pretrained(folder, trust_remote_code=False)


def load_config(name: str, kind: str = "AutoConfig") -> Any:
    """Load the config of a model by its name or folder; ``kind`` is a class of Hugging Face's library.

    Raises
    ------
    ConfigError
        Hugging Face's library does not load it: says why.
    """
    with _loading(name) as (transformers, folder):
        return getattr(transformers, kind).from_pretrained(folder, trust_remote_code=False)


def load_module(
    name: str, kind: str, spare: Callable[[Any, str], bool], *, expected: str | None = None, **changes: Any
) -> tuple[Any, set[str]]:
    """Load a model by its name or folder; return it, and the names of the weights that it has and the folder has not.

    Parameters
    ----------
    kind
        As Hugging Face's library names it: AutoModel, AutoModelForMaskedLM, …
    spare
        Tells of the model and the name of a weight whether it may be missing; the library draws those at random.
    expected
        What a refusal asks for, by default a folder trained for ``kind``.
    **changes
        Entries of the model's config that are to be other than the folder says.

    Raises
    ------
    ConfigError
        Hugging Face's library does not load it, or it would have other random weights: names them.
    FormatError
        Its weights are not those of the checksums that lie beside them.
    """
    verify_weights(model_folder(name))
    with _loading(name) as (transformers, folder):
        module, told = getattr(transformers, kind).from_pretrained(
            folder, trust_remote_code=False, output_loading_info=True, **changes
        )
    missing = set(told["missing_keys"])
    needed = sorted(key for key in missing if not spare(module, key))
    if needed or told["mismatched_keys"]:
        bad = needed or sorted(str(key) for key in told["mismatched_keys"])
        what = "has no" if needed else "has of another shape"
        raise ConfigError(
            f"model is {name!r}: it {what} weights {', '.join(bad[:3])}{', …' if len(bad) > 3 else ''}, which would be "
            f"random: expected {expected or f'a folder trained for {kind}'}"
        )
    return module, missing


@contextlib.contextmanager
def _loading(name: str) -> Iterator[tuple[Any, Path]]:
    """Yield the library, kept quiet, and a model's folder; what it does not load becomes an error."""
    transformers, folder = import_transformers(name), model_folder(name)
    try:
        with _quiet(transformers):
            yield transformers, folder
    except Exception as error:  # whatever it and the libraries below it raise
        lines = (str(error).strip() or repr(error)).splitlines()
        told = " ".join(line.strip() for line in lines[: 2 if lines[0].rstrip().endswith(":") else 1])
        raise ConfigError(f"model is {name!r}, which Hugging Face's library does not load: {told}") from error


@contextlib.contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Keep the library's bars and reports off; what matters of them becomes an error."""
    logs = transformers.utils.logging
    level, bars = logs.get_verbosity(), logs.is_progress_bar_enabled()
    logs.set_verbosity_error()
    logs.disable_progress_bar()
    try:
        yield
    finally:
        logs.set_verbosity(level)
        if bars:
            logs.enable_progress_bar()


def token_limit(module: Any) -> int | None:
    """Return how many tokens a model can read; None where it has no bound."""
    embeddings = [
        part
        for name, part in module.named_modules()
        if name.endswith("position_embeddings") and isinstance(part, torch.nn.Embedding)
    ]
    # RoBERTa counts places from the one after its padding's
    limits = [part.num_embeddings - (0 if part.padding_idx is None else part.padding_idx + 1) for part in embeddings]
    stated = getattr(module.config, "max_position_embeddings", None)
    if stated and not embeddings:
        limits.append(int(stated))
    return min(limits, default=None)


def _stated_length(tokenizer: Any) -> int | None:
    """Return how many tokens a tokenizer gives a model; None where its folder does not say."""
    length = int(tokenizer.model_max_length)
    return length if length < 1 << 30 else None


def _length(name: str, wanted: int | None, stated: int, limit: int | None) -> int:
    if wanted is None:
        return min(stated, limit or DEFAULT_LENGTH)
    if limit is not None and wanted > limit:
        raise ConfigError(f"max_length is {wanted}, but {name} reads at most {limit} tokens")
    return wanted


def _digest(module: torch.nn.Module, missing: set[str], tokenizer: Any) -> str:
    """Digest weights, in 32 bits and whatever their names, which the library changes; and the vocabulary."""
    own = []
    for name, weight in module.named_parameters():
        if not any(key.endswith(name) for key in missing):
            flat = weight.detach().float().contiguous().cpu().numpy()
            own.append(hashlib.blake2b(repr(flat.shape).encode() + flat.tobytes(), digest_size=16).hexdigest())
    vocabulary = sorted(tokenizer.get_vocab().items())
    return hashlib.blake2b(repr((sorted(own), vocabulary)).encode(), digest_size=16).hexdigest()
