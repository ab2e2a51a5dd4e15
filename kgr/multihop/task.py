"""Multi-hop training as a task of the engine: what a batch holds, and the loss of one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kgr._rng import key
from kgr.engine.processes import ALONE, Processes
from kgr.engine.ring import Layout, Slot
from kgr.engine.sharded import all_rows
from kgr.errors import ConfigError, SamplerError
from kgr.graph.graph import Graph, load_graph
from kgr.index.store import Store
from kgr.models.embed import embed, word_own_scores, word_pair_scores, word_scores
from kgr.models.losses import sampled_loss
from kgr.models.regularizers import lp_penalty
from kgr.multihop.config import MultihopConfig
from kgr.multihop.evaluate import evaluate
from kgr.multihop.parameters import COUNTS, make_parameters
from kgr.multihop.scorer import Scorer
from kgr.query.sampler import Batch, Sampler
from kgr.query.sets import default_set
from kgr.query.words import Word, parse

# streams of keyed draws, after those of the parameters; a structure's sampler has SAMPLER + its place
_SCHEDULE, _PROBE, _SAMPLER = 4, 5, 100
# to see whether a graph hosts a structure: rows, and tries at each
_PROBED, _PROBE_TRIES = 64, 100_000

COUNT_OFFSET = 4  # a query of n answers weighs 1/sqrt(n + 4), as in BetaE


class MultihopTask:
    """Trains a query model on the train graph of a store; a :class:`kgr.engine.task.Task`.

    ``folder`` is where a table on the disk lies; by default where the system has temporary files.
    Of several processes each draws and trains its share of every batch and holds its share of the rows.

    Raises
    ------
    ConfigError
        The model or a table does not fit where it is to lie; a batch that the processes cannot share evenly.
    """

    def __init__(
        self,
        store: Store,
        config: MultihopConfig,
        device: torch.device,
        *,
        folder: Path | None = None,
        processes: Processes = ALONE,
    ) -> None:
        self.store, self.config, self.device, self._processes = store, config, device, processes
        if config.batch % processes.size:
            raise ConfigError(
                f"batch is {config.batch}, expected a multiple of {processes.size}, the number of processes"
            )
        self._batch = config.batch // processes.size
        graph = load_graph(store)
        self.words: list[Word] = [parse(name) for name in config.weights]
        shares = np.array(list(config.weights.values()))
        self._cumulative = np.cumsum(shares / shares.sum())
        self._samplers = [
            Sampler(
                graph,
                word,
                **_drawing(config),
                stream=_SAMPLER + i,
            )
            for i, word in enumerate(self.words)
        ]
        self.model, self.tables = make_parameters(store, config, device, folder=folder, processes=processes)
        self.module: nn.Module = self.model
        self._counts = self.model.get_buffer("sampling_counts")  # a buffer, so that checkpoints keep what was met

    def layout(self) -> Layout:
        """Return the slot's fields, for this process's rows of a batch.

        ``structure`` int32[1] is the place of the batch's word; ``counts`` int32[2] how many entities
        and relations it has, listed in ``entities`` and ``relations``; all other ids are places in those lists.
        ``met`` float64[4] are the sum of the weights, and what is counted as :data:`COUNTS`.
        """
        B, K = self._batch, self.config.negatives
        N = B * K if self.config.own_negatives else K
        A = max(len(word.anchors) for word in self.words)
        P = max(len(word.relations) for word in self.words)
        return {
            "structure": (np.int32, (1,)),
            "counts": (np.int32, (2,)),
            "entities": (np.int64, (B * A + B + N,)),
            "relations": (np.int64, (B * P,)),
            "anchor_places": (np.int64, (B * A,)),
            "relation_places": (np.int64, (B * P,)),
            "positive_places": (np.int64, (B,)),
            "negative_places": (np.int64, (N,)),
            "is_negative": (np.bool_, (B, K)),
            "weights": (np.float32, (B,)),
            "met": (np.float64, (1 + len(COUNTS),)),
        }

    def structure_of(self, step: int) -> int:
        """Return the place of the word that a step trains: a function of (seed, step) alone."""
        draw = key(self.config.seed, _SCHEDULE, step) / 2.0**64
        return min(int(np.searchsorted(self._cumulative, draw, side="right")), len(self.words) - 1)

    def fill(self, fields: dict[str, NDArray[Any]], step: int) -> None:
        """Draw this process's rows of the batch of a step."""
        place = self.structure_of(step)
        word = self.words[place]
        B = self._batch
        batch = Batch.empty(
            B,
            len(word.slots),
            self.config.negatives,
            own=self.config.own_negatives,
            is_negative=fields["is_negative"],
        )
        self._samplers[place].fill(batch, step, first=self._processes.rank * B)
        anchors = batch.arguments[:, word.anchors].ravel()
        every = np.concatenate([anchors, batch.positives, batch.negatives.ravel()])
        ids, places = np.unique(every, return_inverse=True)
        relations, relation_places = np.unique(batch.arguments[:, word.relations].ravel(), return_inverse=True)
        fields["structure"][0] = place
        fields["counts"][:] = len(ids), len(relations)
        fields["entities"][: len(ids)] = ids
        fields["relations"][: len(relations)] = relations
        fields["anchor_places"][: len(anchors)] = places[: len(anchors)]
        fields["positive_places"][:] = places[len(anchors) : len(anchors) + B]
        fields["negative_places"][:] = places[len(anchors) + B :]
        fields["relation_places"][: len(relation_places)] = relation_places
        fields["weights"][:] = 1 if self.config.weighting == "none" else 1 / np.sqrt(batch.counts + COUNT_OFFSET)
        without = B - batch.is_negative.any(axis=1).sum()
        fields["met"][:] = fields["weights"].sum(dtype=np.float64), without, batch.crowded.sum(), batch.skipped.sum()

    def ids(self, slot: Slot) -> dict[str, NDArray[np.int64]]:
        """Return the entities and relations that a batch gathers, ascending."""
        named = zip(("entities", "relations"), slot.host["counts"].tolist(), strict=True)
        return {name: slot.host[name][:count] for name, count in named}

    def step(self, slot: Slot) -> Tensor:
        """Return the loss of a batch: of this process's rows, so weighted that those of all sum to the batch's."""
        met = self._processes.sum(slot.host["met"])
        word = self.words[int(slot.host["structure"][0])]
        entities, relations = (int(n) for n in slot.host["counts"])
        rows = self.tables["entities"].gather(slot.tensors["entities"][:entities])
        relation_rows = self.tables["relations"].gather(slot.tensors["relations"][:relations])
        anchors = _take(rows, slot.tensors["anchor_places"], self._batch, len(word.anchors))
        projections = _take(relation_rows, slot.tensors["relation_places"], self._batch, len(word.relations))
        branches = embed(self.model, word, anchors, projections)
        positive_rows = rows.index_select(0, slot.tensors["positive_places"])
        negative_rows = rows.index_select(0, slot.tensors["negative_places"])
        scores = (
            word_pair_scores(self.model, branches, positive_rows),
            self._negative_scores(branches, negative_rows),
            slot.tensors["is_negative"],
            slot.tensors["weights"],
        )
        self._counts += torch.from_numpy(met[1:]).long()
        loss, _ = sampled_loss(self.config.loss, *scores, adversarial=self.config.adversarial)
        loss = loss * float(slot.host["met"][0] / met[0])
        if self.config.n3:
            loss = loss + self.config.n3 * self._sizes(anchors, projections, positive_rows)
        return loss

    def _negative_scores(self, branches: list[Tensor], rows: Tensor) -> Tensor:
        if not self.config.own_negatives:
            return word_scores(self.model, branches, rows)
        return word_own_scores(self.model, branches, rows.view(self._batch, self.config.negatives, -1))

    def describe(self, step: int) -> str:
        """Name the structure of a step."""
        return f"structure {self.words[self.structure_of(step)].name}"

    def _sizes(self, *rows: Tensor) -> Tensor:
        """Return the mean over queries of the cubes of the moduli of all their rows (N3, Lacroix et al. 2018).

        Of several processes each returns its part of it.
        """
        sizes = [lp_penalty(self.model.moduli(own.flatten(0, -2)), 3).sum() for own in rows]
        return torch.stack(sizes).sum() / self.config.batch

    def report(self) -> dict[str, float]:
        """Return what the sampler met so far, by the names of :data:`COUNTS`."""
        return dict(zip(COUNTS, map(int, self._counts.tolist()), strict=True))

    def evaluate(self, split: str) -> dict[str, Any]:
        """Evaluate on the first ``eval_queries`` of each structure of the store's own set."""
        queries = default_set(self.store, split).head(self.config.eval_queries)
        return evaluate(self.scorer(), queries, train=None, candidates=self.config.candidates)

    def figure(self, metrics: dict[str, Any]) -> float:
        """Return the mean MRR over the structures that an evaluation has, 0 where it has none."""
        every = [own["mrr"] for own in metrics["structures"].values() if own and own["queries"]]
        return float(np.mean(every)) if every else 0.0

    def scorer(self) -> Scorer:
        """Return the model as it is now, to score entities."""
        entities, relations = all_rows(self.tables["entities"]), all_rows(self.tables["relations"])
        return Scorer(self.model, entities, relations, device=self.device)


def _drawing(config: MultihopConfig) -> dict[str, Any]:
    """The settings of a sampler."""
    names = ("negatives", "own_negatives", "law", "roots", "negative_law", "work_limit", "seed")
    return {name: getattr(config, name) for name in names} | {"exact_counts": config.weighting == "exact-count"}


def _take(rows: Tensor, places: Tensor, batch: int, each: int) -> Tensor:
    return rows.index_select(0, places[: batch * each]).view(batch, each, -1)


def hostable(graph: Graph, config: MultihopConfig, message: Callable[[str], None] | None = None) -> MultihopConfig:
    """Leave out the default training structures that a graph cannot host, telling so by ``message``.

    Raises
    ------
    SamplerError
        The structures were chosen, or none is left; all that cannot be drawn are named.
    """
    unable = [name for name in config.weights if not _hosts(graph, parse(name), config)]
    if not unable:
        return config
    left = {name: weight for name, weight in config.weights.items() if name not in unable}
    told = f"this graph cannot host {', '.join(unable)}, or too rarely to train on"
    if config.structures is not None or not left:
        others = f"; of those given it hosts {', '.join(left)}" if left else ""
        raise SamplerError(f"structures: {told}{others}")
    (message or str)(f"{told}: left out of the training")
    return dataclasses.replace(config, structures=left)


def _hosts(graph: Graph, word: Word, config: MultihopConfig) -> bool:
    try:
        Sampler(graph, word, **_drawing(config), stream=_PROBE, tries=_PROBE_TRIES).draw(0, _PROBED)
    except SamplerError:
        return False
    return True
