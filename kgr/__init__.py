"""kgr: knowledge graphs and retrieval on one entity and text index.

Every public name is here and loaded when it is first used, so ``import kgr`` is light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kgr.completion.run import train_completion
    from kgr.completion.seeds import train_completion_seeds
    from kgr.data.add import add_documents, add_texts
    from kgr.data.add_synsets import add_synset_texts, add_wordnet
    from kgr.data.analysis import analyze
    from kgr.data.beir import build_beir
    from kgr.data.build import build_store
    from kgr.data.codex_view import load_codex
    from kgr.data.collection import build_corpus
    from kgr.data.collection_view import load_judgements
    from kgr.data.export import export
    from kgr.data.index_texts import index_texts
    from kgr.data.ir_dataset import build_ir_dataset
    from kgr.data.json_read import build_json
    from kgr.data.known import open_store
    from kgr.data.neighbourhood import neighbourhood
    from kgr.data.numbered import build_numbered
    from kgr.data.queries import read_queries, sample_queries, write_queries
    from kgr.data.rdf import build_rdf
    from kgr.data.topics import read_topics
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
    from kgr.prop.convert import convert_prop
    from kgr.prop.finetune import finetune_prop
    from kgr.prop.finetune_folds import finetune_prop_folds
    from kgr.prop.run import pretrain_prop
    from kgr.retrieval.dense import search_vectors
    from kgr.retrieval.encode import encode
    from kgr.retrieval.evaluate import evaluate_ranking
    from kgr.retrieval.explain import explain
    from kgr.retrieval.fuse import fuse
    from kgr.retrieval.interpolate import interpolate
    from kgr.retrieval.ranking import read_ranking
    from kgr.retrieval.rerank import rerank
    from kgr.retrieval.retrieve import retrieve
    from kgr.retrieval.search import search
    from kgr.runs import load_run
    from kgr.sememe.lookup import sememes
    from kgr.sememe.train import train_sememes
    from kgr.show.drawing import draw, draw_query
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
    "add_documents",
    "add_synset_texts",
    "add_texts",
    "add_wordnet",
    "analyze",
    "build_beir",
    "build_corpus",
    "build_ir_dataset",
    "build_json",
    "build_numbered",
    "build_rdf",
    "build_store",
    "convert_prop",
    "draw",
    "draw_query",
    "encode",
    "evaluate_ranking",
    "explain",
    "export",
    "finetune_prop",
    "finetune_prop_folds",
    "fuse",
    "import_vectors",
    "index_texts",
    "interpolate",
    "load_codex",
    "load_judgements",
    "load_run",
    "nearest",
    "neighbourhood",
    "open_store",
    "pretrain_prop",
    "read_queries",
    "read_ranking",
    "read_topics",
    "rerank",
    "retrieve",
    "sample_queries",
    "search",
    "search_vectors",
    "sememes",
    "train_completion",
    "train_completion_seeds",
    "train_multihop",
    "train_sememes",
    "write_queries",
]

_HOMES = {
    "Store": "kgr.index.store",
    "add_documents": "kgr.data.add",
    "add_synset_texts": "kgr.data.add_synsets",
    "add_texts": "kgr.data.add",
    "add_wordnet": "kgr.data.add_synsets",
    "analyze": "kgr.data.analysis",
    "build_beir": "kgr.data.beir",
    "build_corpus": "kgr.data.collection",
    "build_ir_dataset": "kgr.data.ir_dataset",
    "build_json": "kgr.data.json_read",
    "build_numbered": "kgr.data.numbered",
    "build_rdf": "kgr.data.rdf",
    "build_store": "kgr.data.build",
    "convert_prop": "kgr.prop.convert",
    "draw": "kgr.show.drawing",
    "draw_query": "kgr.show.drawing",
    "encode": "kgr.retrieval.encode",
    "evaluate_ranking": "kgr.retrieval.evaluate",
    "explain": "kgr.retrieval.explain",
    "export": "kgr.data.export",
    "finetune_prop": "kgr.prop.finetune",
    "finetune_prop_folds": "kgr.prop.finetune_folds",
    "fuse": "kgr.retrieval.fuse",
    "import_vectors": "kgr.vectors",
    "index_texts": "kgr.data.index_texts",
    "interpolate": "kgr.retrieval.interpolate",
    "load_codex": "kgr.data.codex_view",
    "load_judgements": "kgr.data.collection_view",
    "load_run": "kgr.runs",
    "nearest": "kgr.vectors",
    "neighbourhood": "kgr.data.neighbourhood",
    "open_store": "kgr.data.known",
    "pretrain_prop": "kgr.prop.run",
    "read_queries": "kgr.data.queries",
    "read_ranking": "kgr.retrieval.ranking",
    "read_topics": "kgr.data.topics",
    "rerank": "kgr.retrieval.rerank",
    "retrieve": "kgr.retrieval.retrieve",
    "sample_queries": "kgr.data.queries",
    "search": "kgr.retrieval.search",
    "search_vectors": "kgr.retrieval.dense",
    "sememes": "kgr.sememe.lookup",
    "train_completion": "kgr.completion.run",
    "train_completion_seeds": "kgr.completion.seeds",
    "train_multihop": "kgr.multihop.run",
    "train_sememes": "kgr.sememe.train",
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
