"""Rankings and explained scores as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kgr.show.table import clean, table

if TYPE_CHECKING:
    from kgr.retrieval.explain import Explanation
    from kgr.retrieval.interpolate import Interpolation
    from kgr.retrieval.results import Result


def results_table(results: Sequence[Result], *, first: int = 1) -> str:
    """Return the results of a query as a table, each with a snippet below it, the query's words in it ``*marked*``."""
    rows = [[str(rank), own.key, own.label, f"{own.score:.4f}"] for rank, own in enumerate(results, first)]
    header, *lines = table(["rank", "key", "title or label", "score"], rows, "rllr").split("\n")
    below = (f"      {clean(own.snippet.marked())}" if own.snippet.text else "" for own in results)
    return "\n".join([header, *(line for pair in zip(lines, below, strict=True) for line in pair if line)])


def explanation_table(explained: Explanation) -> str:
    """Return what each term adds to a score as a table."""
    rows = [
        [
            own.index,
            own.term,
            ", ".join(own.words),
            str(own.count),
            f"{own.statistic:.4g}",
            str(own.frequency),
            str(own.length),
            f"{own.contribution:.4f}",
        ]
        for own in explained.terms
    ]
    header = ["index", "term", "words", "in query", explained.statistic, "in text", "length", "contribution"]
    parts = [f"{clean(explained.label)} ({explained.key}): score {explained.score:.4f}"]
    if not explained.found:
        parts.append("not found: it has no term that counts")
    parts.append(table(header, rows, "lllrrrrr"))
    if explained.dropped:
        parts.append(f"not counted, stop words or in no text: {', '.join(map(clean, explained.dropped))}")
    return "\n".join(parts)


def weights_table(found: Interpolation) -> str:
    """Return the weights of an interpolation as a table: of each fold, and of queries that are not judged."""
    counts = [int((found.fold == fold).sum()) for fold in range(-1, len(found.weights))]
    rows = [
        [str(fold), f"{count:,}", f"{weight:.2f}"]
        for fold, (count, weight) in enumerate(zip(counts[1:], found.weights.tolist(), strict=True))
    ]
    return table(["fold", "queries", "weight"], [*rows, ["not judged", f"{counts[0]:,}", f"{found.weight:.2f}"]], "lrr")
