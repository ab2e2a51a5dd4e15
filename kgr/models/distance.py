"""Distances of every query to every row, forward and backward, without a B x K x D array.

On the CPU they are compiled loops shared among ``torch.get_num_threads()`` threads; elsewhere they
are written by ``torch.cdist``. Equal rows get equal distances, and threads change no bit.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from kgr._threads import share_rows
from kgr.models import _kernels

_CHUNK = 1 << 26  # numbers that a backward pass may hold of all pairs at once


def l1_distances(query: Tensor, rows: Tensor) -> Tensor:
    """Return the L1 distances ``float[B, K]`` between ``query`` [B, D] and ``rows`` [K, D]."""
    if _compiles(query, rows):
        return _PairLoop.apply(query, rows, 0.0, _L1)  # type: ignore[no-any-return, no-untyped-call]
    return _cdist(query, rows)


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
    if _compiles(query, rows):
        return _PairLoop.apply(query, rows, 0.0, _MODULUS)  # type: ignore[no-any-return, no-untyped-call]
    return _Moduli.apply(query, rows)  # type: ignore[no-any-return, no-untyped-call]


def modulus_pair_distances(query: Tensor, rows: Tensor) -> Tensor:
    """Return the distance ``float[B]`` of each complex row [B, D] from its own query [B, D]."""
    real, imaginary = (query - rows).chunk(2, dim=-1)
    return torch.linalg.vector_norm(torch.stack([real, imaginary]), dim=0).sum(-1)  # type: ignore[no-any-return]


def box_distances(box: Tensor, rows: Tensor, inside: float) -> Tensor:
    """Return the distances ``float[B, K]`` of ``rows`` [K, D] from boxes.

    Parameters
    ----------
    box : [B, 2D]
        Centre and offset; no offset is negative. Per dimension a row is ``g`` from the centre: the
        part of ``g`` beyond the offset counts whole, the part within it ``inside`` times.
    """
    if _compiles(box, rows):
        return _PairLoop.apply(box, rows, inside, _BOX)  # type: ignore[no-any-return, no-untyped-call]
    center, offset = box.chunk(2, dim=-1)
    # max(|g| - o, 0) = (|g - o| + |g + o|) / 2 - o
    corners = (_cdist(center + offset, rows) + _cdist(center - offset, rows)) / 2
    return inside * _cdist(center, rows) + (1 - inside) * (corners - offset.sum(-1, keepdim=True))


def box_pair_distances(box: Tensor, rows: Tensor, inside: float) -> Tensor:
    """Return the distance ``float[B]`` of each of ``rows`` [B, D] from its own box [B, 2D]."""
    center, offset = box.chunk(2, dim=-1)
    gap = (rows - center).abs()
    return (inside * gap + (1 - inside) * torch.relu(gap - offset)).sum(-1)


@dataclasses.dataclass(frozen=True)
class _Kernels:
    distances: Callable[..., None]
    query_gradients: tuple[Callable[..., None], ...]  # one for each D columns of a query
    row_gradients: Callable[..., None]


_L1 = _Kernels(_kernels._l1_distances, (_kernels._l1_gradients,), _kernels._l1_gradients)
_MODULUS = _Kernels(_kernels._modulus_distances, (_kernels._modulus_gradients,), _kernels._modulus_gradients)
_BOX = _Kernels(
    _kernels._box_distances,
    (_kernels._box_center_gradients, _kernels._box_offset_gradients),
    _kernels._box_row_gradients,
)


class _PairLoop(torch.autograd.Function):
    """A compiled pair loop with its hand-written gradients."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, rows: Tensor, inside: float, kernels: _Kernels) -> Tensor:
        query, rows = query.contiguous(), rows.contiguous()
        ctx.save_for_backward(query, rows)
        ctx.inside, ctx.kernels = inside, kernels
        out = query.new_empty(len(query), len(rows))
        if out.numel():
            _run(kernels.distances, (query, rows), inside, (), out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, weight: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        query, rows = ctx.saved_tensors
        for_query, for_rows = ctx.needs_input_grad[:2]
        into_query = torch.zeros_like(query) if for_query else None
        into_rows = torch.zeros_like(rows) if for_rows else None
        if into_query is not None and weight.numel():
            for part, kernel in enumerate(ctx.kernels.query_gradients):
                column = (part * rows.shape[1],)
                _run(kernel, (query, rows, weight.contiguous()), ctx.inside, column, into_query)
        if into_rows is not None and weight.numel():
            _run(ctx.kernels.row_gradients, (rows, query, weight.t().contiguous()), ctx.inside, (0,), into_rows)
        return into_query, into_rows, None, None


class _Moduli(torch.autograd.Function):
    """What the compiled loop of moduli gives, in torch's own operations by blocks of rows."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, rows: Tensor) -> Tensor:
        ctx.save_for_backward(query, rows)
        blocks = torch.split(rows, _block(query))
        return torch.cat([_moduli(_gap(query, part)).sum(-1) for part in blocks], dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        query, rows = ctx.saved_tensors
        into_query, into_rows, size = torch.zeros_like(query), [], _block(query)
        for part, weight in zip(torch.split(rows, size), torch.split(grad, size, dim=1), strict=True):
            gap = _gap(query, part)
            modulus = _moduli(gap)
            scale = (weight.unsqueeze(-1) / modulus).masked_fill_(modulus == 0, 0)
            pull = (gap * scale.unsqueeze(-2)).flatten(-2)
            into_query += pull.sum(1)
            into_rows.append(-pull.sum(0))
        return into_query, torch.cat(into_rows)


def _gap(query: Tensor, rows: Tensor) -> Tensor:
    """Return [B, K, 2, D / 2]: the differences, real and imaginary."""
    return (query.unsqueeze(1) - rows).view(len(query), len(rows), 2, query.shape[1] // 2)


def _moduli(gap: Tensor) -> Tensor:
    return gap.square().sum(-2).sqrt_()


def _block(query: Tensor) -> int:
    """Rows that meet all queries at once."""
    return max(1, _CHUNK // max(1, query.numel()))


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


def _run(
    kernel: Callable[..., None], tensors: tuple[Tensor, ...], inside: float, numbers: tuple[int, ...], out: Tensor
) -> None:
    arrays = [tensor.detach().numpy() for tensor in tensors]
    place = out.numpy()
    scalar = place.dtype.type(inside)
    share_rows(
        lambda first, last: kernel(*arrays, scalar, *numbers, first, last, place), len(out), torch.get_num_threads()
    )


def _compiles(query: Tensor, rows: Tensor) -> bool:
    floats = (torch.float32, torch.float64)
    return query.device.type == rows.device.type == "cpu" and query.dtype == rows.dtype and query.dtype in floats


def _cdist(query: Tensor, rows: Tensor) -> Tensor:
    """``torch.cdist`` by blocks of rows: on a GPU its backward pass makes all pairs at once."""
    return torch.cat([torch.cdist(query, part, p=1.0) for part in torch.split(rows, _block(query))], dim=1)
