"""Vectors of a store's entries and relations by name, and the entries nearest to one by them.

Section ``vectors/<name>``::

    ids           int32[n]       entries that have a vector, ascending; one with several passages repeats
    rows          float32[n, W]
    starts, ends  int32[n]       of texts that were encoded: the characters of the entry's text that each row stands for
    relation_ids  int32[m]       directed relations that have one, ascending; may be absent, as
    relation_rows float32[m, V]
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr._io import Pieces
from kgr.errors import ConfigError, UnknownKey
from kgr.index.manifest import valid_name
from kgr.index.store import Section, Store

METRICS = ("cosine", "l2", "l1", "dot")
"""What makes two vectors near: cosine; small Euclidean or Manhattan distance; inner product."""

BLOCK_BYTES = 1 << 26
"""Most bytes of rows that are looked at at once."""


@dataclasses.dataclass(frozen=True)
class Vectors:
    """Vectors of some ids.

    Attributes
    ----------
    ids : int32[n]
        Ascending; one that has several rows repeats.
    rows : float32[n, W]
        Those of ``ids``: an array, a memory map, or pieces where they are too large to be held.
    """

    ids: NDArray[np.int32]
    rows: NDArray[np.float32] | Pieces

    @property
    def array(self) -> NDArray[np.float32]:
        """The rows; a TypeError where they are in pieces, which have no rows that could be picked."""
        if isinstance(self.rows, Pieces):
            raise TypeError("rows in pieces: put them into an array first")
        return self.rows

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Yield the rows block by block, in order."""
        if isinstance(self.rows, Pieces):
            yield from self.rows.make()
            return
        each = max(1, BLOCK_BYTES // max(1, self.rows.shape[1] * self.rows.itemsize))
        for first in range(0, len(self.rows), each):
            yield self.rows[first : first + each]

    def of(self, id: int) -> NDArray[np.float32]:
        """Return the rows of an id, float32[r, W]."""
        # an int32, since a Python int would have numpy convert all ids first
        start, end = (int(np.searchsorted(self.ids, np.int32(id), side)) for side in ("left", "right"))
        if not isinstance(self.rows, Pieces):
            return self.rows[start:end]
        first, found = 0, []
        for block in self.blocks():
            if first >= end:
                break
            found.append(block[max(0, start - first) : end - first])
            first += len(block)
        return np.concatenate(found)

    def nearest(
        self, id: int, *, k: int = 10, metric: str = "cosine", width: int | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Find the ids whose rows are nearest to that of ``id``, which itself is left out.

        Of ids with several rows the nearest two count.

        Parameters
        ----------
        id : int
            One of ``ids``.
        k : int
            Ids wanted.
        metric : str
            One of :data:`METRICS`.
        width : int, optional
            Only the first so many numbers of each row count.

        Returns
        -------
        int32[k], float32[k]
            Ids, fewer where there are fewer, and scores, higher is nearer: the cosine (0 for a row of zeros), minus
            the distance, or the inner product. Among equal scores the lower id is first.

        Raises
        ------
        ConfigError
            An unknown metric, or ``k`` below 1.
        """
        if metric not in METRICS:
            raise ConfigError(f"metric is {metric!r}, expected one of {', '.join(METRICS)}")
        if k < 1:
            raise ConfigError(f"k is {k}, expected at least 1")
        queries, first = self.of(id)[:, :width], 0
        best, scores = np.empty(0, np.int32), np.empty(0, np.float32)
        for block in self.blocks():
            own = self.ids[first : first + len(block)]
            first += len(block)
            others = own != id
            near = np.max([_scores(query, block[:, :width], metric) for query in queries], axis=0)
            best, scores = best_ids(np.concatenate([best, own[others]]), np.concatenate([scores, near[others]]), k)
        return best, scores


@dataclasses.dataclass(frozen=True)
class Layout:
    """What the numbers of a model's rows are, in words; so many at an entity row's end are ``biases``."""

    entities: str
    relations: str
    biases: int = 0


def best_ids(
    ids: NDArray[np.int32], scores: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the ``k`` ids with the highest scores, each once; among equal ones the lower id is first."""
    order = np.lexsort((ids, -scores))
    if len(ids) > 1 and (ids[1:] <= ids[:-1]).any():  # found before, or several rows of one
        _, highest = np.unique(ids[order], return_index=True)
        order = order[np.sort(highest)]
    return ids[order[:k]], scores[order[:k]]


def _scores(query: NDArray[np.float32], rows: NDArray[np.float32], metric: str) -> NDArray[np.float32]:
    if metric in ("l1", "l2"):
        distances: NDArray[np.float32] = np.linalg.norm(rows - query, ord=1 if metric == "l1" else 2, axis=1)
        return -distances
    scores: NDArray[np.float32] = rows @ query
    if metric == "cosine":
        norms = np.linalg.norm(rows, axis=1) * np.linalg.norm(query)
        np.divide(scores, norms, out=scores, where=norms > 0)
    return scores


def section_name(name: str) -> str:
    """Return the section of a store that keeps vectors by this name."""
    return f"vectors/{name}"


def section_of(entries: Vectors, relations: Vectors | None) -> Section:
    """Return the section that keeps vectors of entries, and of directed relations where there are any."""
    every = {"": entries} | ({"relation_": relations} if relations else {})
    arrays: dict[str, NDArray[Any]] = {f"{of}ids": vectors.ids for of, vectors in every.items()}
    pieces: dict[str, Pieces] = {}
    for of, vectors in every.items():
        if isinstance(vectors.rows, Pieces):
            pieces[f"{of}rows"] = vectors.rows
        else:
            arrays[f"{of}rows"] = vectors.rows
    return Section(arrays, pieces=pieces)


def check_name(store: Store, name: str, replace: bool) -> None:
    """Refuse a name by which vectors cannot be kept, or that is taken and not to be replaced, with a ConfigError."""
    if not valid_name(name) or "/" in name:
        raise ConfigError(f"name is {name!r}, expected letters, digits, '_', '.' and '-'")
    if name in kept_names(store) and not replace:
        raise ConfigError(f"name is {name!r}: {store.path} keeps such vectors already; ask to replace them")


def kept_names(store: Store) -> tuple[str, ...]:
    """Return the names of the vectors that a store keeps."""
    start = section_name("")
    return tuple(name.removeprefix(start) for name in store.sections if name.startswith(start))


def only_name(store: Store) -> str:
    """Return the name of the only vectors that a store keeps.

    Raises
    ------
    ConfigError
        It keeps several or none.
    """
    known = kept_names(store)
    if len(known) != 1:
        there = f"vectors {', '.join(known)}: name one" if known else "no vectors: encode texts or import some first"
        raise ConfigError(f"{store.path}: keeps {there}")
    return known[0]


def kept_vectors(store: Store, name: str) -> tuple[Vectors, Vectors | None]:
    """Return the vectors of entries and those of directed relations, if any, that a store keeps by name.

    Raises
    ------
    UnknownKey
        It keeps none by that name.
    """
    known = kept_names(store)
    if name not in known:
        there = ", ".join(known) or "none"
        raise UnknownKey(f"{UnknownKey.of('vectors', name, known)}; {store.path} keeps {there}")
    arrays = store.section(section_name(name))
    relations = Vectors(arrays["relation_ids"], arrays["relation_rows"]) if "relation_ids" in arrays else None
    return Vectors(arrays["ids"], arrays["rows"]), relations


def compared_vectors(store: Store, name: str) -> Vectors:
    """Return the vectors of entries that a store keeps by name, without the biases that a model's rows may end in.

    Raises
    ------
    UnknownKey
        It keeps none by that name.
    """
    kept, _ = kept_vectors(store, name)
    biases = source_of(store, name).get("manifest", {}).get("entities", {}).get("biases", 0)
    return Vectors(kept.ids, kept.array[:, : kept.array.shape[1] - biases])


def source_of(store: Store, name: str) -> dict[str, Any]:
    """Return what a store's manifest says of where vectors came from."""
    return dict(store.manifest["sources"].get(section_name(name), {}))
