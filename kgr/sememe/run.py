"""A trained run of sememe prediction with its store: evaluate it, ask it, take its predictions out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kgr.data.training import EVALUATED, store_of
from kgr.engine.curves import evaluation_bars, plot, training_curves
from kgr.engine.run import Run
from kgr.errors import DataError, FormatError
from kgr.index.check import verify_sections
from kgr.index.store import Store
from kgr.sememe.config import SememeConfig
from kgr.sememe.evaluate import Measured, evaluate, judged
from kgr.sememe.learned import Learned
from kgr.sememe.material import Material, material_of, sections_of
from kgr.sememe.methods import METHODS, Fit
from kgr.sememe.popularity import Popularity, fit_popularity
from kgr.sememe.scorer import Scorer

if TYPE_CHECKING:
    from kgr.sememe.descriptions import Descriptions
    from kgr.sememe.predict import Prediction

TASK = "sememes"

_BLOCK = 512  # synsets that are scored at once


class Fitted:
    """A fitted method; sememes that it never met are never predicted.

    Parameters
    ----------
    material : Material
    scorer : Scorer
    """

    def __init__(self, material: Material, scorer: Scorer) -> None:
        self.material, self.scorer = material, scorer
        self.popularity: Popularity = fit_popularity(material.annotations, material.references)
        known = material.annotations
        if material.config.protocol == "published":
            known = known.published()
        self.seen: NDArray[np.bool_] = known.seen(known.rows("train"))

    def of(self, asked: Descriptions, scorer: Scorer | None = None) -> NDArray[np.float32]:
        """Score all sememes, float32[B, C]: ``-inf`` of those that are never predicted."""
        found = (scorer or self.scorer).scores(asked)
        found[:, ~self.seen] = -np.inf
        return found

    def rows(self, rows: NDArray[np.integer[Any]], scorer: Scorer | None = None) -> NDArray[np.float32]:
        """Score synsets of the store: float32[B, C]."""
        return self._blocks(rows, self.material.asked, scorer)

    def by_texts_alone(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Score synsets of the store as if they were new and texts alone told of them: float32[B, C]."""
        return self._blocks(rows, self.material.texts_alone)

    def _blocks(
        self,
        rows: NDArray[np.integer[Any]],
        described: Callable[[NDArray[np.integer[Any]]], Descriptions],
        scorer: Scorer | None = None,
    ) -> NDArray[np.float32]:
        found = np.empty((len(rows), len(self.seen)), np.float32)
        for first in range(0, len(rows), _BLOCK):
            part = slice(first, first + _BLOCK)
            found[part] = self.of(described(rows[part]), scorer)
        return found


class SememeRun:
    """A trained predictor of sememes; made by :func:`kgr.train_sememes` or ``kgr.load_run``."""

    def __init__(self, run: Run, store: Store, trained: tuple[Fitted, Learned] | None = None) -> None:
        self.path, self.store = run.path, store
        self.config: SememeConfig = run.config(SememeConfig)
        self._run, self._trained = run, trained

    @cached_property
    def learned(self) -> Learned:
        """What was learned on valid, as the run folder has it.

        Raises
        ------
        FormatError
            The run is not trained to its end, or the store's sections are not those that it was trained from.
        """
        if self._trained is not None:
            return self._trained[1]
        learned = Learned.read(self.path)
        now = self.store.fingerprints(sections_of(self.store, self.config))
        changed = sorted(name for name in {*now, *learned.sections} if now.get(name) != learned.sections.get(name))
        if changed:
            raise FormatError(
                f"{self.path}: was trained from other sections of {self.store.path}: {', '.join(changed)} changed "
                "since; train anew"
            )
        return learned

    @cached_property
    def scores(self) -> Fitted:
        """The method as it was trained just now, or as the run folder has it."""
        if self._trained is not None:
            return self._trained[0]
        learned = self.learned
        verify_sections(self.store.path, list(learned.sections))
        material = material_of(self.store, self.config)
        scorer, _ = METHODS[self.config.method](Fit(material, self.path, learned.method))
        return Fitted(material, scorer)

    @property
    def metrics(self) -> dict[str, Any]:
        """The last whole evaluation, by split, as :meth:`evaluate` returned it: ``metrics["test"]["map"]``."""
        return {line["split"]: line["metrics"] for line in self._run.metrics() if line.get("whole")}

    def evaluate(self, split: str | None = None) -> dict[str, Any]:
        """Compare predictions with the annotations of a split.

        No synset is scored by its own annotation, but figures of train and valid say less than those of test: link
        models and trees were trained on all of train, thresholds and weights chosen on valid.

        Of train that holds for the evidence alone: link models and trees were fitted to these very annotations, so
        their figures of train say nothing of new synsets.

        Parameters
        ----------
        split : "train", "valid" or "test", optional
            By default test, or valid where no synset is annotated in test.

        Returns
        -------
        dict
            See :func:`kgr.sememe.evaluate.evaluate`; ``method`` and ``protocol`` beside it, and of a method that
            reads texts ``texts_alone``: the figures of the same synsets as if they were new and nothing but their
            texts were told.

        Raises
        ------
        DataError
            No synset is annotated in the split.
        """
        annotations = self.scores.material.annotations
        chosen = split or next((one for one in EVALUATED if len(annotations.rows(one))), "test")
        rows, scores = annotations.rows(chosen), self.scores
        if not len(rows):
            raise DataError(f"{self.store.path}: no synset is annotated in {chosen}, expected some to evaluate on")
        degrees = np.diff(scores.material.descriptions.edges.offsets)[rows]
        popular = scores.rows(rows, scores.popularity)
        law, alone = self.learned.law, self.learned.texts_alone
        thresholds = law.threshold, self.learned.popularity_threshold
        measured = Measured(chosen, rows, scores.rows(rows), popular, *thresholds, degrees, scores.seen)
        found = evaluate(measured, annotations, law.calibration)
        if alone is not None:
            gold = annotations.of(chosen)[rows]
            found["texts_alone"] = judged(scores.by_texts_alone(rows), gold, alone.threshold, alone.calibration)
        return {"method": self.config.method, "protocol": self.config.protocol, **found}

    def plot(self, path: str | Path | None = None) -> Path:
        """Draw MAP and F1 by part of speech, and the training of a link model, into a PNG.

        Methods that are fitted at once have no curves. See :func:`kgr.engine.curves.plot`.
        """
        kinds = {"MAP": partial(_by_pos, "map"), "F1": partial(_by_pos, "f1")}
        panels = evaluation_bars(self._run, "Sememes by part of speech", kinds)
        if (self.path / "graph" / "config.toml").exists():
            trained = training_curves(Run.open(self.path / "graph"), {"MAP": lambda metrics: {"map": metrics["map"]}})
            panels = chain(trained, panels)
        return plot(self._run, path, panels)

    def predict(
        self,
        synset: str | None = None,
        *,
        lemmas: str | Sequence[str] = (),
        gloss: str = "",
        examples: str | Sequence[str] = (),
        hypernyms: str | Sequence[str] = (),
        pos: str = "",
        k: int = 10,
        why: bool = True,
    ) -> Prediction:
        """Predict the sememes of a synset of the store by its key, or of a new one by what is said of it.

        See :func:`kgr.sememe.predict.predict`.
        """
        from kgr.sememe.descriptions import several
        from kgr.sememe.predict import Question, predict

        question = Question(synset, several(lemmas), gloss, several(examples), several(hypernyms), pos)
        return predict(self, question, k=k, why=why)

    def predict_all(self, split: str | None = None) -> Iterator[tuple[str, NDArray[np.int64], NDArray[np.float32]]]:
        """Yield the full ranking of each synset: key, columns of the sememes, the best first, and their scores.

        Sememes that are never predicted are left out. Without ``split`` all synsets of the store are ranked.
        """
        annotations = self.scores.material.annotations
        rows = np.arange(len(annotations.synsets)) if split is None else annotations.rows(split)
        for first in range(0, len(rows), _BLOCK):
            part = rows[first : first + _BLOCK]
            for row, scores in zip(part.tolist(), self.scores.rows(part), strict=True):
                order = np.argsort(-scores, kind="stable")[: int(self.scores.seen.sum())]
                yield annotations.keys[row], order, scores[order]

    def probabilities(self, rows: ArrayLike) -> NDArray[np.float64]:
        """Return the probabilities that synsets of the store have each sememe: float64[B, C]."""
        return self.learned.law.calibration.of(self.scores.rows(np.asarray(rows, np.int64)))

    def export(self, path: str | Path, *, split: str | None = None) -> int:
        """Write predicted sememes to a file: see :func:`kgr.sememe.export.export`."""
        from kgr.sememe.export import export

        return export(self, Path(path), split)

    def add_to_store(self, name: str = "predicted", *, message: Callable[[str], None] | None = None) -> Store:
        """Write predicted sememes into the store as triples: see :func:`kgr.sememe.export.add_to_store`."""
        from kgr.sememe.export import add_to_store

        return add_to_store(self, name, message)


def _by_pos(figure: str, metrics: dict[str, Any]) -> dict[str, float | None]:
    return {name: own[figure] for name, own in {"all": metrics, **metrics["by_pos"]}.items()}


def load_sememes(run: Run) -> SememeRun:
    """Open a run of this task with its store."""
    return SememeRun(run, store_of(run, TASK))
