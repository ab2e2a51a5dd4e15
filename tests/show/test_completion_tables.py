"""Classifications and predictions as text."""

from __future__ import annotations

from typing import Any

from kgr.completion.calibration import Calibration
from kgr.completion.facts import Fact
from kgr.completion.predict import Prediction, Predictions
from kgr.show.classification import classification_table
from kgr.show.predictions import facts_table, predictions_table, probability_in_words


def two(accuracy: float, f1: float) -> dict[str, float]:
    return {"accuracy": accuracy, "f1": f1}


def metrics(**more: Any) -> dict[str, Any]:
    relations = {
        "P1": {"triples": 2, **two(0.5, 0.25), "threshold": None, "valid_triples": 0},
        "P2": {"triples": 1234, **two(1.0, 0.9), "threshold": -1.5, "valid_triples": 7},
    }
    baselines = {"random_negatives": two(0.97, 0.96), "relation_prior": two(0.5, 0.6), "popularity": two(0.7, 0.8)}
    found = {"split": "test", "protocol": "published", "negatives": "stored", "side": "tail", "triples": 1236}
    own = {**two(0.8, 0.85), "precision": 0.75, "recall": 0.9}
    return {**found, **own, "valid": two(0.9, 0.95), "relations": relations, "baselines": baselines, **more}


def test_a_classification() -> None:
    assert classification_table(metrics(), {"P1": "born in", "P2": "works"}).split("\n") == [
        "1,236 test triples, facts and the store's negatives, told apart by a threshold per relation",
        "fitted on valid (published protocol; scored as answers for the tail); in percent",
        "",
        "       accuracy    F1  precision  recall",
        "test       80.0  85.0       75.0    90.0  the model",
        "valid      90.0  95.0                     the model, where it was fitted",
        "           97.0  96.0                     the same model among negatives with a random tail",
        "           50.0  60.0                     what most triples of the relation are in valid",
        "           70.0  80.0                     training edges of the relation at head and tail",
        "",
        "relation  key  triples  in valid  accuracy    F1",
        "works     P2     1,234         7     100.0  90.0",
        "born in   P1         2         0      50.0  25.0",
    ]


def test_a_classification_of_valid_says_that_it_was_fitted_there() -> None:
    lines = classification_table(metrics(split="valid"), {"P1": "born in", "P2": "works"}).split("\n")
    assert [line.rpartition("  ")[2] for line in lines if "the model" in line] == ["the model, where it was fitted"]


def test_predictions() -> None:
    results = (
        Prediction("a", "Ä", 1.5, None, "graph"),
        Prediction("b", "瑞士", 0.25, 0.123, "held-out"),
        Prediction("c", "c", -3.0, 0.0004, None),
    )
    found = Predictions("x", "r", None, results, {"graph": 1200, "held-out": 1})
    assert predictions_table(found).split("\n") == [
        "rank  tail  key   score  probability  known",
        "   1  Ä     a     1.500               graph",
        "   2  瑞士  b     0.250        12.3%  held-out",
        "   3  c     c    -3.000         0.0%",
        "known: 1,200 in the graph (1 above), 1 only by held-out edges (1 above)",
    ]


def test_facts() -> None:
    fact = Fact("a", "r", "b", "Ä", "B\n", 1.25, 0.5)
    assert facts_table([fact]).split("\n") == [
        "rank  head  key  tail  key  score  probability",
        "   1  Ä     a    B     b    1.250        50.0%",
    ]


def test_what_a_probability_is() -> None:
    assert probability_in_words(None) == "no probabilities: valid has no triples to fit them on"
    assert "fitted on valid.\n" in probability_in_words(Calibration((0, 1, 0, 0), 3))
    assert "on test they were 1.2 points off" in probability_in_words(Calibration((0, 1, 0, 0), 3, 0.0123))
