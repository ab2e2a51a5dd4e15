"""The pair loops against the formulas written plainly, values and gradients; Triton's in its interpreter."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from kgr.models import distance
from kgr.models.distance import (
    box_distances,
    box_pair_distances,
    cone_distances,
    cone_pair_distances,
    half_turns,
    l1_distances,
    l2_distances,
    modulus_distances,
    modulus_pair_distances,
)

INSIDE = 0.3
Loop = Callable[[Tensor, Tensor], Tensor]
SIZES = [(1, 1, 1), (2, 3, 5), (5, 4, 8), (7, 9, 33), (70, 6, 40)]


def plain_l1(query: Tensor, rows: Tensor) -> Tensor:
    return (query[:, None] - rows[None]).abs().sum(-1)


def plain_box(box: Tensor, rows: Tensor) -> Tensor:
    center, offset = box[:, None].chunk(2, dim=-1)
    gap = (rows[None] - center).abs()
    outside = torch.relu(gap - offset)
    return (outside + INSIDE * (gap - outside)).sum(-1)


def compiled_box(box: Tensor, rows: Tensor) -> Tensor:
    return box_distances(box, rows, INSIDE)


def plain_modulus(query: Tensor, rows: Tensor) -> Tensor:
    gap = query[:, None] - rows[None]
    return torch.complex(*gap.chunk(2, dim=-1)).abs().sum(-1)


def plain_cone(cone: Tensor, angles: Tensor) -> Tensor:
    """As published: the distances to both borders, and an indicator of what is within."""
    axis, aperture = cone[:, None].chunk(2, dim=-1)

    def between(one: Tensor, other: Tensor) -> Tensor:
        return ((one - other) / 2).sin().abs()

    to_axis, half = between(angles, axis), (aperture / 2).sin().abs()
    to_border = torch.minimum(between(angles, axis - aperture), between(angles, axis + aperture))
    outside = torch.where(to_axis < half, 0.0, to_border)
    return (outside + INSIDE * torch.minimum(to_axis, half)).sum(-1)


def compiled_cone(cone: Tensor, angles: Tensor) -> Tensor:
    return cone_distances(cone, half_turns(angles), INSIDE)


LOOPS = {
    "l1": (l1_distances, plain_l1),
    "box": (compiled_box, plain_box),
    "modulus": (modulus_distances, plain_modulus),
    "cone": (compiled_cone, plain_cone),
}


def draw(B: int, K: int, D: int, dtype: torch.dtype, kind: str) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(B * K * D)
    D = 2 * D if kind == "modulus" else D
    query, rows = (torch.randn(n, D, generator=generator, dtype=dtype) for n in (B, K))
    if kind == "box":
        query = torch.cat([query, torch.rand(B, D, generator=generator, dtype=dtype)], dim=1)
    if kind == "cone":
        query = torch.cat([query, math.pi * torch.rand(B, D, generator=generator, dtype=dtype)], dim=1)
    return query.requires_grad_(), rows.requires_grad_()


@pytest.fixture(params=["numba", "triton", "torch"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Distances go this way; without it they go Numba's, on the CPU."""
    if request.param == "triton":
        pytest.importorskip("triton")
        loops = importlib.import_module("kgr.models._triton").LOOPS
        monkeypatch.setattr(distance, "_loop", lambda kind, *_: loops[kind])
    if request.param == "torch":
        monkeypatch.setattr(distance, "_loop", lambda *_: None)
        monkeypatch.setattr(distance, "_CHUNK", 100)
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", list(LOOPS))
def test_distances_and_gradients_are_those_of_the_formula(
    size: tuple[int, int, int], dtype: torch.dtype, kind: str
) -> None:
    query, rows = draw(*size, dtype, kind)
    loop, plain = LOOPS[kind]
    weight = torch.randn(size[0], size[1], dtype=dtype, generator=torch.Generator().manual_seed(0))
    found, expected = loop(query, rows), plain(query, rows)
    assert found.dtype == dtype
    torch.testing.assert_close(found, expected)
    found_gradients = torch.autograd.grad((found * weight).sum(), (query, rows))
    torch.testing.assert_close(found_gradients, torch.autograd.grad((expected * weight).sum(), (query, rows)))


@pytest.mark.parametrize("kind", list(LOOPS))
def test_gradcheck(kind: str) -> None:
    query, rows = draw(5, 6, 7, torch.float64, kind)
    assert torch.autograd.gradcheck(LOOPS[kind][0], (query, rows))


@pytest.mark.parametrize("way", ["numba", "triton"], indirect=True)
@pytest.mark.parametrize("kind", ["l1", "box"])
def test_where_a_row_lies_on_a_query_there_is_no_pull(kind: str, way: str) -> None:
    rows = torch.tensor([[1.0, 2.0, -3.0], [1.0, 0.0, 0.0]], requires_grad=True)
    query = torch.tensor([[1.0, 2.0, -3.0] + [0.0, 0.5, 0.0] * (kind == "box")], requires_grad=True)
    found = LOOPS[kind][0](query, rows)
    assert found[0, 0] == 0
    into_query, into_rows = torch.autograd.grad(found.sum(), (query, rows))
    assert into_rows[0].tolist() == [0, 0, 0]
    expected = torch.autograd.grad(LOOPS[kind][1](query, rows).sum(), (query, rows))
    torch.testing.assert_close((into_query, into_rows), expected)


@pytest.mark.usefixtures("way")
def test_where_a_complex_row_meets_a_query_there_is_no_pull() -> None:
    rows = torch.tensor([[1.0, 2.0, -3.0, 0.5], [1.0, 2.0, -3.0, 1.5]], requires_grad=True)
    query = rows[:1].detach().requires_grad_()
    found = modulus_distances(query, rows)
    assert found.tolist() == [[0, 1]]
    into_query, into_rows = torch.autograd.grad(found.sum(), (query, rows))
    assert into_rows.tolist() == [[0, 0, 0, 0], [0, 0, 0, 1]]
    assert into_query.tolist() == [[0, 0, 0, -1]]


def test_l2_distances_are_those_of_the_formula() -> None:
    query, rows = draw(7, 9, 33, torch.float64, "l1")
    torch.testing.assert_close(l2_distances(query, rows), torch.cdist(query, rows))
    assert torch.autograd.gradcheck(l2_distances, draw(3, 4, 5, torch.float64, "l1"))


def test_where_l2_is_zero_there_is_no_pull() -> None:
    rows = torch.tensor([[3.0, 4.0], [0.0, 0.0]], requires_grad=True)
    query = torch.tensor([[0.0, 0.0]], requires_grad=True)
    found = l2_distances(query, rows)
    assert found.tolist() == [[5, 0]]
    into_query, into_rows = torch.autograd.grad(found.sum(), (query, rows))
    torch.testing.assert_close(into_query, torch.tensor([[-0.6, -0.8]]))
    torch.testing.assert_close(into_rows, torch.tensor([[0.6, 0.8], [0.0, 0.0]]))


@pytest.mark.parametrize("way", ["numba", "triton"], indirect=True)
def test_on_the_wall_of_a_box_a_row_is_inside(way: str) -> None:
    box = torch.tensor([[0.0, 1.0]], requires_grad=True)
    rows = torch.tensor([[1.0], [-1.0], [1.5]], requires_grad=True)
    found = compiled_box(box, rows)
    torch.testing.assert_close(found, torch.tensor([[INSIDE, INSIDE, INSIDE + 0.5]]))
    into_box, into_rows = torch.autograd.grad(found.sum(), (box, rows))
    torch.testing.assert_close(into_rows, torch.tensor([[INSIDE], [-INSIDE], [1.0]]))
    torch.testing.assert_close(into_box, torch.tensor([[-1.0, INSIDE - 1]]))


@pytest.mark.usefixtures("way")
def test_on_the_border_of_a_cone_a_row_is_inside_and_on_its_axis_nothing_pulls() -> None:
    cone = torch.tensor([[0.0, 1.0], [0.0, 0.0]], dtype=torch.float64, requires_grad=True)
    rows = torch.tensor([[1.0], [0.0]], dtype=torch.float64, requires_grad=True)
    found = compiled_cone(cone, rows)
    sine, cosine = math.sin(0.5), math.cos(0.5)
    torch.testing.assert_close(found, torch.tensor([[INSIDE * sine, 0], [sine, 0]], dtype=torch.float64))
    for b, (pull, by_aperture) in enumerate(((INSIDE * cosine / 2, 0), (cosine / 2, (INSIDE - cosine) / 2))):
        into_cone, into_rows = torch.autograd.grad(found[b].sum(), (cone, rows), retain_graph=True)
        torch.testing.assert_close(into_cone[b], torch.tensor([-pull, by_aperture], dtype=torch.float64))
        torch.testing.assert_close(into_rows, torch.tensor([[pull], [0]], dtype=torch.float64))


@pytest.mark.parametrize("kind", list(LOOPS))
def test_threads_change_no_bit(kind: str, two_threads: None) -> None:
    loop = LOOPS[kind][0]
    query, rows = draw(133, 37, 50, torch.float32, kind)

    def all_of_it() -> list[Tensor]:
        found = loop(query, rows)
        return [found, *torch.autograd.grad((found * found).sum(), (query, rows))]

    shared = all_of_it()
    torch.set_num_threads(1)
    for one, two in zip(all_of_it(), shared, strict=True):
        assert torch.equal(one, two)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("kind", list(LOOPS))
def test_equal_rows_get_equal_distances_wherever_they_stand(kind: str) -> None:
    query, rows = draw(3, 1, 401, torch.float32, kind)
    found = LOOPS[kind][0](query, rows.expand(11, -1))
    assert torch.equal(found, found[:, :1].expand(-1, 11))
    alone = LOOPS[kind][0](query[2:], rows)
    assert torch.equal(alone[0, 0], found[2, 0])


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("kind", list(LOOPS))
def test_nan_comes_out_as_nan(kind: str) -> None:
    query, rows = draw(4, 5, 40, torch.float32, kind)
    with torch.no_grad():
        rows[3, 17] = torch.nan
    found = LOOPS[kind][0](query, rows)
    assert found.isnan().all(dim=0).tolist() == [False, False, False, True, False]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("kind", list(LOOPS))
def test_without_rows_or_queries_there_are_no_distances(kind: str) -> None:
    query, rows = draw(3, 2, 4, torch.float32, kind)
    without_rows, without_queries = LOOPS[kind][0](query, rows[:0]), LOOPS[kind][0](query[:0], rows)
    assert (without_rows.shape, without_queries.shape) == ((3, 0), (0, 2))
    (into_query,) = torch.autograd.grad(without_rows.sum(), query)
    (into_rows,) = torch.autograd.grad(without_queries.sum(), rows)
    assert not into_query.any()
    assert not into_rows.any()


@pytest.mark.parametrize("kind", list(LOOPS))
def test_no_array_has_a_number_for_every_pair_and_dimension(kind: str, way: str) -> None:
    query, rows = draw(B := 40, K := 40, D := 20, torch.float32, kind)
    with _Largest() as largest:
        torch.autograd.grad(LOOPS[kind][0](query, rows).square().sum(), (query, rows))
    assert B * K <= largest.numbers < B * K * D / 2


class _Largest(TorchDispatchMode):
    """Watches the size of what torch makes."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for made in out if isinstance(out, tuple | list) else [out]:
            if isinstance(made, Tensor):
                self.numbers = max(self.numbers, made.numel())
        return out


def test_pairs_are_the_diagonal() -> None:
    box, rows = draw(6, 6, 5, torch.float64, "box")
    assert torch.autograd.gradcheck(lambda box, rows: box_pair_distances(box, rows, INSIDE), (box, rows))
    torch.testing.assert_close(box_pair_distances(box, rows, INSIDE), compiled_box(box, rows).diagonal())
    cone, angles = draw(6, 6, 5, torch.float64, "cone")

    def own(cone: Tensor, angles: Tensor) -> Tensor:
        return cone_pair_distances(cone, half_turns(angles), INSIDE)

    assert torch.autograd.gradcheck(own, (cone, angles))
    torch.testing.assert_close(own(cone, angles), compiled_cone(cone, angles).diagonal())
    query, rows = draw(6, 6, 5, torch.float64, "modulus")
    assert torch.autograd.gradcheck(modulus_pair_distances, (query, rows))
    torch.testing.assert_close(modulus_pair_distances(query, rows), modulus_distances(query, rows).diagonal())
