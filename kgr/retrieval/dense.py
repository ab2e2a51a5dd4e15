"""Dense retrieval: the entries whose vectors are nearest to those of queries, by exact search or by FAISS."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kgr.data.known import open_store
from kgr.engine.device import device_of, torch_threads
from kgr.errors import ConfigError
from kgr.index.keys import Keys
from kgr.index.store import Store
from kgr.index.vectors import compared_vectors, kept_vectors, only_name, source_of
from kgr.retrieval.config import RetrieveConfig, retrieve_config
from kgr.retrieval.exact import check_search, exact_search
from kgr.retrieval.filters import allowed_entries
from kgr.retrieval.ranking import Ranking
from kgr.retrieval.retrieve import Asked, Found, Message, Progress


def search(asked: Asked) -> Found:
    """Search by the encoder that made the vectors; see :class:`kgr.retrieval.retrieve.Search`.

    A query without a text has no results.

    Raises
    ------
    ConfigError
        Vectors that were made by a callable, by another language's texts, or by no texts; see :func:`query_encoder`.
    """
    from kgr.retrieval.encode import query_encoder  # loads transformers, which search by vectors does without

    store, config, message, threads = asked.store, asked.config, asked.message, asked.threads
    name = only_name(store) if config.vectors is None else config.vectors
    _check_source(store, name, asked.language)
    worded = [number for number, text in enumerate(asked.texts) if text.strip()]
    with torch_threads(threads):
        encoder = query_encoder(store, name, model=config.model, message=message, device=config.device)
        queries = encoder.encode([asked.texts[number] for number in worded], query=True)
        allowed, progress = asked.allowed, asked.progress
        offsets, ids, scores = found_by(
            store, queries, name, asked.k, config, allowed=allowed, threads=threads, message=message, progress=progress
        )
    counts = np.zeros(len(asked.texts) + 1, np.int64)
    counts[np.array(worded, np.int64) + 1] = np.diff(offsets)
    return np.cumsum(counts), ids, scores


def search_vectors(
    store: Store | str | Path,
    queries: ArrayLike,
    k: int = 1000,
    *,
    keys: Sequence[str] | None = None,
    kind: str | None = None,
    types: Sequence[str] | None = None,
    ids: Sequence[str] | None = None,
    threads: int = 1,
    message: Message | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Ranking:
    """Find the entries of a store whose vectors are nearest to given ones.

    Parameters
    ----------
    store : Store, folder or known name
    queries : float[Q, W], or float[W] for one
        As wide as the vectors that are searched.
    k : int
        Results wanted for each query.
    keys : optional
        Of the queries; by default ``"1"``, ``"2"`` and so on.
    kind, types, ids, threads, message, progress
        As of :func:`kgr.retrieve`.
    **settings
        Of method ``dense``: ``vectors`` (the name of those of the store), ``metric``, ``device``, and for approximate
        search ``ann`` and the settings of that kind.

    Returns
    -------
    Ranking
        Best first; of equal scores the lower entry id first. A score is the inner product, the cosine or minus the
        distance; of an entry with several vectors the nearest counts.

    Raises
    ------
    ConfigError
        A setting that is out of range or not read; queries that are not finite or of another width.
    UnknownKey
        No such vectors, kind, type or key.
    """
    if "model" in settings:
        raise ConfigError(
            "model is the encoder of queries in words: vectors are searched for as they are, leave it out"
        )
    config = retrieve_config("dense", settings)
    if threads < 1:
        raise ConfigError(f"threads is {threads}, expected at least 1")
    opened = open_store(store, message=message)
    name = only_name(opened) if config.vectors is None else config.vectors
    with np.errstate(over="ignore"):  # what becomes infinite is refused with its place
        rows = np.atleast_2d(np.asarray(queries, np.float32))
    named = [str(i) for i in range(1, len(rows) + 1)] if keys is None else list(keys)
    if len(named) != len(rows):
        raise ConfigError(f"keys are {len(named):,} for {len(rows):,} queries, expected one for each")
    allowed = allowed_entries(opened, kind=kind, types=types, ids=ids)
    with torch_threads(threads):
        found = found_by(
            opened, rows, name, k, config, allowed=allowed, threads=threads, message=message, progress=progress
        )
    return Ranking(Keys.build(named, what="query"), opened.entries, *found, "kgr-dense", store=opened)


def found_by(
    store: Store,
    queries: NDArray[np.float32],
    name: str,
    k: int,
    config: RetrieveConfig,
    *,
    allowed: NDArray[np.bool_] | None = None,
    threads: int = 1,
    message: Message | None = None,
    progress: Progress | None = None,
) -> Found:
    """Search the vectors that a store keeps by a name, by FAISS where the settings say so, else exactly."""
    vectors = compared_vectors(store, name)
    check_search(vectors, queries, k, config.metric)
    if config.ann is None or not len(vectors.ids):
        device = device_of(config.device)
        return exact_search(
            vectors, queries, k, metric=config.metric, allowed=allowed, device=device, progress=progress
        )
    from kgr.retrieval.ann import faiss_threads, open_ann  # FAISS is loaded where it is asked for

    with faiss_threads(threads):
        index = open_ann(store, name, vectors, config, k=k, message=message)
        return index.search(queries, k, allowed=allowed, progress=progress)


def _check_source(store: Store, name: str, language: str | None) -> None:
    kept_vectors(store, name)
    source = source_of(store, name)
    encoder, texts = source.get("encoder", {}), source.get("texts", {})
    if encoder and encoder["weights"] is None:
        raise ConfigError(
            f"{store.path}: vectors {name!r} were made by a callable: encode the queries by it, and search for these "
            "vectors by kgr.search_vectors"
        )
    if texts and language not in (None, texts["language"]):
        raise ConfigError(
            f"language is {language!r}, but vectors {name!r} of {store.path} are of texts in {texts['language']!r}"
        )
