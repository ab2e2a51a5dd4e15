"""Queries per CPU second of multi-hop training, on a GPU per second; sampler included, 1p 2p 3p 2i 3i equally."""

from __future__ import annotations

import argparse

import torch
from machine import figure
from rate import training_rate

from kgr._config import make
from kgr.data.known import open_store
from kgr.engine.config import TABLES
from kgr.engine.device import device_of
from kgr.models.model import QueryModel
from kgr.multihop.config import MultihopConfig
from kgr.multihop.task import MultihopTask

STRUCTURES = dict.fromkeys(("1p", "2p", "3p", "2i", "3i"), 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", help="a store's folder or a known name, for instance fb15k-237")
    parser.add_argument("--model", default="gqe")
    parser.add_argument("--dim", type=int, default=400)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--negatives", type=int, default=128)
    parser.add_argument(
        "--table", nargs="+", choices=TABLES, default=["device"],
        help="where the entities' rows lie; several run by turns, and the ratio to the first is told",
    )  # fmt: skip
    parser.add_argument("--hidden", type=int, help="width of the projection's hidden layers (default: the model's own)")
    parser.add_argument("--broadcast", action="store_true", help="score by the plain formula over B x K x D arrays")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch; one more makes the batches")
    parser.add_argument("--steps", type=int, default=60, help="steps of one repeat, after a tenth to warm up")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = device_of(arguments.device)
    store = open_store(arguments.store)
    shape = {name: getattr(arguments, name) for name in ("model", "dim", "batch", "negatives", "steps", "hidden")}
    way = {"broadcast": True} if arguments.broadcast else {}
    fixed = {"structures": STRUCTURES, "device": arguments.device, "checkpoint_every": 10**9, "log_every": 10**9}
    for repeat in range(arguments.repeats):
        rates: list[float] = []
        for table in arguments.table:
            config = make(MultihopConfig, {**shape, **fixed, "table": table, "seed": repeat})
            task = MultihopTask(store, config, device)
            if arguments.broadcast:
                score_plainly(task.model)
            cpu, wall = training_rate(task, config)
            rate, unit = (cpu, "queries per CPU second") if device.type == "cpu" else (wall, "queries per second")
            rates.append(rate)
            ratio = {"ratio": rate / rates[0]} if len(rates) > 1 else {}
            figure(
                f"train_multihop/{store.name or store.path.name}/{arguments.model}", rate, unit,
                repeat=repeat, wall_rate=wall, **shape, **way, table=table, **ratio, torch_threads=arguments.threads,
            )  # fmt: skip


def score_plainly(model: QueryModel) -> None:
    """Score every query with every candidate as pairs are scored, in one B x K x D array."""
    model.candidates = lambda rows: rows
    model.candidate_scores = lambda query, rows: model.pair_scores(query.unsqueeze(1), rows)


if __name__ == "__main__":
    main()
