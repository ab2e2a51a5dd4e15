"""What an analysis found, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kgr.data.analysis import Analysis
from kgr.show.table import table

_SHARED = ["relation", "label", "triples", "symmetry %", "composed %"]


def analysis_in_words(found: Analysis, most: int = 20) -> str:
    """Return the tables of an analysis; of relations, inversions and rules the first ``most``."""
    relations = sorted(found.relations.items(), key=lambda item: (-item[1]["triples"], item[0]))
    parts = [
        table(["", ""], _overview(found), "ll"),
        _cut(_relations(relations[:most]), len(relations), most, "relations"),
        _cut(_ends(relations[:most]), len(relations), most, "relations"),
    ]
    if found.inversions:
        parts.append(_cut(_inversions(found, most), len(found.inversions), most, "inversions"))
    if found.rules:
        parts.append(_cut(_rules(found, most), len(found.rules), most, "rules"))
    return "\n\n".join(parts)


def _cut(text: str, count: int, most: int, what: str) -> str:
    return text if count <= most else f"{text}\n… {count - most:,} more {what}: --top, or all with --json"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _named(rows: Sequence[Mapping[str, Any]], most: int = 3) -> str:
    return ", ".join(f"{row['label']} {_percent(row['share'])}%" for row in rows[:most])


def _overview(found: Analysis) -> list[list[str]]:
    graph, degree = found.graph, found.graph["degree"]
    facts = [
        ["splits", ", ".join(found.splits)],
        *([what, f"{graph[what]:,}"] for what in ("entities", "relations", "triples")),
        ["degree", f"mean {degree['mean']:.1f}, median {degree['median']:g}, max {degree['max']:,}"],
        ["popular", f"{_named(graph['popular'])} of triples"],
        ["types", f"{_named(graph['types'])} of entities"],
        ["symmetric", f"{_percent(graph['symmetric'])}% of triples are of a relation that mostly has its reverse"],
        ["compositional", f"{_percent(graph['compositional'])}% of triples follow from a rule below"],
        ["rules", f"{len(found.rules):,}"],
    ]
    if found.left_out:
        facts.append(["left out", f"{len(found.left_out):,} paths with more walks than asked for"])
    if found.lengths_left_out:
        first, *longer = found.lengths_left_out
        also = f" and {longer[0]}" if longer else ""
        facts.append(["left out", f"all rules of length {first}{also}: more than --max-rules of length {first}"])
    return facts


def _relations(relations: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    rows = [
        [
            key,
            facts["label"] if facts["label"] != key else "",
            f"{facts['triples']:,}",
            _percent(facts["symmetry"]),
            _percent(facts["compositional"]),
            *(f"{facts[side]:,}" for side in ("heads", "tails")),
            *(f"{facts[mean]:.1f}" for mean in ("tails_per_head", "heads_per_tail")),
        ]
        for key, facts in relations
    ]
    return table([*_SHARED, "heads", "tails", "tails/head", "heads/tail"], rows, "llrrrrrrr")


def _ends(relations: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    sides = ("head_types", "tail_types", "popular_tails")
    rows = [[key, *(_named(facts[side], 2) for side in sides)] for key, facts in relations]
    return table(["relation", "types of heads", "types of tails", "popular tails"], rows, "llll")


def _inversions(found: Analysis, most: int) -> str:
    rows = [
        [
            row["relation"],
            row["inverse"],
            f"{row['shared']:,}",
            _percent(row["confidence"]),
            _percent(row["inverse_confidence"]),
        ]
        for row in found.inversions[:most]
    ]
    return table(["relation", "inverse", "shared", "% of relation", "% of inverse"], rows, "llrrr")


def _rules(found: Analysis, most: int) -> str:
    rows = [
        [
            " ".join(row["rule"].split()),
            *(f"{row[count]:,}" for count in ("positive_examples", "body_size")),
            *(_percent(row[share]) for share in ("head_coverage", "std_confidence", "pca_confidence")),
        ]
        for row in found.rules[:most]
    ]
    return table(["rule", "positive", "body", "head coverage %", "std %", "PCA %"], rows, "lrrrrr")
