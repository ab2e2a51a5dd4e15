"""Settings of multi-hop training, and where they come from: keywords, a file, a data set's recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kgr._config import setting
from kgr.data import recipes
from kgr.engine.config import TABLES, TrainConfig
from kgr.errors import ConfigError
from kgr.models.fields import FIELDS, NEGATING, PENALIZED, readers
from kgr.query.program import LAWS, NEGATIVES, ROOTS
from kgr.query.words import parse

POSITIVE_WEIGHTS = {"1p": 10.0, "2p": 10.0, "3p": 10.0, "2i": 10.0, "3i": 10.0}
NEGATIVE_WEIGHTS = {"2in": 1.0, "3in": 1.0, "inp": 1.0, "pin": 1.0, "pni": 1.0}

MOST_WIDE = 1_000_000
"""Most numbers of a vector: far more than any use has, and far less than would make a size overflow."""

LARGEST = 1e6
"""Most that a factor or a range may be: far more than any use has, and a number that float32 computes with."""

READERS = readers(FIELDS) | {"n3": {"model": PENALIZED}}


@dataclasses.dataclass(frozen=True, kw_only=True)
class MultihopConfig(TrainConfig):
    """Settings of multi-hop training; what is None is the model's own default."""

    model: str = setting("betae", "query model", choices=tuple(FIELDS))
    dim: int = setting(
        400, "dimension: floats of an entity's vector, of each of its parts where it has two", low=1, high=MOST_WIDE
    )
    negatives: int = setting(128, "candidates shared by a batch, or negatives of each query's own", low=1, high=65_536)
    table: str = setting(
        "device",
        "where the entities' rows lie: on the device; in the host's memory, or in a file of the run's folder, with "
        "those of a few batches on the device",
        choices=TABLES,
    )
    entity_rate: float = setting(
        1.0, "times the learning rate that entities' rows move by: of many entities a step touches few", low=0,
        high=LARGEST,
    )  # fmt: skip
    own_negatives: bool = setting(False, "each query has negatives of its own; costs their number times the memory")
    negative_law: str = setting(
        "uniform",
        "how negatives are drawn: see kgr.query.sampler.NEGATIVES; range needs own-negatives",
        choices=NEGATIVES,
    )
    loss: str = setting(
        "softmax",
        "softmax over the positive and the candidates, or margin: negative sampling with self-adversarial weights",
        choices=("softmax", "margin"),
    )
    adversarial: float | None = setting(
        None, "temperature of the margin loss's self-adversarial weights, 0 for uniform ones; default 1", low=0,
        high=LARGEST, read_by={"loss": ("margin",)},
    )  # fmt: skip
    weighting: str = setting(
        "count",
        "a query's weight: 1/sqrt(answers + 4), with the answers counted where that is cheap and else estimated; "
        "the same with all counted; or 1 each",
        choices=("count", "exact-count", "none"),
    )
    structures: dict[str, float] | None = setting(
        None, "training structures and their weights; default 1p 2p 3p 2i 3i 10 each, and those with negation 1 each"
    )
    law: str = setting("relation", "how training queries are grounded: see kgr.query.program.LAWS", choices=LAWS)
    roots: str = setting("uniform", "the entity that grounding starts from: any, or by its edges", choices=ROOTS)
    work_limit: int | None = setting(
        None, "most edges that one set of a query may cost; dearer queries are drawn again and counted", low=1,
        high=2**53,
    )  # fmt: skip
    process_timeout: float = setting(
        120.0, "seconds without an answer of another process, where several train, after which all end", low=1
    )
    eval_queries: int = setting(100, "queries of each structure in evaluations during training", low=1,
        read_by={"eval_every": ()})  # fmt: skip
    candidates: int | None = setting(
        None,
        "evaluations rank hard answers among so many entities drawn for each query, not among all: faster, but biased",
        low=1,
    )
    gamma: float | None = setting(
        None, "score of an answer at distance 0", low=0, high=LARGEST, read_by=READERS["gamma"]
    )
    init_range: float | None = setting(None, "initial values are drawn from [-this, this)", low=1e-9, high=LARGEST)
    inside: float | None = setting(
        None, "weight of distances inside a box or a cone", low=0, high=1, read_by=READERS["inside"]
    )
    hidden: int | None = setting(None, "width of the projection's hidden layers", low=1, high=MOST_WIDE,
        read_by=READERS["hidden"])  # fmt: skip
    layers: int | None = setting(None, "hidden layers of the projection", low=1, high=16, read_by=READERS["layers"])
    n3: float | None = setting(
        None, "weight of the cubes of the moduli of a query's rows: anchors, relations and answer; default 0", low=0,
        high=LARGEST, read_by=READERS["n3"],
    )  # fmt: skip

    def __post_init__(self) -> None:
        if self.model not in FIELDS:
            raise ConfigError(f"model is {self.model!r}, expected one of {', '.join(FIELDS)}")
        super().__post_init__()
        if self.negative_law == "range" and not self.own_negatives:
            raise ConfigError("negative_law is 'range', which differs by query: it needs own_negatives")
        for name, weight in (self.structures or {}).items():
            self._check_structure(name, weight)
        if self.structures is not None and not sum(self.structures.values()):
            raise ConfigError("structures: every weight is 0, expected at least one above")

    def _check_structure(self, name: str, weight: float) -> None:
        word = parse(name)
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < float("inf"):
            raise ConfigError(f"structures: weight of {name} is {weight!r}, expected a number of at least 0")
        if word.negates and self.model not in NEGATING:
            raise ConfigError(f"structures: {name} negates, which model {self.model} cannot; {', '.join(NEGATING)} can")

    @property
    def weights(self) -> dict[str, float]:
        """Training structures with their weights, the default filled in; those of weight 0 left out."""
        chosen = self.structures
        if chosen is None:
            chosen = POSITIVE_WEIGHTS | (NEGATIVE_WEIGHTS if self.model in NEGATING else {})
        return {name: float(weight) for name, weight in chosen.items() if weight}

    @property
    def model_fields(self) -> dict[str, Any]:
        """The settings that the model's constructor takes."""
        return {name: getattr(self, name) for name in FIELDS[self.model]}


def resolve(path: Path | None, given: Mapping[str, Any]) -> MultihopConfig:
    """Combine the settings of a file with given ones, which win: see :func:`kgr.data.recipes.resolve`.

    A file's structures are replaced, not merged, by given ones; where another model is given, the file's
    structures and the settings of its model are left out, where another loss is, those of its loss, and so on.
    """
    return recipes.resolve(MultihopConfig, path, given, _fitting)


def _fitting(base: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    left = {*READERS, "structures"} if recipes.differs("model", base, given) else set()
    if given.get("own_negatives") is False and base.get("negative_law") == "range":
        left.add("negative_law")
    return {name: value for name, value in base.items() if name not in left}
