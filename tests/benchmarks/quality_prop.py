"""Compare rankers of a judged collection: BM25, query likelihood, an encoder's cosine, and pre-trained models.

Each model, a run of pretrain-prop or an encoder as it is, is measured zero-shot, interpolated with BM25 by a weight
fitted on other folds, and fine-tuned on few queries. Every line has the paired randomisation test against BM25 on the
same queries. The same command goes on where it was stopped; --rows chooses a part.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from machine import figure

import kgr
from kgr.data.topics import topics_of
from kgr.retrieval.ranking import Ranking

MEASURE = "ndcg@10"
ROWS = ("lexical", "cosine", "zero", "few")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", help="a known name or a store's folder, with queries and judgements")
    parser.add_argument("--out", type=Path, required=True, help="folder of rankings and runs")
    parser.add_argument("--encoder", help="name or folder of the encoder whose cosine is measured")
    parser.add_argument("--model", action="append", default=[], metavar="NAME=PATH", help="a model; may be repeated")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS)
    parser.add_argument("--name", help="which judgements of the store; by default its first")
    parser.add_argument("--depth", type=int, default=100, help="documents of BM25 that are re-ranked zero-shot")
    parser.add_argument("--few", type=int, default=50, help="training queries")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=100, help="of fine-tuning")
    parser.add_argument("--lr", type=float, default=5e-5, help="of fine-tuning")
    parser.add_argument("--max-length", type=int, help="tokens of a pair that are read; by default what a model says")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    Table(arguments).print()


class Table:
    """The lines of one collection."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.wishes = arguments
        self.store = kgr.open_store(arguments.store, message=_say)
        self.qrels = kgr.load_judgements(self.store, arguments.name)
        self.models = dict(model.split("=", 1) for model in arguments.model)
        known = topics_of(self.store)
        judged = self.qrels.queries.keys_of(np.unique(self.qrels.query))
        self.topics = {key: known.texts[i] for key, i in zip(judged, known.keys.ids(judged).tolist(), strict=True)}
        self.bm25 = kgr.retrieve(self.store, self.topics, method="bm25", message=_say)
        self.bm25.save(arguments.out / "bm25.trec.gz")

    def print(self) -> None:
        rows = self.wishes.rows
        if "lexical" in rows:
            self._line("bm25", self.bm25)
            self._line("random order", _shuffled(self.bm25, self.wishes.depth))
            self._mixed("ql", kgr.retrieve(self.store, self.topics, method="ql", message=_say))
        if "cosine" in rows and self.wishes.encoder:
            self._cosine(self.wishes.encoder)
        for name, path in self.models.items():
            if "zero" in rows:
                self._zero(name, path)
            if "few" in rows:
                self._few(name, path)

    def _cosine(self, encoder: str) -> None:
        if not self.store.has("vectors/quality-prop"):
            kgr.encode(self.store, encoder, name="quality-prop", message=_say)
        wishes = {"method": "dense", "vectors": "quality-prop", "metric": "cosine"}
        found = kgr.retrieve(self.store.path, self.topics, message=_say, **wishes)
        self._mixed("cosine", found)

    def _zero(self, name: str, path: str) -> None:
        out = self.wishes.out / f"{name}.trec.gz"
        settings = {"depth": self.wishes.depth, "max_length": self.wishes.max_length}
        ranking = kgr.read_ranking(out, self.store) if out.exists() else kgr.rerank(
            self.bm25, path, out=out, message=_say, **settings
        )  # fmt: skip
        self._mixed(f"{name}/zero-shot", ranking)

    def _mixed(self, name: str, ranking: Ranking) -> None:
        """Print a ranking, and its interpolation with BM25."""
        self._line(name, ranking)
        found = kgr.interpolate(self.bm25, ranking, self.qrels, depth=self.wishes.depth)
        self._line(f"bm25 + {name}", found.ranking, weights=found.weights.tolist(), fitted_on_all=found.weight)

    def _few(self, name: str, path: str) -> None:
        wishes, values = self.wishes, []
        for seed in wishes.seeds:
            run = kgr.finetune_prop(
                path, self.store, qrels=self.qrels, ranking=self.bm25, out=wishes.out / f"{name}-few-{seed}",
                train_queries=wishes.few, seed=seed, steps=wishes.steps, lr=wishes.lr, max_length=wishes.max_length,
                message=_say,
            )  # fmt: skip
            metrics = run.metrics["test"]
            values.append(metrics[MEASURE])
            self._figure(f"{name}/few-{wishes.few}/seed-{seed}", metrics)
            mixed = kgr.interpolate(self.bm25, run.ranking, _of(self.qrels, run.ranking))
            self._line(f"bm25 + {name}/few-{wishes.few}/seed-{seed}", mixed.ranking, only=run.ranking)
        if len(values) > 1:
            more = {"sd": stdev(values), "values": values, "seeds": wishes.seeds, **self._command}
            figure(f"{self._name}/{name}/few-{wishes.few}/mean", mean(values), MEASURE, **more)

    def _line(self, name: str, ranking: Ranking, *, only: Ranking | None = None, **more: Any) -> None:
        judged = self.qrels if only is None else _of(self.qrels, only)
        metrics = kgr.evaluate_ranking(judged, ranking, against=self.bm25, measures=[MEASURE, "map", "mrr@10"])
        self._figure(name, metrics, **more)

    def _figure(self, name: str, metrics: Mapping[str, Any], **more: Any) -> None:
        against = {key: metrics["against"][MEASURE][key] for key in ("other", "randomisation", "wins", "losses")}
        others = {key: metrics[key] for key in ("map", "mrr@10", "queries")}
        figure(f"{self._name}/{name}", metrics[MEASURE], MEASURE, bm25=against, **others, **more, **self._command)

    @property
    def _name(self) -> str:
        return f"quality_prop/{self.wishes.store}"

    @property
    def _command(self) -> dict[str, str]:
        return {"command": "python tests/benchmarks/quality_prop.py " + " ".join(sys.argv[1:])}


def _of(qrels: Any, ranking: Ranking) -> dict[str, dict[str, int]]:
    """Return the judgements of a ranking's queries."""
    grades: dict[str, dict[str, int]] = {key: {} for key in ranking}
    rows = zip(
        qrels.queries.keys_of(qrels.query), qrels.documents.keys_of(qrels.document), qrels.grade.tolist(), strict=True
    )
    for query, document, grade in rows:
        if query in grades:
            grades[query][document] = grade
    return grades


def _shuffled(ranking: Ranking, depth: int) -> dict[str, dict[str, float]]:
    draws = np.random.default_rng(0)
    return {query: {key: float(draws.random()) for key, _ in ranking[query][:depth]} for query in ranking}


def _say(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    main()
