"""Training a query model, and the run that comes of it: evaluate it, ask it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr._jit import tell_compiling
from kgr.data.known import open_store
from kgr.data.recipes import recipe
from kgr.data.run_vectors import RunVectors
from kgr.data.training import check_evaluations, evaluated_split, place_of, store_of
from kgr.engine.curves import evaluation_bars, plot, training_curves
from kgr.engine.device import device_of
from kgr.engine.loop import Progress, train
from kgr.engine.processes import Processes, joined
from kgr.engine.run import Run, begin
from kgr.errors import ConfigError
from kgr.graph.graph import Graph, load_graph, require_graph
from kgr.index.check import verify_sections
from kgr.index.store import Store
from kgr.models.layouts import LAYOUTS
from kgr.multihop import evaluate as evaluation
from kgr.multihop.config import MultihopConfig, resolve
from kgr.multihop.parameters import make_parameters
from kgr.multihop.scorer import Scorer
from kgr.multihop.task import MultihopTask, hostable
from kgr.query._kernels import sample
from kgr.query.answers import answers
from kgr.query.inference import full_inference
from kgr.query.kept import named_or_read
from kgr.query.keyed import read_arguments
from kgr.query.sets import QuerySet, default_set
from kgr.query.unseen import without_unseen
from kgr.query.words import Word, parse

TASK = "multihop"
SECTIONS = ("entities", "relations", "graph")
"""What a run is trained from; a change in other sections does not orphan it."""


@dataclasses.dataclass(frozen=True)
class Result:
    """One answer: its score, and whether the edges known say that it is one.

    ``known`` is "graph" where the train graph has it, "held-out" where only valid and test edges do, else None.
    """

    key: str
    label: str
    score: float
    known: str | None


@dataclasses.dataclass(frozen=True)
class Answers:
    """The best answers of a query, and how many the graph and its held-out edges know."""

    structure: str
    query: tuple[str, ...]
    results: tuple[Result, ...]
    known: dict[str, int]


class MultihopRun:
    """A trained query model with its store; made by :func:`train_multihop` or ``kgr.load_run``."""

    def __init__(self, run: Run, store: Store, scorer: Scorer | None = None) -> None:
        self.path, self.store = run.path, store
        self.config: MultihopConfig = run.config(MultihopConfig)
        self._run, self._trained = run, scorer

    @cached_property
    def _scorer(self) -> Scorer:
        """The model as it was trained just now, or as the run's checkpoint has it."""
        if self._trained is not None:
            return self._trained
        verify_sections(self.store.path, SECTIONS)
        device = device_of(self.config.device)
        model, tables = make_parameters(self.store, self.config, device, folder=self.path, read_only=True)
        self._run.restore(model, tables, self.store.fingerprints(SECTIONS))
        model.eval()
        return Scorer(model, tables["entities"].weight, tables["relations"].weight, device=device)

    @property
    def metrics(self) -> dict[str, Any]:
        """The last whole evaluation, by split, as :meth:`evaluate` returned it: ``metrics["test"]["structures"]``."""
        return self._run.evaluations()

    def evaluate(
        self,
        split: str | None = None,
        *,
        queries: QuerySet | str | Path | None = None,
        hard: bool = False,
        skip_unseen: bool = False,
        candidates: int | None = None,
        progress: evaluation.Progress | None = None,
    ) -> dict[str, Any]:
        """Evaluate on the store's own queries of a split, or on others.

        Parameters
        ----------
        split : "valid" or "test", optional
            By default test, or valid where the store has no test triples.
        queries : QuerySet, name or file of JSON lines, optional
            One that the store keeps by name, see :func:`kgr.query.kept.kept_names`, or a file as ``kgr sample``
            writes them.
        hard : bool
            Rank full-inference answers alone: see :func:`kgr.query.inference.full_inference`.
        skip_unseen : bool
            Leave out what asks of entities that train does not have: see :func:`kgr.query.unseen.without_unseen`.
            Published figures are made with all of them.
        candidates : int, optional
            Rank hard answers among so many entities drawn for each query, for a graph that is too large to rank
            whole; the figures are biased, and better than those of a ranking among all.

        Returns
        -------
        dict
            See :func:`kgr.multihop.evaluate.evaluate`; ``"skipped"`` is by option, ``"hard"`` before
            ``"skip_unseen"``, each with what it left out of what the one before had left.
        """
        if candidates is not None and candidates < 1:
            raise ConfigError(f"candidates is {candidates}, expected at least 1")
        split = split or evaluated_split(self.store) or "valid"
        if queries is None:
            chosen = default_set(self.store, split)
        else:
            chosen = queries if isinstance(queries, QuerySet) else named_or_read(self.store, queries, split)
        narrowing: dict[str, evaluation.Narrowing] = {}
        if hard:
            narrowing["hard"] = partial(full_inference, self.store)
        if skip_unseen:
            narrowing["skip_unseen"] = partial(without_unseen, self._graph)
        choices: dict[str, Any] = {"narrowing": narrowing, "candidates": candidates, "progress": progress}
        return evaluation.evaluate(self._scorer, chosen, train=self._graph, **choices)

    def answer(self, structure: str, query: Sequence[str], *, k: int = 10, language: str = "en") -> Answers:
        """Rank all entities as answers of a query.

        Parameters
        ----------
        structure : str
            A structure's name or any word.
        query : sequence of keys
            Anchors and relations in word order; ``^`` before a relation inverts it.
        k : int
            Answers wanted.
        language : str
            Of the labels.

        Raises
        ------
        QueryError, UnknownKey
            A structure that is none or that the model cannot do; a key that the store does not have.
        """
        if k < 1:
            raise ConfigError(f"k is {k}, expected at least 1")
        word = parse(structure)
        arguments = read_arguments(self.store, word, query)
        scores = self._scorer.scores(word, arguments[None])[0]
        graph, held_out = self._known(word, arguments)
        order = np.argsort(-scores, kind="stable")[:k]
        results = tuple(
            Result(
                self.store.entries.key(int(entity)),
                self.store.label("entries", int(entity), language),
                float(scores[entity]),
                "graph" if entity in graph else "held-out" if entity in held_out else None,
            )
            for entity in order
        )
        return Answers(word.name, tuple(query), results, {"graph": len(graph), "held-out": len(held_out)})

    def plot(self, path: str | Path | None = None) -> Path:
        """Draw loss, rate and MRR by structure into a PNG: see :func:`kgr.engine.curves.plot`."""
        few = self.config.candidates
        among = f", among {few:,} drawn candidates: biased" if few else ""
        panels = training_curves(self._run, {f"MRR by structure{among}": partial(_by_structure, "mrr")})
        kinds = {"model": partial(_by_structure, "mrr"), "popularity": partial(_by_structure, "popularity_mrr")}
        return plot(self._run, path, chain(panels, evaluation_bars(self._run, f"MRR{among}", kinds)))

    def vectors(self) -> RunVectors:
        """Return the vectors of all entities and relations, as the run folder has them."""
        return RunVectors(self._run, self.store, LAYOUTS[self.config.model])

    def _known(self, word: Word, arguments: NDArray[np.int32]) -> tuple[set[int], set[int]]:
        """Answers on the train graph, and those that are answers only with the held-out edges."""
        graph = set(answers(self._graph, word, arguments).tolist())
        return graph, set(answers(self._whole, word, arguments).tolist()) - graph

    @cached_property
    def _graph(self) -> Graph:
        return load_graph(self.store)

    @cached_property
    def _whole(self) -> Graph:
        held_out = [split for split in ("valid", "test") if split in self.store.splits]
        return load_graph(self.store, ["train", *held_out])


def _by_structure(figure: str, metrics: dict[str, Any]) -> dict[str, float | None]:
    return {name: own and own.get(figure) for name, own in metrics["structures"].items()}


def train_multihop(
    store: Store | str | Path,
    *,
    out: str | Path,
    config: str | Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    evaluating: evaluation.Progress | None = None,
    message: Callable[[str], None] | None = None,
    **settings: Any,
) -> MultihopRun:
    """Train a query model on a store's train graph, then evaluate it on the test split.

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
        Fields of :class:`kgr.multihop.config.MultihopConfig`.

    Returns
    -------
    MultihopRun
        Its ``metrics["test"]`` are those of the last step, or with ``keep_best`` of the best evaluation
        on valid; of the valid split where there is no test split, and none where nothing is held out.

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
    check_evaluations(opened, chosen)
    with joined(chosen.device, chosen.process_timeout) as processes:
        tell = message if message and processes.first else lambda _: None
        chosen = processes.led(lambda: _prepared(opened, chosen, path, tell))
        place, sections = place_of(store, opened), opened.fingerprints(SECTIONS)
        with begin(out, task=TASK, store=place, config=chosen, sections=sections, processes=processes) as run:
            step, scorer = _train(opened, chosen, run, processes, progress)
            trained = MultihopRun(run, opened, scorer)
            processes.led(lambda: _evaluate(trained, run, step, evaluating, tell))
    return trained


def _train(
    store: Store,
    config: MultihopConfig,
    run: Run,
    processes: Processes,
    progress: Callable[[Progress], None] | None,
) -> tuple[int, Scorer | None]:
    """Train; return the last step and the model as it is then. The rest of the task, moments foremost, is gone.

    Several processes have parts of the model each, so that there is none: the checkpoint has it whole.
    """
    task = MultihopTask(store, config, processes.device_of(config.device), folder=run.path, processes=processes)
    step = train(task, run, config, progress=progress, processes=processes).step
    task.module.eval()
    return step, task.scorer() if processes.size == 1 else None


def _prepared(store: Store, config: MultihopConfig, path: Path | None, tell: Callable[[str], None]) -> MultihopConfig:
    """Verify what is trained from, and return the settings without the structures that the graph cannot host."""
    verify_sections(store.path, SECTIONS)
    tell_compiling(sample._sample_own if config.own_negatives else sample._sample_shared, tell)
    if path:
        tell(f"settings: {path}")
    return hostable(load_graph(store), config, tell)


def _evaluate(
    trained: MultihopRun, run: Run, step: int, evaluating: evaluation.Progress | None, tell: Callable[[str], None]
) -> None:
    """Evaluate a run that has just been trained, unless it was evaluated so before."""
    split = evaluated_split(trained.store)
    if split is None:
        tell(f"{trained.store.path}: no valid or test triples, so the run is not evaluated")
        return
    queries = default_set(trained.store, split)
    candidates = trained.config.candidates
    if not _evaluated(run, step, queries, candidates):
        metrics = trained.evaluate(split, queries=queries, candidates=candidates, progress=evaluating)
        run.record_evaluation(step, split, metrics)


def _evaluated(run: Run, step: int, queries: QuerySet, candidates: int | None) -> bool:
    """Whether the run's metrics have these very queries at this step; its store may have got others since."""
    found = ((own["queries_fingerprint"], own.get("candidates")) for own in run.evaluations_of(step))
    return (queries.fingerprint, candidates) in found


def load_multihop(run: Run) -> MultihopRun:
    """Open a run of this task with its store."""
    return MultihopRun(run, store_of(run, TASK))
