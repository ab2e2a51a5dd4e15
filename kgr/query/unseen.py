"""Queries about entities that the train graph does not have, left out where that is asked for."""

from __future__ import annotations

import numpy as np

from kgr.graph.graph import Graph
from kgr.query.sets import Queries, QuerySet


def without_unseen(train: Graph, queries: QuerySet) -> QuerySet:
    """Leave out what nothing was learnt about: pairs of a query and a hard answer that ask of an unseen entity.

    A query with an anchor that does not occur in ``train``, or without a hard answer that does, is left out. The
    other hard answers of another one are unranked: filtered as before, and no rivals.
    """
    seen = train.seen

    def narrowed(own: Queries) -> Queries:
        asked = seen[own.arguments[:, list(own.word.anchors)]].all(axis=1)
        return own.ranking(np.repeat(asked, np.diff(own.hard.offsets)) & seen[own.hard.values])

    return queries.map(narrowed)
