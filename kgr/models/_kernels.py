"""Pair loops: the distance of every query to every row, and its gradients, without a B x K x D array.

Two templates are made concrete by a function of one pair and one dimension. A loop takes several
rows at once, so that what is in registers is used several times, and its innermost level goes over
dimensions, which the compiler vectorises.

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
_ROWS = 32  # rows, and their sums, that stay in the cache while queries pass by


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


def _gradients(pull, second=0, row_second=0):
    """Make the kernel that adds ``pull(query_b, row_k, d, weight[b, k])`` up, over both sides at once.

    ``pull`` gives the derivatives of a weighted distance by one or two numbers of a query's dimension. The first goes
    to the first part of the query's columns, and is taken from the row's, since distances know differences alone;
    the second goes to part ``second``, where there is one, and is taken from the row's part ``row_second``.
    """

    @njit(fastmath=_FAST, **OPTIONS)
    def gradients(query, rows, weight, inside, D, first, last, low, high, into_query, into_rows):
        for start in range(low, high, _ROWS):
            end = min(start + _ROWS, high)
            for b in range(first, last, 2):
                b1 = min(b + 1, last - 1)
                q0, q1, at0, at1 = query[b], query[b1], into_query[b], into_query[b1]
                for k in range(start, end, 2):
                    k1 = min(k + 1, end - 1)
                    y0, y1, to0, to1 = rows[k], rows[k1], into_rows[k], into_rows[k1]
                    w00, w01 = weight[b, k], _weight(weight, b, k + 1, last, end)
                    w10, w11 = _weight(weight, b + 1, k, last, end), _weight(weight, b + 1, k + 1, last, end)
                    for d in range(D):
                        x00, z00 = pull(q0, y0, d, D, w00, inside)
                        x01, z01 = pull(q0, y1, d, D, w01, inside)
                        x10, z10 = pull(q1, y0, d, D, w10, inside)
                        x11, z11 = pull(q1, y1, d, D, w11, inside)
                        at0[d] += x00 + x01
                        at1[d] += x10 + x11
                        to0[d] -= x00 + x10
                        to1[d] -= x01 + x11
                        if second:
                            at0[second * D + d] += z00 + z01
                            at1[second * D + d] += z10 + z11
                        if row_second:
                            to0[row_second * D + d] -= z00 + z10
                            to1[row_second * D + d] -= z01 + z11

    return gradients


@register_jitable
def _weight(weight, b, k, last, end):
    """The weight of a pair; past the ends, where the last row is taken again, none."""
    return weight[b, k] if b < last and k < end else weight.dtype.type(0)


@register_jitable
def _l1(query, row, d, D, inside):
    return abs(row[d] - query[d])


@register_jitable
def _l1_pull(query, row, d, D, weight, inside):
    return _toward(query[d] - row[d], weight, query.dtype.type(1)), weight


@register_jitable
def _toward(gap, weight, one):
    """The sign of ``gap`` times ``weight``; 0 where there is no gap. ``one`` is of their precision."""
    return math.copysign(one, gap) * weight if gap != one - one else one - one


@register_jitable
def _box(query, row, d, D, inside):
    gap = abs(row[d] - query[d])
    return gap - (query.dtype.type(1) - inside) * min(gap, query[D + d])


@register_jitable
def _box_pull(query, row, d, D, weight, inside):
    gap, one = query[d] - row[d], query.dtype.type(1)
    outside = abs(gap) > query[D + d]
    toward = _toward(gap, weight if outside else weight * inside, one)
    return toward, (inside - one) * weight if outside else one - one


@register_jitable
def _modulus(query, row, d, D, inside):
    real, imaginary = row[d] - query[d], row[D + d] - query[D + d]
    return math.sqrt(real * real + imaginary * imaginary)


@register_jitable
def _modulus_pull(query, row, d, D, weight, inside):
    real, imaginary, zero = query[d] - row[d], query[D + d] - row[D + d], query.dtype.type(0)
    square = real * real + imaginary * imaginary
    scale = weight / math.sqrt(square) if square != zero else zero
    return real * scale, imaginary * scale


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
def _cone_pull(query, row, d, D, weight, inside):
    # the derivatives by half the axis, less those by half the row's angle, and by half the aperture
    signed, along = _halfway(query, row, d, D)
    sine, cosine, one = abs(signed), abs(along), query.dtype.type(1)
    narrow, wide = query[3 * D + d], query[2 * D + d]
    slope = cosine * wide + sine * narrow
    outside = sine > narrow
    turn = (slope if outside else inside * cosine) * weight
    return _toward(-signed * along, turn, one), (inside * wide - slope) * weight if outside else one - one


_l1_distances = _distances(_l1)
_l1_gradients = _gradients(_l1_pull)
_box_distances = _distances(_box)
_box_gradients = _gradients(_box_pull, second=1)
_modulus_distances = _distances(_modulus, numbers=2)
_modulus_gradients = _gradients(_modulus_pull, second=1, row_second=1)
_cone_distances = _distances(_cone, numbers=2)
_cone_gradients = _gradients(_cone_pull, second=2)
