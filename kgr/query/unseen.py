"""Queries about entities that the train graph does not have: told apart, and left out where that is asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kgr.query.sets import Queries


def without_unseen(queries: Queries, seen: NDArray[np.bool_]) -> Queries:
    """Leave out what nothing was learnt about: pairs of a query and a hard answer that ask of an unseen entity.

    A query with an anchor that is not seen, or without a hard answer that is, is left out. The hard answers of
    another one that are not seen become ``unranked``: they stay answers, and are rivals of none.

    Parameters
    ----------
    seen : bool[G]
        Whether an entity occurs in the graph that was trained on.

    Returns
    -------
    Queries
        In their order; ``easy`` is as it was, and ``hard`` and ``unranked`` hold the same answers as before.
    """
    asked = seen[queries.arguments[:, list(queries.word.anchors)]].all(axis=1)
    return queries.ranking(np.repeat(asked, np.diff(queries.hard.offsets)) & seen[queries.hard.values])
