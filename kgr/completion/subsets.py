"""Which triples are of a kind by what the train graph is like: categories of relations, symmetric, compositional."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from kgr.data.analysis import SYMMETRIC
from kgr.errors import ConfigError
from kgr.graph.graph import Graph, load_graph
from kgr.graph.pairs import Paths
from kgr.graph.rules import RuleLimits, follow, mine_rules
from kgr.index.cache import cached
from kgr.index.store import Store

CATEGORIES = ("1-1", "1-N", "N-1", "N-N")

MANY = 1.5
"""A side of a relation is N from this mean number of its entities to one of the other side on (Bordes et al., 2013)."""

RULE_LENGTH = 3
"""Relations in the body of a rule, at most, by which triples are called compositional."""

MINED = 600_000
"""Triples of train up to which rules are searched where their length is not given: larger graphs may take hours."""


def categories(train: Graph) -> list[str | None]:
    """Return the category of each base relation, heads to tails; None where train has no triple of it."""
    paths = Paths(train)
    found: list[str | None] = []
    for triples, heads, tails in zip(paths.sizes[::2], paths.heads[::2], paths.heads[1::2], strict=True):
        many = ["N" if triples >= MANY * others else "1" for others in (tails, heads)]
        found.append("-".join(many) if triples else None)
    return found


def symmetric_relations(store: Store, train: Graph) -> NDArray[np.bool_]:
    """Return which base relations are symmetric, as ``kgr analyze`` says of train: bool[R]."""
    heads, relations, tails = store.triples("train").T
    count = len(store.relations)
    reversed_too = np.bincount(relations[train.holds((tails, relations, heads))], minlength=count)
    sizes = np.bincount(relations, minlength=count)
    return (sizes > 0) & (reversed_too >= SYMMETRIC * sizes)


@dataclasses.dataclass(frozen=True)
class Compositional:
    """Which triples of a split follow by train edges from a path rule that holds in train.

    Attributes
    ----------
    follows : bool[E]
    rule_length : int
        Of the longest bodies searched: less than was asked for where there are too many rules.
    """

    follows: NDArray[np.bool_]
    rule_length: int


def compositional(store: Store, split: str, rule_length: int | None = None) -> Compositional | None:
    """Find the triples of a split that follow from the rules of ``kgr analyze`` on train, within its limits.

    What is found is kept in the store's cache.

    Parameters
    ----------
    rule_length : int, optional
        Relations in a rule's body, at most; 1: no rules are searched. By default :data:`RULE_LENGTH`, or 1 where
        train has more than :data:`MINED` triples.

    Returns
    -------
    Compositional or None
        None where no rules are searched.

    Raises
    ------
    ConfigError
        A length that is not 1, 2 or 3.
    """
    if rule_length is None:
        rule_length = RULE_LENGTH if len(store.triples("train")) <= MINED else 1
    if not 1 <= rule_length <= RULE_LENGTH:
        raise ConfigError(f"rule_length is {rule_length}, expected 1 (no rules), 2 or {RULE_LENGTH}")
    if rule_length == 1:
        return None
    limits = RuleLimits(length=rule_length)
    settings = "-".join(str(value) for value in dataclasses.astuple(limits))
    sections = ("graph", f"triples/{split}", "entities", "relations")
    kept = cached(store, f"compositional-{split}-{settings}", sections, lambda: _find(store, split, limits))
    return Compositional(kept["follows"], int(kept["rule_length"][0]))


def _find(store: Store, split: str, limits: RuleLimits) -> dict[str, NDArray[np.generic]]:
    train = load_graph(store)
    found = mine_rules(train, limits)
    longest = min(found.lengths_left_out, default=limits.length + 1) - 1
    return {"follows": follow(train, found.rules, store.triples(split)), "rule_length": np.array([longest])}
