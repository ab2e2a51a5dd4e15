"""What a store's graph is like, by key: relation patterns, degrees, types, popularity, path rules."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr import _config
from kgr.data.known import open_store
from kgr.data.splits import SPLITS
from kgr.errors import ConfigError
from kgr.graph.graph import Graph, load_graph, require_graph
from kgr.graph.pairs import Paths
from kgr.graph.patterns import Ends, Patterns, ends_of, find_patterns
from kgr.graph.rules import Rule, RuleLimits, Rules, conjunction, mine_rules
from kgr.index.store import Store
from kgr.index.types import Types

TOP = 3
"""How many of the most frequent entities and types are named."""

SYMMETRIC = 0.5
"""A relation is called symmetric from this share of edges with their reverse on."""

INVERSE = 0.1
"""Two relations are listed as inverse if this share of the edges of one is in the other, reversed."""


@dataclasses.dataclass(frozen=True)
class Analysis:
    """What :func:`analyze` found; every share is a fraction.

    Attributes
    ----------
    splits : tuple of str
        Whose triples were analyzed, together.
    graph : dict
        ``entities``, ``relations``, ``triples``; ``degree``: ``mean``, ``median``, ``max`` of an entity's
        edges both ways, and ``none``, entities without; ``symmetric``: the share of triples whose
        relation is symmetric (at least half its edges have their reverse); ``compositional``: the share
        that is a positive example of a rule in ``rules``; ``popular``: the entities of most edges (an edge
        to itself is two), and their share of triples;
        ``types``: of the entities.
    relations : dict by key
        ``label``, ``triples``, ``share`` of all; ``symmetry``: the share of edges whose reverse is an edge,
        ``loops`` among them; ``compositional``; ``heads``, ``tails``: how many, ``tails_per_head``,
        ``heads_per_tail``: means, ``max_tails``, ``max_heads``; ``popular_heads``, ``popular_tails``,
        ``head_types``, ``tail_types``: rows of ``key``, ``label``, ``share`` of the relation's edges.
    inversions : tuple of dict
        ``relation``, ``inverse``, ``shared`` edges, and its ``confidence`` and ``inverse_confidence``: the
        share of shared edges in the one and in the other. One of the two is at least a tenth.
    rules : tuple of dict
        ``rule`` as AMIE writes it, ``body``, ``shape``, ``head``, ``length``, ``positive_examples``,
        ``body_size``, ``pca_body_size``, ``head_coverage``, ``std_confidence``, ``pca_confidence``,
        ``functional_variable``; see :class:`kgr.graph.rules.Rule`.
    left_out : tuple of dict
        ``body`` and ``walks`` of the paths that were too many to follow.
    lengths_left_out : tuple of int
        Lengths of bodies without their rules: the first has more than ``max_rules``, longer ones were not searched
        to the end. Their rules count nowhere, nor in ``compositional``.
    """

    splits: tuple[str, ...]
    graph: dict[str, Any]
    relations: dict[str, dict[str, Any]]
    inversions: tuple[dict[str, Any], ...]
    rules: tuple[dict[str, Any], ...]
    left_out: tuple[dict[str, Any], ...]
    lengths_left_out: tuple[int, ...]


def analyze(
    store: Store | str | Path, *, splits: Sequence[str] | None = None, language: str = "en", **limits: Any
) -> Analysis:
    """Analyze the graph of a store as CoDEx does: every count is exact.

    Parameters
    ----------
    store : Store, folder or known name
    splits : names, optional
        By default train, valid and test together, those that there are.
    language : str
        Of the labels.
    **limits
        Fields of :class:`kgr.graph.rules.RuleLimits`: ``length`` (3, the longest body of a rule; 1 for no
        rules), ``min_positive`` (2), ``min_head_coverage`` (0.01), ``min_std_confidence`` (0),
        ``min_pca_confidence`` (0.1), ``max_walks`` (100 million, by which the work on a body is bounded),
        ``max_rules`` (200,000 of each length, by which memory is).

    Raises
    ------
    UnknownKey
        No such split.
    DataError
        The store has no graph.
    ConfigError
        A limit that there is not, or out of range; no split, or one twice.
    """
    bounds = _config.make(RuleLimits, limits, where="analyze")
    source = open_store(store)
    require_graph(source)
    names = tuple(splits) if splits is not None else tuple(name for name in SPLITS if name in source.splits)
    if not names or len(set(names)) < len(names):
        raise ConfigError(f"splits are {list(names)}, expected one or more, none twice")
    return _Analyst(source, names, language).analysis(mine=bounds)


class _Analyst:
    """Turns counts by id into facts by key."""

    def __init__(self, store: Store, splits: tuple[str, ...], language: str) -> None:
        self.store, self.splits, self.language = store, splits, language
        self.net: Graph = load_graph(store, splits)
        self.paths = Paths(self.net)

    def analysis(self, mine: RuleLimits) -> Analysis:
        patterns, rules = find_patterns(self.net), mine_rules(self.net, mine)
        predicted = self._predicted(rules)
        relations = {self._relation(r): self._facts(r, patterns, predicted) for r in range(len(patterns.triples))}
        graph = self._graph(relations, int(predicted.sum()))
        left_out = ({"body": self._body(body), "walks": walks} for body, walks in rules.left_out.items())
        found = tuple(map(self._rule, rules.rules))
        inversions = self._inversions(patterns)
        return Analysis(self.splits, graph, relations, inversions, found, tuple(left_out), rules.lengths_left_out)

    def _predicted(self, rules: Rules) -> NDArray[np.int64]:
        """Positive examples of any rule by base relation: int64[R]."""
        of_edge = np.repeat(self.net.relation, np.diff(self.net.offsets))
        return np.bincount(of_edge[rules.predicted] >> 1, minlength=self.net.directed // 2)

    def _graph(self, relations: dict[str, dict[str, Any]], predicted: int) -> dict[str, Any]:
        triples = self.net.edges // 2
        degree = np.diff(self.net.offsets[self.net.fragments].astype(np.int64))
        symmetric = sum(facts["triples"] for facts in relations.values() if facts["symmetry"] >= SYMMETRIC)
        ids = np.argsort(-degree, kind="stable")[:TOP].astype(np.int32)
        everyone = Ends(np.arange(self.net.entities, dtype=np.int32), np.ones(self.net.entities, np.int64))
        return {
            "entities": self.net.entities,
            "relations": len(relations),
            "triples": triples,
            "degree": {
                "mean": float(degree.mean()) if len(degree) else 0.0,
                "median": float(np.median(degree)) if len(degree) else 0.0,
                "max": int(degree.max(initial=0)),
                "none": int((degree == 0).sum()),
            },
            "symmetric": _share(symmetric, triples),
            "compositional": _share(predicted, triples),
            "popular": self._popular(Ends(ids, degree[ids]), triples),
            "types": self._types(everyone, self.net.entities),
        }

    def _facts(self, r: int, patterns: Patterns, predicted: NDArray[np.int64]) -> dict[str, Any]:
        triples = int(patterns.triples[r])
        heads, tails = ends_of(self.paths, r)
        return {
            "label": self.store.label("relations", r, self.language),
            "triples": triples,
            "share": _share(triples, self.net.edges // 2),
            "symmetry": _share(patterns.reverse.get((r, r), 0), triples),
            "loops": int(patterns.loops[r]),
            "compositional": _share(int(predicted[r]), triples),
            "heads": len(heads.entities),
            "tails": len(tails.entities),
            "tails_per_head": _share(triples, len(heads.entities)),
            "heads_per_tail": _share(triples, len(tails.entities)),
            "max_tails": int(heads.edges.max(initial=0)),
            "max_heads": int(tails.edges.max(initial=0)),
            "popular_heads": self._popular(heads, triples),
            "popular_tails": self._popular(tails, triples),
            "head_types": self._types(heads, triples),
            "tail_types": self._types(tails, triples),
        }

    def _popular(self, ends: Ends, of: int) -> list[dict[str, Any]]:
        rows = zip(ends.entities[:TOP].tolist(), ends.edges[:TOP].tolist(), strict=True)
        label = self.store.label
        return [
            {
                "key": self.store.entries.key(id),
                "label": label("entries", id, self.language),
                "share": _share(edges, of),
            }
            for id, edges in rows
            if edges
        ]

    def _types(self, ends: Ends, of: int) -> list[dict[str, Any]]:
        """The most frequent types; an end with several counts for each."""
        types = self.store.types
        if types is None:
            return []
        ids, counts = _sum_by_type(types, ends)
        best = np.lexsort((ids, -counts))[:TOP]
        return [
            {
                "key": types.keys.key(id),
                "label": self.store.label("types", id, self.language),
                "share": _share(count, of),
            }
            for id, count in zip(ids[best].tolist(), counts[best].tolist(), strict=True)
        ]

    def _inversions(self, patterns: Patterns) -> tuple[dict[str, Any], ...]:
        rows = []
        for (r, s), shared in patterns.reverse.items():
            own, other = _share(shared, int(patterns.triples[r])), _share(shared, int(patterns.triples[s]))
            if r < s and max(own, other) >= INVERSE:
                rows.append((-max(own, other), -shared, r, s, own, other))
        return tuple(
            {
                "relation": self._relation(r),
                "inverse": self._relation(s),
                "shared": -shared,
                "confidence": own,
                "inverse_confidence": other,
            }
            for _, shared, r, s, own, other in sorted(rows)
        )

    def _rule(self, rule: Rule) -> dict[str, Any]:
        atoms = "  ".join(f"?{a}  {self._relation(r)}  ?{b}" for a, r, b in conjunction(rule))
        return {
            "rule": f"{atoms}   => ?a  {self._relation(rule.head)}  ?b",
            "body": self._body(rule.body),
            "shape": rule.shape,
            "head": self._relation(rule.head),
            "length": len(rule.body),
            "positive_examples": rule.positive,
            "body_size": rule.body_size,
            "pca_body_size": rule.pca_size,
            "head_coverage": rule.head_coverage,
            "std_confidence": rule.std_confidence,
            "pca_confidence": rule.pca_confidence,
            "functional_variable": f"?{rule.functional}",
        }

    def _body(self, body: tuple[int, ...]) -> list[str]:
        return [self._relation(r) for r in body]

    def _relation(self, r: int) -> str:
        return self.store.relations.key(r)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _sum_by_type(types: Types, ends: Ends) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the types of some entities, and the edges of all that are of each: int64[n], int64[n]."""
    typed = ends.entities < len(types.offsets) - 1
    entities, edges = ends.entities[typed], ends.edges[typed]
    sizes = types.offsets[entities + 1] - types.offsets[entities]
    begin = np.repeat(types.offsets[entities] - (np.cumsum(sizes) - sizes), sizes)
    ids, place = np.unique(types.ids[begin + np.arange(sizes.sum())], return_inverse=True)
    counts = np.zeros(len(ids), np.int64)
    np.add.at(counts, place, np.repeat(edges, sizes))
    return ids.astype(np.int64), counts
