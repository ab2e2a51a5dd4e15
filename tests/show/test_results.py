"""Metrics, answers and stores as text."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from kgr.data.build import build_store
from kgr.data.describe import entry
from kgr.show.multihop import answers_table, metrics_table, question
from kgr.show.queries import queries_table, statistics_table
from kgr.show.store import entry_in_words, overview


def metrics(**more: Any) -> dict[str, Any]:
    own = {"queries": 1000, "mrr": 0.1234, "hits@1": 0.05, "hits@3": 0.15, "hits@10": 1.0, "popularity_mrr": 0.0321}
    none = {"queries": 0, "mrr": None, "hits@1": None, "hits@3": None, "hits@10": None, "popularity_mrr": None}
    means = {"avg_p": 0.5, "avg_n": None, "popularity_avg_p": 0.25, "popularity_avg_n": None}
    return {"split": "test", "structures": {"1p": own, "3i": none, "2in": None}, **means, **more}


def answers() -> Any:
    rows = [("a", "Ä", 1.5, "graph"), ("b", "瑞士", 0.25, "held-out"), ("c", "c", -3.0, None)]
    results = [SimpleNamespace(key=key, label=label, score=score, known=known) for key, label, score, known in rows]
    return SimpleNamespace(structure="1p", query=("x", "r"), results=results, known={"graph": 1200, "held-out": 1})


def test_metrics() -> None:
    assert metrics_table(metrics()).split("\n")[2:] == [
        "structure  queries   MRR  Hits@1  Hits@3  Hits@10  popularity MRR",
        "1p           1,000  12.3     5.0    15.0    100.0             3.2",
        "avg_p               50.0                                     25.0  mean without negation",
        "3i: no queries of this structure, this graph gave none",
        "2in: not possible, this model cannot negate",
    ]


def test_what_was_left_out() -> None:
    skipped = {"hard": {"queries": 0, "answers": 5}, "skip_unseen": {"queries": 2, "answers": 1234}}
    lines = metrics_table(metrics(skipped=skipped)).split("\n")
    assert "3i: no queries of this structure, none is left" in lines
    assert lines[-4:] == [
        "",
        "Left out: 5 pairs of query and hard answer, with them 0 whole queries: a derivation uses a known link, so the "
        "answer is no full-inference one.",
        "",
        "Left out: 1,234 pairs of query and hard answer, with them 2 whole queries: an anchor or the answer does not "
        "occur in train.",
    ]


def test_own_queries_compare_with_no_published_table() -> None:
    assert "compare with no published table" in metrics_table(metrics(drawn=True))
    assert "published" not in metrics_table(metrics(drawn=False))


def test_counts_of_queries() -> None:
    own = {"queries": 2, "easy": 1000, "hard": 3, "unranked": 5, "pairs": 8}
    one = {**own, "full_inference": 8, "unseen_links": {"1": 8}}
    two = {**own, "full_inference": 1, "unseen_links": {"1": 5, "2": 3}}
    none = {"queries": 0, "easy": 0, "hard": 0, "unranked": 0, "pairs": 0, "full_inference": 0, "unseen_links": {}}
    assert queries_table({"1p": one, "2p": two, "3p": none}).splitlines()[:4] == [
        "structure  queries  easy answers  hard answers  unranked  full inference  1 unseen  2 unseen",
        "1p               2         1,000             3         5          100.0%    100.0%",
        "2p               2         1,000             3         5           12.5%     62.5%     37.5%",
        "3p               0             0             0         0",
    ]


def test_statistics() -> None:
    numbers = {"mean": 1234.56, "quantiles": {"0": 1.0, "0.25": 2.0, "0.5": 3.4, "0.95": 5000.0, "1": 6000.0}}
    one = {"queries": 1000, "back_steps": None, "idle_negations": None, "crowded": 0, "answers": numbers}
    two = {**one, "back_steps": 0.714, "idle_negations": 0.0, "crowded": 12}
    lines = statistics_table({"1p": one, "inp": None, "pin": two}).split("\n")
    assert lines[:5] == [
        "structure  queries  steps back  idle negations  crowded  mean answers  least  25%  median    95%   most",
        "1p           1,000                                    0       1,234.6      1    2       3  5,000  6,000",
        "pin          1,000       71.4%            0.0%       12       1,234.6      1    2       3  5,000  6,000",
        "inp: left out, this graph cannot host it, or too rarely",
        "",
    ]
    assert statistics_table({"1p": None}).split("\n")[1] == "1p: left out, this graph cannot host it, or too rarely"


def test_answers() -> None:
    assert answers_table(answers()).split("\n") == [
        "rank  answer  key   score  known",
        "   1  Ä       a     1.500  graph",
        "   2  瑞士    b     0.250  held-out",
        "   3  c       c    -3.000",
        "right answers: 1,200 in the graph (1 above), 1 only by held-out edges (1 above)",
    ]


def test_question() -> None:
    assert question("Who?", "x → r", answers()).split("\n") == [
        "Who?",
        "  x → r",
        "  1  *  Ä      1.500",
        "  2  +  瑞士   0.250",
        "  3     c     -3.000",
        "  right answers: 1,200 in the graph (1 above), 1 only by held-out edges (1 above)",
    ]
    assert question("Who?", "x → r", None).split("\n")[-1] == "  not possible: it negates, which this model cannot"


def test_store(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("".join(f"a\tr\tb{i}\n" for i in range(4)))
    (tmp_path / "entities.tsv").write_text("key\ttypes\tlabel.en\tdescription.en\na\tletter\tA\tThe first.\n")
    (tmp_path / "relations.tsv").write_text("key\tlabel.en\nr\trelated to\n")
    tables = {"entities_table": tmp_path / "entities.tsv", "relations_table": tmp_path / "relations.tsv"}
    store = build_store(tmp_path / "store", train=tmp_path / "train.tsv", **tables)
    text = overview(store)
    for line in ("train             4", "text/entries/en.label", "ids 4×3", f"{tmp_path / 'store'}, version 1"):
        assert line in text
    assert entry_in_words(entry(store, "a", edges=2)).split("\n") == [
        "entity 0",
        "",
        "key             a",
        "label           A",
        "types           letter",
        "description.en  The first.",
        "triples         4 train",
        "",
        "edges           count  to",
        "related to (r)      4  b0, b1, … 2 more",
    ]
    assert "^related to (^r)      1  A (a)" in entry_in_words(entry(store, "b0"))
    assert entry_in_words(entry(store, "r", edges=1)).split("\n")[-2:] == ["from   to", "A (a)  b0"]
