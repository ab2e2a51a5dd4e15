"""Train by a data set's recipe and print the metrics of its test queries, popularity beside them."""

from __future__ import annotations

import argparse
import sys

from machine import figure

import kgr


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", help="a known name or a store's folder")
    parser.add_argument("--model", help="the data set's recipe for it; by default its default recipe")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", required=True, help="run folder")
    arguments = parser.parse_args()
    given = {"seed": arguments.seed} | ({"model": arguments.model} if arguments.model else {})

    def tell(progress: object) -> None:
        if progress.loss is not None:
            print(f"step {progress.step} loss {progress.loss:.4f} {progress.seconds:.0f} s", file=sys.stderr)

    run = kgr.train_multihop(arguments.store, out=arguments.out, progress=tell, **given)
    metrics = run.metrics["test"]
    spent = [line for line in run._run.metrics() if "loss" in line][-1]
    settings = {name: value for name, value in run._run.settings.items() if value is not None}
    for mean in ("avg_p", "avg_n"):
        if metrics[mean] is not None:
            figure(
                f"quality/{arguments.store}/{run.config.model}/{mean}", metrics[mean], "MRR",
                popularity=metrics[f"popularity_{mean}"], structures=metrics["structures"],
                queries_fingerprint=metrics["queries_fingerprint"], settings=settings, steps=spent["step"],
                train_seconds=spent["seconds"], train_cpu_seconds=spent["cpu_seconds"],
                command="python tests/benchmarks/quality.py " + " ".join(sys.argv[1:]),
            )  # fmt: skip


if __name__ == "__main__":
    main()
