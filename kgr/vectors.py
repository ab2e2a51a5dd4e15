"""Vectors of runs and stores: brought in from files, and the entities nearest to one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kgr.data.known import open_store
from kgr.data.vector_files import Matched, read_vectors
from kgr.errors import ConfigError, UnknownKey
from kgr.index.store import Store, extend_store
from kgr.index.vectors import best_ids, check_name, compared_vectors, only_name, section_name, section_of
from kgr.retrieval.config import retrieve_config
from kgr.retrieval.dense import found_by
from kgr.runs import AnyRun, is_run, load_run, vectors_of


@dataclasses.dataclass(frozen=True)
class Neighbour:
    """An entity near another; a higher score is nearer."""

    key: str
    label: str
    score: float


@dataclasses.dataclass(frozen=True)
class Count:
    """Keys of a file that the store has, that it has not, and what the store has that the file has not."""

    matched: int
    unknown: int
    missing: int


@dataclasses.dataclass(frozen=True)
class Imported:
    """The store's new version, and how the keys of the files fit it; ``relations`` is None where there were none."""

    store: Store
    name: str
    width: int
    entries: Count
    relations: Count | None


def import_vectors(
    store: Store | str | Path,
    path: str | Path,
    *,
    name: str,
    replace: bool = False,
    message: Callable[[str], None] | None = None,
) -> Imported:
    """Bring vectors from files into a store, matched by key, as the next version of it.

    Parameters
    ----------
    store : Store, folder or known name
        One under a known name keeps them until it is built anew.
    path : path
        A folder as ``run.vectors().save`` writes it, an array with keys, or a text file: see
        :mod:`kgr.data.vector_files`. They are kept in 32 bits.
    name : str
        By which the store keeps them.
    replace : bool
        Put them in place of those that it keeps by that name.
    message : callable, optional
        Called with lines for the user: how many keys matched, and which did not.

    Raises
    ------
    ConfigError
        The name is none, or taken.
    DataError, FormatError
        See :func:`kgr.data.vector_files.read_vectors`.
    """
    opened = open_store(store, message=message)
    opened = Store(opened.path)  # a commit since it was opened would be refused
    check_name(opened, name, replace)
    found = read_vectors(path, opened)
    # of a store with documents too, vectors of entities alone miss no document
    ids = found.entries.vectors.ids
    among = opened.entities if ids[-1] < opened.entities else len(opened.entries)
    entries = _count(found.entries, among)
    relations = _count(found.relations, _relations(opened, found.relations)) if found.relations else None
    own = found.relations.vectors if found.relations and relations and relations.matched else None
    told = {key: value for key, value in found.manifest.items() if key != "files"}
    source = {"path": str(path), "entries": dataclasses.asdict(entries), **({"manifest": told} if told else {})}
    section = section_of(found.entries.vectors, own)
    extended = extend_store(opened, {section_name(name): section}, sources={section_name(name): source})
    if message:
        message(_told("entries", found.entries, entries))
        if found.relations and relations:
            message(_told("relations", found.relations, relations))
    return Imported(extended, name, found.entries.vectors.rows.shape[1], entries, relations)


def nearest(
    of: AnyRun | Store | str | Path,
    key: str,
    *,
    k: int = 10,
    vectors: str | None = None,
    metric: str = "cosine",
    language: str = "en",
    ann: str | None = None,
    message: Callable[[str], None] | None = None,
) -> tuple[Neighbour, ...]:
    """Find the entities whose vectors are nearest to that of one.

    Parameters
    ----------
    of : run, store, their folder, or known name
        A run's own vectors, or some that a store keeps.
    key : str
        Of an entity; of any entry, where the store keeps a vector of it.
    k : int
        Entities wanted.
    vectors : str, optional
        The name of those of a store; may be left out where it keeps one.
    metric : str
        "cosine", "l2" or "l1" (the score is minus the distance), or "dot".
    language : str
        Of the labels.
    ann : str, optional
        Look into a FAISS index of this kind, "flat", "hnsw" or "ivf", of the vectors that a store keeps: faster where
        these are many, and some may be missed. By default all are compared.
    message : callable, optional
        Called with lines for the user: that an index is built, and its recall.

    Raises
    ------
    UnknownKey
        The key is unknown, or has no vector; no vectors of that name.
    ConfigError
        A metric or kind that is none, ``k`` below 1; ``vectors`` or ``ann`` of a run; ``vectors`` needed.
    """
    found = _opened(of)
    if not isinstance(found, Store):
        if vectors is not None:
            raise ConfigError(f"vectors is {vectors!r}, but {found.path} is a run, which has its own: leave it out")
        if ann is not None:
            raise ConfigError(
                f"ann is {ann!r}, but {found.path} is a run: export its vectors and import them into a store"
            )
        store, (ids, scores) = found.store, vectors_of(found).nearest(key, k=k, metric=metric)
    else:
        name = only_name(found) if vectors is None else vectors
        store, (ids, scores) = found, _nearest_kept(found, key, name, k, metric, ann, message)
    return tuple(
        Neighbour(store.entries.key(id), store.label("entries", id, language), score)
        for id, score in zip(ids.tolist(), scores.tolist(), strict=True)
    )


def _opened(of: AnyRun | Store | str | Path) -> AnyRun | Store:
    if not isinstance(of, str | Path):
        return of
    return load_run(of) if is_run(of) else open_store(of)


def _nearest_kept(
    store: Store,
    key: str,
    name: str,
    k: int,
    metric: str,
    ann: str | None,
    message: Callable[[str], None] | None,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    kept = compared_vectors(store, name)
    id = store.entries.id(key)
    if id not in kept.ids:
        raise UnknownKey(f"{key!r} has no vector among {name!r} of {store.path}; {len(kept.ids):,} entries have one")
    if ann is None:
        return kept.nearest(id, k=k, metric=metric)
    config = retrieve_config("dense", {"ann": ann, "metric": metric})
    _, ids, scores = found_by(store, kept.of(id), name, k + 1, config, message=message)
    others = ids != id
    return best_ids(ids[others], scores[others], k)


def _count(found: Matched, among: int) -> Count:
    matched = len(found.vectors.ids)
    return Count(matched, found.unknown, among - matched)


def _relations(store: Store, found: Matched) -> int:
    """How many relations there are to have a vector: each direction where an inverse has one."""
    return len(store.relations) << bool((found.vectors.ids & 1).any())


def _told(what: str, found: Matched, count: Count) -> str:
    parts = [f"{what}: {count.matched:,} vectors matched by key"]
    if count.unknown:
        keys = "1 key is" if count.unknown == 1 else f"{count.unknown:,} keys are"
        parts.append(f"{keys} not in the store (such as {', '.join(map(repr, found.examples))})")
    if count.missing:
        parts.append(f"{count.missing:,} {what} have none")
    return "; ".join(parts)
