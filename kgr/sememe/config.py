"""Settings of sememe prediction, and which method reads which."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kgr._config import setting, settings
from kgr.data import recipes
from kgr.errors import ConfigError
from kgr.sememe.graph_config import EQUIVALENCES

METHODS = ("ranker", "neighbours", "graph", "propagation", "ensemble", "spbs-sr", "spbs-rr", "popularity")

PROTOCOLS = ("clean", "published")

_MATERIAL = ("texts", "wordnet", "relations", "vectors", "language", "inductive")
_GRAPH = ("graph_dim", "graph_epochs", "device")
_SPBS_RR = (*_GRAPH, "graph_margin", "equivalence")

READS: dict[str, tuple[str, ...]] = {
    "ranker": (*_MATERIAL, "rounds"),
    "neighbours": _MATERIAL,
    "graph": (*_GRAPH, "inductive"),
    "propagation": ("inductive",),
    "ensemble": ("protocol", "wordnet", "vectors", "language", "inductive", *_SPBS_RR),
    "spbs-sr": ("protocol", "wordnet", "vectors", "language", "inductive"),
    "spbs-rr": ("inductive", *_SPBS_RR),
    "popularity": (),
}
"""Settings that each method reads, beside ``method``, ``seed`` and ``threads``."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SememeConfig:
    """Settings of sememe prediction.

    Raises
    ------
    ConfigError
        A setting that the method does not read, or nothing to read at all.
    """

    method: str = setting(
        "ranker",
        "ranker: gradient-boosted trees over the evidence of all others (without LightGBM: neighbours); neighbours: "
        "nearest synsets by all views; graph: link model and propagation; propagation: sememes flow along relations; "
        "spbs-sr, spbs-rr, ensemble: those of the paper; popularity: the most frequent sememes",
        choices=METHODS,
    )
    protocol: str = setting(
        "clean",
        "clean: sememes of train alone; published: spbs-sr and ensemble also read those of valid and of the other test "
        "synsets, as the paper's code does",
        choices=PROTOCOLS,
    )
    texts: bool = setting(True, "read lemmas, glosses and examples")
    wordnet: bool = setting(True, "read WordNet's hypernyms and files, where the store has them")
    relations: bool = setting(True, "read the relations between synsets")
    vectors: str = setting("", "names of vectors in the store, with commas between; none are read by default")
    language: str = setting("en", "language of the texts")
    inductive: bool = setting(
        False, "hide the relations of valid and test synsets everywhere, as if these synsets were new"
    )
    graph_dim: int | None = setting(None, "width of the link model  [default: the model's own]", low=2)
    graph_epochs: int | None = setting(None, "epochs of the link model  [default: the model's own]", low=1)
    graph_margin: float | None = setting(None, "margin of spbs-rr's TransE, alone or in ensemble  [default: 12]", low=0)
    equivalence: str | None = setting(
        None,
        "spbs-rr's term by which a synset is the sum of its sememes: corrected, published (as the paper's code has it) "
        "or none  [default: corrected]",
        choices=EQUIVALENCES,
    )
    rounds: int | None = setting(None, "trees of the ranker at most  [default: its own]", low=1)
    seed: int = setting(0, "seed of every draw", low=0, high=2**53)
    threads: int = setting(1, "threads of LightGBM, and of the link model's batches", low=1)
    device: str = setting("auto", "where to train the link model: auto, cpu, cuda or cuda:N")

    def __post_init__(self) -> None:
        fields, always = settings(SememeConfig), ("method", "seed", "threads")
        for name, field in fields.items():
            value = getattr(self, name)
            if name not in (*READS[self.method], *always) and value != field.default:
                readers = ", ".join(method for method, read in READS.items() if name in read)
                raise ConfigError(f"{name} is {value!r}, which method {self.method} does not read; {readers} do")
        if self.method in ("ranker", "neighbours") and not (
            self.texts or self.wordnet or self.relations or self.vectors
        ):
            raise ConfigError(f"method {self.method} has nothing to read: give it texts, wordnet, relations or vectors")

    @property
    def reads_texts(self) -> bool:
        """Whether the method reads texts, and the settings leave them in."""
        return self.texts and "language" in READS[self.method]

    @property
    def reads_wordnet(self) -> bool:
        """Whether the method reads WordNet, and the settings leave it in."""
        return self.wordnet and "wordnet" in READS[self.method]

    @property
    def vector_names(self) -> tuple[str, ...]:
        """The names of the vectors that are read."""
        return tuple(name.strip() for name in self.vectors.split(",") if name.strip())


def resolve(path: Path | None, given: Mapping[str, Any]) -> SememeConfig:
    """Combine the settings of a recipe with given ones, which win; another method than the recipe's reads its own."""
    return recipes.resolve(SememeConfig, path, given, _fitting)


def _fitting(base: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    if not recipes.differs("method", base, given):
        return base
    read = (*READS.get(given["method"], ()), "seed", "threads")
    return {name: value for name, value in base.items() if name in read}
