"""What every training is told, whatever its task."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Mapping
from typing import Any

from kgr._config import check_read, setting, settings
from kgr.engine.steering import History, reductions
from kgr.errors import ConfigError

RESUMABLE = frozenset(
    {
        "minutes",
        "threads",
        "slots",
        "device",
        "table",
        "process_timeout",
        "log_every",
        "eval_every",
        "eval_queries",
        "checkpoint_every",
        "keep_checkpoints",
        "tensorboard",
    }
)
"""Settings that may differ when a run is resumed; those of evaluations not where evaluations steer the training.
Beside them ``steps`` may grow; nothing else may differ."""

TABLES = ("device", "host", "disk")
"""Where the rows of a table may lie: see :mod:`kgr.engine.tables`."""

OPTIMIZERS = ("adam", "adagrad", "row-adagrad")
ROWS_MOVE = "how parameters and rows move; row-adagrad: adagrad, with one number kept for each row"
"""The setting ``optimizer`` of a training that has tables, in words."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of any training.

    The learning rate of a step is a function of these settings and the step, with ``schedule="plateau"`` of
    the evaluations before it too (:func:`learning_rate`). Where ``steps`` grows on resume, the rate follows the
    longer schedule from there on; with ``schedule="constant"`` or ``"plateau"`` the run equals one that had as
    many steps from the start.

    An evaluation is better where the task's figure, for instance its MRR, exceeds that of the last better one
    by a 10,000th of it, as in torch's ``ReduceLROnPlateau``; the best one, whose weights ``keep_best`` keeps, is
    the one of the highest figure.

    A run stopped by ``minutes`` ends at a step that depends on the machine, so it is not
    reproducible as a whole, though every step of it is.
    """

    batch: int = setting(512, "rows of one batch", low=1)
    steps: int = setting(10_000, "training steps; may grow when a run is resumed", low=1)
    minutes: float | None = setting(
        None, "stop after so many minutes of training, wherever the steps are then", low=1e-9
    )
    lr: float = setting(0.001, "learning rate", low=0, high=1000)
    schedule: str = setting(
        "constant",
        "learning rate over the steps: constant, half a cosine or a line down to 0, a fifth of it after half of the "
        "steps, or less whenever evaluations get no better",
        choices=("constant", "cosine", "linear", "step", "plateau"),
    )
    plateau_factor: float = setting(
        0.95, "schedule plateau: what the rate is multiplied by", low=0, high=1, read_by={"schedule": ("plateau",)}
    )
    plateau_patience: int = setting(
        5, "schedule plateau: evaluations without a better one that it bears", low=0, read_by={"schedule": ("plateau",)}
    )
    warmup: int = setting(0, "first steps, over which the learning rate rises from 0", low=0)
    optimizer: str = setting("adam", ROWS_MOVE, choices=OPTIMIZERS)
    seed: int = setting(0, "seed of every draw", low=0, high=2**53)
    threads: int = setting(1, "threads that make batches", low=1)
    slots: int = setting(4, "batches made in advance", low=1)
    precision: str = setting(
        "highest",
        "float32 matrix products of training, in torch's words: medium may round factors to bfloat16, which is "
        "several times faster where the processor can; evaluations are always exact",
        choices=("highest", "high", "medium"),
    )
    device: str = setting("auto", "where to train: auto, cpu, cuda or cuda:N")
    log_every: int = setting(100, "steps from one line of metrics.jsonl to the next", low=1)
    eval_every: int = setting(0, "steps from one evaluation on the valid split to the next; 0: none", low=0)
    early_stop: int = setting(0, "evaluations without a better one after which training ends; 0: never", low=0)
    keep_best: bool = setting(False, "the run's weights are those of its best evaluation, not of its last step")
    checkpoint_every: int = setting(5_000, "steps from one checkpoint to the next", low=1)
    keep_checkpoints: int = setting(2, "newest checkpoints that are kept", low=1)
    tensorboard: bool = setting(
        False, "write metrics for TensorBoard too, into the run's folder tensorboard; needs the extra tensorboard"
    )

    def __post_init__(self) -> None:
        check_read(self)

    @property
    def steered(self) -> bool:
        """Whether evaluations decide what becomes of the training."""
        return self.schedule == "plateau" or self.early_stop > 0 or self.keep_best


@dataclasses.dataclass(frozen=True, kw_only=True)
class DenseConfig(TrainConfig):
    """Settings of a training that moves dense parameters only, as those of a Transformer: no tables.

    A step is made of ``accumulate`` batches: the mean of their gradients moves the parameters, once.
    """

    optimizer: str = setting("adamw", "how parameters move", choices=("adamw", "adam", "adagrad"))
    weight_decay: float = setting(
        0.01, "adamw: share of a weight that goes with every step, times the rate; of matrices alone", low=0,
        read_by={"optimizer": ("adamw",)},
    )  # fmt: skip
    clip: float | None = setting(
        None, "longest gradient, of all parameters as one vector: a longer one is shortened to it", low=1e-9
    )
    accumulate: int = setting(1, "batches of one step, made one after another", low=1)
    autocast: str = setting(
        "none",
        "what a step computes in where torch's autocast allows it; parameters and evaluations stay in float32",
        choices=("none", "bfloat16"),
    )


def dense_of(config: TrainConfig) -> DenseConfig:
    """Return what a training says of its dense parameters: its own settings, or where it has none the plainest."""
    if isinstance(config, DenseConfig):
        return config
    return DenseConfig(optimizer=config.optimizer.removeprefix("row-"), lr=config.lr, precision=config.precision)


def check_steering(config: TrainConfig) -> None:
    """Refuse settings that need evaluations where there are none, and warn where the steps end before what was set.

    Raises
    ------
    ConfigError
        The settings are named.
    """
    if config.steered and not config.eval_every:
        raise ConfigError(
            "schedule plateau, early_stop and keep_best need evaluations, but eval_every is 0: "
            "set it, or leave them out"
        )
    if config.steered and config.eval_every > config.steps:
        told = f"eval_every is {config.eval_every}, but training ends after {config.steps} steps"
        warnings.warn(f"{told}: no evaluation steers it", stacklevel=2)
    if config.warmup >= config.steps and config.warmup != settings(type(config))["warmup"].default:
        told = f"warmup is {config.warmup}, but training ends after {config.steps} steps"
        warnings.warn(f"{told}: the rate does nothing but rise", stacklevel=2)


def learning_rate(config: TrainConfig, step: int, history: History = ()) -> float:
    """Return the learning rate of a step in [1, steps], given the evaluations; those before the step count."""
    if step <= config.warmup:
        return config.lr * step / config.warmup
    done = (step - 1 - config.warmup) / max(1, config.steps - config.warmup)
    if config.schedule == "cosine":
        return config.lr * 0.5 * (1 + math.cos(math.pi * done))
    if config.schedule == "linear":
        return config.lr * (1 - done)
    if config.schedule == "step" and 2 * (step - 1) >= config.steps:
        return config.lr / 5
    if config.schedule == "plateau":
        before = [each for each in history if each[0] < step]
        return config.lr * config.plateau_factor ** reductions(before, config.plateau_patience)
    return config.lr


def differences(old: Mapping[str, Any], new: TrainConfig) -> list[str]:
    """Name the settings in which ``new`` may not resume a run made with ``old``."""
    found = []
    resumable = RESUMABLE - {"eval_every", "eval_queries"} if new.steered else RESUMABLE
    for name, field in settings(type(new)).items():
        # TOML leaves out what is None; a setting that a later version added had its default
        was, now = old.get(name, None if field.optional else field.default), getattr(new, name)
        if name in resumable or was == now or (name == "steps" and was <= now):
            continue
        found.append(f"{name} was {was!r}, now {now!r}" + (" (may only grow)" if name == "steps" else ""))
    return found
