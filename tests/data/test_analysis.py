"""Analyses by key: the numbers that CoDEx publishes, and those of a graph small enough to count by hand."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kgr
from kgr.data.analysis import Analysis, analyze
from kgr.data.build import build_store


@pytest.fixture(scope="module")
def known(mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Known data sets from the mirror alone."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("KGR_HOME", str(tmp_path_factory.mktemp("home")))
        environment.setenv("https_proxy", "http://127.0.0.1:9")
        yield


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def renamed(rule: str) -> str:
    """A rule with its inner variables numbered: the published ones go by any letter."""
    names = {"?a": "?a", "?b": "?b"}
    return " ".join(names.setdefault(word, f"?{len(names)}") if word[0] == "?" else word for word in rule.split())


PUBLISHED = {
    "Head Coverage": "head_coverage",
    "Std Confidence": "std_confidence",
    "PCA Confidence": "pca_confidence",
    "Positive Examples": "positive_examples",
    "Body size": "body_size",
    "PCA Body size": "pca_body_size",
    "Length": "length",
}


@pytest.mark.parametrize(("size", "rules"), [("s", 26), ("m", 44)])
def test_every_published_row_of_codex(size: str, rules: int, mirror: Path, known: None) -> None:
    """CoDEx lists a selection of its rules; each is found, with the same numbers."""
    found = analyze(f"codex-{size}")
    ours = {renamed(row["rule"]): row for row in found.rules}
    assert len(ours) == len(found.rules)
    listed = rows_of(mirror / f"codex/analysis/paths/codex-{size}/paths.tsv")
    assert len(listed) == rules
    for row in listed:
        own = ours[renamed(row["Rule"])]
        assert own["functional_variable"] == row["Functional variable"]
        for theirs, name in PUBLISHED.items():
            assert own[name] == pytest.approx(float(row[theirs]), abs=1e-9), (row["Rule"], name)
    symmetric = rows_of(mirror / f"codex/analysis/symmetry/codex-{size}/symmetry.tsv")
    mostly = {key for key, facts in found.relations.items() if facts["symmetry"] >= 0.5}
    assert mostly == {row["relation"] for row in symmetric}
    for row in symmetric:
        facts = found.relations[row["relation"]]
        assert 100 * facts["symmetry"] == pytest.approx(float(row["symmetry"]), rel=1e-12)
        assert 100 * facts["share"] == pytest.approx(float(row["percent_of_triples"]), rel=1e-12)
    assert found.left_out == ()


def test_fb15k_237_beside_it(known: None) -> None:
    """More of FB15k-237 follows from two relations in a row than of CoDEx-M, and more of it is symmetric."""
    fb15k, codex = (analyze(name, length=2).graph for name in ("fb15k-237", "codex-m"))
    assert (fb15k["triples"], codex["triples"]) == (310_116, 206_205)
    assert [round(graph["compositional"], 4) for graph in (fb15k, codex)] == [0.5864, 0.2190]
    assert [round(graph["symmetric"], 4) for graph in (fb15k, codex)] == [0.1429, 0.0401]


TRAIN = """\
ann knows bob
bob knows ann
ann parent cy
bob parent cy
cy child ann
bob knows dan
dan knows dan
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> kgr.Store:
    folder = tmp_path_factory.mktemp("small")
    (folder / "train.tsv").write_text(TRAIN.replace(" ", "\t"))
    (folder / "valid.tsv").write_text("cy\tchild\tbob\n")
    types = "ann\tperson adult\nbob\tperson\ncy\tperson\n"
    (folder / "entities.tsv").write_text("key\ttypes\n" + types)
    return build_store(
        folder / "store", train=folder / "train.tsv", valid=folder / "valid.tsv", entities_table=folder / "entities.tsv"
    )


def test_facts_counted_by_hand(small: kgr.Store) -> None:
    found = analyze(small, splits=["train"])
    knows = found.relations["knows"]
    assert (knows["triples"], knows["heads"], knows["tails"], knows["loops"]) == (4, 3, 3, 1)
    assert knows["share"] == pytest.approx(4 / 7)
    assert knows["symmetry"] == 0.75
    assert (knows["max_tails"], knows["max_heads"], knows["tails_per_head"]) == (2, 2, pytest.approx(4 / 3))
    assert knows["popular_heads"][0] == {"key": "bob", "label": "bob", "share": 0.5}
    assert named(knows["head_types"]) == {"person": 0.75, "adult": 0.25}
    assert named(knows["tail_types"]) == {"person": 0.5, "adult": 0.25}
    assert named(found.graph["types"]) == {"person": 0.75, "adult": 0.25}
    assert found.graph["degree"] == {"mean": 3.5, "median": 3.5, "max": 4, "none": 0}
    assert found.graph["symmetric"] == pytest.approx(4 / 7)
    assert found.inversions == (
        {"relation": "parent", "inverse": "child", "shared": 1, "confidence": 0.5, "inverse_confidence": 1.0},
    )


def named(rows: list[dict[str, Any]]) -> dict[str, float]:
    return {row["key"]: row["share"] for row in rows}


def test_splits_are_taken_together(small: kgr.Store) -> None:
    found = analyze(small)
    assert found.splits == ("train", "valid")
    assert found.inversions[0]["confidence"] == found.inversions[0]["inverse_confidence"] == 1.0
    assert analyze(small, splits=["valid"]).graph["triples"] == 1
    assert analyze(small, splits=["valid"]).graph["degree"]["none"] == 2


def test_rules_by_key(small: kgr.Store) -> None:
    rules = {row["rule"]: row for row in analyze(small, splits=["train"], min_positive=1).rules}
    own = rules["?a  knows  ?h  ?h  parent  ?b   => ?a  parent  ?b"]
    assert own["body"] == ["knows", "parent"]
    assert (own["positive_examples"], own["body_size"], own["pca_body_size"]) == (2, 2, 2)
    assert own["head_coverage"] == own["std_confidence"] == 1.0


def test_wrong_arguments_are_named(small: kgr.Store) -> None:
    with pytest.raises(kgr.UnknownKey, match="unknown split 'vaild'"):
        analyze(small, splits=["vaild"])
    with pytest.raises(kgr.ConfigError, match="none twice"):
        analyze(small, splits=["train", "train"])
    with pytest.raises(kgr.ConfigError, match="none twice"):
        analyze(small, splits=[])
    with pytest.raises(kgr.ConfigError, match="unknown setting 'lenght'; nearest: length"):
        analyze(small, lenght=2)


def test_left_out_paths_are_told(small: kgr.Store) -> None:
    found: Analysis = analyze(small, max_walks=1)
    assert {"body": ["knows", "knows"], "walks": 5} in found.left_out
    assert all(row["walks"] > 1 for row in found.left_out)


def test_nations_is_too_dense_for_rules_of_three(known: None) -> None:
    """14 entities and 55 relations: over ten million rules of length 3, which are left out, and said."""
    found = analyze("nations")
    assert (len(found.rules), found.lengths_left_out) == (102_933, (3,))
    assert {rule["length"] for rule in found.rules} == {2}
