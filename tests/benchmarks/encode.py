"""Encode a judged collection by a real encoder, search it by its vectors, and print the figures, BM25's beside them."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from machine import figure

import kgr
from kgr.data.known import open_store
from kgr.index.vectors import source_of

MEASURES = ("ndcg@10", "map", "recall@100")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", help="a known name, with queries and judgements")
    parser.add_argument("--model", required=True, help="folder of an encoder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = shutil.copytree(open_store(arguments.store).path, Path(folder) / "store")
        cpu = time.process_time()
        encoded = kgr.encode(
            store, arguments.model, name="v", device="cpu", message=lambda line: print(line, file=sys.stderr)
        )
        cpu = time.process_time() - cpu
        dense, words = (
            kgr.evaluate_ranking(encoded, kgr.retrieve(encoded, method=method)) for method in ("dense", "bm25")
        )
        source = source_of(encoded, "v")
    name = Path(arguments.model).name
    for measure in MEASURES:
        figure(
            f"encode/{arguments.store}/{name}/{measure}", dense[measure], measure, bm25=words[measure],
            encoder={**source["encoder"], "model": name}, counts=source["counts"], encode_cpu_seconds=cpu,
            command=f"python tests/benchmarks/encode.py {arguments.store} --model {name}",
        )  # fmt: skip


if __name__ == "__main__":
    main()
