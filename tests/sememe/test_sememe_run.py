"""Runs: trained, kept, opened again, asked; what they may read and what they may not."""

from __future__ import annotations

import dataclasses
import json
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kgr
from kgr import _io
from kgr.data.add_synsets import add_synset_texts
from kgr.data.babelsememe import build_babelsememe
from kgr.engine.run import Run
from kgr.errors import ConfigError, DataError, FormatError, UnknownKey
from kgr.index.store import Store
from kgr.sememe import sources
from kgr.sememe.config import READS, SememeConfig
from kgr.sememe.descriptions import Descriptions
from kgr.sememe.export import write_rankings
from kgr.sememe.features import Features
from kgr.sememe.graph_config import SpbsRrConfig
from kgr.sememe.learned import Learned
from kgr.sememe.material import sections_of
from kgr.sememe.measure import average_precisions
from kgr.sememe.methods import METHODS
from kgr.sememe.ranker import Ranker, fit_ranker
from kgr.sememe.run import SememeRun
from kgr.sememe.train import train_sememes
from kgr.show.sememes import metrics_table, prediction_table

SMALL = {"graph_dim": 8, "graph_epochs": 2, "rounds": 5, "device": "cpu"}


def settings(method: str, **more: object) -> dict[str, object]:
    return {"method": method, **{name: value for name, value in SMALL.items() if name in READS[method]}, **more}


@pytest.fixture(scope="module")
def run(told: Store, tmp_path_factory: pytest.TempPathFactory) -> SememeRun:
    return train_sememes(told, out=tmp_path_factory.mktemp("sememes") / "run", method="propagation")


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_and_is_the_same_when_it_is_opened(told: Store, tmp_path: Path, method: str) -> None:
    trained = train_sememes(told, out=tmp_path / "run", **settings(method))
    opened = kgr.load_run(tmp_path / "run")
    assert isinstance(opened, SememeRun)
    rows = np.arange(66)
    assert np.array_equal(opened.scores.rows(rows), trained.scores.rows(rows))
    assert opened.evaluate() == trained.metrics["test"] == opened.metrics["test"]
    metrics = trained.metrics["test"]
    assert (metrics["map"] > metrics["popularity"]["map"]) == (method != "popularity")
    one = opened.predict("bn:00000010n", k=3)
    assert [own.probability for own in one.results] == sorted((own.probability for own in one.results), reverse=True)
    alone = opened.scores.of(opened.scores.material.asked([10]))
    assert np.allclose(alone, opened.scores.rows(rows)[10], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("method", ["spbs-rr", "ensemble"])
def test_the_published_link_model_can_be_asked_for(told: Store, tmp_path: Path, method: str) -> None:
    own = {"equivalence": "published", "graph_margin": 2.5}
    for name, more in (("default", {}), ("published", own)):
        train_sememes(told, out=tmp_path / name, **settings(method, **more))
    chosen = [Run.open(tmp_path / name / "graph").config(SpbsRrConfig) for name in ("default", "published")]
    assert chosen[1] == dataclasses.replace(chosen[0], equivalence="published", margin=2.5) != chosen[0]


@pytest.mark.parametrize("method", ["propagation", "spbs-rr"])
def test_a_picture_has_curves_where_a_link_model_was_trained(
    told: Store, tmp_path: Path, method: str, drawn: list[Any]
) -> None:
    run = train_sememes(told, out=tmp_path / "run", **settings(method))
    assert run.plot().read_bytes().startswith(b"\x89PNG")
    titles = [axes.get_title() for axes in drawn[0].axes]
    curves = ["Loss", "Rows per second", "Learning rate"] if method == "spbs-rr" else []
    bars = drawn[0].axes[len(curves)]
    assert titles[: len(curves) + 1] == [*curves, "Sememes by part of speech, on test"]
    assert bars.containers[0][0].get_height() == run.metrics["test"]["map"]


def shuffled(folder: Path, place: Path, split: str) -> Store:
    """Build the set with the labels of a split given to other synsets and sememes."""
    place.mkdir()
    for path in folder.glob("*2id.txt"):
        (place / path.name).write_bytes(path.read_bytes())
    lines = [line.split("\t") for line in (folder / f"{split}2id.txt").read_text().splitlines()]
    tails = [line[1] for line in lines]
    random.Random(1).shuffle(tails)
    tails = [str(66 + (int(tail) - 65) % 10) for tail in tails]
    text = "".join(f"{head}\t{tail}\t{relation}\n" for (head, _, relation), tail in zip(lines, tails, strict=True))
    (place / f"{split}2id.txt").write_text(text)
    store = build_babelsememe(place, place / "store")
    return add_synset_texts(store, folder / "texts.jsonl")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("inductive", [False, True])
def test_test_labels_change_no_prediction(
    told: Store, folder: Path, tmp_path: Path, method: str, inductive: bool
) -> None:
    """Every label of test is another one: rankings, thresholds and probabilities stay byte for byte."""
    if inductive and "inductive" not in READS[method]:
        pytest.skip("the method reads no relations")
    other = shuffled(folder, tmp_path / "in", "test")
    assert not np.array_equal(other.triples("test"), told.triples("test"))
    found = []
    for number, store in enumerate((told, other)):
        more = {"inductive": True} if inductive else {}
        made = train_sememes(store, out=tmp_path / str(number), **settings(method, **more))
        write_rankings(made, tmp_path / f"{number}.tsv")
        assert made.export(tmp_path / f"{number}.jsonld") == 12
        kept = json.loads((tmp_path / str(number) / "learned.json").read_text())
        del kept["blake2b"]  # of the fingerprint of test's labels too
        assert (kept["sections"].pop("triples/test", None) is not None) == inductive
        found.append([(tmp_path / f"{number}{end}").read_bytes() for end in (".tsv", ".jsonld")] + [kept])
    assert found[0] == found[1]


def test_labels_of_valid_do_change_what_is_tuned(folder: Path, told: Store, tmp_path: Path) -> None:
    """The test above can fail: labels that may be read do leave traces."""
    other = shuffled(folder, tmp_path / "in", "valid")
    laws = [
        train_sememes(store, out=tmp_path / str(number), method="popularity").learned.law
        for number, store in enumerate((told, other))
    ]
    assert laws[0] != laws[1]


def test_the_same_call_opens_the_run(told: Store, run: SememeRun) -> None:
    said: list[str] = []
    again = train_sememes(told, out=run.path, method="propagation", threads=2, message=said.append)
    assert again.metrics == run.metrics
    assert said == [f"{run.path}: is trained already, with these settings"]
    with pytest.raises(ConfigError, match="other settings: method was 'propagation', now 'popularity'"):
        train_sememes(told, out=run.path, method="popularity")


def test_a_split_that_is_none_is_refused_with_those_that_there_are(run: SememeRun) -> None:
    with pytest.raises(UnknownKey, match="unknown split 'dev'; there are train, valid, test"):
        next(run.predict_all("dev"))


def test_sememes_never_met_are_never_predicted(run: SememeRun) -> None:
    columns = {int(column) for _, order, _ in run.predict_all() for column in order}
    assert columns == set(range(7))
    metrics = run.metrics["test"]
    assert metrics["unseen"] == {"sememes": 1, "annotations": 1}
    assert len(run.predict("bn:00000010n", k=100).results) == 7
    assert run.probabilities([10])[0, 7:].tolist() == [0, 0, 0]


def test_figures_by_group(run: SememeRun) -> None:
    metrics = run.metrics["test"]
    assert {name: own["synsets"] for name, own in metrics["by_pos"].items()} == {"n": 5, "v": 1}
    assert {name: own["synsets"] for name, own in metrics["by_sememes"].items()} == {"1": 5, "2": 1}
    assert sum(own["synsets"] for own in metrics["by_degree"].values()) == 6
    weighed = sum(own["map"] * own["synsets"] for own in metrics["by_pos"].values())
    assert weighed == pytest.approx(6 * metrics["map"])
    assert 0 <= metrics["calibration_error"] <= 1
    assert metrics["popularity"]["map"] < metrics["map"]


def test_a_new_synset_by_its_hypernym(run: SememeRun) -> None:
    found = run.predict(lemmas=["cat99"], gloss="a strange one", hypernyms=["bn:00000000n"], k=2)
    assert (found.synset, found.label, found.method, found.fallback) == (None, "cat99", "propagation", None)
    assert found.results[0].key == "AnimalBeast|兽"
    assert found.results[0].names == {"en": "AnimalBeast", "zh": "兽"}
    assert found.results[0].why[0].key == "synset:hypernym bn:00000000n"
    assert run.predict(lemmas=["cat99"], hypernyms=["bn:00000000n"], why=False).results[0].why == ()


def test_nothing_known_falls_back_to_popularity_and_says_so(run: SememeRun) -> None:
    found = run.predict(gloss="qqqq")
    assert found.method == "popularity"
    assert found.fallback is not None and "nothing that is known of the synset says anything to" in found.fallback
    assert found.unread == ("gloss",) and "no word that it knows (in en)" in found.fallback
    assert found.results[0].key == "entity|实体"
    assert found.results[0].probability == pytest.approx(found.results[0].score)


def test_what_a_method_knows_nothing_of_falls_back(told: Store, tmp_path: Path) -> None:
    """A model with vectors of its synsets alone, and words that nobody knows."""
    asked: dict[str, dict[str, Any]] = {
        "spbs-rr": {"lemmas": ["cat1"], "hypernyms": ["bn:00000000n"]},
        "spbs-sr": {"lemmas": ["qqqq"], "hypernyms": ["bn:00000000n"]},
        "ensemble": {"lemmas": ["qqqq"]},
    }
    for method, question in asked.items():
        run = train_sememes(told, out=tmp_path / method, **settings(method))
        found = run.predict(**question)
        assert (found.method, found.fallback is None) == ("popularity", False), method
        assert found.results[0].probability == pytest.approx(found.results[0].score)
        known = run.predict("bn:00000010n")
        assert (known.method, known.fallback, known.unread) == (method, None, ())
    assert run.predict(lemmas=["cat1"]).fallback is None


def test_what_the_settings_leave_out_is_told(told: Store, tmp_path: Path) -> None:
    told_of = {"lemmas": "cat1", "gloss": "fur", "hypernyms": "bn:00000000n"}
    for left_out, unread in (("relations", ("hypernyms",)), ("texts", ("lemmas", "gloss"))):
        run = train_sememes(told, out=tmp_path / left_out, **settings("neighbours", **{left_out: False}))
        found = run.predict(**told_of)
        assert (found.unread, found.fallback) == (unread, None)
        assert f"not read by this run, whose settings leave it out: {', '.join(unread)}" in prediction_table(found)


def test_one_text_is_as_good_as_several(run: SememeRun) -> None:
    several = run.predict(lemmas=["cat99"], gloss="x", examples=["y"], hypernyms=["bn:00000000n"])
    assert run.predict(lemmas="cat99", gloss="x", examples="y", hypernyms="bn:00000000n") == several


def test_new_synsets_of_which_texts_alone_are_told_have_a_law_of_their_own(told: Store, tmp_path: Path) -> None:
    """As if the synsets of a split were new: the same scores, threshold and probabilities as a user is given."""
    run = train_sememes(told, out=tmp_path / "run", **settings("neighbours"))
    law, annotations = run.learned.texts_alone, run.scores.material.annotations
    assert law is not None and law != run.learned.law
    rows, described = annotations.rows("test"), run.scores.material.descriptions
    precisions = []
    for row in rows.tolist():
        letter = chr(described.pos[row])
        new = run.predict(lemmas=described.lemmas[row], gloss=described.gloss[row], pos=letter, k=7)
        scores = run.scores.by_texts_alone(np.array([row]))
        assert [each.score for each in new.results] == pytest.approx(np.sort(scores[0])[::-1][:7].tolist(), abs=1e-6)
        said = np.sort(law.calibration.of(scores)[0])[::-1][:7]
        assert [each.probability for each in new.results] == pytest.approx(said.tolist(), abs=1e-4)
        assert sum(each.predicted for each in new.results) == law.threshold.kept(scores).sum()
        precisions.append(average_precisions(scores, annotations.of("test")[[row]])[0])
    alone = run.metrics["test"]["texts_alone"]
    assert alone["map"] == pytest.approx(np.mean(precisions))
    assert "as new, by texts alone" in metrics_table(run.metrics["test"])
    graph = train_sememes(told, out=tmp_path / "graph", **settings("propagation"))
    assert graph.learned.texts_alone is None and "texts_alone" not in graph.metrics["test"]


def test_reasons_are_found_with_the_scores(told: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The neighbours of a synset are looked for once, however many sememes have reasons."""
    run = train_sememes(told, out=tmp_path / "run", **settings("ranker"))
    views, seen = len(run.scores.material.views), []
    look = sources.similarities
    monkeypatch.setattr(sources, "similarities", lambda view, *more: (seen.append(view.name), look(view, *more))[1])
    found = run.predict(lemmas=["cat1", "soup1"], gloss="a hot animal of kind 1", k=8)
    assert sum(bool(each.why) for each in found.results) > 1
    assert len(seen) == len(set(seen)) == views


def test_bad_questions_are_refused(run: SememeRun) -> None:
    with pytest.raises(UnknownKey, match=r"unknown synset 'bn:00000011n'; nearest: bn:0\d+n \(\w+\)"):
        run.predict("bn:00000011n")
    with pytest.raises(UnknownKey, match=r"synsets with that lemma: bn:00000303v \(soup3\)"):
        run.predict("Soup3")
    with pytest.raises(ConfigError, match="one of both"):
        run.predict("bn:00000010n", gloss="a cat")
    with pytest.raises(ConfigError, match="one of both"):
        run.predict()
    with pytest.raises(ConfigError, match="k is 0"):
        run.predict("bn:00000010n", k=0)
    nearest = r"unknown synset 'bn:1n'; nearest: bn:00000001n \(cat1\), bn:00000000n \(animal\), bn:00000002n \(cat2\)"
    with pytest.raises(UnknownKey, match=nearest):
        run.predict(lemmas=["x"], hypernyms=["bn:1n"])
    with pytest.raises(UnknownKey, match=r"unknown synset 'cat3'; synsets with that lemma: bn:00000003n \(cat3\)"):
        run.predict(lemmas=["x"], hypernyms=["cat3"])
    with pytest.raises(UnknownKey, match=r"unknown synset 'bn:0000000n'; nearest: bn:00000000n"):
        run.predict("bn:0000000n")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"method": "popularity", "vectors": "x"},
            "vectors is 'x', which method popularity does not read; ranker, nei",
        ),
        ({"method": "ranker", "protocol": "published"}, "which method ranker does not read; ensemble, spbs-sr do"),
        ({"method": "graph", "equivalence": "published"}, "which method graph does not read; ensemble, spbs-rr do"),
        ({"method": "spbs-sr", "graph_margin": 4.0}, "which method spbs-sr does not read; ensemble, spbs-rr do"),
        ({"texts": False, "wordnet": False, "relations": False}, "method ranker has nothing to read"),
    ],
)
def test_settings_that_nothing_reads_are_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SememeConfig(**given)  # type: ignore[arg-type]


def test_without_lightgbm_neighbours_stand_in_and_it_is_said(
    told: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    said: list[str] = []
    made = train_sememes(told, out=tmp_path / "run", message=said.append, **settings("ranker"))
    assert made.config.method == "neighbours"
    assert said[0] == "method ranker needs LightGBM, which is not installed (kgr[sememe]): method neighbours instead"


def test_a_ranker_without_lightgbm_says_what_is_missing(
    told: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lightgbm")
    train_sememes(told, out=tmp_path / "run", **settings("ranker"))
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(ConfigError, match=r"its ranker needs LightGBM .*: pip install 'kgr\[sememe\]'"):
        kgr.load_run(tmp_path / "run").evaluate()


@pytest.mark.parametrize("method", ["ranker", "neighbours"])
def test_nothing_to_compare_by_is_an_error_that_says_so(folder: Path, tmp_path: Path, method: str) -> None:
    (tmp_path / "in").mkdir()
    for path in folder.glob("*2id.txt"):
        (tmp_path / "in" / path.name).write_text(path.read_text().replace("v\t", "n\t"))  # all of one part of speech
    store, said = build_babelsememe(tmp_path / "in", tmp_path / "store"), list[str]()
    with pytest.raises(DataError, match="nothing to compare synsets by: no texts in en, WordNet, relations or vectors"):
        train_sememes(store, out=tmp_path / "run", message=said.append, **settings(method, relations=False))
    assert f"{store.path}: has no texts of synsets in en; kgr add gives it some" in said


@pytest.mark.parametrize("method", ["spbs-sr", "ensemble"])
def test_spbs_sr_needs_vectors_or_texts(bare: Store, tmp_path: Path, method: str) -> None:
    with pytest.raises(DataError, match="SPBS-SR compares vectors, words or WordNet's closure, and the store has none"):
        train_sememes(bare, out=tmp_path / "run", **settings(method))


def test_only_published_runs_are_refused_when_labels_of_test_change(told: Store, folder: Path, tmp_path: Path) -> None:
    other = shuffled(folder, tmp_path / "in", "test")
    for protocol in ("clean", "published"):
        train_sememes(told, out=tmp_path / protocol, method="spbs-sr", protocol=protocol)
        settings = tmp_path / protocol / "config.toml"
        settings.write_text(settings.read_text().replace(str(told.path), str(other.path)))
    kgr.load_run(tmp_path / "clean").evaluate()
    with pytest.raises(FormatError, match="triples/test changed since"):
        kgr.load_run(tmp_path / "published").evaluate()


def test_a_changed_store_is_refused(folder: Path, tmp_path: Path) -> None:
    store = add_synset_texts(build_babelsememe(folder, tmp_path / "store"), folder / "texts.jsonl")
    train_sememes(store, out=tmp_path / "run", method="spbs-sr")
    line = json.dumps({"bn": "bn:00000000n", "lemmas": ["another"], "gloss": "another one"})
    (tmp_path / "other.jsonl").write_text(line + "\n")
    add_synset_texts(store, tmp_path / "other.jsonl", replace=True)
    with pytest.raises(FormatError, match=r"text/entries/en\.gloss, .* changed since; train anew"):
        kgr.load_run(tmp_path / "run").evaluate()


def test_texts_do_not_orphan_a_run_of_the_graph(folder: Path, tmp_path: Path) -> None:
    store = build_babelsememe(folder, tmp_path / "store")
    made = train_sememes(store, out=tmp_path / "run", method="propagation")
    add_synset_texts(store, folder / "texts.jsonl")
    assert kgr.load_run(tmp_path / "run").evaluate() == made.metrics["test"]


@pytest.mark.parametrize("more", [{"inductive": True}, {"protocol": "published"}])
def test_the_split_test_is_named_where_it_is_read(told: Store, more: dict[str, object]) -> None:
    assert "triples/test" not in sections_of(told, SememeConfig(method="spbs-sr"))
    assert "triples/test" in sections_of(told, SememeConfig(method="spbs-sr", **more))


def test_an_unfinished_or_damaged_run_is_refused(run: SememeRun, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes((run.path / "config.toml").read_bytes())
    with pytest.raises(FormatError, match=r"not trained to its end: it has no learned\.json"):
        kgr.load_run(tmp_path).evaluate()
    for text, message in (
        ("{}", "expected format 3"),
        ('{"format": 3, "method": {}}', "its checksum does not fit"),
        (_io.signed({"format": 3, "method": {}}), "found another 'law'; train anew"),
    ):
        (tmp_path / "learned.json").write_text(text)
        with pytest.raises(FormatError, match=message):
            kgr.load_run(tmp_path).evaluate()


def test_no_valid_annotations_are_an_error(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for path in folder.glob("*2id.txt"):
        (tmp_path / "in" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "in" / "valid2id.txt").write_text("")
    store = build_babelsememe(tmp_path / "in", tmp_path / "store")
    with pytest.raises(DataError, match="no synset is annotated in valid"):
        train_sememes(store, out=tmp_path / "run", method="popularity")
    assert not (tmp_path / "run" / "learned.json").exists()


def test_triples_in_the_store_answer_logical_queries(folder: Path, tmp_path: Path) -> None:
    from kgr.graph.graph import load_graph
    from kgr.query.answers import answers
    from kgr.query.keyed import read_arguments
    from kgr.query.words import parse

    store = build_babelsememe(folder, tmp_path / "store")
    made = train_sememes(store, out=tmp_path / "run", method="propagation")
    grown = made.add_to_store("predicted")
    asked = parse("2i")
    keys = ["AnimalBeast|兽", "^synset:have_sememe", "entity|实体", "^synset:have_sememe"]
    found = [
        set(answers(load_graph(grown, splits), asked, read_arguments(grown, asked, keys)).tolist())
        for splits in (("train",), ("train", "predicted"))
    ]
    assert found[0] == {1, 3, 5, 7}
    assert found[0] < found[1]
    assert kgr.load_run(tmp_path / "run").evaluate() == made.metrics["test"]
    with pytest.raises(ConfigError, match="expected another name than train, valid, test"):
        made.add_to_store("test")


@pytest.mark.parametrize("method", [method for method in METHODS if "inductive" in READS[method]])
def test_hidden_relations_leave_no_trace(told: Store, folder: Path, tmp_path: Path, method: str) -> None:
    """A store in which valid and test synsets have no relations gives the same rankings as one that hides them."""
    (tmp_path / "in").mkdir()
    for path in folder.glob("*2id.txt"):
        (tmp_path / "in" / path.name).write_bytes(path.read_bytes())
    held = {str(11 * family + place) for family in range(6) for place in (9, 10)}
    lines = (folder / "train2id.txt").read_text().splitlines()
    kept = [line for line in lines if line.endswith("\t0") or not held & set(line.split("\t")[:2])]
    assert len(lines) - len(kept) == 6 * 3
    (tmp_path / "in" / "train2id.txt").write_text("\n".join(kept))
    bare = build_babelsememe(tmp_path / "in", tmp_path / "store")
    other = add_synset_texts(bare, folder / "texts.jsonl")
    found = []
    for number, store in enumerate((told, other)):
        made = train_sememes(store, out=tmp_path / str(number), **settings(method, inductive=True))
        write_rankings(made, tmp_path / f"{number}.tsv")
        found.append((tmp_path / f"{number}.tsv").read_bytes())
    assert found[0] == found[1]


@pytest.mark.parametrize("inductive", [False, True])
def test_trees_learn_from_synsets_like_those_that_are_asked(
    told: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inductive: bool
) -> None:
    pytest.importorskip("lightgbm", reason="needs LightGBM: pip install kgr[sememe]")
    edges: list[int] = []

    def fit(features: Features, descriptions: Descriptions, *more: Any) -> Ranker:
        edges.append(len(descriptions.edges.others))
        return fit_ranker(features, descriptions, *more)

    monkeypatch.setattr("kgr.sememe.methods.fit_ranker", fit)
    train_sememes(told, out=tmp_path / "run", **settings("ranker", inductive=inductive))
    assert (edges[0] > 0) != inductive


def test_a_fit_that_was_killed_is_made_anew(told: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is whole only when what it learned is there, which is written after the figures."""
    whole = train_sememes(told, out=tmp_path / "whole", method="popularity")

    def killed(learned: Learned, folder: Path) -> None:
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Learned, "write", killed)
        train_sememes(told, out=tmp_path / "run", method="popularity")
    with pytest.raises(FormatError, match="is not trained to its end"):
        assert kgr.load_run(tmp_path / "run").learned
    again = train_sememes(told, out=tmp_path / "run", method="popularity")
    for name in ("learned.json", "metrics.jsonl"):
        assert (again.path / name).read_bytes() == (whole.path / name).read_bytes()


def test_flipped_bytes_of_a_ranker_are_refused(told: Store, tmp_path: Path) -> None:
    pytest.importorskip("lightgbm", reason="needs LightGBM: pip install kgr[sememe]")
    run = train_sememes(told, out=tmp_path / "run", **settings("ranker"))
    for name in ("ranker-0.txt", "ranker-2.txt", "learned.json"):
        path = run.path / name
        whole = path.read_bytes()
        path.write_bytes(whole.replace(b"0", b"1", 1))
        with pytest.raises(FormatError, match=name):
            kgr.load_run(run.path).evaluate()
        path.write_bytes(whole)
    assert kgr.load_run(run.path).evaluate() == run.metrics["test"]
