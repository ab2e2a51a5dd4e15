"""Metrics and answers of query models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kgr.show.table import clean, table

if TYPE_CHECKING:
    from kgr.multihop.run import Answers

MARKS = {"graph": "*", "held-out": "+", None: " "}

LEGEND = "* an answer in the graph that was trained on; + an answer only by held-out edges, which the model never saw"

_COLUMNS = {
    "MRR": "mrr",
    "Hits@1": "hits@1",
    "Hits@3": "hits@3",
    "Hits@10": "hits@10",
    "popularity MRR": "popularity_mrr",
}
_SKIPPED = {
    "hard": "a derivation uses a known link, so the answer is no full-inference one",
    "skip_unseen": "an anchor or the answer does not occur in train",
}
_BIASED = "Biased: among few candidates ranks are lower, and every figure is higher, than among all entities."
_MEANS = {"avg_p": "mean without negation", "avg_n": "mean with negation"}


def metrics_table(metrics: Mapping[str, Any]) -> str:
    """Return an evaluation as a table, in percent; ``metrics`` as ``MultihopRun.evaluate`` returns them."""
    rows, apart = [], []
    skipped = metrics.get("skipped", {})
    for name, own in metrics["structures"].items():
        if own is None:
            apart.append(f"{name}: not possible, this model cannot negate")
        elif not own["queries"]:
            why = "none is left" if skipped else "this graph gave none"
            apart.append(f"{name}: no queries of this structure, {why}")
        else:
            rows.append([name, f"{own['queries']:,}", *(_percent(own.get(key)) for key in _COLUMNS.values())])
    for name, words in _MEANS.items():
        if metrics.get(name) is not None:
            mean, popularity = _percent(metrics[name]), _percent(metrics.get(f"popularity_{name}"))
            rows.append([name, "", mean, "", "", "", popularity, words])
    among = f"{metrics['candidates']:,} drawn" if "candidates" in metrics else "all"
    head = f"{metrics['split']} queries: hard answers ranked among {among} entities, other answers left out; in percent"
    biased = [_BIASED] if "candidates" in metrics else []
    lines = [head, *biased, "", table(["structure", "queries", *_COLUMNS, ""], rows, "lrrrrrrl"), *apart]
    for option, counts in skipped.items():
        lines += ["", _left_out(option, counts)]
    if metrics.get("drawn"):
        lines += ["", "These queries were drawn from this store: the figures compare with no published table."]
    return "\n".join(lines)


def _left_out(option: str, counts: Mapping[str, int]) -> str:
    pairs, queries = (f"{counts[what]:,}" for what in ("answers", "queries"))
    return f"Left out: {pairs} pairs of query and hard answer, with them {queries} whole queries: {_SKIPPED[option]}."


def _percent(fraction: float | None) -> str:
    return "" if fraction is None else f"{100 * fraction:.1f}"


def answers_table(answers: Answers) -> str:
    """Return ranked answers as a table, with what is known of each."""
    rows = [
        [str(rank), result.label, result.key, f"{result.score:.3f}", result.known or ""]
        for rank, result in enumerate(answers.results, 1)
    ]
    return table(["rank", "answer", "key", "score", "known"], rows, "rllrl") + f"\n{known_answers(answers)}"


def known_answers(answers: Answers) -> str:
    """Say how many right answers the edges give, and how many of them are among the results."""
    among = [result.known for result in answers.results]
    words = {"graph": "in the graph", "held-out": "only by held-out edges"}
    counts = (f"{answers.known[where]:,} {how} ({among.count(where)} above)" for where, how in words.items())
    return f"right answers: {', '.join(counts)}"


def question(text: str, words: str, answers: Answers | None) -> str:
    """Return a question, its query in words, and the answers with the right ones marked.

    ``answers`` is None where the model cannot do the structure.
    """
    lines = [clean(text), f"  {words}"]
    if answers is None:
        return "\n".join([*lines, "  not possible: it negates, which this model cannot"])
    rows = [
        [f"  {rank}", MARKS[result.known], result.label, f"{result.score:.3f}"]
        for rank, result in enumerate(answers.results, 1)
    ]
    return "\n".join([*lines, table(["", "", "", ""], rows, "rllr"), f"  {known_answers(answers)}"])
