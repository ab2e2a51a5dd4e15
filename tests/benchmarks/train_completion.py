"""Rows per CPU second of completion training, in the same sitting as PyKEEN's with ``--pykeen``, alternating."""

from __future__ import annotations

import argparse

import torch
from machine import figure
from rate import training_rate

from kgr._config import make
from kgr.completion.config import CompletionConfig
from kgr.completion.task import CompletionTask
from kgr.data.known import open_store

FIXED = {"device": "cpu", "checkpoint_every": 10**9, "log_every": 10**9}
WORK = {
    "complex-1vsall": {"model": "complex", "dim": 400, "regularizer": "none"},
    "complex-kvsall": {"model": "complex", "dim": 400, "regularizer": "none", "training": "kvsall"},
    "transe-l1-negatives": {"model": "transe", "dim": 200, "norm": 1},
    "transe-l2-negatives": {"model": "transe", "dim": 200, "norm": 2},
    "complex-negatives": {"model": "complex", "dim": 400},
    "rotate-negatives": {"model": "rotate", "dim": 400},
}
"""ComplEx and RotatE have 200 complex numbers each, as PyKEEN's of dimension 200."""

PEERS = {"complex-kvsall": "ComplEx", "transe-l1-negatives": "TransE", "rotate-negatives": "RotatE"}
"""PyKEEN's 1-N training takes each distinct query once with all its answers, as kvsall does."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", help="a store's folder or a known name, for instance codex-s")
    parser.add_argument("--work", choices=tuple(WORK), action="append", help="by default all")
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--negatives", type=int, default=128, help="shared by a batch")
    parser.add_argument("--steps", type=int, default=100, help="steps of one repeat, after a tenth to warm up")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--pykeen", action="store_true", help="measure PyKEEN in this sitting too; it must be installed"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    store = open_store(arguments.store)
    for work in arguments.work or WORK:
        for repeat in range(arguments.repeats):
            config = _config(work, arguments, repeat)
            rate, wall = training_rate(CompletionTask(store, config, torch.device("cpu")), config)
            name = f"train_completion/{store.name or store.path.name}/{work}"
            shape = {"repeat": repeat, "batch": config.batch, "dim": config.dim, "negatives": config.negatives}
            figure(name, rate, "rows per CPU second", wall_rate=wall, **shape)
            if arguments.pykeen and work in PEERS:
                peer = _peer(store, work, arguments)
                figure(f"{name}/pykeen", peer, "rows per CPU second", ratio=rate / peer, **shape)


def _config(work: str, arguments: argparse.Namespace, seed: int) -> CompletionConfig:
    given = {**FIXED, **WORK[work], "batch": arguments.batch, "steps": arguments.steps, "seed": seed}
    if work.endswith("negatives"):
        given |= {"training": "negatives", "negatives": arguments.negatives, "regularizer": "none"}
    return make(CompletionConfig, given)


def _peer(store, work: str, arguments: argparse.Namespace) -> float:
    import peer_pykeen

    full = work.endswith("kvsall")
    data = peer_pykeen.factory(store.triples("train"), store.entities, len(store.relations), inverse=full)
    if full:
        return peer_pykeen.full_rate(data, dim=200, batch=arguments.batch, epochs=3)
    shape = {"dim": 200, "batch": arguments.batch, "negatives": arguments.negatives}
    return peer_pykeen.negatives_rate(data, PEERS[work], **shape)


if __name__ == "__main__":
    main()
