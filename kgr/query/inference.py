"""What is left to predict of the hard answers of a query set: its full-inference pairs (arXiv 2410.12537).

A pair is a query and one of its hard answers; shares are counted in pairs.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from kgr.graph.graph import Graph
from kgr.index.store import Store
from kgr.query.derivations import Derivations
from kgr.query.sets import Queries, QuerySet, rank_full, split_graphs


@dataclasses.dataclass(frozen=True)
class PairCounts:
    """Pairs of one structure, the unranked answers among them.

    Attributes
    ----------
    pairs : int
    full_inference : int
        Those of which no derivation uses a known link.
    unseen_links : dict of int
        Pairs by the unseen links of the derivation that has fewest, ascending: those of 1 reduce to a 1p.
    """

    pairs: int
    full_inference: int
    unseen_links: dict[int, int]

    def as_json(self) -> dict[str, Any]:
        """Return what ``--json`` prints of the counts."""
        return {
            "pairs": self.pairs,
            "full_inference": self.full_inference,
            "unseen_links": {str(links): count for links, count in self.unseen_links.items()},
        }


def full_inference(store: Store, queries: QuerySet) -> QuerySet:
    """Return a query set that ranks full-inference answers alone; queries without any are left out.

    The other hard answers are unranked: filtered as before, and no rivals.

    Raises
    ------
    DataError
        The store has no triples of the set's split.
    QueryError
        A hard answer is none on the graphs of the split.
    """
    small, large = split_graphs(store, queries.split)
    return queries.map(lambda own: rank_full(Derivations(small, large, own.word), own))


def count_pairs(store: Store, queries: QuerySet) -> dict[str, PairCounts]:
    """Count the pairs of each structure by what is left of them; raises as :func:`full_inference`."""
    small, large = split_graphs(store, queries.split)
    return {name: _count(small, large, own) for name, own in queries.queries.items()}


def _count(small: Graph, large: Graph, queries: Queries) -> PairCounts:
    derivations = Derivations(small, large, queries.word)
    hard = queries.hard.union(queries.unranked)
    pairs = queries.arguments, hard.offsets, hard.values
    unseen, counts = np.unique(derivations.fewest_unseen(*pairs), return_counts=True)
    full = int((derivations.most_known(*pairs) == 0).sum())
    return PairCounts(len(hard.values), full, dict(zip(unseen.tolist(), counts.tolist(), strict=True)))
