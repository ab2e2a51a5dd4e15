"""Does pre-training help on your queries? PROP, masked words alone, inverse cloze, none: each against BM25.

Here the encoder is a small one with random weights, which learns little in seconds: give a real one as the argument,
any name or folder of Hugging Face's library, your own store, and more steps.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import kgr

STEPS = 30
FEW = {"train_queries": 40, "steps": 10, "max_length": 48, "depth": 20, "device": "cpu"}


def line(name: str, qrels: Any, ranking: Any, bm25: Any) -> str:
    found = kgr.evaluate_ranking(qrels, ranking, against=bm25, measures=["ndcg@10"], only_retrieved=True)
    test = found["against"]["ndcg@10"]
    return f"{name:24} nDCG@10 {found['ndcg@10']:.3f}   BM25 {test['other']:.3f}   p = {test['randomisation']:.3f}"


def main(encoder: str | None = None) -> None:
    store = kgr.open_store("atlas", message=print)
    bm25 = kgr.retrieve(store, k=100)
    small = {"width": 32, "layers": 2, "heads": 2, "vocabulary": 2000}
    settings = {"model": encoder} if encoder else small
    with tempfile.TemporaryDirectory() as folder:
        starts: dict[str, str | Path] = {"no pre-training": encoder} if encoder else {}
        for objective in ("prop", "mlm", "ict"):
            out = Path(folder) / objective
            wishes: dict[str, Any] = {"objective": objective, "steps": STEPS, "batch": 8, "window": 48, "device": "cpu"}
            starts[objective] = kgr.pretrain_prop(store, out=out, **wishes, **settings).path

        # as it is: its scores alone, and mixed with BM25's by a weight that other folds of the queries give
        ranking = kgr.rerank(bm25, starts["prop"], depth=FEW["depth"], device="cpu")
        mixed = kgr.interpolate(bm25, ranking, "atlas", depth=FEW["depth"])
        print(line("prop, zero-shot", "atlas", ranking, bm25))
        print(line("prop, interpolated", "atlas", mixed.ranking, bm25))

        # trained on a few judged queries, tested on all others
        for name, start in starts.items():
            out = Path(folder) / f"{name}-few"
            tuned = kgr.finetune_prop(start, store, qrels="atlas", ranking=bm25, out=out, **FEW)
            print(line(f"{name}, 40 queries", "atlas", tuned.ranking, bm25))


if __name__ == "__main__":
    main(*sys.argv[1:])
