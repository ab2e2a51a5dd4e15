"""Whether two rankings of the same queries differ by more than chance: two paired, two-sided tests."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

DRAWS = 10_000
"""Random assignments of signs; where there are no more than these in all, each is taken once."""

_BLOCK = 1 << 20


def paired_t_test(differences: NDArray[np.float64]) -> float | None:
    """Return the p-value of Student's paired t-test.

    Parameters
    ----------
    differences : float64[n]
        Of each pair.

    Returns
    -------
    float or None
        1 where all differences are 0; None of fewer than two, whose spread is not known.
    """
    n = len(differences)
    if n < 2:
        return None
    mean, variance = float(differences.mean()), float(differences.var(ddof=1)) / n
    if mean == 0:
        return 1.0
    return _incomplete_beta((n - 1) / 2, 0.5, (n - 1) * variance / ((n - 1) * variance + mean * mean))


def randomisation_test(differences: NDArray[np.float64], *, seed: int = 0, draws: int = DRAWS) -> float:
    """Return the p-value of Fisher's randomisation test.

    How often the mean is as far from 0 as it is, or farther, where each difference gets a random sign. All assignments
    are counted where there are at most ``draws``; else that many are drawn, and the one that was seen counts too.
    """
    n, seen = len(differences), abs(float(differences.sum()))
    bound = seen - 1e-9 * float(np.abs(differences).sum())  # sums of other orders are rounded otherwise
    if n < 63 and 1 << n <= draws:
        signs = (np.arange(1 << n)[:, None] >> np.arange(n) & 1) * 2.0 - 1
        return float((np.abs(signs @ differences) >= bound).mean())
    generator, far, left = np.random.default_rng(seed), 0, draws
    while left:
        rows = min(left, max(1, _BLOCK // n))
        signs = generator.integers(0, 2, (rows, n)) * 2.0 - 1
        far += int((np.abs(signs @ differences) >= bound).sum())
        left -= rows
    return (far + 1) / (draws + 1)


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function, by its continued fraction (Abramowitz and Stegun 26.5.8)."""
    if x <= 0:
        return 0.0
    if x > (a + 1) / (a + b + 2):  # where the fraction converges slowly
        return 1 - _incomplete_beta(b, a, 1 - x)
    fraction = 1.0
    for m in range(200 + 10 * math.isqrt(int(a + b)), 0, -1):
        fraction = 1 - (a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)) / fraction
        fraction = 1 + m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)) / fraction
    fraction = 1 - (a + b) * x / (a + 1) / fraction
    beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    return math.exp(a * math.log(x) + b * math.log1p(-x) - beta) / (a * fraction)
