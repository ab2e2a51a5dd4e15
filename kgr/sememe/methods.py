"""The methods by name: how each is fitted, what of that is kept, and how it comes back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kgr._config import make
from kgr.sememe.dense_view import name_vectors_of
from kgr.sememe.ensemble import Blend, Ensemble, tune_blend
from kgr.sememe.features import Features, fit_features
from kgr.sememe.graph_config import GraphConfig, SpbsRrConfig
from kgr.sememe.graph_train import GraphScorer, load_graph_scorer, train_graph
from kgr.sememe.material import Material
from kgr.sememe.neighbours import NearestSynsets, Rule, fit_neighbours, fit_spbs_sr, tune_rule
from kgr.sememe.popularity import fit_popularity
from kgr.sememe.propagation import Propagation, fit_propagation
from kgr.sememe.ranker import RankerConfig, fit_ranker, frequency_of, load_ranker
from kgr.sememe.scorer import Scorer

if TYPE_CHECKING:
    from kgr.engine.loop import Progress
    from kgr.sememe.annotations import Annotations
    from kgr.sememe.descriptions import Descriptions

Kept = dict[str, Any]
"""What a fit found and a run keeps, as JSON has it."""


@dataclasses.dataclass(frozen=True)
class Fit:
    """What a method is told.

    Attributes
    ----------
    material : Material
    folder : path
        Of the run.
    kept : mapping or None
        What a fit found before; None: fit now.
    progress : callable, optional
        Where reports of a training go.
    """

    material: Material
    folder: Path
    kept: Mapping[str, Any] | None = None
    progress: Callable[[Progress], None] | None = None

    @property
    def known(self) -> tuple[Descriptions, Annotations, NDArray[np.int32]]:
        """Descriptions, annotations and references, which most fits take."""
        return self.material.descriptions, self.material.annotations, self.material.references


Method = Callable[[Fit], tuple[Scorer, Kept]]


def _popularity(fit: Fit) -> tuple[Scorer, Kept]:
    return fit_popularity(fit.material.annotations, fit.material.references), {}


def _propagation(fit: Fit) -> tuple[Scorer, Kept]:
    return propagation_of(fit), {}


def propagation_of(fit: Fit) -> Propagation:
    """Return label propagation along the store's relations."""
    relations = fit.material.store.relations
    return fit_propagation(*fit.known, relations=relations.keys_of(range(len(relations))))


def _neighbours(fit: Fit) -> tuple[Scorer, Kept]:
    found = nearest_of(fit)
    return found, dataclasses.asdict(found.rule)


def nearest_of(fit: Fit) -> NearestSynsets:
    """Return nearest synsets by all views, by a rule that is tuned on valid, or was."""
    views = fit.material.views
    rule = tune_rule(*fit.known, views) if fit.kept is None else Rule(**fit.kept)
    return fit_neighbours(*fit.known, views, rule)


def _spbs_sr(fit: Fit) -> tuple[Scorer, Kept]:
    return spbs_sr_of(fit), {}


def spbs_sr_of(fit: Fit) -> NearestSynsets:
    """Return SPBS-SR by the protocol that is asked for."""
    return fit_spbs_sr(*fit.known, fit.material.views, protocol=fit.material.config.protocol)


def _graph(fit: Fit) -> tuple[Scorer, Kept]:
    found = blended(fit, (propagation_of(fit), link_model_of(fit, GraphConfig)), "graph")
    return found, {"weights": found.weights}


def _spbs_rr(fit: Fit) -> tuple[Scorer, Kept]:
    return link_model_of(fit, SpbsRrConfig), {}


def _ensemble(fit: Fit) -> tuple[Scorer, Kept]:
    return Ensemble(spbs_sr_of(fit), link_model_of(fit, SpbsRrConfig)), {}


def link_model_of(fit: Fit, kind: type[GraphConfig] | type[SpbsRrConfig]) -> GraphScorer:
    """Return a graph model: trained now, in a run of its own in the folder ``graph``, or as that has it."""
    place, material = fit.folder / "graph", fit.material
    descriptions, annotations, references = fit.known
    if fit.kept is not None:
        return load_graph_scorer(place, material.store, annotations, descriptions, references)
    own = material.config
    told: dict[str, int | float | str | None] = {"dim": own.graph_dim, "epochs": own.graph_epochs}
    told |= {"seed": own.seed, "threads": own.threads, "device": own.device}
    if kind is SpbsRrConfig:
        told |= {"margin": own.graph_margin, "equivalence": own.equivalence}
    config = make(kind, {name: value for name, value in told.items() if value is not None})
    return train_graph(
        material.store, annotations, descriptions, references, out=place, config=config, progress=fit.progress
    )


def blended(fit: Fit, scorers: tuple[Scorer, ...], name: str) -> Blend:
    """Return a blend with weights that are tuned on valid, or were."""
    if fit.kept is not None:
        return Blend(scorers, tuple(fit.kept["weights"]), name)
    rows = fit.material.annotations.rows("valid")
    return tune_blend(scorers, fit.material.asked(rows), fit.material.annotations.of("valid")[rows], name=name)


def _ranker(fit: Fit) -> tuple[Scorer, Kept]:
    descriptions, annotations, references = fit.known
    own = fit.material.config
    if fit.kept is not None:
        features = features_of(fit, Rule(**fit.kept["rule"]))
        return load_ranker(features, frequency_of(annotations, references), fit.folder, fit.kept), dict(fit.kept)
    rule = tune_rule(descriptions, annotations, references, fit.material.views)
    told = {"seed": own.seed, "threads": own.threads} | ({"rounds": own.rounds} if own.rounds else {})
    features = features_of(fit, rule)
    # trees that see relations of references would lean on what the synsets that are to be scored do not have
    learned_from = descriptions.without_edges() if own.inductive else descriptions
    found = fit_ranker(features, learned_from, annotations, references, RankerConfig(**told))
    return found, {**found.write(fit.folder), "rule": dataclasses.asdict(rule)}


def features_of(fit: Fit, rule: Rule) -> Features:
    """Return what the ranker learns from: all views, propagation, WordNet and names, as far as they are there."""
    material = fit.material
    relations = material.store.relations
    return fit_features(
        *fit.known,
        views=material.views,
        rule=rule,
        scorers=(propagation_of(fit),),
        taxonomy=material.taxonomy,
        name_vectors={name: name_vectors_of(material.store, material.annotations, name) for name in material.vectors},
        relations=relations.keys_of(range(len(relations))),
    )


METHODS: dict[str, Method] = {
    "ranker": _ranker,
    "neighbours": _neighbours,
    "graph": _graph,
    "propagation": _propagation,
    "ensemble": _ensemble,
    "spbs-sr": _spbs_sr,
    "spbs-rr": _spbs_rr,
    "popularity": _popularity,
}
