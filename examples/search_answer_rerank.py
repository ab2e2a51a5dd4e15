"""From words to an anchor, from it to answers that the graph need not state, and these re-ranked by their texts."""

from __future__ import annotations

import tempfile
from pathlib import Path

import kgr


def main() -> None:
    store = kgr.open_store("atlas", message=print)

    # search: the user's words, a slip of the pen included, give the key of an entity
    anchor = kgr.search(store, "Switzerlnd", k=1, types=["territory"])[0]
    print(f"anchor: {anchor.label} ({anchor.key})")

    with tempfile.TemporaryDirectory() as folder:
        settings = {"model": "gqe", "dim": 64, "steps": 600, "lr": 0.01, "structures": {"1p": 1.0, "2p": 1.0}}
        run = kgr.train_multihop(store, out=Path(folder) / "run", **settings)
        answers = run.answer("2p", [anchor.key, "borders", "language_spoken"], k=30).results
    print("languages spoken in its neighbours, as the model has them:")
    for result in answers[:5]:
        print(f"  {result.label:20} {result.score:6.2f}  {result.known or 'new'}")

    # re-rank: which of these do words describe? BM25 scores the answers alone, and the ranks of both are fused
    by_model = {"1": {result.key: result.score for result in answers}}
    by_words = kgr.retrieve(store, {"1": "Romance languages"}, ids=list(by_model["1"]))
    print("the same, Romance ones first:")
    for key, score in kgr.fuse([by_model, by_words])["1"][:5]:
        print(f"  {store.label('entries', store.entries.id(key)):20} {score:.4f}")


if __name__ == "__main__":
    main()
