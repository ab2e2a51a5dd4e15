"""Settings of completion training."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kgr._config import setting, settings
from kgr.data import recipes
from kgr.engine.config import OPTIMIZERS, ROWS_MOVE, TrainConfig
from kgr.errors import ConfigError
from kgr.models.fields import LINK_FIELDS, readers

READERS = readers(LINK_FIELDS)

DEFAULT_EPOCHS = 30.0
ADAM_LR = 0.001
MODEL_DEFAULTS: dict[str, dict[str, Any]] = {
    "transe": {"training": "negatives", "regularizer": "none"},
    "rotate": {"training": "negatives", "regularizer": "none"},
    "rescal": {"dim": 256, "regularizer": "dura"},
    "tucker": {"dim": 256, "regularizer": "dura"},
    "conve": {"dim": 200, "optimizer": "adam", "regularizer": "none"},
}
"""What stands for a model instead of the fields' defaults, which are ComplEx's: N3 is not for distances or networks,
all distances cost several times the products of as many numbers, and a relation that is a matrix has the square of an
entity's numbers."""

_INITS = ("normal", "uniform", "xavier-normal", "xavier-uniform")
_SAMPLED: dict[str, tuple[str, ...]] = {"training": ("negatives",)}
_EXHAUSTIVE: dict[str, tuple[str, ...]] = {"training": ("1vsall", "kvsall")}
_NORMS = ("l1", "l2", "l3")

_MODEL_HELP = "link model; unless told otherwise " + "; ".join(
    f"{model} has {', '.join(f'{name} {value}' for name, value in own.items())}"
    for model, own in MODEL_DEFAULTS.items()
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompletionConfig(TrainConfig):
    """Settings of completion training; what is None is a default that the field's help or the model names.

    A row of a batch is one query, a head or a tail asked for: a train triple from one of its sides ("1vsall",
    "negatives"; 2E rows are an epoch), or a distinct (entity, directed relation) with all its answers ("kvsall").
    The loss is the mean over rows. A setting that the model, the training or the loss does not read is refused.
    """

    model: str = setting("complex", _MODEL_HELP, choices=tuple(LINK_FIELDS))
    dim: int = setting(512, "numbers of an entity's vector; complex numbers count as two", low=1)
    batch: int = setting(500, "queries of one batch", low=1)
    steps: int = setting(0, "training steps, 0: as many as epochs take; may grow when a run is resumed", low=0)
    epochs: float | None = setting(
        None, f"passes over the queries, instead of steps; default {DEFAULT_EPOCHS:g}", low=0
    )
    lr: float = setting(0.1, f"learning rate; with adam {ADAM_LR:g}", low=0, high=1000)
    optimizer: str = setting("adagrad", ROWS_MOVE, choices=OPTIMIZERS)
    eval_epochs: float | None = setting(None, "passes from one evaluation on valid to the next; not eval-every", low=0)
    eval_triples: int | None = setting(None, "valid triples of evaluations during training; default all", low=1)
    training: str = setting(
        "1vsall",
        "what a query is trained with: its answer against all entities, all its answers against all, or negatives",
        choices=("1vsall", "kvsall", "negatives"),
    )
    negatives: int | None = setting(None, "negatives of a query; default 128", low=1, high=65_536, read_by=_SAMPLED)
    head_negatives: int | None = setting(
        None, "negatives of a query for heads; default as for tails", low=1, high=65_536, read_by=_SAMPLED
    )
    own_negatives: bool = setting(
        False, "each query has negatives of its own, instead of sharing the batch's", read_by=_SAMPLED
    )
    negative_law: str = setting(
        "uniform",
        "how negatives are drawn: any entity, or by its edges",
        choices=("uniform", "degree"),
        read_by=_SAMPLED,
    )
    loss: str = setting(
        "softmax",
        "cross-entropy over the candidates, of each by itself, or, with negatives, self-adversarial margin",
        choices=("softmax", "bce", "margin"),
    )
    weighting: str = setting(
        "none",
        "weight of a query with kvsall and softmax: 1, or its number of answers, which makes the loss that of 1vsall "
        "with each distinct query scored once",
        choices=("none", "answers"),
        read_by={"training": ("kvsall",), "loss": ("softmax",)},
    )
    adversarial: float | None = setting(
        None, "temperature of the margin loss's self-adversarial weights, 0 for uniform ones; default 1", low=0,
        read_by={"loss": ("margin",)},
    )  # fmt: skip
    label_smoothing: float = setting(
        0.0, "share of the labels spread over all entities", low=0, high=1, read_by=_EXHAUSTIVE
    )
    reciprocal: bool = setting(True, "an inverse relation has a vector of its own")
    entity_dropout: float = setting(0.0, "dropout of entities' vectors", low=0, high=0.99)
    relation_dropout: float = setting(0.0, "dropout of relations' vectors", low=0, high=0.99)
    feature_dropout: float | None = setting(
        None, "conve: dropout of whole feature maps; default 0.2", low=0, high=0.99, read_by=READERS["feature_dropout"]
    )
    projection_dropout: float | None = setting(
        None,
        "conve: dropout after the projection; default 0.3",
        low=0,
        high=0.99,
        read_by=READERS["projection_dropout"],
    )
    regularizer: str = setting(
        "n3",
        "penalty of the vectors: cubes of moduli as Lacroix et al., squares, the query's vector too, as Zhang et al. "
        "(DURA), or absolute values, squares, cubes as LibKGE",
        choices=("none", "l1", "l2", "l3", "n3", "dura"),
    )
    entity_weight: float | None = setting(
        None,
        "weight of entities (dura: of all) in the penalty; default 0.01 in n3 and dura, else 0",
        low=0,
        read_by={"regularizer": (*_NORMS, "n3", "dura")},
    )
    relation_weight: float | None = setting(
        None,
        "weight of relations in the penalty; default 0.01 in n3, else 0",
        low=0,
        read_by={"regularizer": (*_NORMS, "n3")},
    )
    weighted: bool = setting(
        True,
        "l1 to l3 of the vectors as the batch has them; no: of all vectors at every step",
        read_by={"regularizer": _NORMS},
    )
    relation_prediction: float = setting(
        0.0,
        "weight of a second loss, the relation of head and tail among all; with 1vsall",
        low=0,
        read_by={"training": ("1vsall",)},
    )
    init: str | None = setting(None, "law of the initial vectors; default the model's", choices=_INITS)
    init_scale: float | None = setting(
        None, "standard deviation (normal), bound (uniform) or gain (xavier) of the law; default the model's", low=0
    )
    start: str | None = setting(
        None, "vectors that training starts from: name of some in the store, or path as import-vectors reads it"
    )
    norm: int | None = setting(None, "transe: distance, 1 or 2; default 2", low=1, high=2, read_by=READERS["norm"])
    gamma: float | None = setting(
        None, "transe, rotate: score of an answer at distance 0; default 12", low=0, read_by=READERS["gamma"]
    )
    parts: int | None = setting(
        None,
        "complex, distmult: equal parts of the vectors that learn apart, each by a loss of its own, whose scores add "
        "up: so many models of other initial vectors in one, of a share of dim each; default 1",
        low=1,
        read_by=_EXHAUSTIVE | READERS["parts"],
    )
    relation_dim: int | None = setting(
        None, "tucker: numbers of a relation's vector; default dim", low=1, read_by=READERS["relation_dim"]
    )

    def __post_init__(self) -> None:
        if self.model not in LINK_FIELDS:
            raise ConfigError(f"model is {self.model!r}, expected one of {', '.join(LINK_FIELDS)}")
        super().__post_init__()
        self._check_choices()
        for steps, epochs in (("steps", "epochs"), ("eval_every", "eval_epochs")):
            if getattr(self, steps) and getattr(self, epochs) is not None:
                raise ConfigError(f"{steps} and {epochs} are both given: give one, the other follows from it")
            if getattr(self, epochs) == 0:
                raise ConfigError(f"{epochs} is 0, expected more, or none")

    def _check_choices(self) -> None:
        if self.model == "conve" and self.batch == 1:
            raise ConfigError("batch is 1, but model conve norms each number over a batch: use 2 or more")
        if self.init in ("normal", "uniform") and self.init_scale is None:
            raise ConfigError(f"init is {self.init}, which needs init_scale: its standard deviation or bound")
        if self.training != "negatives" and self.loss == "margin":
            raise ConfigError(f"loss is margin, which training {self.training} has no negatives for: use negatives")
        if self.regularizer in _NORMS and self.entity_weight is None and self.relation_weight is None:
            raise ConfigError(f"regularizer is {self.regularizer}, which needs entity_weight or relation_weight")

    @property
    def penalty(self) -> tuple[float, float]:
        """Weights of entities and relations in the penalty, the defaults filled in."""
        default = 0.01 if self.regularizer in ("n3", "dura") else 0.0
        entities, relations = self.entity_weight, self.relation_weight
        return default if entities is None else entities, default if relations is None else relations

    @property
    def model_fields(self) -> dict[str, Any]:
        """The settings that the model's constructor takes, those left to it left out."""
        dropout = {"entity_dropout": self.entity_dropout, "relation_dropout": self.relation_dropout}
        given = {name: getattr(self, name) for name in LINK_FIELDS[self.model]}
        return dropout | {name: value for name, value in given.items() if value is not None}

    def in_steps(self, rows: int) -> CompletionConfig:
        """Return these settings with epochs of so many rows turned into steps."""
        steps, every = self.steps, self.eval_every
        if not steps:
            steps = _steps(DEFAULT_EPOCHS if self.epochs is None else self.epochs, rows, self.batch)
        if self.eval_epochs:
            every = _steps(self.eval_epochs, rows, self.batch)
        return dataclasses.replace(self, steps=steps, epochs=None, eval_every=every, eval_epochs=None)


def _steps(epochs: float, rows: int, batch: int) -> int:
    return max(1, math.ceil(epochs * rows / batch))


def resolve(path: Path | None, given: Mapping[str, Any]) -> CompletionConfig:
    """Combine the settings of a file with given ones, which win: see :func:`kgr.data.recipes.resolve`.

    Where another model, training, loss, penalty or optimiser is given, the file's settings of its own are left out;
    given steps stand instead of the file's epochs, and the other way round. Where neither says anything, the model's
    defaults stand (``MODEL_DEFAULTS``), and Adam's own learning rate.
    """
    return recipes.resolve(CompletionConfig, path, given, _fitting)


_OF_PENALTY = frozenset(("entity_weight", "relation_weight", "weighted"))
_OF_ONE = {
    "model": READERS.keys()
    | _OF_PENALTY
    | {"dim", "optimizer", "lr", "regularizer", "entity_dropout", "relation_dropout"}
    | {"init", "init_scale", "reciprocal", "relation_prediction"},
    "optimizer": frozenset(("lr",)),
    "training": frozenset(("loss", "adversarial", "weighting")),
    "loss": frozenset(("adversarial", "weighting")),
    "regularizer": _OF_PENALTY,
}
_INSTEAD = {"steps": "epochs", "epochs": "steps", "eval_every": "eval_epochs", "eval_epochs": "eval_every"}


def _fitting(base: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    meant = {name: settings(CompletionConfig)[name].default for name in _OF_ONE} | _defaults(base) | base
    left = {own for name, owned in _OF_ONE.items() if recipes.differs(name, meant, given) for own in owned}
    left |= {_INSTEAD[name] for name in given if name in _INSTEAD}
    kept = {name: value for name, value in base.items() if name not in left}
    return {**_defaults({**kept, **given}), **kept}


def _defaults(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands beside chosen settings instead of the fields' defaults."""
    own = MODEL_DEFAULTS.get(chosen.get("model", ""), {})
    adam = {**own, **chosen}.get("optimizer") == "adam"
    return {**own, "lr": ADAM_LR} if adam else own
