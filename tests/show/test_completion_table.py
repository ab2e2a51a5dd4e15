"""Evaluations of link predictors as text."""

from __future__ import annotations

from typing import Any

from kgr.show.completion import metrics_table

EMPTY = {"triples": 0, **dict.fromkeys(["mrr", "mr", "adjusted_mean_rank", "hits@1", "hits@3", "hits@10"])}


def leaf(triples: int = 1234, **more: Any) -> dict[str, Any]:
    hits = {"hits@1": 0.05, "hits@3": 0.15, "hits@10": 1.0}
    own = {"triples": triples, "mrr": 0.1234, "mr": 1057.25, "adjusted_mean_rank": 0.0125, "popularity_mrr": 0.0321}
    return {**own, **hits, "tail_mrr": 0.2, "head_mrr": 0.1, **more}


def metrics(**more: Any) -> dict[str, Any]:
    side = {key: value for key, value in leaf().items() if key not in ("tail_mrr", "head_mrr")}
    relations = {
        "r1": leaf(34, label="r1", category=None),
        "r0": leaf(1200, label="has part", category="1-N"),
    }
    return {
        "split": "test",
        "limit": None,
        **leaf(),
        "sides": {"tail": side, "head": side},
        "relations": relations,
        "categories": {"1-1": EMPTY, "1-N": leaf(1200)},
        "patterns": {"symmetric": leaf(5), "compositional": leaf(7, rule_length=3)},
        "unseen": {"entities": EMPTY, "relations": leaf(34)},
        **more,
    }


def test_every_table() -> None:
    figures = "12.3      20.0      10.0     5.0    15.0    100.0             3.2  1,057.2        0.013"
    head = "triples   MRR  tail MRR  head MRR  Hits@1  Hits@3  Hits@10  popularity MRR       MR  MR / chance"
    alone = figures.replace("20.0      10.0", "              ")
    assert metrics_table(metrics()).split("\n") == [
        "test triples: tail and head ranked among all entities, other known answers left out; in percent, but mean "
        "ranks",
        "",
        f"                  {head}",
        f"all                 1,234  {figures}",
        f"tails               1,234  {alone}",
        f"heads               1,234  {alone}",
        "1-1                     0",
        f"1-N                 1,200  {figures}",
        f"symmetric               5  {figures}  relations that mostly have their reverse in train",
        f"compositional           7  {figures}  follow from two or three relations in a row in train",
        f"unseen relations       34  {figures}  of a relation that train does not have",
        "",
        f"relation  label          {head}",
        f"r0        has part  1-N    1,200  {figures}",
        f"r1                            34  {figures}",
    ]


def test_relations_are_cut_and_said() -> None:
    lines = metrics_table(metrics(), 1).split("\n")
    assert lines[-1] == "… 1 more relations: --top, or all with --json"
    assert lines[-2].startswith("r0 ")


def test_what_was_drawn_and_what_was_not_searched_is_said() -> None:
    text = metrics_table(metrics(limit=1234, patterns={"symmetric": leaf(5), "compositional": None}))
    assert text.startswith("test triples, 1,234 of them drawn: tail")
    assert "\n\ncompositional: no rules were searched" in text
    two = metrics(patterns={"symmetric": leaf(5), "compositional": leaf(7, rule_length=2)})
    assert "follow from two relations in a row" in metrics_table(two)


def test_without_tables() -> None:
    kept = ("split", "limit", "sides", *leaf())
    bare = {key: value for key, value in metrics().items() if key in kept}
    assert len(metrics_table(bare).split("\n")) == 6
