"""What a step of completion trains: queries in a keyed order, with their answers or negatives."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr._rng import key
from kgr.completion import _kernels
from kgr.completion.config import CompletionConfig
from kgr.completion.groups import by_relation
from kgr.engine.ring import Layout
from kgr.graph.graph import Graph

_ORDER, _NEGATIVES = 10, 11  # streams of keyed draws

Fields = dict[str, NDArray[Any]]


@dataclasses.dataclass(frozen=True)
class Batches:
    """The batches of a training, by step.

    A row is a directed edge, or with "kvsall" a fragment. Every epoch takes each row once, in an order of its own that
    depends on the seed and the epoch alone; batches run on over the ends of epochs.

    Attributes
    ----------
    every_entity, every_relation
        Whether a step takes all rows of the table; else those that the batch names, and ids are places among them.
    """

    graph: Graph
    config: CompletionConfig

    @property
    def rows(self) -> int:
        """Rows of an epoch."""
        return len(self.graph.relation) if self.config.training == "kvsall" else self.graph.edges

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the negatives: [K] shared by the batch, [B, K] of the rows' own; [0] where there are none."""
        if self.config.training != "negatives":
            return (0,)
        most = max(self._counts)
        return (self.config.batch, most) if self.config.own_negatives else (most,)

    @property
    def _counts(self) -> tuple[int, int]:
        """Negatives of queries for tails and for heads."""
        tails = 128 if self.config.negatives is None else self.config.negatives
        return tails, tails if self.config.head_negatives is None else self.config.head_negatives

    @property
    def every_entity(self) -> bool:
        """Whether every step takes all entities' vectors: also where a batch may name that many."""
        named = 2 * self.config.batch + int(np.prod(self.shape))
        return self.config.training != "negatives" or not self.config.weighted or named >= self.graph.entities

    @property
    def every_relation(self) -> bool:
        """Whether every step takes all relations' vectors."""
        return self.config.relation_prediction > 0 or not self.config.weighted

    @property
    def _most_labels(self) -> int:
        """Most labels that a batch may have: those of the largest fragments, in each epoch that it touches."""
        sizes = np.sort(np.diff(self.graph.offsets))[::-1]
        epochs = (self.config.batch - 1) // len(sizes) + 2
        return int(np.repeat(sizes, min(epochs, self.config.batch))[: self.config.batch].sum())

    def layout(self) -> Layout:
        """Return the slot's fields.

        ``counts`` int64[5] says how many directed relations, relation rows, entity rows, labels and queries there are:
        the others' first so many hold. Queries are sorted by directed relation; those of "1vsall" are distinct, and
        ``label_rows`` says which of them each label, a triple's answer, belongs to. ``heads``, ``labels``, ``targets``
        and ``negatives`` are places among the entity rows taken, ``operator_rows`` among the relation rows.
        """
        B = self.config.batch
        U = min(B, self.graph.directed)
        fields: dict[str, tuple[Any, tuple[int, ...]]] = {
            "counts": (np.int64, (5,)),
            "heads": (np.int64, (B,)),
            "places": (np.int64, (B,)),
            "sizes": (np.int64, (U,)),
            "relations": (np.int64, (U,)),
            "operator_rows": (np.int64, (U,)),
            "inverse": (np.bool_, (U,)),
            "directed": (np.int64, (U,)),
            "relation_counts": (np.float32, (U,)),
        }
        if self.config.training != "negatives":
            labels = self._most_labels if self.config.training == "kvsall" else B
            return fields | {"label_rows": (np.int64, (labels,)), "labels": (np.int64, (labels,))}
        fields |= {"targets": (np.int64, (B,))}
        fields |= {"negatives": (np.int64, self.shape), "is_negative": (np.bool_, (B, self.shape[-1]))}
        if not self.every_entity:
            fields |= {"entities": (np.int64, (2 * B + int(np.prod(self.shape)),))}
        return fields

    def fill(self, fields: Fields, step: int) -> None:
        """Write the batch of a step, counted from 1, into a slot's arrays."""
        rows = self._rows_of(step)
        if self.config.training == "kvsall":
            self._fill_fragments(fields, rows)
        elif self.config.training == "1vsall":
            self._fill_triples(fields, rows)
        else:
            self._fill_edges(fields, rows, step)

    def _rows_of(self, step: int) -> NDArray[np.int64]:
        """Return the rows of a step: int64[B]."""
        B, n = self.config.batch, self.rows
        out = np.empty(B, np.int64)
        half = max(1, ((n - 1).bit_length() + 1) // 2)
        first, done = (step - 1) * B, 0
        while done < B:
            epoch, at = divmod(first + done, n)
            part = out[done : done + n - at]
            _kernels._permute(np.uint64(key(self.config.seed, _ORDER, epoch)), n, half, at, part)
            done += len(part)
        return out

    def _edges(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return heads, directed relations and tails of directed edges, in the order of relations, then heads."""
        heads, relations, tails = (np.empty(len(rows), np.int64) for _ in range(3))
        _kernels._edges(*self.graph.arrays, rows, heads, relations, tails)
        order = np.lexsort((heads, relations))
        return heads[order], relations[order], tails[order]

    def _fill_triples(self, fields: Fields, rows: NDArray[np.int64]) -> None:
        """Write distinct queries once, with the answers that the batch has of them."""
        heads, relations, tails = self._edges(rows)
        first = np.ones(len(rows), np.bool_)
        first[1:] = (heads[1:] != heads[:-1]) | (relations[1:] != relations[:-1])
        self._fill_relations(fields, relations[first])
        kinds, queries = int(fields["counts"][0]), int(first.sum())
        fields["heads"][:queries] = heads[first]
        fields["label_rows"][:], fields["labels"][:] = np.cumsum(first) - 1, tails
        fields["counts"][3] = len(rows)
        fields["relation_counts"][:kinds] = np.bincount(fields["places"][fields["label_rows"]], minlength=kinds)

    def _fill_edges(self, fields: Fields, rows: NDArray[np.int64], step: int) -> None:
        heads, relations, tails = self._edges(rows)
        self._fill_relations(fields, relations)
        fields["relation_counts"][: fields["counts"][0]] = fields["sizes"][: fields["counts"][0]]
        fields["heads"][:], fields["targets"][:] = heads, tails
        self._fill_negatives(fields, heads, relations, step)
        if "entities" in fields:
            self._number_entities(fields)

    def _fill_fragments(self, fields: Fields, rows: NDArray[np.int64]) -> None:
        graph = self.graph
        heads, relations, sizes = (np.empty(len(rows), np.int64) for _ in range(3))
        _kernels._queries(graph.fragments, graph.relation, graph.offsets, rows, heads, relations, sizes)
        order = self._fill_relations(fields, relations)
        heads, sizes = heads[order], sizes[order]
        n, kinds = int(sizes.sum()), int(fields["counts"][0])
        labels = fields["labels"][:n]
        _kernels._labels(graph.offsets, graph.tail, rows[order], fields["label_rows"][:n], labels)
        fields["counts"][3] = n
        fields["heads"][:] = heads
        fields["relation_counts"][:kinds] = np.bincount(fields["places"], sizes, kinds)

    def _fill_relations(self, fields: Fields, directed: NDArray[np.int64]) -> NDArray[np.int64]:
        """Write the operators that the queries need and the table rows of these; return the queries' order."""
        grouped = by_relation(directed)
        n = len(grouped.distinct)
        rows = grouped.distinct if self.config.reciprocal else grouped.distinct >> 1
        taken, places = np.unique(rows, return_inverse=True)
        fields["counts"][:2] = n, len(taken)
        fields["relations"][: len(taken)] = taken
        fields["operator_rows"][:n] = rows if self.every_relation else places
        fields["directed"][:n], fields["inverse"][:n] = grouped.distinct, grouped.distinct & 1
        fields["counts"][4] = len(directed)
        fields["places"][: len(directed)], fields["sizes"][:n] = grouped.places, grouped.sizes
        return grouped.order

    def _fill_negatives(
        self, fields: Fields, heads: NDArray[np.int64], relations: NDArray[np.int64], step: int
    ) -> None:
        """Draw the negatives and mark which of them are negatives of a row."""
        graph, negatives = self.graph, fields["negatives"]
        drawing = np.uint64(key(self.config.seed, _NEGATIVES, step))
        by_degree = self.config.negative_law == "degree"
        _kernels._draw(drawing, graph.entities, graph.tail, by_degree, 0, np.atleast_2d(negatives))
        allowed = np.array(self._counts)[relations & 1]
        if self.config.own_negatives:
            _kernels._mark_own(*graph.arrays, heads, relations, allowed, negatives, fields["is_negative"])
        else:
            order = np.argsort(negatives, kind="stable")
            args = (heads, relations, allowed, order, negatives[order])
            _kernels._mark_shared(*graph.arrays, *args, fields["is_negative"])

    def _number_entities(self, fields: Fields) -> None:
        """List the distinct entities of the batch and put their places for their ids."""
        names = ("heads", "targets", "negatives")
        ids, places = np.unique(np.concatenate([fields[name].ravel() for name in names]), return_inverse=True)
        fields["counts"][2] = len(ids)
        fields["entities"][: len(ids)] = ids
        ends = np.cumsum([fields[name].size for name in names])
        for name, part in zip(names, np.split(places, ends[:-1]), strict=True):
            fields[name][...] = part.reshape(fields[name].shape)
