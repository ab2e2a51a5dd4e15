"""What PROP learns in a few CPU minutes from the first layers of a given encoder: held-out pair accuracy."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from machine import figure

import kgr

RECIPE = {
    "window": 64, "lr": 2e-4, "schedule": "constant", "warmup": 20, "mlm_weight": 0.0, "freeze_embeddings": True,
    "log_every": 20, "device": "cpu",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", help="a store's folder")
    parser.add_argument("model", help="folder of a Hugging Face encoder")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run; one that has ended is read")
    parser.add_argument("--layers", type=int, default=3, help="first layers kept (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=250, help="of 32 pairs (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--autocast", default="none", help="bfloat16 is faster where the processor multiplies it, else slower by far"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    asked = {name: getattr(arguments, name) for name in ("layers", "steps", "seed", "autocast")}
    spent = []
    run = kgr.pretrain_prop(
        arguments.store,
        out=arguments.out,
        model=Path(arguments.model).resolve(),
        progress=lambda report: spent.append(report.cpu_seconds),
        **RECIPE,
        **asked,
    )
    metrics = run.metrics["valid"]
    own = {name: round(share, 4) for name, share in metrics.items() if isinstance(share, float)}
    size = {**asked, "window": RECIPE["window"], "pairs": metrics["documents"]}
    figure(
        "learn_prop", own.pop("accuracy"), "held-out pair accuracy", **own, cpu_minutes=round(spent[-1] / 60, 2), **size
    )


if __name__ == "__main__":
    main()
