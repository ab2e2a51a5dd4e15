"""Pair loops: the distance of every query to every row, and its gradients, without a B x K x D array.

Two templates are made concrete by a function of one pair and one dimension. A loop takes four
rows of the other side at once, so that what is in registers is used several times, and its
innermost level goes over dimensions, which the compiler vectorises.

A pair's sum is taken in the same order wherever the pair stands and however the rows are shared
among threads: equal rows get equal scores, and the number of threads changes no bit.
"""

from __future__ import annotations

import math

from numba import njit
from numba.extending import register_jitable

from kgr._jit import OPTIONS

# Sums may be reordered, or they would not vectorise; "nnan" is left out: a NaN must come out as one.
_FAST = {"reassoc", "contract", "nsz"}
_QUERIES = 64  # queries that stay in the cache while all rows pass by


def _distances(term, numbers=1):
    """Make the kernel ``out[b, k] = sum_d term(query_b, row_k, d)`` of the queries ``first <= b < last``.

    A dimension is so many numbers of a row, one in each of its equal parts.
    """

    @njit(fastmath=_FAST, **OPTIONS)
    def distances(query, rows, inside, first, last, out):
        K, D = len(rows), rows.shape[1] // numbers
        for start in range(first, last, _QUERIES):
            for k in range(0, K, 4):
                # past the end the last row is taken again, so that every pair goes through one and the same loop
                k1, k2, k3 = min(k + 1, K - 1), min(k + 2, K - 1), min(k + 3, K - 1)
                y0, y1, y2, y3 = rows[k], rows[k1], rows[k2], rows[k3]
                for b in range(start, min(start + _QUERIES, last)):
                    q = query[b]
                    sum0 = sum1 = sum2 = sum3 = rows.dtype.type(0)
                    for d in range(D):
                        sum0 += term(q, y0, d, D, inside)
                        sum1 += term(q, y1, d, D, inside)
                        sum2 += term(q, y2, d, D, inside)
                        sum3 += term(q, y3, d, D, inside)
                    out[b, k], out[b, k1], out[b, k2], out[b, k3] = sum0, sum1, sum2, sum3

    return distances


def _gradients(pull):
    """Make the kernel ``out[i, column + d] = sum_j pull(own_i, other_j, d, weight[i, j])`` of ``first <= i < last``."""

    @njit(fastmath=_FAST, **OPTIONS)
    def gradients(own, other, weight, inside, column, first, last, out):
        D = min(own.shape[1], other.shape[1])  # a query may be wider than a row
        for i in range(first, last):
            x, total = own[i], out[i, column : column + D]
            total[:] = 0
            for j in range(0, len(other), 4):
                y0, w0 = _weighted(other, weight, i, j)
                y1, w1 = _weighted(other, weight, i, j + 1)
                y2, w2 = _weighted(other, weight, i, j + 2)
                y3, w3 = _weighted(other, weight, i, j + 3)
                for d in range(D):
                    part = total[d]
                    part += pull(x, y0, d, D, w0, inside)
                    part += pull(x, y1, d, D, w1, inside)
                    part += pull(x, y2, d, D, w2, inside)
                    part += pull(x, y3, d, D, w3, inside)
                    total[d] = part

    return gradients


@register_jitable
def _weighted(other, weight, i, j):
    """Row ``j`` and its weight; past the end the last row without weight."""
    if j < len(other):
        return other[j], weight[i, j]
    return other[len(other) - 1], weight.dtype.type(0)


@register_jitable
def _l1(query, row, d, D, inside):
    return abs(row[d] - query[d])


@register_jitable
def _l1_pull(own, other, d, D, weight, inside):
    gap, zero = own[d] - other[d], own.dtype.type(0)
    return math.copysign(own.dtype.type(1), gap) * weight if gap != zero else zero


@register_jitable
def _box(query, row, d, D, inside):
    gap = abs(row[d] - query[d])
    return gap - (query.dtype.type(1) - inside) * min(gap, query[D + d])


@register_jitable
def _box_center_pull(query, row, d, D, weight, inside):
    return _toward(query[d] - row[d], query[D + d], weight, weight * inside, query.dtype.type(1))


@register_jitable
def _box_row_pull(row, query, d, D, weight, inside):
    return _toward(row[d] - query[d], query[D + d], weight, weight * inside, row.dtype.type(1))


@register_jitable
def _toward(gap, offset, outside, inside, one):
    """The sign of ``gap`` times one of two weights; 0 where there is no gap."""
    within = inside if gap != one - one else one - one
    return math.copysign(one, gap) * (outside if abs(gap) > offset else within)


@register_jitable
def _box_offset_pull(query, row, d, D, weight, inside):
    one = query.dtype.type(1)
    return (inside - one) * weight if abs(query[d] - row[d]) > query[D + d] else one - one


@register_jitable
def _modulus(query, row, d, D, inside):
    real, imaginary = row[d] - query[d], row[D + d] - query[D + d]
    return math.sqrt(real * real + imaginary * imaginary)


@njit(fastmath=_FAST, **OPTIONS)
def _modulus_gradients(own, other, weight, inside, column, first, last, out):
    """As :func:`_gradients`, of both numbers of a dimension at once: they share a root and a division."""
    D = own.shape[1] // 2
    for i in range(first, last):
        x, total, zero = own[i], out[i], own.dtype.type(0)
        total[:] = 0
        for j in range(0, len(other), 2):
            y0, w0 = _weighted(other, weight, i, j)
            y1, w1 = _weighted(other, weight, i, j + 1)
            for d in range(D):
                real0, imaginary0 = x[d] - y0[d], x[D + d] - y0[D + d]
                real1, imaginary1 = x[d] - y1[d], x[D + d] - y1[D + d]
                scale0 = _over_modulus(real0, imaginary0, w0, zero)
                scale1 = _over_modulus(real1, imaginary1, w1, zero)
                total[d] += real0 * scale0 + real1 * scale1
                total[D + d] += imaginary0 * scale0 + imaginary1 * scale1


@register_jitable
def _over_modulus(real, imaginary, weight, zero):
    square = real * real + imaginary * imaginary
    return weight / math.sqrt(square) if square != zero else zero


@register_jitable
def _cone(query, row, d, D, inside):
    # a cone's columns: cosine and sine of half its axis, then of half its aperture; a row's: those of half its angle
    sine, cosine = _halfway(query, row, d, D)
    sine, cosine, zero = abs(sine), abs(cosine), query.dtype.type(0)
    beyond = sine * query[2 * D + d] - cosine * query[3 * D + d]  # the sine of a difference
    return (beyond if not beyond < zero else zero) + inside * min(sine, query[3 * D + d])


@register_jitable
def _halfway(query, row, d, D):
    """Sine and cosine of half the angle from a cone's axis to a row."""
    sine = row[D + d] * query[d] - row[d] * query[D + d]
    return sine, row[d] * query[d] + row[D + d] * query[D + d]


@register_jitable
def _cone_pulls(query, row, d, D, weight, inside):
    """The derivatives by half a row's angle and by half a cone's aperture, times ``weight``."""
    signed, along = _halfway(query, row, d, D)
    sine, cosine, zero = abs(signed), abs(along), query.dtype.type(0)
    narrow, wide = query[3 * D + d], query[2 * D + d]
    slope = cosine * wide + sine * narrow
    outside = sine > narrow
    turn = slope if outside else inside * cosine
    side = signed * along
    turn = math.copysign(turn, side) * weight if side != zero else zero
    return turn, (inside * wide - slope) * weight if outside else zero


@njit(fastmath=_FAST, **OPTIONS)
def _cone_row_gradients(own, other, weight, inside, column, first, last, out):
    """As :func:`_gradients`, along the circle on which a row's cosines and sines lie."""
    D = own.shape[1] // 2
    for i in range(first, last):
        x, total = own[i], out[i]
        total[:] = 0
        for j in range(0, len(other), 2):
            y0, w0 = _weighted(other, weight, i, j)
            y1, w1 = _weighted(other, weight, i, j + 1)
            for d in range(D):
                turn0, _ = _cone_pulls(y0, x, d, D, w0, inside)
                turn1, _ = _cone_pulls(y1, x, d, D, w1, inside)
                total[d] += turn0 + turn1
        _along_circle(x, total, 0, D)


@njit(fastmath=_FAST, **OPTIONS)
def _cone_gradients(own, other, weight, inside, column, first, last, out):
    """As :func:`_cone_row_gradients`, of a cone's axis and aperture at once."""
    D = own.shape[1] // 4
    for i in range(first, last):
        x, total = own[i], out[i]
        total[:] = 0
        for j in range(0, len(other), 2):
            y0, w0 = _weighted(other, weight, i, j)
            y1, w1 = _weighted(other, weight, i, j + 1)
            for d in range(D):
                turn0, wider0 = _cone_pulls(x, y0, d, D, w0, inside)
                turn1, wider1 = _cone_pulls(x, y1, d, D, w1, inside)
                total[d] -= turn0 + turn1
                total[2 * D + d] += wider0 + wider1
        _along_circle(x, total, 0, D)
        _along_circle(x, total, 2 * D, D)


@register_jitable
def _along_circle(point, total, column, D):
    """Spread derivatives by angles, from ``column`` on, over the cosines and sines of these."""
    for d in range(column, column + D):
        pull = total[d]
        total[d] = -point[D + d] * pull
        total[D + d] = point[d] * pull


_l1_distances = _distances(_l1)
_l1_gradients = _gradients(_l1_pull)
_box_distances = _distances(_box)
_box_center_gradients = _gradients(_box_center_pull)
_box_offset_gradients = _gradients(_box_offset_pull)
_box_row_gradients = _gradients(_box_row_pull)
_modulus_distances = _distances(_modulus, numbers=2)
_cone_distances = _distances(_cone, numbers=2)
