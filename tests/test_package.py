"""The public names, and what ``import kgr`` loads."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

import kgr

ROOT = Path(__file__).resolve().parents[1]

PUBLIC = [
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


def test_public_names() -> None:
    assert kgr.__all__ == PUBLIC
    assert dir(kgr) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_names_are_there(name: str) -> None:
    assert getattr(kgr, name) is not None


def test_names_are_the_same_for_type_checkers() -> None:
    """What stands under TYPE_CHECKING is what a program gets."""
    tree = ast.parse((ROOT / "kgr" / "__init__.py").read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    seen = {}
    for node in imports:
        for alias in node.names if str(node.module).startswith("kgr") else []:
            seen[alias.asname or alias.name] = getattr(importlib.import_module(str(node.module)), alias.name)
    assert sorted([*seen, "__version__"]) == PUBLIC
    assert all(getattr(kgr, name) is value for name, value in seen.items())


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = kgr.nothing  # type: ignore[attr-defined]


def test_version() -> None:
    try:
        installed = version("kgr")
    except PackageNotFoundError:
        assert kgr.__version__ == "0+not-installed"
    else:
        stated = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
        assert kgr.__version__ == installed == stated


def test_light() -> None:
    program = "import kgr, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"torch", "numba", "numpy", "faiss", "rdflib"} & set(done.stdout.split())


def test_config_modules_load_no_torch() -> None:
    names = [f"kgr.{path.parent.name}.config" for path in (ROOT / "kgr").glob("*/config.py")]
    assert "kgr.multihop.config" in names
    program = f"import sys, {', '.join(names)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "torch" not in done.stdout.split()


def test_load_run_refuses_other_folders(tmp_path: Path) -> None:
    with pytest.raises(kgr.FormatError, match=r"no config\.toml"):
        kgr.load_run(tmp_path)
    (tmp_path / "config.toml").write_text('[run]\nformat = 1\ntask = "juggling"\nstore = "atlas"\n')
    with pytest.raises(kgr.FormatError, match="task 'juggling', expected one of multihop"):
        kgr.load_run(tmp_path)
