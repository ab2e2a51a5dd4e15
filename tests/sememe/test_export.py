"""Files of predictions: whole rankings, tables, SKOS; the notice travels with them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from kgr.errors import ConfigError
from kgr.index.store import Store
from kgr.sememe.export import NOTICE, write_rankings
from kgr.sememe.run import SememeRun
from kgr.sememe.train import train_sememes

MADE = "# method propagation, protocol clean: learned from sememes of train alone"


@pytest.fixture(scope="module")
def run(told: Store, tmp_path_factory: pytest.TempPathFactory) -> SememeRun:
    return train_sememes(told, out=tmp_path_factory.mktemp("sememes") / "run", method="propagation")


def test_rankings_have_every_sememe_that_may_be_predicted(run: SememeRun, tmp_path: Path) -> None:
    assert write_rankings(run, tmp_path / "all.tsv") == 66
    notice, made, head, *lines = (tmp_path / "all.tsv").read_text().splitlines()
    assert [notice, made] == [f"# {NOTICE}", MADE]
    assert head == "synset\tsememe\tscore"
    assert len(lines) == 66 * 7
    assert write_rankings(run, tmp_path / "test.tsv", "test") == 6
    own = [line.split("\t") for line in (tmp_path / "test.tsv").read_text().splitlines()[3:10]]
    assert {line[0] for line in own} == {"bn:00000010n"}
    scores = [float(line[2]) for line in own]
    assert scores == sorted(scores, reverse=True)
    assert [line[1] for line in own] == [each.key for each in run.predict("bn:00000010n").results]


def test_a_table_has_the_notice(run: SememeRun, tmp_path: Path) -> None:
    assert run.export(tmp_path / "f.tsv") == 12
    notice, made, head, first, *_ = (tmp_path / "f.tsv").read_text().splitlines()
    assert [notice, made] == [f"# {NOTICE}", MADE]
    assert "non-commercial" in notice
    assert head.split("\t") == ["synset", "label", "sememe", "score", "probability"]
    assert first.split("\t")[:2] == ["bn:00000009n", "cat9"]
    assert run.export(tmp_path / "test.tsv", split="test") == 6
    with pytest.raises(ConfigError, match=r"ends in '\.csv', expected one of \.tsv, \.jsonld"):
        run.export(tmp_path / "f.csv")


def test_skos(run: SememeRun, tmp_path: Path) -> None:
    run.export(tmp_path / "f.jsonld", split="test")
    found = json.loads((tmp_path / "f.jsonld").read_text())
    nodes = found["@graph"]
    assert nodes[0]["dcterms:rights"] == NOTICE
    assert nodes[0]["dcterms:provenance"] == MADE.removeprefix("# ")
    by_id = {node["@id"]: node for node in nodes if "@id" in node}
    assert len(by_id) == len([node for node in nodes if "@id" in node])
    synset = by_id["http://babelnet.org/rdf/s00000010n"]
    assert synset["skos:prefLabel"] == [{"@value": "cat10", "@language": "en"}]
    assert synset["skos:definition"][0]["@value"].startswith("a animal")
    for related in synset["skos:related"]:
        assert by_id[related["@id"]]["@type"] == "skos:Concept"
    statements = [node for node in nodes if node["@type"] == "rdf:Statement"]
    assert len(statements) == sum(len(node.get("skos:related", [])) for node in by_id.values())
    assert all(0 <= node["probability"] <= 1 for node in statements)


def test_every_output_of_the_published_protocol_says_so(told: Store, tmp_path: Path) -> None:
    store = Store(shutil.copytree(told.path, tmp_path / "store"))
    run = train_sememes(store, out=tmp_path / "run", method="spbs-sr", protocol="published")
    write_rankings(run, tmp_path / "all.tsv", "test")
    run.export(tmp_path / "f.tsv")
    run.export(tmp_path / "f.jsonld")
    for name in ("all.tsv", "f.tsv", "f.jsonld"):
        text = (tmp_path / name).read_text()
        assert NOTICE in text
        assert "method spbs-sr, protocol published: read sememes of valid and of other test synsets too" in text
    source = run.add_to_store("guessed").manifest["sources"]["triples/guessed"]
    assert source == {"run": str(run.path), "method": "spbs-sr", "protocol": "published", "notice": NOTICE}
