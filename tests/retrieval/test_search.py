"""Search for entries: exact labels first, slips of the pen, words of texts, links, filters; the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from kgr.cli import cli
from kgr.data.build import build_store
from kgr.data.collection import build_corpus
from kgr.data.known import build_known
from kgr.errors import ConfigError, UnknownKey
from kgr.index.store import Store
from kgr.retrieval.search import EXACT, NEAR, OTHER_EXACT, PRIOR, search


@pytest.fixture(scope="module")
def atlas(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = build_known("atlas", tmp_path_factory.mktemp("atlas") / "store")
    said: list[str] = []
    search(store, "Peru", message=said.append)
    assert any("indexing the texts in en first" in line for line in said)
    return Store(store.path)


def keys(store: Store, text: str, **options: Any) -> list[str]:
    return [one.key for one in search(store, text, **options)]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("capital of Peru", "city:lima"),
        ("Peru", "territory:PE"),
        ("perú", "territory:PE"),
        ("Switzerlnd", "territory:CH"),
        ("Untied States", "territory:US"),
        ("Bosnia Herzgovina", "territory:BA"),
        ("Turkey", "territory:TR"),
        ("瑞士", "territory:CH"),
        ("ألمانيا", "territory:DE"),
        ("territory:CH", "territory:CH"),
        ("currency of Thailand", "currency:THB"),
    ],
)
def test_first_result(atlas: Store, text: str, key: str) -> None:
    first = search(atlas, text, k=1)[0]
    assert first.key == key
    assert first.label == atlas.label("entries", atlas.entries.id(key))
    assert first.score > 0
    assert first.description is not None
    assert first.description.startswith(first.label)


def test_every_label_comes_first(atlas: Store) -> None:
    """Of entries with the same label the better linked one."""
    draw = np.random.default_rng(0)
    for id in draw.choice(atlas.entities, 60, replace=False).tolist():
        label = atlas.label("entries", id)
        assert search(atlas, label, k=1)[0].label.casefold() == label.casefold()


def test_scores_add_up_and_fall(atlas: Store) -> None:
    found = search(atlas, "Paris", k=50)
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)
    assert EXACT < scores[0] < EXACT + 1 + PRIOR
    assert max(scores[1:]) < OTHER_EXACT
    near = search(atlas, "Switzerlnd", k=1)[0].score
    assert NEAR * 9 / 10 < near < NEAR * 9 / 10 + PRIOR  # one of ten letters is missing, and no text has the word


def test_nothing(atlas: Store) -> None:
    assert search(atlas, "qqqqqq") == search(atlas, "the of") == search(atlas, " … ") == ()


def test_filters_and_language(atlas: Store) -> None:
    assert all(key.startswith("city:") for key in keys(atlas, "Peru", types=["city"]))
    assert keys(atlas, "Peru", types=["city", "territory"], k=1) == ["territory:PE"]
    assert keys(atlas, "Peru", kind="document") == []
    assert search(atlas, "Schweiz", language="de")[0].label == "Schweiz"
    assert search(atlas, "Schweiz", language="de")[0].score > EXACT > search(atlas, "Schweiz")[0].score > OTHER_EXACT
    said: list[str] = []
    assert search(atlas, "Peru", k=1, language="fr", message=said.append)[0].key == "territory:PE"
    assert [line.partition(": ")[2] for line in said] == [
        "no texts in 'fr', only names are searched; there are ar, de, en, es, ru, zh"
    ]
    with pytest.raises(UnknownKey, match="unknown kind 'town'"):
        search(atlas, "Peru", kind="town")
    with pytest.raises(ConfigError, match="k is 0"):
        search(atlas, "Peru", k=0)


def test_links_decide_between_namesakes(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("a\tr\tb\na\tr\tc\nd\tr\tb\n")
    (tmp_path / "entities.tsv").write_text("key\tlabel.en\na\tTwin\nd\tTwin\nb\tOther\nc\tOther\n")
    store = build_store(tmp_path / "store", train=tmp_path / "train.tsv", entities_table=tmp_path / "entities.tsv")
    assert keys(store, "Twin") == ["a", "d"]
    assert keys(store, "other") == ["b", "c"]


def test_documents_without_graph(tmp_path: Path) -> None:
    lines = [
        {"id": "1", "title": "Ulm", "text": "a town"},
        {"id": "2", "title": "", "text": "A physicist born in Ulm."},
    ]
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    store = build_corpus(tmp_path / "corpus.jsonl", tmp_path / "store")
    assert keys(store, "Ulm") == ["1", "2"]
    assert keys(store, "physicist born in Ulm") == ["2", "1"]
    assert [one.label for one in search(store, "Ulm")] == ["Ulm", "2"]


def test_read_only(atlas: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be written names and texts are indexed in memory."""
    store = build_known("atlas", tmp_path / "fresh")
    expected, make = search(atlas, "capital of Peru"), Path.mkdir

    def refuse(self: Path, *args: Any, **kwargs: Any) -> None:
        if self.is_relative_to(store.path):
            raise PermissionError(13, "Permission denied", str(self))
        make(self, *args, **kwargs)

    monkeypatch.setattr(Path, "mkdir", refuse)
    said: list[str] = []
    assert search(store, "capital of Peru", message=said.append) == expected
    assert any("in memory" in line for line in said)
    assert sorted(path.name for path in store.path.iterdir()) == ["CURRENT", "v00000001"]


def test_command(atlas: Store) -> None:
    place = str(atlas.path)
    printed = CliRunner().invoke(cli, ["search", place, "capital of Peru", "-k", "2", "--json"])
    found = json.loads(printed.stdout)["results"]
    assert len(found) == 2
    assert found[0]["key"] == "city:lima"
    assert set(found[0]) == {"key", "label", "score", "description"}
    shown = CliRunner().invoke(cli, ["search", place, "capital of Peru", "--type", "city"]).stdout.splitlines()
    assert shown[0].split() == ["rank", "entry", "key", "score", "description"]
    assert shown[1].split()[:3] == ["1", "Lima", "city:lima"]
    nothing = CliRunner().invoke(cli, ["search", place, "qqqqqq"])
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert "nothing was found" in nothing.stderr
