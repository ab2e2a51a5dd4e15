"""Train link predictors by a data set's recipe, a seed each, and print their test figures, popularity beside them."""

from __future__ import annotations

import argparse
import sys
from statistics import mean

from machine import figure

import kgr


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", help="a known name or a store's folder")
    parser.add_argument("--config", help="the data set's recipe; by default its default recipe")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--classify", action="store_true", help="classify triples, by both protocols, too")
    parser.add_argument("--calibration", action="store_true", help="how far off probabilities are, too")
    parser.add_argument("--out", required=True, help="folder of the runs")
    arguments = parser.parse_args()
    figures: dict[str, list[float]] = {}
    for seed in arguments.seeds:
        run = kgr.train_completion(
            arguments.store, out=f"{arguments.out}/seed-{seed}", config=arguments.config, seed=seed, progress=_tell
        )
        for name, value in _print(run, arguments).items():
            figures.setdefault(name, []).append(value)
    for name, values in figures.items():
        if len(values) > 1:
            figure(f"{_name(arguments)}/{name}/mean", mean(values), name, seeds=arguments.seeds, values=values)


def _tell(progress: object) -> None:
    if progress.loss is not None:
        print(f"step {progress.step} loss {progress.loss:.4f} {progress.cpu_seconds:.0f} CPU s", file=sys.stderr)


def _name(arguments: argparse.Namespace) -> str:
    return f"quality_completion/{arguments.store}/{arguments.config or 'default'}"


def _print(run: kgr.completion.run.CompletionRun, arguments: argparse.Namespace) -> dict[str, float]:
    """Print a run's figures; return the main ones."""
    test = run.metrics["test"]
    lines = run._run.metrics()
    spent = [line for line in lines if "loss" in line][-1]
    settings = {name: value for name, value in run._run.settings.items() if value is not None}
    more = {
        "settings": settings, "steps": spent["step"], "train_seconds": spent["seconds"],
        "train_cpu_seconds": spent["cpu_seconds"],
        "command": "python tests/benchmarks/quality_completion.py " + " ".join(sys.argv[1:]),
    }  # fmt: skip
    curve = [(line["step"], line["metrics"]["mrr"]) for line in lines if line.get("split") == "valid"]
    plain = {name: value for name, value in test.items() if isinstance(value, float)}
    name = _name(arguments)
    figure(f"{name}/mrr", test["mrr"], "MRR", metrics=plain, valid_curve=curve, **more)
    found = {"mrr": test["mrr"], "hits@1": test["hits@1"], "hits@10": test["hits@10"]}
    for protocol in ("corrected", "published") if arguments.classify else ():
        classified = run.classify(protocol=protocol)
        seed = settings["seed"]
        baselines = classified["baselines"]
        figure(f"{name}/accuracy/{protocol}", classified["accuracy"], "accuracy", f1=classified["f1"], seed=seed,
               side=classified.get("side"), baselines=baselines)  # fmt: skip
        found |= {f"accuracy/{protocol}": classified["accuracy"], f"f1/{protocol}": classified["f1"]}
    if arguments.calibration:
        error = run.calibration().error
        figure(f"{name}/calibration", error, "expected calibration error on test")
    return found


if __name__ == "__main__":
    main()
