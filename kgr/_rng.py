"""Keyed random draws: a counter-based generator (SplitMix64, Steele et al. 2014).

Whoever draws starts a state from a key of its own, such as (seed, stream, step, row), so the
numbers depend on the key alone and not on threads, order or what was drawn before.
"""

from __future__ import annotations

import numpy as np

from kgr._jit import inlined

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def key(*numbers: int) -> int:
    """Mix whole numbers, for instance (seed, stream, step), into one 64-bit key."""
    state = 0
    for number in numbers:
        state = (state ^ (number & _MASK)) * 0xD1342543DE82EF95 + _GOLDEN & _MASK
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        state = (state ^ state >> 27) * 0x94D049BB133111EB & _MASK
        state ^= state >> 31
    return state


@inlined
def next_word(state):
    """Return the next state and 64 random bits."""
    state = state + np.uint64(0x9E3779B97F4A7C15)
    z = state
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state, z ^ (z >> np.uint64(31))


@inlined
def start(key, row):
    """Return the state of a row under a key made by :func:`key`."""
    _, word = next_word(key + np.uint64(row) * np.uint64(0xD1342543DE82EF95))
    return word


@inlined
def below(state, n):
    """Return the next state and a uniform number in [0, n), n < 2^32, without bias (Lemire 2019)."""
    bound = np.uint64(n)
    low = np.uint64(0xFFFFFFFF)
    state, word = next_word(state)
    product = (word >> np.uint64(32)) * bound
    if product & low < bound:
        threshold = (np.uint64(0x100000000) - bound) % bound
        while product & low < threshold:
            state, word = next_word(state)
            product = (word >> np.uint64(32)) * bound
    return state, np.int64(product >> np.uint64(32))
