"""Distances of every query to every row, forward and backward, without a B x K x D array.

On the CPU they are loops compiled by Numba and shared among ``torch.get_num_threads()`` threads, on a GPU by
Triton, where it is installed; elsewhere they are written by ``torch.cdist``, or plainly for so many rows at once
as memory allows. Equal rows get equal distances, and threads change no bit.
"""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from kgr._threads import share_rows
from kgr.models import _kernels

_CHUNK = 1 << 26  # numbers that a backward pass may hold of all pairs at once

_BLOCKS = 16  # of the longer side, in a loop's backward pass, however many threads share them

_Array = NDArray[np.floating[Any]]
_Formula = Callable[[Tensor, Tensor, float], Tensor]


def l1_distances(query: Tensor, rows: Tensor) -> Tensor:
    """Return the L1 distances ``float[B, K]`` between ``query`` [B, D] and ``rows`` [K, D]."""
    loop = _loop("l1", query, rows)
    return _cdist(query, rows) if loop is None else _pairs(loop, query, rows)


def l2_distances(query: Tensor, rows: Tensor) -> Tensor:
    """Return the L2 distances ``float[B, K]`` between ``query`` [B, D] and ``rows`` [K, D], by matrix products.

    Where a row lies on its query, rounding may leave a distance of about the root of the precision
    times the row's length.
    """
    return _Euclidean.apply(query, rows)  # type: ignore[no-any-return, no-untyped-call]


def modulus_distances(query: Tensor, rows: Tensor) -> Tensor:
    """Return ``float[B, K]``: sums of the moduli of the differences of complex ``query`` [B, D] and ``rows`` [K, D].

    A row is all real parts, then all imaginary parts.
    """
    loop = _loop("modulus", query, rows)
    return _blocks(_moduli, query, rows) if loop is None else _pairs(loop, query, rows)


def modulus_pair_distances(query: Tensor, rows: Tensor) -> Tensor:
    """Return the distance ``float[B]`` of each complex row [B, D] from its own query [B, D]."""
    return _moduli(query, rows, 0.0)


def _moduli(query: Tensor, rows: Tensor, inside: float) -> Tensor:
    gap = torch.unflatten(query - rows, -1, (2, -1))
    return torch.linalg.vector_norm(gap, dim=-2).sum(-1)  # type: ignore[no-any-return]


def box_distances(box: Tensor, rows: Tensor, inside: float) -> Tensor:
    """Return the distances ``float[B, K]`` of ``rows`` [K, D] from boxes.

    Parameters
    ----------
    box : [B, 2D]
        Centre and offset; no offset is negative. Per dimension a row is ``g`` from the centre: the
        part of ``g`` beyond the offset counts whole, the part within it ``inside`` times.
    """
    loop = _loop("box", box, rows)
    if loop is not None:
        return _pairs(loop, box, rows, inside)
    center, offset = box.chunk(2, dim=-1)
    # max(|g| - o, 0) = (|g - o| + |g + o|) / 2 - o
    corners = (_cdist(center + offset, rows) + _cdist(center - offset, rows)) / 2
    return inside * _cdist(center, rows) + (1 - inside) * (corners - offset.sum(-1, keepdim=True))


def box_pair_distances(box: Tensor, rows: Tensor, inside: float) -> Tensor:
    """Return the distance ``float[B]`` of each of ``rows`` [B, D] from its own box [B, 2D]."""
    center, offset = box.chunk(2, dim=-1)
    gap = (rows - center).abs()
    return (inside * gap + (1 - inside) * torch.relu(gap - offset)).sum(-1)


def half_turns(angles: Tensor) -> Tensor:
    """Return [n, 2D]: the cosines, then the sines of half of ``angles`` [n, D]."""
    return _HalfTurns.apply(angles)  # type: ignore[no-any-return, no-untyped-call]


def cone_distances(cone: Tensor, rows: Tensor, inside: float) -> Tensor:
    """Return the distances ``float[B, K]`` from cones of angles, ``rows`` [K, 2D] by their :func:`half_turns`.

    Two angles are as far apart as the sine of half of what lies between them. Per dimension a row's distance is
    that from the nearer border, where it is outside the cone, and ``inside`` times that from the axis, at most
    the border's own. Gradients by ``rows`` are right along the circle, where alone a row can move.

    Parameters
    ----------
    cone : [B, 2D]
        Axis, an angle, and aperture, what lies between the axis and either border: in [0, pi].
    """
    query = _half_turned(cone)
    loop = _loop("cone", query, rows)
    return _blocks(_cones, query, rows, inside) if loop is None else _pairs(loop, query, rows, inside)


def cone_pair_distances(cone: Tensor, rows: Tensor, inside: float) -> Tensor:
    """Return the :func:`cone_distances` ``float[B]`` of each of ``rows`` [B, 2D] from its own cone [B, 2D]."""
    return _cones(_half_turned(cone), rows, inside)


def _half_turned(cone: Tensor) -> Tensor:
    """Return [B, 4D]: the :func:`half_turns` of the axes, then of the apertures."""
    return half_turns(torch.unflatten(cone, -1, (2, -1))).flatten(-2)


def _cones(query: Tensor, rows: Tensor, inside: float) -> Tensor:
    axis_cosine, axis_sine, wide, narrow = query.chunk(4, dim=-1)
    row_cosine, row_sine = rows.chunk(2, dim=-1)
    sine = (row_sine * axis_cosine - row_cosine * axis_sine).abs()
    cosine = (row_cosine * axis_cosine + row_sine * axis_sine).abs()
    beyond = torch.relu(sine * wide - cosine * narrow)  # from the nearer border
    # not the minimum, which at a tie, on the border, would pull both
    return (beyond + inside * torch.where(sine > narrow, narrow, sine)).sum(-1)


class _Loop(Protocol):
    """A compiled pair loop and its hand-written gradients, of queries and rows that are contiguous and not empty."""

    def distances(self, query: Tensor, rows: Tensor, inside: float, out: Tensor) -> None:
        """Write the distances into ``out`` [B, K]."""
        ...

    def gradients(
        self, query: Tensor, rows: Tensor, weight: Tensor, inside: float, into_query: Tensor, into_rows: Tensor
    ) -> None:
        """Write the gradients of the sum of the distances times ``weight`` [B, K], into zeros."""
        ...


@dataclasses.dataclass(frozen=True)
class _NumbaLoop:
    """Kernels of a distance whose rows have so many parts; ``circle`` where pulls are by angles."""

    kernel: Callable[..., None]
    pulls: Callable[..., None]
    parts: int = 1
    circle: bool = False

    def distances(self, query: Tensor, rows: Tensor, inside: float, out: Tensor) -> None:
        queries, others, place = _arrays(query, rows, out)
        scalar = place.dtype.type(inside)
        share_rows(
            lambda first, last: self.kernel(queries, others, scalar, first, last, place),
            len(out), torch.get_num_threads(),
        )  # fmt: skip

    def gradients(
        self, query: Tensor, rows: Tensor, weight: Tensor, inside: float, into_query: Tensor, into_rows: Tensor
    ) -> None:
        self._pull(inside, *_arrays(query, rows, weight.contiguous(), into_query, into_rows))
        if self.circle:
            dim = rows.shape[1] // self.parts
            _along_circle(query, into_query, dim)
            _along_circle(rows, into_rows, dim)

    def _pull(self, inside: float, query: _Array, rows: _Array, weight: _Array, at: _Array, to: _Array) -> None:
        """Cut the longer side into blocks; each has its own sums over the shorter, which are added in order."""
        (B, K), D, scalar = weight.shape, rows.shape[1] // self.parts, weight.dtype.type(inside)
        size = -(-max(B, K) // _BLOCKS)
        size += size % 2  # kernels go through pairs of rows
        bounds = [(i, min(i + size, max(B, K))) for i in range(0, max(B, K), size)]
        shorter = to if B >= K else at
        sums = np.zeros((len(bounds), *shorter.shape), shorter.dtype)

        def pull(first: int, last: int) -> None:
            for own, (start, end) in zip(sums[first:last], bounds[first:last], strict=True):
                spans, into = ((start, end, 0, K), (at, own)) if B >= K else ((0, B, start, end), (own, to))
                self.pulls(query, rows, weight, scalar, D, *spans, *into)

        share_rows(pull, len(bounds), torch.get_num_threads())
        sums.sum(axis=0, out=shorter)


_NUMBA_LOOPS = {
    "l1": _NumbaLoop(_kernels._l1_distances, _kernels._l1_gradients),
    "modulus": _NumbaLoop(_kernels._modulus_distances, _kernels._modulus_gradients, parts=2),
    "box": _NumbaLoop(_kernels._box_distances, _kernels._box_gradients),
    "cone": _NumbaLoop(_kernels._cone_distances, _kernels._cone_gradients, parts=2, circle=True),
}


def _loop(kind: str, query: Tensor, rows: Tensor) -> _Loop | None:
    """Return the compiled loop where there is one for these tensors."""
    if query.device != rows.device or query.dtype != rows.dtype or query.dtype not in (torch.float32, torch.float64):
        return None
    if query.device.type == "cpu":
        return _NUMBA_LOOPS[kind]
    if query.device.type == "cuda" and _has_triton(query.device):
        from kgr.models import _triton

        return _triton.LOOPS[kind]
    return None


@lru_cache
def _has_triton(device: torch.device) -> bool:
    """Whether a Triton that passes functions to kernels, from 3.3 on, is installed and compiles for a GPU."""
    recent = importlib.util.find_spec("triton") is not None and torch.__version__ >= "2.7"
    return recent and torch.cuda.get_device_capability(device) >= (7, 0)


def _pairs(loop: _Loop, query: Tensor, rows: Tensor, inside: float = 0.0) -> Tensor:
    return _PairLoop.apply(query, rows, inside, loop)  # type: ignore[no-any-return, no-untyped-call]


class _PairLoop(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Tensor, rows: Tensor, inside: float, loop: _Loop) -> Tensor:
        query, rows = query.contiguous(), rows.contiguous()
        ctx.save_for_backward(query, rows)
        ctx.inside, ctx.loop = inside, loop
        out = query.new_empty(len(query), len(rows))
        if out.numel():
            loop.distances(query, rows, inside, out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, weight: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        query, rows = ctx.saved_tensors
        for_query, for_rows = ctx.needs_input_grad[:2]
        into_query, into_rows = torch.zeros_like(query), torch.zeros_like(rows)
        if weight.numel():
            ctx.loop.gradients(query, rows, weight, ctx.inside, into_query, into_rows)
        return into_query if for_query else None, into_rows if for_rows else None, None, None


def _blocks(formula: _Formula, query: Tensor, rows: Tensor, inside: float = 0.0) -> Tensor:
    return _Blocks.apply(query, rows, inside, formula)  # type: ignore[no-any-return, no-untyped-call]


class _Blocks(torch.autograd.Function):
    """What a compiled loop gives, of a plain formula by blocks of rows, each computed again in the backward pass."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, rows: Tensor, inside: float, formula: _Formula) -> Tensor:
        ctx.save_for_backward(query, rows)
        ctx.inside, ctx.formula = inside, formula
        parts = torch.split(rows, _block(query))
        return torch.cat([formula(query.unsqueeze(1), part, inside) for part in parts], dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        query, rows = (tensor.detach().requires_grad_() for tensor in ctx.saved_tensors)
        into_query, into_rows, size = torch.zeros_like(query), [], _block(query)
        for part, weight in zip(torch.split(rows.detach(), size), torch.split(grad, size, dim=1), strict=True):
            part.requires_grad_()
            with torch.enable_grad():
                distances = ctx.formula(query.unsqueeze(1), part, ctx.inside)
            pulls = torch.autograd.grad(distances, (query, part), weight)
            into_query += pulls[0]
            into_rows.append(pulls[1])
        return into_query, torch.cat(into_rows), None, None


def _block(query: Tensor) -> int:
    """Rows that meet all queries at once."""
    return max(1, _CHUNK // max(1, query.numel()))


class _HalfTurns(torch.autograd.Function):
    """Cosines and sines, of which the backward pass is made too: it takes none anew."""

    @staticmethod
    def forward(ctx: Any, angles: Tensor) -> Tensor:
        half = angles / 2
        out = torch.cat([half.cos(), half.sin()], dim=-1)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (cosine, sine), (by_cosine, by_sine) = (x.chunk(2, dim=-1) for x in (*ctx.saved_tensors, grad))
        return torch.addcmul(by_sine * cosine, by_cosine, sine, value=-1).div_(2)


class _Euclidean(torch.autograd.Function):
    """Roots of ``|q|^2 + |e|^2 - 2 q.e``; the backward pass is two products more, where ``cdist`` walks all pairs."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, rows: Tensor) -> Tensor:
        squares = query.square().sum(1, keepdim=True) + rows.square().sum(1)
        out = squares.addmm_(query, rows.t(), alpha=-2).clamp_min_(0).sqrt_()
        ctx.save_for_backward(query, rows, out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        query, rows, out = ctx.saved_tensors
        weight = (grad / out).masked_fill_(out == 0, 0)
        into_query = into_rows = None
        if ctx.needs_input_grad[0]:
            into_query = torch.addmm(weight.sum(1, keepdim=True) * query, weight, rows, alpha=-1)
        if ctx.needs_input_grad[1]:
            into_rows = torch.addmm(weight.sum(0).unsqueeze(1) * rows, weight.t(), query, alpha=-1)
        return into_query, into_rows


def _arrays(*tensors: Tensor) -> list[_Array]:
    return [tensor.detach().numpy() for tensor in tensors]


def _along_circle(points: Tensor, pulls: Tensor, dim: int) -> None:
    """Spread pulls by angles, in the first of every two parts, over the cosines and the sines of these."""
    cosine, sine = points.view(len(points), -1, 2, dim).unbind(2)
    by_cosine, by_sine = pulls.view(len(pulls), -1, 2, dim).unbind(2)
    torch.mul(by_cosine, cosine, out=by_sine)
    by_cosine.mul_(-sine)


def _cdist(query: Tensor, rows: Tensor) -> Tensor:
    """``torch.cdist`` by blocks of rows: on a GPU its backward pass makes all pairs at once."""
    return torch.cat([torch.cdist(query, part, p=1.0) for part in torch.split(rows, _block(query))], dim=1)
