"""An entry in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kgr.data.build import build_store
from kgr.data.describe import Edges, Named, entry
from kgr.errors import UnknownKey
from kgr.index.keys import Keys
from kgr.index.kinds import DOCUMENT
from kgr.index.store import Section, Store, extend_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    texts = {
        "train.tsv": "bern\tcapital_of\tch\ngenf\tin\tch\nbern\tin\tch\nch\tborders\tch\n",
        "valid.tsv": "ch\tborders\tfr\n",
        "entities.tsv": "key\ttypes\tlabel.en\tlabel.de\talias.en\nch\tland club\tSwitzerland\tSchweiz\tCH|Helvetia\n"
        "genf\t\tGeneva\tGenf\t\n",
        "relations.tsv": "key\tlabel.de\tdescription.en\nin\tliegt in\tplace of a city\n",
        "types.tsv": "key\tlabel.de\nland\tLand\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return build_store(
        tmp_path / "store",
        train=tmp_path / "train.tsv",
        valid=tmp_path / "valid.tsv",
        entities_table=tmp_path / "entities.tsv",
        relations_table=tmp_path / "relations.tsv",
        types_table=tmp_path / "types.tsv",
    )


def test_entity(store: Store) -> None:
    found = entry(store, "ch", "de", edges=1)
    assert (found.kind, found.key, found.id, found.label) == ("entity", "ch", 1, "Schweiz")
    assert found.labels == {"en": "Switzerland", "de": "Schweiz"}
    assert found.texts == {"alias": {"en": ("CH", "Helvetia")}}
    assert found.types == (Named("land", "Land"), Named("club", "club"))
    assert found.counts == {"train": 4, "valid": 1}
    assert found.examples == ()
    assert found.edges == (
        Edges(Named("borders", "borders"), False, 1, (Named("ch", "Schweiz"),)),
        Edges(Named("^capital_of", "capital_of"), True, 1, (Named("bern", "bern"),)),
        Edges(Named("^in", "liegt in"), True, 2, (Named("bern", "bern"),)),
        Edges(Named("^borders", "borders"), True, 1, (Named("ch", "Schweiz"),)),
    )


def test_entity_that_train_does_not_have(store: Store) -> None:
    found = entry(store, "fr")
    assert (found.label, found.labels, found.edges, found.counts) == ("fr", {}, (), {"train": 0, "valid": 1})


def test_relation(store: Store) -> None:
    found = entry(store, "in", edges=1)
    assert (found.kind, found.id, found.label, found.labels) == ("relation", 1, "liegt in", {"de": "liegt in"})
    assert found.texts == {"description": {"en": ("place of a city",)}}
    assert found.counts == {"train": 2, "valid": 0}
    assert found.examples == ((Named("genf", "Geneva"), Named("ch", "Switzerland")),)
    assert found.edges == ()


def test_document_beside_the_graph(store: Store) -> None:
    keys = [*store.entries.keys_of(range(store.entities)), "doc:1"]
    kinds = np.append(store.kinds, np.uint8(DOCUMENT))
    more = extend_store(store, {"entries": Section({**Keys.build(keys, what="entry").arrays(), "kinds": kinds})})
    found = entry(more, "doc:1")
    assert (found.kind, found.types, found.edges, found.counts) == ("document", (), (), {"train": 0, "valid": 0})


def test_unknown_key_names_the_nearest_of_both(store: Store) -> None:
    with pytest.raises(UnknownKey, match=r"unknown entry 'genv'; nearest: genf; unknown relation 'genv'"):
        entry(store, "genv")
    with pytest.raises(UnknownKey, match=r"unknown relation 'border'; nearest: borders"):
        entry(store, "border")
