"""How likely an entity is to have a relation at all, judged by the relations that train has of it.

A model ranks places of death for the living too. That someone has an answer where train has none is the likelier, the
more of those who have the same relations have this one.
"""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from kgr._ragged import taken
from kgr.graph.graph import Graph, load_graph
from kgr.index.store import Store

ENTITIES = 1 << 20
"""At most about so many entities are looked at."""


@dataclasses.dataclass(frozen=True)
class Propensity:
    """Which of D directed relations go together.

    Attributes
    ----------
    train : Graph
    shares : csr float64[D, D]
        Row d, column e: how many of the entities with d have e too, over the number of those with d and 1.
    """

    train: Graph
    shares: csr_array

    def own(self, entity: int) -> NDArray[np.int32]:
        """Return the directed relations that train has of an entity, ascending."""
        first, last = self.train.fragments[entity : entity + 2]
        own: NDArray[np.int32] = self.train.relation[first:last]
        return own

    def of(self, entity: int) -> NDArray[np.float64]:
        """Return for each directed relation the largest share among those of the entity: float64[D], below 1."""
        own = self.own(entity)
        if not len(own):
            return np.zeros(self.shares.shape[0])
        found: NDArray[np.float64] = self.shares[own].max(axis=0).toarray().ravel()
        return found

    def log_odds(self, queries: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the log odds of queries int32[B, 2], entity and directed relation: float64[B].

        A relation that goes with none of the entity's has the odds of one in all entities.
        """
        shares = np.array([self.of(entity)[relation] for entity, relation in queries.tolist()])
        shares = np.maximum(shares, 1 / (self.train.entities + 1))
        odds: NDArray[np.float64] = np.log(shares / (1 - shares))
        return odds


@lru_cache(maxsize=4)
def load_propensity(store: Store) -> Propensity:
    """Return the counts of a store's train graph; those of a few opened stores are held."""
    return fit_propensity(load_graph(store))


def fit_propensity(train: Graph) -> Propensity:
    """Count which directed relations the entities have together."""
    rows = np.arange(0, train.entities, max(1, train.entities // ENTITIES))
    offsets, places = taken(train.fragments, rows)
    has = csr_array((np.ones(len(places)), train.relation[places], offsets), (len(rows), train.directed))
    together = has.T @ has
    return Propensity(train, csr_array(diags_array(1 / (together.diagonal() + 1)) @ together))
