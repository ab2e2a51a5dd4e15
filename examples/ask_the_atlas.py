"""Train a small query model on the embedded data set and ask it, in under a minute."""

from __future__ import annotations

import tempfile
from pathlib import Path

import kgr


def main() -> None:
    store = kgr.open_store("atlas")
    print(
        f"{store.entities} entities, {len(store.relations)} relations, {len(store.triples('train'))} training triples"
    )

    with tempfile.TemporaryDirectory() as folder:
        run = kgr.train_multihop(store, model="gqe", dim=64, steps=300, out=Path(folder) / "run")

        # every figure stands beside that of the popularity baseline
        for structure, own in run.metrics["test"]["structures"].items():
            if own:  # None where the model cannot negate
                print(f"{structure:4} MRR {own['mrr']:.3f}  popularity {own['popularity_mrr']:.3f}")

        # a query lists anchors and relations in word order; ^ follows a relation backward
        answers = run.answer("2i", ["region:150", "^in_continent", "language:de", "^official_language"], k=5)
        print("In Europe, with German as an official language:")
        for result in answers.results:
            print(f"  {result.label:20} {result.score:6.2f}  {result.known or 'new'}")

        # any word of the grammar is a structure: neighbours of neighbours of Portugal's neighbours
        for result in run.answer("APPP", ["territory:PT", "borders", "borders", "borders"], k=3).results:
            print("  three borders from Portugal:", result.label)


if __name__ == "__main__":
    main()
