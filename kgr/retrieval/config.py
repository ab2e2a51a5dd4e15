"""Settings of retrieval, and which of them each method reads. Nothing here loads torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from kgr._config import make, setting
from kgr.errors import ConfigError, UnknownKey
from kgr.index.vectors import METRICS


@dataclasses.dataclass(frozen=True, kw_only=True)
class RetrieveConfig:
    """What the methods of retrieval can be told; each reads its own, see :data:`METHOD_FIELDS`."""

    k1: float = setting(1.2, "BM25: how slowly more occurrences of a word count less", low=0, high=1e6)
    b: float = setting(0.75, "BM25: how much a document's length counts", low=0, high=1)
    form: str = setting(
        "lucene",
        "BM25: weights of words as Lucene's, above 0, or Robertson's, 0 for words of half the documents",
        choices=("lucene", "robertson"),
    )
    similarity: str = setting(
        "bm25", "Lucene: BM25 or query likelihood, with the settings of these", choices=("bm25", "ql")
    )
    smoothing: str = setting(
        "dirichlet", "query likelihood: Dirichlet's prior or Jelinek-Mercer's mixture", choices=("dirichlet", "jm")
    )
    mu: float = setting(
        1000.0, "Dirichlet: how many words of the collection are added to each document", low=1e-3, high=1e9
    )
    jm_lambda: float = setting(0.1, "Jelinek-Mercer: the collection's share", low=1e-6, high=1 - 1e-6)
    index: str | None = setting(None, "Lucene: folder of an index that was made elsewhere")
    vectors: str | None = setting(None, "dense: name of the vectors in the store; the only ones by default")
    model: str | None = setting(
        None, "dense: where the encoder of the queries is; by default where it was when it made the vectors"
    )
    device: str = setting("auto", "dense: where queries are encoded and scored: auto, cpu, cuda or cuda:N")
    metric: str = setting(
        "dot", "dense: what makes vectors near: inner product, cosine, or small distance", choices=METRICS
    )
    ann: str | None = setting(
        None,
        "dense: kind of a FAISS index that proposes candidates, which are then scored exactly; by default all are",
        choices=("flat", "hnsw", "ivf"),
    )
    hnsw_m: int = setting(32, "HNSW: links of a vector", low=2)
    ef_construction: int = setting(200, "HNSW: candidates while it is built", low=1)
    ef_search: int = setting(128, "HNSW: candidates of a query", low=1)
    nlist: int | None = setting(None, "IVF: cells; about 4 times the root of the vectors' number by default", low=1)
    nprobe: int = setting(32, "IVF: cells that a query looks into", low=1)


METHODS = {
    "bm25": "kgr.retrieval.bm25",
    "ql": "kgr.retrieval.likelihood",
    "lucene": "kgr.retrieval.lucene",
    "dense": "kgr.retrieval.dense",
}
"""The module of each method; its function is ``search``, see :class:`kgr.retrieval.retrieve.Search`."""

ANN_FIELDS: dict[str, tuple[str, ...]] = {
    "flat": (),
    "hnsw": ("hnsw_m", "ef_construction", "ef_search"),
    "ivf": ("nlist", "nprobe"),
}
"""The settings that each kind of FAISS index reads."""

METHOD_FIELDS: dict[str, tuple[str, ...]] = {
    "bm25": ("k1", "b", "form"),
    "ql": ("smoothing", "mu", "jm_lambda"),
    "lucene": ("similarity", "k1", "b", "smoothing", "mu", "jm_lambda", "index"),
    "dense": ("vectors", "model", "device", "metric", "ann", *(name for own in ANN_FIELDS.values() for name in own)),
}
"""The settings that each method reads."""

FIELDED = ("bm25", "ql", "lucene")
"""The methods that score several text fields with weights."""

EXPLAINED = ("bm25", "ql")
"""The methods whose scores are explained term by term; their modules have a ``scoring``."""

WEIGHTS = (1e-6, 1e6)
"""The smallest and the largest weight of a field: scores stay numbers above zero in 32 bits."""


def retrieve_config(method: str, values: Mapping[str, Any]) -> RetrieveConfig:
    """Make the settings of a method.

    Raises
    ------
    ConfigError
        A value that is not allowed, or a setting that the method does not read.
    UnknownKey
        No such method.
    """
    if method not in METHODS:
        raise UnknownKey(f"{UnknownKey.of('method', method, METHODS)}; there are {', '.join(METHODS)}")
    config = make(RetrieveConfig, values, where="retrieve")
    own = METHOD_FIELDS[method]
    for name in values:
        if name not in own:
            raise ConfigError(f"retrieve: method {method!r} does not read {name}; its settings are {', '.join(own)}")
    if method == "lucene":
        _check_similarity(config, values)
    if "smoothing" in own:
        _check_smoothing(config, values)
    _check_ann(config, values)
    return config


def _check_similarity(config: RetrieveConfig, values: Mapping[str, Any]) -> None:
    other = "ql" if config.similarity == "bm25" else "bm25"
    for name in METHOD_FIELDS[other]:
        if name in values:
            raise ConfigError(f"retrieve: similarity {config.similarity!r} does not read {name}")


def _check_smoothing(config: RetrieveConfig, values: Mapping[str, Any]) -> None:
    unread = {"dirichlet": "jm_lambda", "jm": "mu"}[config.smoothing]
    if unread in values:
        raise ConfigError(f"retrieve: smoothing {config.smoothing!r} does not read {unread}")


def _check_ann(config: RetrieveConfig, values: Mapping[str, Any]) -> None:
    for kind, fields in ANN_FIELDS.items():
        unread = [name for name in fields if name in values and kind != config.ann]
        if unread:
            raise ConfigError(f"retrieve: {unread[0]} is read with ann {kind!r} only, and ann is {config.ann!r}")
