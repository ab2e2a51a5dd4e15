"""What a query model learns, its module and its tables, made where there is room for it: to train it, or to read it."""

from __future__ import annotations

from pathlib import Path

import torch

from kgr._rng import key
from kgr.engine.config import TABLES
from kgr.engine.dense import check_module
from kgr.engine.processes import ALONE, Processes
from kgr.engine.table import Table, uniform
from kgr.engine.tables import READ_ELSEWHERE, make_table
from kgr.index.store import Store
from kgr.models import MODELS
from kgr.models.fields import FIELDS
from kgr.models.model import QueryModel
from kgr.multihop.config import MultihopConfig

_DENSE, _ENTITIES, _RELATIONS = 1, 2, 3  # streams of keyed draws; those of training follow

COUNTS = ("rows_without_negatives", "crowded_queries", "skipped_queries")
"""What training counts in the model's buffer ``sampling_counts``: rows all of whose candidates were answers, which
train their positive alone; queries drawn again since nearly every entity answers them; queries drawn again since they
passed the limit of work."""


def make_parameters(
    store: Store,
    config: MultihopConfig,
    device: torch.device,
    *,
    folder: Path | None = None,
    processes: Processes = ALONE,
    read_only: bool = False,
) -> tuple[QueryModel, dict[str, Table]]:
    """Return a model on the device, and the tables of entities and relations, with their initial values.

    Parameters
    ----------
    folder
        Where a table on the disk lies; by default where the system has temporary files.
    processes
        Those that share the rows.
    read_only
        Nothing will move them: no room is taken for moments, and the tables lie wherever there is room.

    Raises
    ------
    ConfigError
        The model or a table has no room; nothing of it is made then.
    """
    optimizer = None if read_only else config.optimizer
    model = _model(config, device, optimizer, processes)

    def table(
        rows: int, width: int, bound: float, stream: int, kind: str, others: tuple[str, ...], rate: float = 1
    ) -> Table:
        return make_table(
            kind, rows, width, optimizer=optimizer, rate=rate, device=device, init=uniform(bound),
            key=key(config.seed, stream), folder=folder, others=others, processes=processes,
        )  # fmt: skip

    others = tuple(kind for kind in TABLES if kind != config.table)
    entities = store.entities, model.entity_width(config.dim), model.entity_range, _ENTITIES
    relations = 2 * len(store.relations), model.relation_width(config.dim), model.relation_range, _RELATIONS
    return model, {
        "entities": table(*entities, config.table, others, config.entity_rate),
        "relations": table(*relations, "device", TABLES[1:] if read_only else ()),
    }


def _model(config: MultihopConfig, device: torch.device, optimizer: str | None, processes: Processes) -> QueryModel:
    def make() -> QueryModel:
        return MODELS[config.model](config.dim, **config.model_fields, seed=key(config.seed, _DENSE))

    sizes = ["dim", *(name for name in ("hidden",) if name in FIELDS[config.model])]
    told = " and ".join(f"{name} {getattr(config, name) or 'by default'}" for name in sizes)
    check_module(
        make, f"model {config.model} of {told}", optimizer=optimizer, device=device,
        advice=f"give a smaller {' or '.join(sizes)}" if optimizer else READ_ELSEWHERE, processes=processes,
    )  # fmt: skip
    model = make().to(device)
    model.register_buffer("sampling_counts", torch.zeros(len(COUNTS), dtype=torch.int64))  # on the host, always
    return model
