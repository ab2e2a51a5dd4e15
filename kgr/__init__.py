"""kgr: knowledge graphs and retrieval on one entity and text index.

Every public name is here and loaded when it is first used, so ``import kgr`` is light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kgr.completion.run import train_completion
    from kgr.completion.seeds import train_completion_seeds
    from kgr.data.analysis import analyze
    from kgr.data.build import build_store
    from kgr.data.codex_view import load_codex
    from kgr.data.collection_view import load_judgements
    from kgr.data.known import open_store
    from kgr.data.numbered import build_numbered
    from kgr.data.queries import read_queries, sample_queries, write_queries
    from kgr.errors import (
        ConfigError,
        DataError,
        FetchError,
        FormatError,
        KgrError,
        QueryError,
        SamplerError,
        TrainingError,
        UnknownKey,
    )
    from kgr.index.store import Store
    from kgr.multihop.run import train_multihop
    from kgr.runs import load_run
    from kgr.vectors import import_vectors, nearest

    __version__: str

__all__ = [
    "ConfigError",
    "DataError",
    "FetchError",
    "FormatError",
    "KgrError",
    "QueryError",
    "SamplerError",
    "Store",
    "TrainingError",
    "UnknownKey",
    "__version__",
    "analyze",
    "build_numbered",
    "build_store",
    "import_vectors",
    "load_codex",
    "load_judgements",
    "load_run",
    "nearest",
    "open_store",
    "read_queries",
    "sample_queries",
    "train_completion",
    "train_completion_seeds",
    "train_multihop",
    "write_queries",
]

_HOMES = {
    "Store": "kgr.index.store",
    "analyze": "kgr.data.analysis",
    "build_numbered": "kgr.data.numbered",
    "build_store": "kgr.data.build",
    "import_vectors": "kgr.vectors",
    "load_codex": "kgr.data.codex_view",
    "load_judgements": "kgr.data.collection_view",
    "load_run": "kgr.runs",
    "nearest": "kgr.vectors",
    "open_store": "kgr.data.known",
    "read_queries": "kgr.data.queries",
    "sample_queries": "kgr.data.queries",
    "train_completion": "kgr.completion.run",
    "train_completion_seeds": "kgr.completion.seeds",
    "train_multihop": "kgr.multihop.run",
    "write_queries": "kgr.data.queries",
}
"""Where a name lives; the errors live in ``kgr.errors``."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name not in __all__:
        raise AttributeError(f"module 'kgr' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES.get(name, "kgr.errors")), name)


def __dir__() -> list[str]:
    return sorted(__all__)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # slow to load

    try:
        return version("kgr")
    except PackageNotFoundError:
        return "0+not-installed"
