"""``kgr index-texts``."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from kgr.index.check import check_store
from kgr.index.store import Store
from kgr.index.terms import open_terms


@pytest.fixture
def store(place: Any, tmp_path: Path) -> str:
    """A copy of the small graph's store."""
    return str(shutil.copytree(place.store, tmp_path / "store"))


def test_index_texts(kgr: Any, kgr_json: Any, store: str) -> None:
    found = kgr_json("index-texts", store, "--workers", "2", "--no-stem")
    counts = {"documents": 40, "terms": 41, "postings": 80}
    assert found == {
        "store": store,
        "indexes": [{"language": "en", "name": "text", "fields": ["label"], **counts}],
    }
    table = kgr("index-texts", store, "--language", "ar", "--field", "label", "--name", "names").stdout
    assert table.splitlines()[1].split() == ["en", "text", "label", "40", "41", "80"]
    assert table.splitlines()[2].split()[:4] == ["ar", "names", "label", "40"]
    assert check_store(store) == []
    terms = open_terms(Store(store), "ar", "names")
    assert terms is not None and terms.settings["stemmer"] == "arabic"


def test_refusals(kgr: Any, store: str) -> None:
    assert "languages: en, ar" in kgr("index-texts", store, "--language", "fr", code=1).stderr
    assert "no text 'body' in 'en'" in kgr("index-texts", store, "--field", "body", code=1).stderr
    kgr("index-texts", store, "--workers", "0", code=2)
