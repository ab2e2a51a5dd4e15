"""The loops over a batch's rows."""

import numpy as np

from kgr._jit import inlined, kernel
from kgr._rng import below, start
from kgr.graph._kernels import contains
from kgr.query._kernels.ground import _ground
from kgr.query._kernels.own import _draw_own
from kgr.query._kernels.pull import _keep_answers
from kgr.query._kernels.sets import (
    KIND,
    POSITIVE,
    SET_KEPT,
    SET_SIZE,
    SET_START,
    SIZE,
    SLICE,
    START,
    _forward,
    _materialise,
    _unmark,
    place_of,
)
from kgr.query._kernels.shared import _strike, _strike_answers
from kgr.query.program import FIRST, IS_UNION, LAST

# What becomes of a try at a row, where it does not end with a positive, an entity.
AGAIN, SKIPPED, TOO_DEAR = -1, -2, -3

CROWDED = 100  # queries of a row that may have too few negatives before one is taken all the same
TOO_MANY = 10_000  # queries of a row that may be too dear before its structure is given up


@kernel
def _enumerate_all(graph, tables, work, law, state, waiting, top, budget):
    """Make the last node too, and choose the positive: (state, positive or what became of the try, answers, top)."""
    S = work.sets
    last = tables.nodes.shape[0] - 1
    above = np.int64(-1)
    if not waiting:
        above = _materialise(graph, tables, last, work, top, budget)
    if above < 0:
        return state, np.int64(TOO_DEAR), np.int64(-1), top
    n = S[last, SET_SIZE]
    positive = work.value[0]
    if n == 0:
        positive = np.int64(AGAIN)
    elif law.among_answers:
        state, k = below(state, n)
        positive = np.int64(place_of(graph, work, S[last, SET_KEPT])[S[last, SET_START] + k])
    return state, positive, n, above


@inlined
def _prepare(graph, tables, arguments, work, law, state, budget):
    """Make the sets of a query just grounded, and choose its positive.

    (state, positive or what became of the try, number of answers where all were made, else -1, top, waiting).
    """
    positive = work.value[0]
    n = np.int64(-1)
    top, waiting = _forward(graph, tables, arguments, work, budget)
    if law.whole:
        state, positive, n, top = _enumerate_all(graph, tables, work, law, state, waiting, top, budget)
    if law.check and positive >= 0:
        positive = _check(graph, tables, arguments, work, positive, waiting, top, budget)
    return state, positive, n, top, waiting


@kernel
def _check(graph, tables, arguments, work, pivot, waiting, top, budget):
    """The pivot where it is an answer, else what becomes of the try; the cheap tests come first."""
    L = work.literals
    j = tables.nodes.shape[0] - 1
    left = 0
    for i in range(tables.nodes[j, FIRST], tables.nodes[j, LAST]):
        if L[i, KIND] != SLICE or tables.nodes[j, IS_UNION]:
            left += 1
        elif contains(graph.tail, L[i, START], L[i, START] + L[i, SIZE], pivot) != L[i, POSITIVE]:
            return np.int64(AGAIN)
    if left:
        work.arena[top] = pivot
        n, _, _ = _keep_answers(
            graph, tables, arguments, work, np.int64(1), top, np.int64(1), np.int64(1), waiting, top + 1, budget
        )
        if n <= 0:
            return np.int64(AGAIN if n == 0 else TOO_DEAR)
    return pivot


@inlined
def _try_shared(graph, tables, arguments, work, law, state, candidates, is_negative):
    """One try at a row: (state, positive or what became of it, answers or -1 where not known, places struck)."""
    S = work.sets
    last = tables.nodes.shape[0] - 1
    budget = law.budget
    while True:
        state, positive, n, top, waiting = _prepare(graph, tables, arguments, work, law, state, budget)
        struck = np.int64(0)
        if positive >= 0:
            for k in range(is_negative.shape[0]):  # a loop becomes one memset, a slice does not
                is_negative[np.uintp(k)] = True
            if n >= 0:
                members = place_of(graph, work, S[last, SET_KEPT])
                struck = _strike(members, S[last, SET_START], n, candidates.places, is_negative)
            else:
                n, struck = _strike_answers(
                    graph, tables, arguments, work, waiting, top, budget, candidates, is_negative
                )
                if n < -1:
                    positive = np.int64(TOO_DEAR)
        _unmark(graph, work)
        if positive != TOO_DEAR:
            return state, positive, n, struck
        if budget >= law.limit:
            return state, np.int64(SKIPPED), n, struck
        budget = min(4 * budget, law.limit)


@inlined
def _try_own(graph, tables, arguments, work, law, state, ranges, negatives):
    """One try at a row: (state, positive or what became of it, answers or -1, answers estimated, negatives)."""
    estimate = np.int64(-1)
    budget = law.budget
    while True:
        begun, positive, n, top, waiting = _prepare(graph, tables, arguments, work, law, state, budget)
        full = np.int64(0)
        if positive >= 0:
            begun, full, n, estimate = _draw_own(
                graph, tables, arguments, work, law, n, waiting, top, budget, begun, ranges, negatives
            )
            if full < 0:
                positive = np.int64(TOO_DEAR)
        _unmark(graph, work)
        if positive != TOO_DEAR:
            return begun, positive, n, estimate, full
        if budget >= law.limit:
            return state, np.int64(SKIPPED), n, estimate, full
        budget = min(4 * budget, law.limit)


@inlined
def _ground_row(graph, steps, law, state, row, b, work):
    return _ground(graph, steps, law.by_relation, law.by_degree, state, row.arguments[b], work.value)


@kernel
def _estimate(is_negative, struck, inverse):
    """The number of answers, by the candidates struck: each stands for ``inverse`` entities."""
    K = is_negative.shape[0]
    total = 0.0
    if inverse.shape[0] == 1:
        total = struck * inverse[0]
    else:
        for k in range(K):
            if not is_negative[k]:
                total += inverse[k]
    return max(np.int64(1), np.int64(total / K))


@kernel
def _sample_shared(graph, steps, tables, law, key, first, tries, candidates, inverse, is_negative, rows, work):
    """Fill a batch, whose first row is row ``first`` of its step; -1, or the row that was given up."""
    for b in range(rows.positives.shape[0]):
        state = start(key, first + b)
        rows.crowded[b] = 0
        rows.skipped[b] = 0
        positive = np.int64(AGAIN)
        n = np.int64(-1)
        struck = np.int64(0)
        for _ in range(tries):
            state, drawn = _ground_row(graph, steps, law, state, rows, b, work)
            if drawn:
                state, positive, n, struck = _try_shared(
                    graph, tables, rows.arguments[b], work, law, state, candidates, is_negative[b]
                )
                if _ends(rows, b, positive, struck == is_negative.shape[1]):
                    break
        if positive < 0:
            return b
        rows.positives[b] = positive
        rows.exact[b] = n >= 0
        rows.counts[b] = n if n >= 0 else _estimate(is_negative[b], struck, inverse)
    return -1


@inlined
def _ends(rows, b, positive, crowded):
    """Whether a try was its row's last; if not, count what became of it."""
    if positive >= 0 and crowded and rows.crowded[b] < CROWDED:
        rows.crowded[b] += 1
        return False
    rows.skipped[b] += positive == SKIPPED
    return positive >= 0 or rows.skipped[b] == TOO_MANY


@kernel
def _sample_own(graph, steps, tables, law, key, first, tries, ranges, negatives, is_negative, rows, work):
    """As :func:`_sample_shared`, with the negatives of each row its own."""
    for b in range(rows.positives.shape[0]):
        state = start(key, first + b)
        rows.crowded[b] = 0
        rows.skipped[b] = 0
        positive = np.int64(AGAIN)
        n = np.int64(-1)
        estimate = np.int64(-1)
        full = np.int64(0)
        for _ in range(tries):
            state, drawn = _ground_row(graph, steps, law, state, rows, b, work)
            if drawn:
                state, positive, n, estimate, full = _try_own(
                    graph, tables, rows.arguments[b], work, law, state, ranges, negatives[b]
                )
                if _ends(rows, b, positive, full < negatives.shape[1]):
                    break
        if positive < 0:
            return b
        is_negative[b, :full] = True
        is_negative[b, full:] = False
        rows.positives[b] = positive
        rows.exact[b] = n >= 0
        rows.counts[b] = n if n >= 0 else estimate
    return -1
