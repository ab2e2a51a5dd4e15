"""A small random graph in three splits."""

from __future__ import annotations

from pathlib import Path

import pytest
from random_graph import split_files

from kgr.data.build import build_store
from kgr.index.store import Store


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return split_files(tmp_path_factory.mktemp("files"), 30, 300, 240, 270)


@pytest.fixture
def store(files: dict[str, Path], tmp_path: Path) -> Store:
    return build_store(tmp_path / "store", **files)
