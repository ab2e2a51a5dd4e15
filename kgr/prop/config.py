"""Settings of pre-training. Nothing here loads torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kgr._config import setting, settings
from kgr.data import recipes
from kgr.engine.config import DenseConfig
from kgr.errors import ConfigError
from kgr.prop.sets_config import LAW_FIELDS, SetsConfig, sets_config

NEW = {"layers": 4, "width": 256, "heads": 4, "vocabulary": 30_000}
"""Of a new model, where nothing is said."""

_OF_NEW = ("width", "heads", "vocabulary")
_OF_SETS = tuple(name for name in settings(SetsConfig) if name != "pairs")
_OF_PAIRS = ("prop", "ict")  # objectives


@dataclasses.dataclass(frozen=True, kw_only=True)
class PropConfig(DenseConfig, SetsConfig):
    """Settings of :func:`kgr.pretrain_prop`: those of word sets and of training among them.

    A batch is of ``batch`` documents, each with one pair of rows; a document gives its pairs one by one, in ``pairs``
    passes over the corpus, and then anew.
    """

    model: str | None = setting(
        None, "name or folder of the Hugging Face encoder to start from; by default a new one, from random weights"
    )
    layers: int | None = setting(None, "first layers kept of a given model (default all), or layers of a new one (4)",
        low=1)  # fmt: skip
    width: int | None = setting(None, "of a new model: numbers of a token's vector; default 256", low=8)
    heads: int | None = setting(None, "of a new model: heads of attention; default 4", low=1)
    vocabulary: int | None = setting(
        None, "of a new model: most word pieces, learned from the corpus; default 30000", low=100
    )
    dropout: float = setting(
        0.0, "of the encoder's states and attention, and before the heads; more hides small differences of pairs",
        low=0, high=0.9,
    )  # fmt: skip
    attention: str | None = setting(
        None,
        "law attention: name or folder of the Hugging Face encoder whose attention weighs words; default the model",
        read_by={"law": ("attention",)},
    )
    freeze_embeddings: bool = setting(False, "the vectors of word pieces stay as they are")
    objective: str = setting(
        "prop",
        "which of two word sets represents a document better, masked words alone, or which of two documents a "
        "sentence is from (inverse cloze)",
        choices=("prop", "mlm", "ict"),
    )
    loss: str = setting(
        "hinge",
        "of a pair: hinge on the scores (the paper), hinge on their softmax (its code), or RankNet's",
        choices=("hinge", "softmax", "ranknet"),
        read_by={"objective": _OF_PAIRS},
    )
    margin: float = setting(1.0, "of the hinge", low=0, read_by={"objective": _OF_PAIRS, "loss": ("hinge", "softmax")})
    mlm_weight: float = setting(
        0.3, "weight of masked words beside the pairs; 0: none are masked", low=0, read_by={"objective": _OF_PAIRS}
    )
    mlm_start: float = setting(
        0.5, "share of the steps without masked words, before they join the pairs", low=0, high=1,
        read_by={"objective": _OF_PAIRS, "mlm_weight": ()},
    )  # fmt: skip
    mlm_share: float = setting(0.15, "share of a document's word pieces that are masked, in whole words", low=0.01,
        high=0.9, read_by={"mlm_weight": ()})  # fmt: skip
    window: int = setting(256, "word pieces of a document that the model reads", low=16, high=8192)
    held_out: int = setting(1000, "documents that are not trained on, but evaluated; at most a tenth of them", low=1)
    language: str = setting("en", "of the texts")
    index: str = setting("text", "the index whose words the sets are of, and whose texts are read")
    batch: int = setting(32, "documents of one batch", low=1)
    steps: int = setting(10_000, "training steps; may grow when a run is resumed", low=1)
    lr: float = setting(1e-4, "learning rate", low=0, high=1000)
    schedule: str = setting(
        "linear", "learning rate over the steps, as for any training",
        choices=("constant", "cosine", "linear", "step", "plateau"),
    )  # fmt: skip
    warmup: int = setting(100, "first steps, over which the learning rate rises from 0", low=0)
    clip: float | None = setting(1.0, "longest gradient, of all parameters as one vector", low=1e-9)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model is not None:
            self._refuse(_OF_NEW, f"model {self.model}", "a new model")
        if self.objective != "prop":
            self._refuse(_OF_SETS, f"objective {self.objective}", "prop")
        if self.law == "attention" and self.attention is None and self.model is None:
            raise ConfigError("law is attention, which needs an encoder whose attention weighs words: give model")
        if self.objective == "ict" and self.batch < 2:
            raise ConfigError("batch is 1, but objective ict takes its wrong documents from the batch: give 2 or more")
        if self.width and self.width % self.new("heads"):
            raise ConfigError(f"width is {self.width}, expected a multiple of heads, {self.new('heads')}")

    def _refuse(self, names: tuple[str, ...], by: str, readers: str) -> None:
        fields = settings(type(self))
        for name in names:
            if getattr(self, name) != fields[name].default:
                raise ConfigError(f"{name} is not read by {by}, only by {readers}: leave it out")

    def new(self, name: str) -> int:
        """Return a setting of a new model, its default filled in."""
        given: int | None = getattr(self, name)
        return NEW[name] if given is None else given

    @property
    def sets(self) -> SetsConfig:
        """The settings of word sets, with everything said but what comes from the documents."""
        return sets_config({name: getattr(self, name) for name in settings(SetsConfig)})

    def masks_at(self, step: int) -> bool:
        """Return whether words are masked at a step."""
        if self.objective == "mlm":
            return True
        return self.mlm_weight > 0 and step > self.mlm_start * self.steps


def resolve(path: Path | None, given: Mapping[str, Any]) -> PropConfig:
    """Combine the settings of a file with given ones, which win: see :func:`kgr.data.recipes.resolve`."""
    config = recipes.resolve(PropConfig, path, given, _fitting)
    config.sets  # noqa: B018 - what its law does not read is refused here
    return config


def _fitting(base: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    left = set(_OF_NEW) if given.get("model") else set()
    left |= {*_OF_SETS, "attention"} if given.get("objective", "prop") != "prop" else set()
    if recipes.differs("law", {"law": settings(PropConfig)["law"].default} | base, given):
        left |= settings(SetsConfig).keys() - {*LAW_FIELDS.get(given["law"], ()), "law"}
    left |= {"temperature", "max_entropy"} if {"temperature", "max_entropy"} & given.keys() else set()
    return {name: value for name, value in base.items() if name not in left}
