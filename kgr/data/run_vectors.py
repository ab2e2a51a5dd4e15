"""The vectors of a trained run: the rows of its chosen checkpoint with their keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr import _io
from kgr._io import Pieces
from kgr.data.vector_files import FORMAT, MANIFEST, VERSION, find_directed
from kgr.engine.checkpoint import Checkpoint
from kgr.engine.run import Run
from kgr.errors import FormatError, UnknownKey
from kgr.index.store import Store
from kgr.index.vectors import Layout, Vectors

_KEYS_AT_ONCE = 1 << 20


class RunVectors:
    """The rows of the checkpoint that has a run's weights, by key; made by ``run.vectors()``.

    Attributes
    ----------
    manifest : dict
        What they are: task, model, data set, step, and of entities and relations rows, width and layout.
    """

    def __init__(self, run: Run, store: Store, layout: Layout) -> None:
        self._store, self._layout = store, layout
        self._checkpoint = _checkpoint_of(run, store)
        tables = self._checkpoint.manifest["tables"]
        self._directed = tables["relations"]["rows"] == 2 * len(store.relations)
        self.manifest: dict[str, Any] = {
            "task": run.task,
            "model": run.settings["model"],
            "data_set": store.name,
            "step": self._checkpoint.step,
            "entities": {**_shape(tables["entities"]), "layout": layout.entities, "biases": layout.biases},
            "relations": {**_shape(tables["relations"]), "layout": layout.relations, "directed": self._directed},
            "left_in_checkpoint": {
                name: list(tensor.shape) for name, tensor in sorted(self._checkpoint.read("module.safetensors").items())
            },
        }

    @cached_property
    def entities(self) -> NDArray[np.float32]:
        """The rows of all entities, float32[G, We]."""
        return np.concatenate(list(self._rows("entities").make()))

    @cached_property
    def relations(self) -> NDArray[np.float32]:
        """The rows of the relations, float32[R, Wr], or float32[2R, Wr] where each direction has one of its own."""
        return np.concatenate(list(self._rows("relations").make()))

    @property
    def entity_keys(self) -> list[str]:
        """The keys of the entities, by row."""
        return self._store.entries.lines(0, self._store.entities).tobytes().decode().split("\n")[:-1]

    @cached_property
    def relation_keys(self) -> list[str]:
        """The keys of the relations, by row; ``^`` before an inverse."""
        keys = self._store.relations.keys_of(range(len(self._store.relations)))
        return [f"{sign}{key}" for key in keys for sign in (("", "^") if self._directed else ("",))]

    def entity(self, key: str) -> NDArray[np.float32]:
        """Return the row of an entity, float32[We].

        Raises
        ------
        UnknownKey
            The graph has no such entity.
        """
        row: NDArray[np.float32] = self._entities.of(self._entity(key))[0]
        return row

    def relation(self, key: str) -> NDArray[np.float32]:
        """Return the row of a relation, float32[Wr], ``^`` before an inverse.

        Raises
        ------
        UnknownKey
            There is no such relation, or its inverse has no row of its own.
        """
        directed = int(find_directed(self._store, [key])[0])
        if directed < 0 or (not self._directed and directed & 1):
            raise UnknownKey.of("relation", key, self.relation_keys)
        row: NDArray[np.float32] = self.relations[directed if self._directed else directed >> 1]
        return row

    def nearest(
        self, key: str, *, k: int = 10, metric: str = "cosine"
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Find the entities whose rows are nearest to one's, biases left out: see :meth:`Vectors.nearest`."""
        width = self.manifest["entities"]["width"] - self._layout.biases
        return self._entities.nearest(self._entity(key), k=k, metric=metric, width=width)

    def save(self, folder: str | Path) -> None:
        """Write ``entities.npy``, ``relations.npy``, their keys as ``.txt``, a line each, and ``manifest.json``.

        Row ``i`` belongs to line ``i``, counted from 0. The folder is there whole or not at all; rows pass through
        memory part by part.

        Raises
        ------
        FileExistsError
            Something other than an empty folder is there.
        """
        with _io.atomic_folder(Path(folder)) as temporary:
            _io.write_array(temporary / "entities.npy", self._rows("entities"))
            _io.write_array(temporary / "relations.npy", self._rows("relations"))
            entries, entities = self._store.entries, self._store.entities
            parts = (
                entries.lines(first, min(first + _KEYS_AT_ONCE, entities)).tobytes()
                for first in range(0, entities, _KEYS_AT_ONCE)
            )
            _io.write_chunks(temporary / "entities.txt", parts)
            _io.write_text(temporary / "relations.txt", "".join(f"{key}\n" for key in self.relation_keys))
            files = {path.name: _io.digest(path) for path in sorted(temporary.iterdir())}
            whole = {"format": FORMAT, "version": VERSION, **self.manifest, "files": files}
            _io.write_text(temporary / MANIFEST, json.dumps(whole, indent=1, ensure_ascii=False) + "\n")

    def _entity(self, key: str) -> int:
        entity = self._store.entries.id(key)
        if entity >= self._store.entities:
            raise UnknownKey(f"{key!r} is a document, not an entity of the graph: this run has no vector of it")
        return entity

    @cached_property
    def _entities(self) -> Vectors:
        return Vectors(np.arange(self._store.entities, dtype=np.int32), self._rows("entities"))

    def _rows(self, table: str) -> Pieces:
        shape = _shape(self._checkpoint.manifest["tables"][table])

        def make() -> Iterator[NDArray[np.float32]]:
            yield from (part.numpy() for part in self._checkpoint.rows(table))

        return Pieces(np.dtype(np.float32), (shape["rows"], shape["width"]), make)


def _shape(table: dict[str, int]) -> dict[str, int]:
    return {"rows": table["rows"], "width": table["width"]}


def _checkpoint_of(run: Run, store: Store) -> Checkpoint:
    """Return the checkpoint that the run's weights are read from, if its keys are the store's."""
    found = run.chosen()
    found.check_sections(store.fingerprints(found.manifest["sections"]))
    rows, base = {name: table["rows"] for name, table in found.manifest["tables"].items()}, len(store.relations)
    if rows.get("entities") != store.entities or rows.get("relations") not in (base, 2 * base):
        raise FormatError(
            f"{found.path}: holds rows {rows}, expected {store.entities} entities and {base} or {2 * base} relations"
        )
    return found
