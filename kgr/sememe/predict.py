"""Predictions: the sememes of a synset of the store, or of a new one, with probabilities and reasons."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kgr.errors import ConfigError
from kgr.sememe.annotations import SPLITS
from kgr.sememe.config import READS
from kgr.sememe.descriptions import Descriptions, describe_new, unknown_synset
from kgr.sememe.lookup import named_sememe
from kgr.sememe.material import Material, seen
from kgr.sememe.scorer import Evidence, Explainer, Scorer

if TYPE_CHECKING:
    from kgr.sememe.run import SememeRun

_REASONS = 5

_SILENT = (
    "nothing that is known of the synset says anything to method {method}: no word that it knows (in {language}), no "
    "relation and no hypernym that it reads"
)


@dataclasses.dataclass(frozen=True)
class Question:
    """What is asked: a synset of the store by key, or what is said of a new one."""

    synset: str | None = None
    lemmas: tuple[str, ...] = ()
    gloss: str = ""
    examples: tuple[str, ...] = ()
    hypernyms: tuple[str, ...] = ()
    pos: str = ""

    @property
    def says(self) -> bool:
        """Whether anything is said of a new synset."""
        return bool(self.lemmas or self.gloss or self.examples or self.hypernyms or self.pos)


@dataclasses.dataclass(frozen=True)
class Predicted:
    """A sememe as a prediction.

    Attributes
    ----------
    key, label : str
    names : dict
        Of the sememe by language, en and zh as far as they are known.
    score : float
        The method's own.
    probability : float
        That an annotator would have given it, calibrated on valid.
    predicted : bool
        Whether the threshold keeps it.
    annotated : str or None
        The split in which the synset is annotated with it.
    why : tuple of Evidence
        What spoke for it, the strongest first; empty of a method that cannot say.
    """

    key: str
    label: str
    names: dict[str, str]
    score: float
    probability: float
    predicted: bool
    annotated: str | None
    why: tuple[Evidence, ...]


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The best sememes of a synset.

    Attributes
    ----------
    synset : str or None
        Its key; None of a new one.
    label : str
        Its first lemma, or its key.
    gloss : str
    method : str
        Which gave the scores: the run's, or popularity where it falls back to that.
    fallback : str or None
        Why popularity had to stand in for the run's method.
    unread : tuple of str
        What was said of a new synset and the run's settings do not read: of lemmas, gloss, examples, hypernyms.
    results : tuple of Predicted
        The best first.
    """

    synset: str | None
    label: str
    gloss: str
    method: str
    fallback: str | None
    unread: tuple[str, ...]
    results: tuple[Predicted, ...]


def predict(run: SememeRun, question: Question, *, k: int = 10, why: bool = True) -> Prediction:
    """Predict the sememes of one synset.

    Parameters
    ----------
    question : Question
        A synset of the store, which is scored without its own annotation, or what is said of a new one.
    k : int
        Sememes wanted.
    why : bool
        Whether to say what spoke for each that the threshold keeps, and for the first.

    Raises
    ------
    ConfigError
        Both a synset and texts, or neither; a part of speech that is none.
    UnknownKey
        No such synset or hypernym; the nearest ids are named, and synsets whose lemma was given instead of an id.
    """
    if (question.synset is not None) == question.says:
        raise ConfigError("give the key of a synset, or lemmas, a gloss or hypernyms of a new one: one of both")
    if k < 1:
        raise ConfigError(f"k is {k}, expected at least 1")
    material = run.scores.material
    asked = described(material, question)
    silent = not run.scores.scorer.knows(asked)
    scores = run.scores.of(asked, run.scores.popularity if silent else None)
    law = run.learned.texts_alone if _texts_alone(asked) and run.learned.texts_alone else run.learned.law
    chances = scores.astype(np.float64) if silent else law.calibration.of(scores)
    kept = (run.learned.popularity_threshold if silent else law.threshold).kept(scores)[0]
    order = np.argsort(-scores[0], kind="stable")[: min(k, int(run.scores.seen.sum()))]
    told = [int(column) for place, column in enumerate(order) if kept[column] or place == 0]
    reasons = _reasons(run.scores.scorer, asked, told) if why and not silent else {}
    own, results = _annotated(material, int(asked.rows[0])), []
    for column in order.tolist():
        named = named_sememe(run.store, material.annotations, column)
        said = float(scores[0, column]), float(max(0.0, chances[0, column])), bool(kept[column])
        spoke = tuple(reasons.get(column, ())[:_REASONS])
        results.append(Predicted(named.key, named.label, named.names, *said, own.get(column), spoke))
    lemmas, missed = asked.lemmas[0], unread(material, question)
    label = lemmas[0] if lemmas else question.synset or "a new synset"
    fallback = _SILENT.format(method=run.config.method, language=run.config.language) if silent else None
    method = "popularity" if silent else run.config.method
    return Prediction(question.synset, label, asked.gloss[0], method, fallback, missed, tuple(results))


def _texts_alone(asked: Descriptions) -> bool:
    """Whether the one synset is a new one of which nothing but texts is told."""
    return int(asked.rows[0]) < 0 and not len(asked.edges.others) and not len(asked.concepts.ids)


def _reasons(scorer: Scorer, asked: Descriptions, columns: list[int]) -> dict[int, list[Evidence]]:
    if not isinstance(scorer, Explainer):
        return {}
    return dict(zip(columns, scorer.why(asked, columns), strict=True))


def described(material: Material, question: Question) -> Descriptions:
    """Return the one synset that is asked, as the run's settings let methods see it."""
    if question.synset is not None:
        return material.asked([synset_row(material, question.synset)])
    config = material.config
    found = describe_new(
        material.store,
        material.annotations,
        lemmas=question.lemmas,
        gloss=question.gloss,
        examples=question.examples,
        hypernyms=question.hypernyms,
        pos=question.pos,
        language=config.language,
    )
    return seen(found, config)


def synset_row(material: Material, key: str) -> int:
    """Find a synset.

    Raises
    ------
    UnknownKey
        There is none; see :func:`kgr.sememe.descriptions.unknown_synset`.
    """
    place = material.rows.get(key)
    if place is not None:
        return place
    raise unknown_synset(material.store, material.annotations, key, material.config.language)


def unread(material: Material, question: Question) -> tuple[str, ...]:
    """Return which parts of what is said of a new synset the run's settings do not read."""
    config = material.config
    graph = config.relations if "relations" in READS[config.method] else config.method in ("graph", "propagation")
    above = graph or (material.taxonomy is not None and config.reads_wordnet)
    said = {name: bool(getattr(question, name)) for name in ("lemmas", "gloss", "examples", "hypernyms")}
    return tuple(
        name for name, given in said.items() if given and not (above if name == "hypernyms" else config.reads_texts)
    )


def _annotated(material: Material, row: int) -> dict[int, str]:
    if row < 0:
        return {}
    found: dict[int, str] = {}
    for split in SPLITS:
        labels = material.annotations.of(split)
        own: NDArray[np.int32] = labels.indices[labels.indptr[row] : labels.indptr[row + 1]]
        found |= dict.fromkeys(own.tolist(), split)
    return found
