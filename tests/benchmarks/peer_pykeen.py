"""The same work by PyKEEN, where it is installed: rates per CPU second to compare with in one sitting."""

from __future__ import annotations

import logging
import time

import numpy as np
import torch


def factory(triples: np.ndarray, entities: int, relations: int, *, inverse: bool):
    """Return PyKEEN's view of triples int[E, 3]."""
    from pykeen.triples import TriplesFactory

    logging.disable(logging.WARNING)
    names = {
        "entity_to_id": {str(i): i for i in range(entities)},
        "relation_to_id": {str(i): i for i in range(relations)},
    }
    return TriplesFactory(torch.from_numpy(triples.astype(np.int64)), **names, create_inverse_triples=inverse)


def full_rate(data, *, dim: int, batch: int, epochs: int) -> float:
    """Queries per CPU second of ComplEx of ``dim`` complex numbers against all entities: LCWA, cross-entropy."""
    from pykeen.models import ComplEx
    from pykeen.training import LCWATrainingLoop

    model = ComplEx(triples_factory=data, embedding_dim=dim, random_seed=0, loss="crossentropy")
    heads, relations, tails = data.mapped_triples.T.numpy()
    queries = len(np.unique(np.stack([heads, relations]), axis=1).T) + len(
        np.unique(np.stack([tails, relations]), axis=1).T
    )
    return queries / _epoch(LCWATrainingLoop, model, data, batch, epochs)


def negatives_rate(data, name: str, *, dim: int, batch: int, negatives: int) -> float:
    """Positives per CPU second of TransE or RotatE with so many negatives of each (sLCWA, Adagrad)."""
    from pykeen import models
    from pykeen.training import SLCWATrainingLoop

    model = getattr(models, name)(triples_factory=data, embedding_dim=dim, random_seed=0)
    sampling = {"negative_sampler": "basic", "negative_sampler_kwargs": {"num_negs_per_pos": negatives}}
    return data.num_triples / _epoch(SLCWATrainingLoop, model, data, batch, 1, **sampling)


def _epoch(loop_class, model, data, batch: int, epochs: int, **more) -> float:
    """CPU seconds of an epoch, after one to warm up where more than one is timed."""
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.1)
    loop = loop_class(model=model, triples_factory=data, optimizer=optimizer, **more)
    quiet = {"batch_size": batch, "use_tqdm": False, "use_tqdm_batch": False}
    if epochs > 1:
        loop.train(data, num_epochs=1, **quiet)
    start = time.process_time()
    loop.train(data, num_epochs=epochs, **quiet)
    return (time.process_time() - start) / epochs
