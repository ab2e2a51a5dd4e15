"""Pre-training a ranker on a store's texts, and the run that comes of it: score, evaluate, save."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kgr.data.known import open_store
from kgr.data.recipes import recipe
from kgr.data.training import place_of, store_of
from kgr.engine.curves import evaluation_bars, plot, training_curves
from kgr.engine.loop import Progress, train
from kgr.engine.run import Run, begin
from kgr.errors import ConfigError
from kgr.index.check import verify_sections
from kgr.index.store import Store
from kgr.index.terms import open_tokens, terms_name, tokens_name
from kgr.index.text_index import needed_terms
from kgr.models.text_config import TextModelConfig
from kgr.models.text_pairs import PairScorer
from kgr.prop import evaluate as evaluation
from kgr.prop.config import PropConfig, resolve
from kgr.prop.saving import save_frame, save_weights
from kgr.prop.start import Preparing, frame_kept, opened_model, prepared, row_length, started
from kgr.prop.task import PropTask

TASK = "prop"

Message = Callable[[str], None]
Count = Callable[[int, int], None]


class PropRun:
    """A pre-trained ranker with its store; made by :func:`pretrain_prop` or ``kgr.load_run``.

    Its folder is one of Hugging Face's form too: ``kgr rerank --model RUN``, AutoModelForSequenceClassification and
    AutoModelForMaskedLM read it.
    """

    def __init__(self, run: Run, store: Store, task: PropTask | None = None) -> None:
        self.path, self.store = run.path, store
        self.config: PropConfig = run.config(PropConfig)
        self._run, self._trained = run, task

    @cached_property
    def _task(self) -> PropTask:
        if self._trained is not None:
            return self._trained
        sections = sections_of(self.config)
        verify_sections(self.store.path, sections)
        model, tokenizer = opened_model(self.path)
        task = prepared(self.store, self.config, model, tokenizer)
        self._run.restore(task.module, task.tables, self.store.fingerprints(sections))
        task.module.eval()
        return task

    @cached_property
    def _scorer(self) -> PairScorer:
        return PairScorer(self.path, TextModelConfig(device=self.config.device))

    @property
    def metrics(self) -> dict[str, Any]:
        """The last whole evaluation, by split, as :meth:`evaluate` returned it: ``metrics["valid"]["accuracy"]``."""
        return self._run.evaluations()

    def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Score pairs of query, or words, and text: float32[n], the higher, the better the query represents the text.

        Scores are logits. See :class:`kgr.models.text_pairs.PairScorer`.

        Raises
        ------
        ConfigError
            The training has not ended yet, so there are no weights.
        """
        return self._scorer.scores(pairs)

    def evaluate(self, *, progress: Count | None = None) -> dict[str, Any]:
        """Evaluate on the held-out documents: see :func:`kgr.prop.evaluate.evaluate`."""
        task = self._task
        return evaluation.evaluate(task.model, task.batches, task.words, task.device, progress)

    def plot(self, path: str | Path | None = None) -> Path:
        """Draw loss, rate and accuracies into a PNG: see :func:`kgr.engine.curves.plot`."""
        panels = training_curves(self._run, {"Accuracy": partial(_shares, ("accuracy", "mlm_accuracy"))})
        bars = evaluation_bars(self._run, "Told right", {"share": partial(_shares, _SHARES)})
        return plot(self._run, path, chain(panels, bars))

    def save(self, folder: str | Path) -> None:
        """Write config, tokenizer and weights, in one file, to a folder that Hugging Face's classes read."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        save_frame(folder, self._task.model, opened_model(self.path)[1])
        save_weights(folder, self._task.model)


_SHARES = ("accuracy", "wrong_document", "overlap", "prior", "overlap_prior", "mlm_accuracy")


def _shares(names: Sequence[str], metrics: dict[str, Any]) -> dict[str, float | None]:
    return {name: metrics.get(name) for name in names}


def pretrain_prop(
    store: Store | str | Path,
    *,
    out: str | Path,
    model: str | Path | None = None,
    config: str | Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    preparing: Preparing | None = None,
    evaluating: Count | None = None,
    message: Message | None = None,
    **settings: Any,
) -> PropRun:
    """Pre-train a ranker on a store's texts by PROP, or by what it is compared with, then evaluate it.

    Ma et al., "PROP: Pre-training with Representative Words Prediction for Ad-hoc Retrieval", WSDM 2021. From random
    weights little is learned in minutes: start from a given encoder.

    Parameters
    ----------
    store : Store, folder or known name
        Its texts are indexed first where they are not.
    out : folder
        The run folder. If it holds this very run already, training goes on from its last checkpoint.
    model : str or path, optional
        Name or folder of a Hugging Face encoder of BERT's kind; by default a new one, see :class:`PropConfig`.
    config : file or recipe name, optional
        See :func:`kgr.data.recipes.recipe`; ``settings`` win over it.
    progress, preparing, evaluating, message : callable, optional
        Called during training; with "word pieces" or "attention", the documents of which these are made, and how many
        there are; with documents evaluated, and how many there are; with lines for the user.
    **settings
        Fields of :class:`kgr.prop.config.PropConfig`.

    Raises
    ------
    ConfigError
        A setting that is not allowed, or another one than the run in ``out`` was made with; a model that does not load.
    FormatError
        The model's tokenizer is not that of the run in ``out``.
    DataError
        Too few documents, or words, to draw from.
    TrainingError
        The loss is not finite, or the device has too little memory.
    """
    opened, say = open_store(store, message=message), message or (lambda line: None)
    given = settings if model is None else {**settings, "model": str(model)}
    path = recipe(TASK, opened.name, config, None)
    chosen = _placed(resolve(path, given))
    if path:
        say(f"settings: {path}")
    opened = _indexed(opened, chosen, say)
    names = sections_of(chosen)
    verify_sections(opened.path, names)
    sections, place = opened.fingerprints(names), place_of(store, opened)
    with begin(out, task=TASK, store=place, config=chosen, sections=sections) as run:
        with torch.random.fork_rng(devices=[]):
            made, tokenizer = started(opened, chosen, run, say)
        task = prepared(opened, chosen, made, tokenizer, message=say, progress=preparing)
        if not frame_kept(run.path):
            save_frame(run.path, made, tokenizer, row_length(chosen, tokenizer))
        step = train(task, run, chosen, progress=progress).step
        task.module.eval()
        save_weights(run.path, task.model)
        trained = PropRun(run, opened, task)
        if not run.evaluations_of(step):
            run.record_evaluation(step, "valid", trained.evaluate(progress=evaluating))
    return trained


def _placed(config: PropConfig) -> PropConfig:
    """Name folders of models so that they are found from anywhere, whenever the run is opened again."""

    def placed(name: str | None) -> str | None:
        return str(Path(name).resolve()) if name and Path(name).is_dir() else name

    return dataclasses.replace(config, model=placed(config.model), attention=placed(config.attention))


def _indexed(store: Store, config: PropConfig, say: Message) -> Store:
    """Return the store with the index that the settings name, made first where there is none."""
    needed_terms(store, config.language, config.index, message=say)
    opened = store if open_tokens(store, config.language, config.index) else Store(store.path)
    if open_tokens(opened, config.language, config.index) is None:
        raise ConfigError(
            f"{store.path}: has no index {config.index!r} in {config.language!r} and cannot be written: index its "
            "texts where it can be"
        )
    return opened


def sections_of(config: PropConfig) -> tuple[str, ...]:
    """Return the sections that a run is trained from; a change in others does not orphan it."""
    return terms_name(config.language, config.index), tokens_name(config.language, config.index)


def load_prop(run: Run) -> PropRun:
    """Open a run of this task with its store."""
    return PropRun(run, store_of(run, TASK))
