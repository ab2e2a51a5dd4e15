"""A small random graph in three splits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import oracle
import pytest

from kgr.data.build import build_store
from kgr.index.store import Store


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    triples = np.random.default_rng(0).permutation(oracle.random_triples(np.random.default_rng(1), 30, 3, 300))
    paths = {}
    for name, part in zip(("train", "valid", "test"), np.split(triples, [240, 270]), strict=True):
        paths[name] = folder / f"{name}.tsv"
        paths[name].write_text("".join(f"e{h}\tr{r}\te{t}\n" for h, r, t in part.tolist()), encoding="utf-8")
    return paths


@pytest.fixture
def store(files: dict[str, Path], tmp_path: Path) -> Store:
    return build_store(tmp_path / "store", **files)
