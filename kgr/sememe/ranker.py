"""The learned ranker: gradient-boosted trees over what every source says of a synset and a sememe (LightGBM).

The trees learn from references, each described without its own annotation, what speaks for a sememe and how much.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kgr import _io
from kgr.errors import ConfigError, FormatError
from kgr.sememe.features import Features, Pairs
from kgr.sememe.measure import average_precisions
from kgr.sememe.scorer import Evidence, Last

if TYPE_CHECKING:
    from kgr.sememe.annotations import Annotations
    from kgr.sememe.descriptions import Descriptions

FILE = "ranker-{}.txt"
"""The trees of each member of the ensemble, in LightGBM's own form of text."""

SHOWN = 20
"""Pieces of evidence."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class RankerConfig:
    """Settings of the trees.

    Attributes
    ----------
    members : int
        Ensembles of trees that differ by their seed alone; their probabilities are averaged.
    rounds, every : int
        Trees of a member at most; so many are kept as do best on valid, of each multiple of ``every`` and of all.
    """

    members: int = 3
    rounds: int = 500
    every: int = 50
    learning_rate: float = 0.05
    leaves: int = 31
    pairs_of_leaf: int = 50
    seed: int = 0
    threads: int = 1


@dataclasses.dataclass(frozen=True)
class Ranker:
    """Scores by the probability that the trees give to a candidate.

    Attributes
    ----------
    features : Features
        Proposes candidates and describes them.
    frequency : float32[C]
        Share of the references that have each sememe: by it the others are ordered, below the last candidate.
    members : LightGBM boosters
    trees : int
        Of each member.
    """

    features: Features
    frequency: NDArray[np.float32]
    members: tuple[Any, ...]
    trees: int
    name: str = "ranker"
    _last: Last[Pairs] = dataclasses.field(default_factory=Last, compare=False, repr=False)

    def scores(self, asked: Descriptions) -> NDArray[np.float32]:
        """Return probabilities, float32[B, C]; those of sememes that are no candidates are below all others."""
        pairs = self._last.of(asked, self.features.of)
        return spread(pairs, _probability(self.members, pairs.values, self.trees), self.frequency)

    def knows(self, asked: Descriptions) -> bool:
        """Whether a view sees anything of the synset."""
        return self.features.knows(asked)

    def why(self, asked: Descriptions, columns: Sequence[int]) -> list[list[Evidence]]:
        """Return what spoke for sememes of one synset, by what the trees made of the features."""
        pairs = self._last.of(asked, self.features.of)
        places = {column: place for place, column in enumerate(pairs.columns.tolist())}
        candidates = [column for column in columns if column in places]
        if not candidates:
            return [[] for _ in columns]
        values = pairs.values[[places[column] for column in candidates]]
        told = [one.predict(values, num_iteration=self.trees, pred_contrib=True) for one in self.members]
        gains = [dict(zip(self.features.names, own, strict=True)) for own in np.mean(told, axis=0)[:, :-1].tolist()]
        found = dict(zip(candidates, self.features.evidence(asked, candidates, gains), strict=True))
        return [found.get(column, [])[:SHOWN] for column in columns]

    def write(self, folder: Path) -> dict[str, Any]:
        """Write the trees into a run's folder, and return what is to be kept beside them, as JSON has it."""
        paths = [folder / FILE.format(place) for place in range(len(self.members))]
        for path, member in zip(paths, self.members, strict=True):
            _io.replace_text(path, member.model_to_string(num_iteration=self.trees))
        digests = [_io.digest(path) for path in paths]
        return {"trees": self.trees, "blake2b": digests, "features": list(self.features.names)}


def fit_ranker(
    features: Features,
    descriptions: Descriptions,
    annotations: Annotations,
    references: NDArray[np.int32],
    config: RankerConfig = RankerConfig(),
) -> Ranker:
    """Grow trees on the train sememes of references; how many is chosen by the mean average precision on valid.

    Parameters
    ----------
    features : Features
        Fitted on the same references.
    descriptions : Descriptions
        Of all S synsets, in their order.
    references : int32[T]
        Rows of the synsets to learn from, ascending.

    Raises
    ------
    ImportError
        LightGBM is not installed.
    """
    import lightgbm

    pairs = features.of(descriptions.take(references))
    labels = annotations.of("train")[references]
    data = lightgbm.Dataset(pairs.values, label=held(pairs, labels), params=_parameters(config, 0))
    members = tuple(
        lightgbm.train(_parameters(config, member), data, config.rounds) for member in range(config.members)
    )
    frequency = frequency_of(annotations, references)
    trees = _best_size(features, descriptions, annotations, members, frequency, config)
    return Ranker(features, frequency, members, trees)


def load_ranker(features: Features, frequency: NDArray[np.float32], folder: Path, kept: Any) -> Ranker:
    """Read the trees that :meth:`Ranker.write` wrote.

    Raises
    ------
    FormatError
        The trees were grown over other features than these, or a file is missing or damaged.
    ConfigError
        LightGBM is not installed.
    """
    try:
        import lightgbm
    except ImportError as error:
        raise ConfigError(
            f"{folder}: its ranker needs LightGBM ({error}): pip install 'kgr[sememe]', or train --method neighbours"
        ) from None
    if list(features.names) != kept["features"]:
        other = sorted(set(features.names) ^ set(kept["features"]))
        raise FormatError(f"{folder}: the ranker was grown over other features ({', '.join(other)}); train anew")
    paths = [folder / FILE.format(place) for place in range(len(kept["blake2b"]))]
    for path, digest in zip(paths, kept["blake2b"], strict=True):
        if not path.is_file() or _io.digest(path) != digest:
            raise FormatError(f"{path}: is missing or damaged, and with it the ranker's trees; train anew")
    members = tuple(lightgbm.Booster(model_str=path.read_text(encoding="utf-8")) for path in paths)
    return Ranker(features, frequency, members, kept["trees"])


def frequency_of(annotations: Annotations, references: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the share of the references that have each sememe in train: float32[C]."""
    found: NDArray[np.float32] = (annotations.counts(references) / len(references)).astype(np.float32)
    return found


def held(pairs: Pairs, labels: csr_array) -> NDArray[np.float32]:
    """Return 1 of each pair whose synset has the sememe: float32[P]."""
    rows, columns = pairs.rows, pairs.columns
    found: NDArray[np.float32] = np.zeros(len(columns), np.float32)
    for first in range(0, labels.shape[0], 1024):
        at = slice(*np.searchsorted(rows, [first, first + 1024]))
        found[at] = labels[first : first + 1024].toarray()[rows[at] - first, columns[at]]
    return found


def spread(pairs: Pairs, probability: NDArray[np.float32], frequency: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return scores of all sememes, float32[B, C]: the others by their frequency, below the last candidate."""
    least = np.minimum.reduceat(probability, pairs.offsets[:-1])
    scores: NDArray[np.float32] = least[:, None] * (frequency / (1 + frequency.max()))
    scores[pairs.rows, pairs.columns] = probability
    return scores


def _parameters(config: RankerConfig, member: int) -> dict[str, Any]:
    return {
        "objective": "binary",
        "learning_rate": config.learning_rate,
        "num_leaves": config.leaves,
        "min_data_in_leaf": config.pairs_of_leaf,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 5,
        "max_bin": 63,
        "seed": (config.seed * config.members + member) % 2**31,
        "num_threads": config.threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }


def _best_size(
    features: Features,
    descriptions: Descriptions,
    annotations: Annotations,
    members: Sequence[Any],
    frequency: NDArray[np.float32],
    config: RankerConfig,
) -> int:
    """Return with how many trees the mean average precision on valid is highest; of equal ones the fewest."""
    valid = annotations.rows("valid")
    gold = annotations.of("valid")[valid]
    pairs = features.of(descriptions.take(valid))
    sizes = [*range(config.every, config.rounds, config.every), config.rounds]
    figures = [
        average_precisions(spread(pairs, _probability(members, pairs.values, size), frequency), gold).mean()
        for size in sizes
    ]
    return int(sizes[int(np.argmax(figures))])


def _probability(members: Sequence[Any], values: NDArray[np.float32], trees: int) -> NDArray[np.float32]:
    found = [member.predict(values, num_iteration=trees, num_threads=1) for member in members]
    averaged: NDArray[np.float32] = np.mean(found, axis=0).astype(np.float32)
    return averaged
