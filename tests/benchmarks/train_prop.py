"""Word pieces per CPU second of pre-training by PROP, and the share of time that the trainer waits for pairs.

A new model as BERT, of random weights; pairs of word sets alone, none masked, no dropout, AdamW, gradients cut at 1.
With ``--trainer`` Hugging Face's Trainer trains the same model on the same rows by the same loss of pairs in this
sitting, alternating. It is given them as padded batches that are made beforehand, and these do not count; here they are
made while it trains, and count. It needs the package accelerate: pip install accelerate. Both take one thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from machine import figure
from rate import training_rate
from transformers import AutoModelForSequenceClassification

from kgr._config import make
from kgr.data.known import open_store
from kgr.engine.ring import Ring, Slot
from kgr.index.store import Store
from kgr.index.terms import open_terms
from kgr.prop.config import PropConfig
from kgr.prop.model import model_of
from kgr.prop.start import prepared
from kgr.prop.task import PropTask
from kgr.prop.vocabulary import new_config, new_tokenizer

BESIDE = 11
"""Word pieces of a row beside the document's: three marks and a set of three words, of eight pieces together."""

FIXED = {"device": "cpu", "mlm_weight": 0.0, "warmup": 0, "checkpoint_every": 10**9, "log_every": 10**9}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", help="a store's folder, of documents as long as a row")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--heads", type=int, default=12)
    parser.add_argument("--rows", type=int, default=32, help="of a batch, two of a document (default: %(default)s)")
    parser.add_argument("--length", type=int, default=256, help="word pieces of a row, about (default: %(default)s)")
    parser.add_argument("--wait-length", type=int, default=490, help="the same where the waiting is measured")
    parser.add_argument("--steps", type=int, default=6, help="of one repeat, the first to warm up")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--trainer", action="store_true", help="measure Hugging Face's Trainer too")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    store = open_store(arguments.store)
    for repeat in range(arguments.repeats):
        _throughput(store, arguments, repeat)
    _waiting(store, arguments)


def _throughput(store: Store, arguments: argparse.Namespace, repeat: int) -> None:
    task = _task(store, arguments, arguments.length, repeat)
    batches = [_filled(task, step) for step in range(1, arguments.steps + 1)]
    pieces = sum(int(own["attention_mask"].sum()) for own in batches[1:-1]) / (arguments.steps - 2)
    rate, wall = (rows / task.config.batch * pieces for rows in training_rate(task, task.config))
    name = f"train_prop/{store.name or store.path.name}"
    shape = {**_shape(arguments), "repeat": repeat, "mean_length": round(pieces / arguments.rows, 1)}
    figure(name, rate, "word pieces per CPU second", wall_rate=wall, **shape)
    if arguments.trainer:
        from peer_trainer import batches_rate

        ranker = AutoModelForSequenceClassification.from_config(task.model.config)
        peer = pieces * batches_rate(ranker, batches, lr=task.config.lr, margin=task.config.margin)
        figure(f"{name}/trainer", peer, "word pieces per CPU second", ratio=rate / peer, **shape)


def _waiting(store: Store, arguments: argparse.Namespace) -> None:
    task, waits = _task(store, arguments, arguments.wait_length, 0), []
    start = time.process_time()
    lengths = [int(_filled(task, step)["attention_mask"].sum()) for step in range(1, 21)]
    making = (time.process_time() - start) / 20
    with _timed(waits):
        rows, wall = training_rate(task, task.config)
    share = sum(waits[1 : arguments.steps - 1]) * wall / (task.config.batch * (arguments.steps - 2))
    figure(
        f"train_prop/{store.name or store.path.name}/waiting", share, "share of the time that the trainer waits",
        **_shape(arguments), mean_length=round(sum(lengths) / 20 / arguments.rows, 1), producers=task.config.threads,
        making_cpu_seconds=making, step_cpu_seconds=task.config.batch / rows,
    )  # fmt: skip


def _task(store: Store, arguments: argparse.Namespace, length: int, seed: int) -> PropTask:
    shape = {name: getattr(arguments, name) for name in ("layers", "width", "heads", "steps")}
    given = {**FIXED, **shape, "batch": arguments.rows // 2, "window": length - BESIDE, "seed": seed}
    config = make(PropConfig, given)
    terms = open_terms(store)
    tokenizer = new_tokenizer(store, terms, config.new("vocabulary"), lambda line: None)
    model = model_of(new_config(tokenizer, config))
    return prepared(store, config, model, tokenizer)


def _filled(task: PropTask, step: int) -> dict[str, torch.Tensor]:
    """Return a batch in the form of Hugging Face's models."""
    fields = {name: np.zeros(shape, dtype) for name, (dtype, shape) in task.layout().items()}
    task.fill(fields, step)
    rows, longest = fields["counts"][:2]
    mask = np.arange(longest) < fields["lengths"][:rows, None]
    own = {"input_ids": fields["ids"], "token_type_ids": fields["segments"], "attention_mask": mask.astype(np.int64)}
    return {name: torch.from_numpy(array[:rows, :longest].copy()) for name, array in own.items()}


@contextmanager
def _timed(waits: list[float]) -> Iterator[None]:
    """Note how long the trainer waits for each batch."""
    given = Ring.__next__

    def timed(ring: Ring) -> Slot:
        start = time.perf_counter()
        try:
            return given(ring)
        finally:
            waits.append(time.perf_counter() - start)

    Ring.__next__ = timed
    try:
        yield
    finally:
        Ring.__next__ = given


def _shape(arguments: argparse.Namespace) -> dict[str, int]:
    return {name: getattr(arguments, name) for name in ("layers", "width", "heads", "rows", "steps")}


if __name__ == "__main__":
    main()
