"""Drawing queries for evaluation: ground on the larger graph, compare its answers with the smaller one's."""

import numpy as np

from kgr._jit import kernel
from kgr._rng import start
from kgr.graph._kernels import has_bit
from kgr.query._kernels.ground import _ground
from kgr.query._kernels.sets import _answers, _clear_bits, _set_bits


@kernel
def _ground_rows(graph, draws, checks, by_relation, key, first, arguments, drawn, value):
    """Ground one row after another, without asking what its answers are."""
    for b in range(arguments.shape[0]):
        _, drawn[b] = _ground(graph, draws, checks, by_relation, start(key, first + b), arguments[b], value)


@kernel
def _compare(small, large, nodes, literals, arguments, drawn, hard, lost, L, S, bits, arena):
    """Per row: how many answers the larger graph adds (hard) and how many it takes away (lost)."""
    smaller = bits[bits.shape[0] - 2]  # the last row is the evaluation's own
    for b in range(arguments.shape[0]):
        hard[b] = 0
        lost[b] = 0
        if drawn[b]:
            a, n, _ = _answers(small, nodes, literals, arguments[b], L, S, bits, arena)
            _set_bits(arena, a, n, smaller)
            # what comes next overwrites the arena from its start: keep the members to clear their bits
            kept = arena.shape[0] - n
            for i in range(n):
                arena[kept + i] = arena[a + i]
            c, m, _ = _answers(large, nodes, literals, arguments[b], L, S, bits, arena)
            shared = 0
            for i in range(c, c + m):
                shared += has_bit(smaller, np.int64(arena[i]))
            hard[b] = m - shared
            lost[b] = n - shared
            _clear_bits(arena, kept, n, smaller)
