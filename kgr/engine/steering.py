"""What evaluations decide: the learning rate, the end, the best. Functions of the history alone.

A history holds what every evaluation so far made of the task's figure, a number that is to grow. As
it lies in every checkpoint, a resumed run decides as an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

History = Sequence[tuple[int, float]]
"""(step, figure) of every evaluation, by step."""

THRESHOLD = 1e-4
"""By what share a figure must exceed that of the last better evaluation, as in torch's ``ReduceLROnPlateau``."""


def best(history: History) -> int | None:
    """Return the step of the highest figure, the first of equal ones; None before the first evaluation."""
    return max(history, key=lambda each: each[1])[0] if history else None


def waited(history: History) -> int:
    """Return how many evaluations there were since the last better one."""
    *_, last = 0, *_waits(history)
    return last


def reductions(history: History, patience: int) -> int:
    """Return how often more than ``patience`` evaluations followed each other without a better one or a reduction."""
    return sum(wait > 0 and wait % (patience + 1) == 0 for wait in _waits(history))


def _waits(history: History) -> Iterator[int]:
    """For each evaluation, how many there were since the last better one: 0 where it is better itself."""
    highest, wait = float("-inf"), 0
    for _, figure in history:
        wait += 1
        if figure > highest * (1 + THRESHOLD):
            highest, wait = figure, 0
        yield wait
