"""What the graph models have in common as tasks of the engine: tables, and how they are evaluated."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kgr._rng import key
from kgr.engine.ring import Slot
from kgr.engine.table import Init
from kgr.engine.tables import make_table
from kgr.sememe.annotations import Annotations
from kgr.sememe.graph_config import EpochConfig
from kgr.sememe.graph_material import GraphMaterial
from kgr.sememe.measure import average_precisions

_ENTITIES, _RELATIONS = 2, 3  # streams of keyed draws


class GraphModelTask(abc.ABC):
    """Half of a :class:`kgr.engine.task.Task`: the other half makes batches and losses.

    Attributes
    ----------
    module
        Holds the one dense parameter.
    tables
        "entities", and "relations", so many rows of these as told.
    """

    def __init__(
        self,
        material: GraphMaterial,
        annotations: Annotations,
        config: EpochConfig,
        device: torch.device,
        *,
        width: int,
        relations: int,
        init: Init,
        dense: Tensor,
    ) -> None:
        self.material, self.annotations, self.device = material, annotations, device
        self._dense = nn.Parameter(dense.to(device))
        self.module: nn.Module = nn.ParameterDict({"dense": self._dense})
        self.tables = {
            name: make_table(
                "device",
                rows,
                width,
                optimizer=config.optimizer,
                device=device,
                init=init,
                key=key(config.seed, stream),
            )
            for name, rows, stream in (
                ("entities", material.entities, _ENTITIES),
                ("relations", relations, _RELATIONS),
            )
        }
        self._sememes = torch.from_numpy(material.sememes).to(device)

    def ids(self, slot: Slot) -> Mapping[str, NDArray[np.int64]]:
        """Return nothing: the tables lie on the device."""
        return {}

    @abc.abstractmethod
    def probabilities(self, synsets: Tensor) -> Tensor:
        """Return the shares of all sememes for synsets, entities int64[B], as the model is now: [B, C]."""

    @torch.no_grad()
    def predictions(self, synsets: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Return the shares of all sememes for synsets, entities int[B], as the model is now: float32[B, C]."""
        ids = torch.from_numpy(np.asarray(synsets, np.int64)).to(self.device)
        found: NDArray[np.float32] = self.probabilities(ids).cpu().numpy()
        return found

    def describe(self, step: int) -> str:
        """Return "": all steps train alike."""
        return ""

    def report(self) -> dict[str, float]:
        """Return nothing: the loss says all."""
        return {}

    def evaluate(self, split: str) -> dict[str, Any]:
        """Return the mean average precision of the synsets that are annotated in a split."""
        rows = self.annotations.rows(split)
        scores = self.predictions(self.annotations.synsets[rows])
        return {"map": float(average_precisions(scores, self.annotations.of(split)[rows]).mean())}

    def figure(self, metrics: dict[str, Any]) -> float:
        """Return the mean average precision of an evaluation."""
        return float(metrics["map"])
