"""Fine-tuning by cross-validation: each query is re-ranked by a model that has not seen it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kgr._config import make
from kgr.data.known import open_store
from kgr.data.training import place_of
from kgr.engine.loop import Progress
from kgr.errors import ConfigError
from kgr.index.keys import Keys
from kgr.index.store import Store
from kgr.prop.finetune import FinetuneRun, finetune
from kgr.prop.finetune_config import BegunConfig, FinetuneConfig
from kgr.prop.material import Material
from kgr.retrieval.evaluate import evaluate_ranking
from kgr.retrieval.judged import AnyQrels
from kgr.retrieval.ranking import Ranking

_OF_MATERIAL = ("ranking", "topics", "name", "language", "fields")


@dataclasses.dataclass(frozen=True)
class FinetuneFolds:
    """Runs that each leave out one fold; made by :func:`finetune_prop_folds`.

    Attributes
    ----------
    runs : tuple of FinetuneRun
        By fold.
    ranking : Ranking
        Of all judged queries.
    metrics : dict
        Of that ranking, the one that was re-ranked ``against`` it, as :func:`kgr.evaluate_ranking` returns them.
    """

    runs: tuple[FinetuneRun, ...]
    ranking: Ranking
    metrics: dict[str, Any]

    @property
    def config(self) -> BegunConfig:
        """The settings of the runs, which differ in their ``fold`` alone: here it is None."""
        return dataclasses.replace(self.runs[0].config, fold=None)

    def evaluate(self, qrels: AnyQrels, **settings: Any) -> dict[str, Any]:
        """Measure the ranking of all queries; ``settings`` are those of :func:`kgr.evaluate_ranking`."""
        return evaluate_ranking(qrels, self.ranking, **settings)


def finetune_prop_folds(
    model: str | Path,
    store: Store | str | Path,
    *,
    qrels: AnyQrels,
    out: str | Path,
    folds: int = 5,
    progress: Callable[[Progress], None] | None = None,
    message: Callable[[str], None] | None = None,
    **settings: Any,
) -> FinetuneFolds:
    """Train once for each fold of the judged queries, in ``out/fold-<n>``, on the others, and test on that fold.

    The rankings of the folds are joined to one of all judged queries, kept as ``out/ranking.trec.gz``. Each run is
    taken up where it was, so the same call goes on after an interruption. Scores of different folds come from different
    models: they are comparable within a query, as measures have it, and no further.

    Parameters
    ----------
    folds : int
        At least two.
    model, store, qrels, progress, message, **settings
        Of :func:`kgr.finetune_prop`, all that it takes but ``fold``.

    Raises
    ------
    ConfigError
        Fewer than two folds, or ``fold`` given beside them.
    """
    say = message or (lambda line: None)
    if settings.get("fold") is not None:
        raise ConfigError(f"fold is {settings['fold']} beside all folds: train it by itself, or leave it out")
    if folds < 2:
        raise ConfigError(f"folds is {folds}, expected at least 2")
    opened = open_store(store, message=message)
    given = {name: settings.pop(name) for name in _OF_MATERIAL if name in settings}
    config = make(FinetuneConfig, {**settings, "folds": folds, "fold": 0})
    material = Material.of(opened, config, say, qrels=qrels, **given)
    runs = []
    for fold in range(folds):
        folder = Path(out) / f"fold-{fold}"
        say(f"fold {fold}: {folder}")
        own = dataclasses.replace(config, fold=fold)
        runs.append(finetune(model, place_of(store, opened), material, own, folder, progress=progress, message=say))
    joined = _joined([run.ranking for run in runs], material)
    joined.save(Path(out) / "ranking.trec.gz")
    level = config.relevance_level
    metrics = evaluate_ranking(material.grades, joined, against=material.ranking, relevance_level=level)
    return FinetuneFolds(tuple(runs), joined, metrics)


def _joined(rankings: Sequence[Ranking], material: Material) -> Ranking:
    """Put rankings over the same entries one after another."""
    counts = np.concatenate([np.diff(one.offsets) for one in rankings])
    return Ranking(
        Keys.build([key for one in rankings for key in one], what="query"),
        material.store.entries,
        np.concatenate([[0], np.cumsum(counts)]),
        np.concatenate([one.document for one in rankings]),
        np.concatenate([one.score for one in rankings]),
        rankings[0].tag,
        material.topics,
        material.store,
    )
