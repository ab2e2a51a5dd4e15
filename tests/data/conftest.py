"""Fixtures of the tests of data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rdf_folder import Folder

from kgr.data.known import open_store
from kgr.index.store import Store


@pytest.fixture(scope="module")
def opened(mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Store]]:
    """Open a known data set from the mirror alone: other addresses are refused at once."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("KGR_HOME", str(tmp_path_factory.mktemp("home")))
        environment.setenv("https_proxy", "http://127.0.0.1:9")
        environment.delenv("no_proxy", raising=False)
        environment.delenv("NO_PROXY", raising=False)
        yield open_store


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A folder for files of RDF and stores of these."""
    return Folder(tmp_path)
