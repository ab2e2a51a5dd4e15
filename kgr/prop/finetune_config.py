"""Settings of fine-tuning on judged queries."""

from __future__ import annotations

import dataclasses

from kgr._config import setting, settings
from kgr.engine.config import DenseConfig
from kgr.errors import ConfigError


@dataclasses.dataclass(frozen=True, kw_only=True)
class FinetuneConfig(DenseConfig):
    """Settings of fine-tuning.

    An epoch takes each training query once, with one of its relevant documents and ``negatives`` others. Which queries
    are trained on, which are held out and which are tested depends on ``seed``, ``folds``, ``fold``, ``train_queries``
    and ``valid_share``: see :func:`kgr.prop.split.split`.

    Raises
    ------
    ConfigError
        A fold that there is not, or a setting that nothing reads.
    """

    batch: int = setting(8, "queries of one batch, each with a relevant document and its negatives", low=1)
    steps: int = setting(200, "training steps; may grow when a run is resumed", low=1)
    lr: float = setting(5e-5, "learning rate", low=0, high=1000)
    schedule: str = setting(
        "linear",
        "learning rate over the steps: constant, half a cosine or a line down to 0, a fifth of it after half of the "
        "steps, or less whenever evaluations get no better",
        choices=("constant", "cosine", "linear", "step", "plateau"),
    )
    warmup: int = setting(20, "first steps, over which the learning rate rises from 0", low=0)
    clip: float | None = setting(
        1.0, "longest gradient, of all parameters as one vector: a longer one is shortened to it", low=1e-9
    )
    log_every: int = setting(10, "steps from one line of metrics.jsonl to the next", low=1)
    checkpoint_every: int = setting(500, "steps from one checkpoint to the next", low=1)
    keep_checkpoints: int = setting(1, "newest checkpoints that are kept", low=1)
    loss: str = setting(
        "listwise",
        "pairwise: logistic, of the relevant document and each negative (RankNet); listwise: cross-entropy of the "
        "relevant one among all",
        choices=("pairwise", "listwise"),
    )
    negatives: int = setting(4, "documents of each query and step that are not relevant", low=1)
    depth: int = setting(50, "of the ranking of each query: negatives come from these, and these are re-ranked", low=1)
    relevance_level: int = setting(1, "lowest relevant grade", low=1)
    max_length: int | None = setting(
        None,
        "tokens read of a query and a document, marks included; by default what the model's folder says, at most 512",
        low=8,
    )
    score_batch: int = setting(64, "pairs that the model scores at once in evaluations", low=1)
    train_queries: int | None = setting(
        None, "train on so many queries alone, drawn by the seed; those held out for evaluations are of them", low=1
    )
    valid_share: float = setting(
        0.2, "of the training queries: held out where eval-every asks for evaluations", low=0.001, high=0.9
    )
    folds: int = setting(0, "parts of the judged queries; 0: none", low=0)
    fold: int | None = setting(None, "the part that is tested, from 0, and not trained on", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.folds == 1:
            raise ConfigError("folds is 1, expected 0 or at least 2")
        if self.fold is not None and self.fold >= self.folds:
            raise ConfigError(f"fold is {self.fold}, expected one below folds, which is {self.folds}")
        if not self.eval_every and self.valid_share != settings(FinetuneConfig)["valid_share"].default:
            raise ConfigError(
                "valid_share is read only where eval_every asks for evaluations: set that, or leave it out"
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class BegunConfig(FinetuneConfig):
    """What a run folder says: the settings and where training began."""

    model: str = setting("", "name or folder of the model that training began with")
