"""Triples per CPU second of filtered link prediction on both sides, with random weights; PyKEEN beside it if asked."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import torch
from machine import cpu_seconds, figure

import kgr
from kgr.completion.evaluate import evaluate
from kgr.completion.scorer import LinkScorer
from kgr.index.store import Store
from kgr.models.named import LINK_MODELS

PEERS = {"complex": "ComplEx", "distmult": "DistMult", "transe": "TransE"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", help="a store's folder or a known name")
    parser.add_argument("--models", nargs="+", default=["complex", "transe"], choices=sorted(LINK_MODELS))
    parser.add_argument("--dim", type=int, default=400, help="real numbers in an entity's row (default: %(default)s)")
    parser.add_argument("--norm", type=int, default=1, choices=(1, 2), help="TransE's (default: %(default)s)")
    parser.add_argument("--split", default="test")
    parser.add_argument("--repeats", type=int, default=5, help="runs per figure, the best is kept")
    parser.add_argument(
        "--pykeen", action="store_true", help="measure PyKEEN in this sitting too; it must be installed"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    store = kgr.open_store(arguments.store)
    for name in arguments.models:
        size = {"set": store.name, "split": arguments.split, "dim": arguments.dim}
        if name == "transe":
            size["norm"] = arguments.norm
        scorer = _scorer(store, name, arguments.dim, arguments.norm)
        triples = len(store.triples(arguments.split))
        own = {}
        for kind, tables in (("", False), (" with tables", True)):
            run = _evaluation(scorer, store, arguments.split, tables)
            own[kind] = triples / cpu_seconds(run, arguments.repeats)
            figure(f"evaluate_completion/{name}{kind}", round(own[kind]), "triples per CPU second", **size)
        if arguments.pykeen and name in PEERS:
            run = _pykeen(store, name, arguments.dim, arguments.norm, arguments.split)
            peer = triples / cpu_seconds(run, 1)
            ratio = round(own[""] / peer, 1)
            figure(f"evaluate_completion/{name} by PyKEEN", round(peer), "triples per CPU second", **size, ratio=ratio)


def _evaluation(scorer: LinkScorer, store: Store, split: str, tables: bool) -> Callable[[], object]:
    return lambda: evaluate(scorer, store, split, tables=tables)


def _scorer(store: Store, name: str, dim: int, norm: int) -> LinkScorer:
    model = LINK_MODELS[name](dim, **({"norm": norm} if name == "transe" else {})).eval()
    draws = torch.Generator().manual_seed(0)
    entities = torch.randn(store.entities, model.entity_width, generator=draws)
    relations = torch.randn(2 * len(store.relations), model.relation_width, generator=draws)
    return LinkScorer(model, entities, relations, True)


def _pykeen(store: Store, name: str, dim: int, norm: int, split: str) -> Callable[[], object]:
    """PyKEEN's evaluation with the same filter, at a batch size that is about its fastest on CoDEx-S."""
    from pykeen.evaluation import RankBasedEvaluator
    from pykeen.models import ComplEx, DistMult, TransE
    from pykeen.triples import CoreTriplesFactory

    splits = {own: torch.from_numpy(np.array(store.triples(own), np.int64)) for own in ("train", "valid", "test")}
    factory = CoreTriplesFactory(splits["train"], num_entities=store.entities, num_relations=len(store.relations))
    make = {
        "complex": lambda: ComplEx(triples_factory=factory, embedding_dim=dim // 2),
        "distmult": lambda: DistMult(triples_factory=factory, embedding_dim=dim),
        "transe": lambda: TransE(triples_factory=factory, embedding_dim=dim, scoring_fct_norm=norm),
    }
    model, evaluator = make[name](), RankBasedEvaluator()
    others = [triples for own, triples in splits.items() if own != split]
    return lambda: evaluator.evaluate(
        model, splits[split], batch_size=128, additional_filter_triples=others, use_tqdm=False
    )


if __name__ == "__main__":
    main()
