"""Training a graph model, and the scorer that comes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr.data.training import place_of
from kgr.engine.device import device_of
from kgr.engine.loop import Progress, train
from kgr.engine.run import Run, begin
from kgr.errors import ConfigError
from kgr.index.store import Store
from kgr.sememe.annotations import Annotations
from kgr.sememe.descriptions import Descriptions
from kgr.sememe.graph_config import GraphConfig, SpbsRrConfig
from kgr.sememe.graph_material import Ids, graph_material_of
from kgr.sememe.graph_task import GraphTask
from kgr.sememe.spbs_rr import SpbsRrTask

SECTIONS = ("entities", "relations", "triples/train")
"""What a run is trained from; a change in other sections does not orphan it."""

KINDS: dict[str, tuple[type[GraphConfig | SpbsRrConfig], type[Any]]] = {
    "sememe-graph": (GraphConfig, GraphTask),
    "spbs-rr": (SpbsRrConfig, SpbsRrTask),
}
"""Settings and task of each kind of run."""


class GraphScorer:
    """Scores synsets by their vectors in a trained graph model.

    A synset that the model never saw, and one that is described without edges, is scored by how often references have
    each sememe. Synsets that the model was trained on are scored with what it learned of them: nothing is left out.
    """

    def __init__(self, name: str, task: GraphTask | SpbsRrTask) -> None:
        self.name, self.task = name, task
        counts = np.bincount(task.material.labels.indices, minlength=len(task.material.sememes))
        self._prior = (counts / counts.sum()).astype(np.float32)

    def scores(self, asked: Descriptions) -> NDArray[np.float32]:
        """Return float32[B, C], of each synset a distribution."""
        found = np.tile(self._prior, (len(asked.rows), 1))
        seen = self._seen(asked)
        if len(seen):
            found[seen] = self.task.predictions(self.task.annotations.synsets[asked.rows[seen]])
        return found

    def knows(self, asked: Descriptions) -> bool:
        """Whether the model has a vector of the synset, and it is described with edges."""
        return len(self._seen(asked)) > 0

    def _seen(self, asked: Descriptions) -> NDArray[np.intp]:
        described = np.diff(asked.edges.offsets) > 0
        return np.flatnonzero(described & (asked.rows >= 0) & self.task.material.known[asked.rows])


def train_graph(
    store: Store,
    annotations: Annotations,
    descriptions: Descriptions,
    references: Ids,
    *,
    out: str | Path,
    config: GraphConfig | SpbsRrConfig,
    progress: Callable[[Progress], None] | None = None,
) -> GraphScorer:
    """Train a graph model in a run folder of its own, or go on with the one that is there.

    Parameters
    ----------
    descriptions
        Of all S synsets, by row: their edges, from both ends. A synset that has none here and is no reference is as if
        it came after the training.
    references : int[...]
        Rows of the synsets whose train sememes may be used.
    out : folder
        The run: see :mod:`kgr.engine.run`.
    config
        The settings say which model it is.

    Raises
    ------
    ConfigError
        The folder holds something else; the model's dimension does not fit.
    TrainingError
        The loss is not finite.
    """
    material = graph_material_of(store, annotations, descriptions, references)
    kind, task_of = _kind_of(config)
    task = task_of(material, annotations, config, device_of(config.device))
    chosen = config.in_steps(task.epoch)
    sections = store.fingerprints(SECTIONS)
    with begin(out, task=kind, store=place_of(store.path, store), config=chosen, sections=sections) as run:
        train(task, run, chosen, progress=progress)
    task.module.eval()
    return GraphScorer(kind, task)


def load_graph_scorer(
    path: str | Path,
    store: Store,
    annotations: Annotations,
    descriptions: Descriptions,
    references: Ids,
) -> GraphScorer:
    """Return the scorer of a run that :func:`train_graph` made, given what that was given.

    Raises
    ------
    ConfigError
        The folder holds a run of another task.
    FormatError
        It has no checkpoint, a damaged one, or one that was trained from other sections.
    """
    run = Run.open(path)
    if run.task not in KINDS:
        raise ConfigError(f"{path}: holds a run of {run.task!r}, expected one of {', '.join(KINDS)}")
    settings, task_of = KINDS[run.task]
    config = run.config(settings)
    material = graph_material_of(store, annotations, descriptions, references)
    task = task_of(material, annotations, config, device_of(config.device))
    run.restore(task.module, task.tables, store.fingerprints(SECTIONS))
    task.module.eval()
    return GraphScorer(run.task, task)


def _kind_of(config: GraphConfig | SpbsRrConfig) -> tuple[str, type[Any]]:
    return next((kind, task) for kind, (settings, task) in KINDS.items() if type(config) is settings)
