"""A small collection as a store, and known ones from the mirror."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kgr.data.collection import build_corpus
from kgr.data.known import open_store
from kgr.index.store import Store

DOCUMENTS = (
    ("d1", "Wing flutter", "The flutter of wings at high speed. Wings that flutter break."),
    ("d2", "Heat", "Heated wings, and the heat of high speed."),
    ("d3", "", "A cone in a hypersonic flow"),
    ("d4", "", ""),
    ("d5", "Flow", "Flow about a wing: the flow is laminar."),
)


@pytest.fixture
def corpus(tmp_path: Path) -> Store:
    """Five documents, one of them empty."""
    path = tmp_path / "corpus.jsonl"
    rows = [{"id": key, "title": title, "text": text} for key, title, text in DOCUMENTS]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return build_corpus(path, tmp_path / "store")


@pytest.fixture(scope="module")
def opened(mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Store]]:
    """Open a known data set from the mirror alone."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("KGR_HOME", str(tmp_path_factory.mktemp("home")))
        environment.setenv("https_proxy", "http://127.0.0.1:9")
        yield open_store
