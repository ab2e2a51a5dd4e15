"""Settings of the graph models."""

from __future__ import annotations

import dataclasses
from typing import TypeVar

from kgr._config import setting
from kgr.engine.config import OPTIMIZERS, ROWS_MOVE, TrainConfig

MODELS = ("complex", "distmult", "transe")

EQUIVALENCES = ("corrected", "published", "none")

Config = TypeVar("Config", bound="EpochConfig")


@dataclasses.dataclass(frozen=True, kw_only=True)
class EpochConfig(TrainConfig):
    """Settings of a training that is told its epochs, unless it is told its steps."""

    epochs: int = setting(1, "passes over the edges", low=1)
    steps: int = setting(0, "training steps, 0: as many as epochs take; may grow when a run is resumed", low=0)

    def in_steps(self: Config, epoch: int) -> Config:
        """Return these settings with epochs of so many steps turned into steps."""
        return dataclasses.replace(self, steps=self.steps or self.epochs * epoch)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GraphConfig(EpochConfig):
    """Settings of a link model that is trained on annotations and on edges, side by side.

    A step takes ``batch`` directed edges, and so many annotated synsets that an epoch takes each once too.
    """

    model: str = setting("complex", "link model", choices=MODELS)
    dim: int = setting(200, "numbers of an entity's vector; complex numbers count as two", low=2)
    batch: int = setting(4096, "directed edges of one batch", low=1)
    epochs: int = setting(10, "passes over the edges", low=1)
    lr: float = setting(0.05, "learning rate", low=0, high=1000)
    optimizer: str = setting("adagrad", ROWS_MOVE, choices=OPTIMIZERS)
    negatives: int = setting(512, "entities from which the end of every edge of a batch is told", low=1, high=65_536)
    edge_weight: float = setting(1.0, "weight of the edges' loss beside that of the annotations", low=0)
    penalty: float = setting(0.1, "weight of the cubes of the moduli of vectors (N3)", low=0)
    init_scale: float = setting(0.1, "standard deviation of the initial vectors", low=0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SpbsRrConfig(EpochConfig):
    """Settings of SPBS-RR.

    Its authors have dimension 800, margin 4, batches of 16,384 and 20,000 epochs on a GPU. On a CPU smaller batches and
    a wider margin come farther in the same time.
    """

    dim: int = setting(200, "numbers of an entity's vector", low=1)
    batch: int = setting(2048, "triples of one batch", low=1)
    epochs: int = setting(200, "passes over the triples", low=1)
    lr: float = setting(0.01, "learning rate", low=0, high=1000)
    margin: float = setting(12.0, "by how much a false triple is to be farther apart than a true one", low=0)
    equivalence: str = setting(
        "corrected",
        "the term by which a synset is the sum of its sememes: corrected, as the published code computes it, or none",
        choices=EQUIVALENCES,
    )
    share: float = setting(0.05, "share of that term in the loss", low=0, high=1)
