"""Drawing queries for evaluation: ground on the larger graph, compare its answers with the smaller one's."""

import numpy as np

from kgr._jit import kernel
from kgr._rng import start
from kgr.graph._kernels import has_bit
from kgr.query._kernels.ground import _ground
from kgr.query._kernels.sets import _answers, _clear_bits, _copy, _set_bits, place_of


@kernel
def _ground_rows(graph, steps, by_relation, key, first, arguments, drawn, value):
    """Ground one row after another, without asking what its answers are."""
    for b in range(arguments.shape[0]):
        _, drawn[b] = _ground(graph, steps, by_relation, False, start(key, first + b), arguments[b], value)


@kernel
def _compare(small, large, tables, arguments, drawn, hard, lost, work):
    """Per row: how many answers the larger graph adds (hard) and how many it takes away (lost)."""
    smaller = work.bits[work.bits.shape[0] - 2]  # the last row is the evaluation's own
    end = work.arena.shape[0]
    for b in range(arguments.shape[0]):
        hard[b] = 0
        lost[b] = 0
        if drawn[b]:
            in_arena, a, n, _ = _answers(small, tables, arguments[b], work)
            # what comes next overwrites the arena from its start: keep the members to clear their bits
            _copy(place_of(small, work, in_arena), a, n, work.arena, end - n)
            _set_bits(work.kept, end - n, n, smaller)
            in_arena, c, m, _ = _answers(large, tables, arguments[b], work)
            members = place_of(large, work, in_arena)
            shared = 0
            for i in range(c, c + m):
                shared += has_bit(smaller, np.int64(members[i]))
            hard[b] = m - shared
            lost[b] = n - shared
            _clear_bits(work.kept, end - n, n, smaller)
