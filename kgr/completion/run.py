"""Training a link model, and the run that comes of it: evaluate it, ask it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Any

from kgr._jit import tell_compiling
from kgr.completion import _kernels, shares
from kgr.completion import classify as classification
from kgr.completion import evaluate as evaluation
from kgr.completion.batches import Batches
from kgr.completion.calibration import Calibration, calibrate, kept_calibration
from kgr.completion.config import CompletionConfig, resolve
from kgr.completion.facts import Fact, predict_facts
from kgr.completion.predict import Predictions, check_asked, check_k, ends_of, predict
from kgr.completion.scorer import LinkScorer
from kgr.completion.start import start_from
from kgr.completion.task import CompletionTask
from kgr.data.known import open_store
from kgr.data.recipes import recipe
from kgr.data.run_vectors import RunVectors
from kgr.data.training import EVALUATED, check_evaluations, evaluated_split, holds_out, place_of, store_of
from kgr.engine.curves import evaluation_bars, plot, training_curves
from kgr.engine.device import device_of
from kgr.engine.loop import Progress, train
from kgr.engine.run import Run, begin
from kgr.errors import DataError
from kgr.graph.graph import load_graph, require_graph
from kgr.index.check import verify_sections
from kgr.index.store import Store
from kgr.models.layouts import LAYOUTS

TASK = "completion"
SECTIONS = ("entities", "relations", "graph")
"""What a run is trained from; a change in other sections does not orphan it."""


class CompletionRun:
    """A trained link model with its store; made by :func:`train_completion` or ``kgr.load_run``."""

    def __init__(self, run: Run, store: Store, scorer: LinkScorer | None = None) -> None:
        self.path, self.store = run.path, store
        self.config: CompletionConfig = run.config(CompletionConfig)
        self._run, self._trained = run, scorer

    @cached_property
    def scorer(self) -> LinkScorer:
        """The model as it was trained just now, or as the run folder has it."""
        if self._trained is not None:
            return self._trained
        verify_sections(self.store.path, SECTIONS)
        task = CompletionTask(self.store, self.config, device_of(self.config.device))
        self._run.restore(task.module, task.tables, self.store.fingerprints(SECTIONS))
        task.module.eval()
        return task.scorer()

    @property
    def metrics(self) -> dict[str, Any]:
        """The last whole evaluation, by split, as :meth:`evaluate` returned it: ``metrics["test"]["mrr"]``."""
        return self._run.evaluations()

    def evaluate(
        self,
        split: str | None = None,
        *,
        limit: int | None = None,
        rule_length: int | None = None,
        progress: evaluation.Progress | None = None,
    ) -> dict[str, Any]:
        """Rank the answers of a split's triples from both sides among all entities, filtered.

        Parameters
        ----------
        split : "valid" or "test", optional
            By default test, or valid where the store has no test triples.
        limit : int, optional
            Rank at most so many triples, drawn uniformly, always the same ones.
        rule_length : int, optional
            Of the rules by which triples are compositional: see :func:`kgr.completion.subsets.compositional`.

        Returns
        -------
        dict
            See :func:`kgr.completion.evaluate.evaluate`.

        Raises
        ------
        DataError
            The store has no triples of the split, or of neither.
        """
        chosen = split or evaluated_split(self.store)
        if chosen is None:
            raise DataError(f"{self.store.path}: has no valid or test triples to evaluate on; build it with some")
        return evaluation.evaluate(
            self.scorer, self.store, chosen, limit=limit, rule_length=rule_length, progress=progress
        )

    def classify(
        self,
        split: str = "test",
        *,
        protocol: str = "corrected",
        negatives: str = "stored",
        seed: int = 0,
        progress: shares.Progress | None = None,
    ) -> dict[str, Any]:
        """Tell facts of a split from negatives: see :func:`kgr.completion.classify.classify`."""
        choices: dict[str, Any] = {"protocol": protocol, "negatives": negatives, "seed": seed}
        return classification.classify(self.scorer, self.store, split, **choices, progress=progress)

    def calibration(self, progress: shares.Progress | None = None) -> Calibration | None:
        """Return what makes probabilities of scores, None without valid triples; kept in the run folder.

        See :mod:`kgr.completion.calibration`.
        """
        found = self._run.checkpoint()
        splits = [f"triples/{split}" for split in EVALUATED if holds_out(self.store, split)]
        made_from = {"step": found.step if found else None, **self.store.fingerprints([*SECTIONS, *splits])}
        return kept_calibration(
            self.path / "calibration.json", made_from, lambda: calibrate(self.scorer, self.store, progress=progress)
        )

    def predict(
        self,
        *,
        head: str | None = None,
        relation: str | None = None,
        tail: str | None = None,
        k: int = 10,
        language: str = "en",
        new_only: bool = False,
        progress: shares.Progress | None = None,
    ) -> Predictions:
        """Rank what completes a triple of which two keys are given: see :func:`kgr.completion.predict.predict`.

        ``progress`` is called while the probabilities are fitted, which is done once for a run.
        """
        check_asked(self.store, head, relation, tail, k)  # before probabilities are fitted, which takes longer
        choices: dict[str, Any] = {"head": head, "relation": relation, "tail": tail, "k": k, "language": language}
        calibration = None if relation is None else self.calibration(progress)
        return predict(self.scorer, self.store, **choices, new_only=new_only, calibration=calibration)

    def predict_facts(
        self, relation: str, *, k: int = 1000, language: str = "en", progress: shares.Progress | None = None
    ) -> tuple[Fact, ...]:
        """Return the best new facts of a relation: see :func:`kgr.completion.facts.predict_facts`."""
        check_k(k)
        ends_of(self.store, relation)  # before probabilities are fitted, which takes longer
        calibration = self.calibration(progress)
        choices: dict[str, Any] = {"k": k, "language": language, "calibration": calibration, "progress": progress}
        return predict_facts(self.scorer, self.store, relation, **choices)

    def plot(self, path: str | Path | None = None) -> Path:
        """Draw loss, rate, MRR and Hits into a PNG: see :func:`kgr.engine.curves.plot`."""
        panels = training_curves(self._run, {"MRR and Hits": _figures})
        kinds = {"model": partial(_by_side, "mrr"), "popularity": partial(_by_side, "popularity_mrr")}
        return plot(self._run, path, chain(panels, evaluation_bars(self._run, "MRR", kinds)))

    def vectors(self) -> RunVectors:
        """Return the vectors of all entities and relations, as the run folder has them.

        Where relations are not reciprocal, there is one row per base relation.
        """
        return RunVectors(self._run, self.store, LAYOUTS[self.config.model])


def _figures(metrics: dict[str, Any]) -> dict[str, float | None]:
    return {name: metrics[name] for name in ("mrr", "hits@1", "hits@3", "hits@10")}


def _by_side(figure: str, metrics: dict[str, Any]) -> dict[str, float | None]:
    return {name: own.get(figure) for name, own in {"both sides": metrics, **metrics["sides"]}.items()}


def train_completion(
    store: Store | str | Path,
    *,
    out: str | Path,
    config: str | Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    evaluating: evaluation.Progress | None = None,
    message: Callable[[str], None] | None = None,
    **settings: Any,
) -> CompletionRun:
    """Train a link model on a store's train graph, then evaluate it on the test split.

    Parameters
    ----------
    store : Store, folder or known name
    out : folder
        The run folder. If it holds this very run already, training goes on from its last checkpoint.
    config : file or recipe name, optional
        See :func:`kgr.data.recipes.recipe`; ``settings`` win over it.
    progress, evaluating, message : callable, optional
        Called during training, during the evaluation, and with lines for the user.
    **settings
        Fields of :class:`kgr.completion.config.CompletionConfig`.

    Returns
    -------
    CompletionRun
        Its ``metrics["test"]`` are those of the trained model; of the valid split where there is no test
        split, and none where nothing is held out.

    Raises
    ------
    ConfigError
        A setting that is not allowed, or another one than the run in ``out`` was made with.
    DataError
        The store has no graph.
    TrainingError
        The loss is not finite.
    """
    opened = open_store(store, message=message)
    require_graph(opened)
    path = recipe(TASK, opened.name, config, settings.get("model"))
    chosen = resolve(path, settings)
    verify_sections(opened.path, SECTIONS)
    sections = opened.fingerprints(SECTIONS)
    if message:
        tell_compiling(_kernels._permute, message)
        if path:
            message(f"settings: {path}")
    chosen = _in_steps(opened, chosen)
    with begin(out, task=TASK, store=place_of(store, opened), config=chosen, sections=sections) as run:
        task = CompletionTask(opened, chosen, device_of(chosen.device))
        if chosen.start is not None and run.checkpoint() is None:
            start_from(opened, chosen.start, task.tables, message or (lambda _: None))
        step = train(task, run, chosen, progress=progress).step
        task.module.eval()
        trained = CompletionRun(run, opened, task.scorer())
        split = evaluated_split(opened)
        if split is None:
            (message or str)(f"{opened.path}: no valid or test triples, so the run is not evaluated")
        elif not run.evaluations_of(step):
            metrics = trained.evaluate(split, progress=evaluating)
            run.record_evaluation(step, split, metrics)
    return trained


def _in_steps(store: Store, config: CompletionConfig) -> CompletionConfig:
    """Turn epochs into steps, as the run folder keeps them; check what evaluations while training need."""
    graph = load_graph(store)
    if not graph.edges:
        raise DataError(f"{store.path}: train has no triples to learn from")
    chosen = config.in_steps(Batches(graph, config).rows)
    check_evaluations(store, chosen)
    return chosen


def load_completion(run: Run) -> CompletionRun:
    """Open a run of this task with its store."""
    return CompletionRun(run, store_of(run, TASK))
