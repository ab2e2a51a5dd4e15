"""Stores of a made-up set of the form of BabelSememe."""

from __future__ import annotations

from pathlib import Path

import pytest
from synset_families import write_set

from kgr.data.add_synsets import add_synset_texts
from kgr.data.babelsememe import build_babelsememe
from kgr.index.store import Store


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the set; ``texts.jsonl`` among them."""
    return write_set(tmp_path_factory.mktemp("synsets") / "in")


@pytest.fixture(scope="session")
def bare(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store without texts."""
    return build_babelsememe(folder, tmp_path_factory.mktemp("synsets") / "store")


@pytest.fixture(scope="session")
def told(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with lemmas and glosses."""
    store = build_babelsememe(folder, tmp_path_factory.mktemp("synsets") / "store")
    return add_synset_texts(store, folder / "texts.jsonl")
