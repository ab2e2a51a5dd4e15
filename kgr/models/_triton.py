"""The pair loops of ``_kernels`` in Triton, for a GPU.

Two templates are made concrete by a function of one pair and one dimension, of which a program works out
tiles of 16 queries x 16 rows x 32 dimensions, in registers. Nothing of size B x K x D is in memory, and no sum
is shared among programs: a run repeats to the bit, and equal rows get equal scores.

Such a function gets one number of each part of a row, where a row has one, two or four equal parts. Of nothing
but zeros a term is 0, and a weight of 0 pulls nothing: tiles are filled up with both.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

_SIDE, _DEPTH = 16, 32  # tried on no GPU yet; in float32 they fit into its registers
_TINY = tl.constexpr(1e-37)  # a square that a float32 holds, added to none that matters


@triton.jit
def _distances(
    query, rows, out, B, K, D, inside: tl.constexpr, term: tl.constexpr, query_parts: tl.constexpr,
    row_parts: tl.constexpr, side: tl.constexpr, depth: tl.constexpr,
):  # fmt: skip
    """``out[b, k] = sum_d term(query_b, row_k, d)``."""
    tile, across = tl.program_id(0), tl.cdiv(B, side)
    b = tile % across * side + tl.arange(0, side)
    k = tile // across * side + tl.arange(0, side)
    total = tl.zeros([side, side, depth], out.dtype.element_ty)
    for start in range(0, D, depth):
        d = start + tl.arange(0, depth)
        q = _numbers(query, b, B, d, D, query_parts, 1)
        total += term(q, _numbers(rows, k, K, d, D, row_parts, 0), inside)
    place = out + b.to(tl.int64)[:, None] * K + k[None, :]
    tl.store(place, tl.sum(total, 2), (b < B)[:, None] & (k < K)[None, :])


@triton.jit
def _gradients(
    own, other, weight, out, n, m, D, row_stride, column_stride, inside: tl.constexpr, pull: tl.constexpr,
    circle: tl.constexpr, own_parts: tl.constexpr, other_parts: tl.constexpr, side: tl.constexpr, depth: tl.constexpr,
):  # fmt: skip
    """``out[i, d] = sum_j pull(own_i, other_j, d, weight[i, j])``.

    With ``circle`` pulls are derivatives by angles of which rows hold the cosines and the sines.
    """
    tile, across = tl.program_id(0), tl.cdiv(n, side)
    i = tile % across * side + tl.arange(0, side)
    d = tile // across * depth + tl.arange(0, depth)
    x = _numbers(own, i, n, d, D, own_parts, 0)
    totals = ()
    for _ in tl.static_range(own_parts // 2 if circle else own_parts):
        totals = totals + (tl.zeros([1, side, depth], out.dtype.element_ty),)
    for start in range(0, m, side):
        j = start + tl.arange(0, side)
        weights = weight + i.to(tl.int64)[None, :] * row_stride + j.to(tl.int64)[:, None] * column_stride
        w = tl.load(weights, (j < m)[:, None] & (i < n)[None, :], 0.0)[:, :, None]
        totals = _added(totals, pull(x, _numbers(other, j, m, d, D, other_parts, 1), w, inside))
    place, held = _places(out, i, n, d, D, own_parts)
    for part in tl.static_range(own_parts):
        pulled = _along_circle(x, totals, part) if circle else totals[part]
        tl.store(place[None] + part * D, pulled, held[None])


@triton.jit
def _added(totals, pulls):
    """Totals and the sums of pulls over what stands first: a thread's own numbers, so that nothing is exchanged."""
    out = ()
    for part in tl.static_range(len(totals)):
        out = out + (totals[part] + tl.sum(pulls[part], 0, keep_dims=True),)
    return out


@triton.jit
def _along_circle(x, totals, part: tl.constexpr):
    """The derivative by a cosine or a sine, of that by its angle."""
    return totals[part // 2] * (x[part - 1] if part % 2 else -x[part + 1])


@triton.jit
def _numbers(rows, i, n, d, D, parts: tl.constexpr, axis: tl.constexpr):
    """Numbers ``d`` of each part of the rows ``i``, to be repeated along ``axis``; 0 past the ends."""
    place, held = _places(rows, i, n, d, D, parts)
    tiles = ()
    for part in tl.static_range(parts):
        tiles = tiles + (tl.expand_dims(tl.load(place + part * D, held, 0.0), axis),)
    return tiles


@triton.jit
def _places(rows, i, n, d, D, parts: tl.constexpr):
    """Where numbers ``d`` of the first parts of the rows ``i`` are, and which there are."""
    return rows + i.to(tl.int64)[:, None] * (parts * D) + d[None, :], (i < n)[:, None] & (d < D)[None, :]


@triton.jit
def _l1(query, row, inside):
    return tl.abs(row[0] - query[0])


@triton.jit
def _l1_pull(own, other, weight, inside):
    return (_toward(own[0] - other[0], weight),)


@triton.jit
def _toward(gap, weight):
    """The sign of ``gap`` times ``weight``; 0 where there is no gap."""
    return tl.where(gap > 0, weight, tl.where(gap < 0, -weight, 0.0))


@triton.jit
def _box(query, row, inside):
    gap = tl.abs(row[0] - query[0])
    return gap - (1 - inside) * tl.where(gap < query[1], gap, query[1])


@triton.jit
def _box_center_pull(own, other, offset, weight, inside):
    gap = own - other
    return _toward(gap, tl.where(tl.abs(gap) > offset, weight, weight * inside))


@triton.jit
def _box_pulls(box, row, weight, inside):
    widen = tl.where(tl.abs(row[0] - box[0]) > box[1], (inside - 1) * weight, 0.0)
    return _box_center_pull(box[0], row[0], box[1], weight, inside), widen


@triton.jit
def _box_row_pull(row, box, weight, inside):
    return (_box_center_pull(row[0], box[0], box[1], weight, inside),)


@triton.jit
def _modulus(query, row, inside):
    real, imaginary = row[0] - query[0], row[1] - query[1]
    return tl.sqrt(real * real + imaginary * imaginary)


@triton.jit
def _modulus_pulls(own, other, weight, inside):
    real, imaginary = own[0] - other[0], own[1] - other[1]
    scale = weight * tl.rsqrt(tl.maximum(real * real + imaginary * imaginary, _TINY))
    return real * scale, imaginary * scale


@triton.jit
def _cone(cone, row, inside):
    # a cone's parts: cosine and sine of half its axis, then of half its aperture; a row's: those of half its angle
    sine, cosine = _halfway(cone, row)
    sine, cosine, wide, narrow = tl.abs(sine), tl.abs(cosine), cone[2], cone[3]
    beyond = sine * wide - cosine * narrow  # the sine of a difference
    return tl.where(beyond < 0, 0.0, beyond) + inside * tl.where(sine > narrow, narrow, sine)


@triton.jit
def _halfway(cone, row):
    """Sine and cosine of half the angle from a cone's axis to a row."""
    return row[1] * cone[0] - row[0] * cone[1], row[0] * cone[0] + row[1] * cone[1]


@triton.jit
def _cone_slopes(cone, row, weight, inside):
    """The derivatives by half a row's angle and by half a cone's aperture, times ``weight``."""
    signed, along = _halfway(cone, row)
    sine, cosine, wide, narrow = tl.abs(signed), tl.abs(along), cone[2], cone[3]
    slope, outside = cosine * wide + sine * narrow, sine > narrow
    turn = _toward(signed * along, tl.where(outside, slope, inside * cosine) * weight)
    return turn, tl.where(outside, (inside * wide - slope) * weight, 0.0)


@triton.jit
def _cone_pulls(cone, row, weight, inside):
    turn, wider = _cone_slopes(cone, row, weight, inside)
    return -turn, wider


@triton.jit
def _cone_row_pull(row, cone, weight, inside):
    return (_cone_slopes(cone, row, weight, inside)[0],)


@dataclasses.dataclass(frozen=True)
class _Loop:
    """A distance of queries and rows of so many parts, and what pulls on either; ``circle`` as in ``_gradients``."""

    term: Any
    query_parts: int
    row_parts: int
    query_pulls: Any
    row_pulls: Any
    circle: bool = False

    def distances(self, query: Tensor, rows: Tensor, inside: float, out: Tensor) -> None:
        (B, K), D = out.shape, rows.shape[1] // self.row_parts
        tiles = triton.cdiv(B, _SIDE) * triton.cdiv(K, _SIDE)
        parts = self.query_parts, self.row_parts
        with torch.cuda.device_of(out):
            _distances[(tiles,)](query, rows, out, B, K, D, inside, self.term, *parts, _SIDE, _DEPTH)

    def gradients(
        self, query: Tensor, rows: Tensor, weight: Tensor, inside: float, into_query: Tensor, into_rows: Tensor
    ) -> None:
        own, other = self.query_parts, self.row_parts
        self._pull(self.query_pulls, query, rows, weight, inside, (own, other), into_query)
        self._pull(self.row_pulls, rows, query, weight.t(), inside, (other, own), into_rows)

    def _pull(
        self, pull: Any, own: Tensor, other: Tensor, weight: Tensor, inside: float, parts: tuple[int, int], out: Tensor
    ) -> None:
        (n, m), D = weight.shape, own.shape[1] // parts[0]
        tiles = triton.cdiv(n, _SIDE) * triton.cdiv(D, _DEPTH)
        sizes, functions = (n, m, D, *weight.stride()), (inside, pull, self.circle)
        with torch.cuda.device_of(out):
            _gradients[(tiles,)](own, other, weight, out, *sizes, *functions, *parts, _SIDE, _DEPTH)


LOOPS = {
    "l1": _Loop(_l1, 1, 1, _l1_pull, _l1_pull),
    "modulus": _Loop(_modulus, 2, 2, _modulus_pulls, _modulus_pulls),
    "box": _Loop(_box, 2, 1, _box_pulls, _box_row_pull),
    "cone": _Loop(_cone, 4, 2, _cone_pulls, _cone_row_pull, circle=True),
}
