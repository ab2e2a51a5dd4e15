"""Fine-tuning a pre-trained model on judged queries, and the run that comes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr import _io
from kgr._config import make
from kgr._rng import key
from kgr.data.known import open_store
from kgr.data.training import place_of, store_of
from kgr.engine.curves import Figures, evaluation_bars, plot, training_curves
from kgr.engine.loop import Progress, train
from kgr.engine.run import Run, begin
from kgr.errors import ConfigError
from kgr.index.store import Store
from kgr.models.text_config import TextModelConfig
from kgr.models.text_pairs import PairScorer
from kgr.models.text_weights import weights_signed
from kgr.prop.finetune_config import BegunConfig, FinetuneConfig
from kgr.prop.finetune_task import FinetuneTask
from kgr.prop.material import Material
from kgr.prop.split import split
from kgr.rank.trec import is_measure
from kgr.retrieval.evaluate import evaluate_ranking
from kgr.retrieval.judged import AnyQrels
from kgr.retrieval.ranking import AnyRanking, Ranking, as_ranking, read_ranking
from kgr.retrieval.rerank import rerank
from kgr.retrieval.retrieve import Queries

TASK = "finetune"

_HEAD = 0x68656164  # stream of the draws of a head
_RANKING = "test.trec.gz"


class FinetuneRun:
    """A fine-tuned model with its store; made by :func:`finetune_prop` or ``kgr.load_run``.

    Its folder is one of Hugging Face's form too: ``kgr rerank --model RUN`` and AutoModelForSequenceClassification read
    it.
    """

    def __init__(self, run: Run, store: Store) -> None:
        self.path, self.store = run.path, store
        self.config: BegunConfig = run.config(BegunConfig)
        self._run = run

    @property
    def metrics(self) -> dict[str, Any]:
        """The evaluation of the tested queries as :meth:`evaluate` returns it, ``metrics["test"]["ndcg@10"]``.

        Empty where all judged queries were trained on.
        """
        return self._run.evaluations()

    @property
    def ranking(self) -> Ranking:
        """The ranking of the tested queries, ordered anew; a FileNotFoundError where there are none."""
        return read_ranking(self.path / _RANKING, self.store)

    @cached_property
    def scorer(self) -> PairScorer:
        """The model as the run folder has it."""
        return PairScorer(self.path, _text_config(self.config))

    def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Score pairs of query and text: float32[n], logits."""
        return self.scorer.scores(pairs)

    def plot(self, path: str | Path | None = None) -> Path:
        """Draw loss, rate and measures into a PNG: see :func:`kgr.engine.curves.plot`."""
        panels = training_curves(self._run, {"Measures": _measures})
        kinds: dict[str, Figures] = {"ordered anew": _measures, "as it was": _measures_before}
        return plot(self._run, path, chain(panels, evaluation_bars(self._run, "Measures", kinds)))

    def evaluate(
        self, qrels: AnyQrels, ranking: AnyRanking, *, topics: Queries | None = None, **settings: Any
    ) -> dict[str, Any]:
        """Order a ranking anew and measure it, that ranking beside it; ``settings`` are those of ``kgr.rerank``."""
        given = as_ranking(ranking)
        wishes = {"depth": self.config.depth, **settings}
        again = rerank(given, self.scorer, store=self.store, topics=topics, **wishes)
        return evaluate_ranking(qrels, again, against=given)


def _measures(metrics: dict[str, Any]) -> dict[str, float | None]:
    return {name: value for name, value in metrics.items() if is_measure(name)}


def _measures_before(metrics: dict[str, Any]) -> dict[str, float | None]:
    return {name: metrics["against"][name]["other"] for name in _measures(metrics) if "against" in metrics}


def finetune_prop(
    model: str | Path,
    store: Store | str | Path,
    *,
    qrels: AnyQrels,
    out: str | Path,
    ranking: AnyRanking | None = None,
    topics: Queries | None = None,
    name: str | None = None,
    language: str | None = None,
    fields: Sequence[str] | None = None,
    progress: Callable[[Progress], None] | None = None,
    message: Callable[[str], None] | None = None,
    **settings: Any,
) -> FinetuneRun:
    """Train a model on judged queries to tell relevant documents from others, then re-rank the queries to be tested.

    Parameters
    ----------
    model : str or path
        What training begins with: a Hugging Face name or folder of an encoder or a model that scores pairs, as a run of
        :func:`kgr.pretrain_prop` has. A head that it has not is drawn, and said.
    store : Store, folder or known name
        Where the documents' texts are.
    qrels
        As :func:`kgr.evaluate_ranking` takes them; ``name`` chooses among those of a store.
    out : folder
        The run folder. If it holds this very run already, training goes on from its last checkpoint.
    ranking : optional
        Where documents that are not relevant come from, and what is re-ranked; by default BM25's.
    topics : optional
        The queries' texts, in any form that :func:`kgr.retrieve` takes; by default those that the store keeps.
    language, fields : optional
        Of the texts, as :func:`kgr.rerank` has it. A model reads a document's beginning.
    progress, message : callable, optional
        Called during training, and with lines for the user.
    **settings
        Fields of :class:`kgr.prop.finetune_config.FinetuneConfig`.

    Returns
    -------
    FinetuneRun
        Its ``metrics["test"]`` are those of the queries that are tested, the ranking that was re-ranked ``against``
        them; none where all judged queries were trained on.

    Raises
    ------
    ConfigError
        A model or settings that do not fit, or others than those that the run in ``out`` was made with.
    DataError
        No judged query can be trained on.
    TrainingError
        The loss is not finite.
    """
    say = message or (lambda line: None)
    opened = open_store(store, message=message)
    config = make(FinetuneConfig, settings)
    if config.folds and config.fold is None:
        raise ConfigError(f"folds is {config.folds}, but not which is tested: give fold, or call finetune_prop_folds")
    material = Material.of(
        opened, config, say, qrels=qrels, ranking=ranking, topics=topics, name=name, language=language, fields=fields
    )
    return finetune(model, place_of(store, opened), material, config, out, progress=progress, message=say)


def finetune(
    model: str | Path,
    place: str,
    material: Material,
    config: FinetuneConfig,
    out: str | Path,
    *,
    progress: Callable[[Progress], None] | None,
    message: Callable[[str], None],
) -> FinetuneRun:
    """Train on what was made ready; see :func:`finetune_prop`. ``place`` is where a run finds its store again."""
    parts = split(list(material.grades), material.examples.keys, config)
    epochs = config.steps * config.batch * config.accumulate / len(parts.train)
    held = f"{len(parts.valid):,} held out, {len(parts.test):,} to test"
    message(f"{len(parts.train):,} queries to train on, {epochs:,.1f} times each, {held}")
    scorer = PairScorer(model, _text_config(config), head_seed=key(config.seed, _HEAD))
    if scorer.model.drawn:
        message(
            f"{model}: has no weights {', '.join(scorer.model.drawn)}: they are drawn, and learned from these queries"
        )
    task = FinetuneTask(
        scorer,
        material.examples.only(parts.train),
        material.texts,
        config,
        lambda of: material.measured(scorer, {"valid": parts.valid, "test": parts.test}[of], config)[1],
    )
    begun = BegunConfig(**{**vars(config), "model": str(model)})
    sections = {**material.sections, "model": scorer.model.weights}
    with begin(out, task=TASK, store=place, config=begun, sections=sections) as run:
        step = train(task, run, begun, progress=progress).step
        task.module.eval()
        if not run.evaluations_of(step):
            _export(scorer, run.path)
            _test(run, step, material, scorer, parts.test, config)
    return FinetuneRun(run, material.store)


def _test(
    run: Run, step: int, material: Material, scorer: PairScorer, test: Sequence[str], config: FinetuneConfig
) -> None:
    """Re-rank the tested queries, keep the ranking and record its metrics."""
    if test:
        ranking, metrics = material.measured(scorer, test, config)
        ranking.save(run.path / _RANKING)
        run.record_evaluation(step, "test", metrics)


def _export(scorer: PairScorer, folder: Path) -> None:
    """Write the model into the run folder, where its parts replace those of fewer steps."""
    with weights_signed(folder), _io.temporary_folder(folder / "model") as temporary:
        scorer.model.save(temporary)
        _io.move_files(temporary, folder)


def _text_config(config: FinetuneConfig) -> TextModelConfig:
    return TextModelConfig(max_length=config.max_length, batch=config.score_batch, device=config.device)


def load_finetune(run: Run) -> FinetuneRun:
    """Open a run of this task with its store."""
    return FinetuneRun(run, store_of(run, TASK))
