"""Sums by segments, torch's own and torch-scatter's, against a loop."""

from __future__ import annotations

import importlib.util
import sys

import pytest
import torch

from kgr.errors import ConfigError
from kgr.models.segments import segment_sum


@pytest.fixture(params=["torch", "torch-scatter"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "torch-scatter" and importlib.util.find_spec("torch_scatter") is None:
        pytest.skip("torch-scatter is not installed")
    monkeypatch.setenv("KGR_SEGMENTS", request.param)


@pytest.mark.usefixtures("_way")
def test_sums_and_gradients_are_those_of_a_loop() -> None:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(50, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    segments = torch.randint(7, (50,), generator=generator)  # in no order
    expected = torch.zeros(9, 3, dtype=torch.float64)  # the last two are empty
    for row, segment in zip(rows.detach(), segments.tolist(), strict=True):
        expected[segment] += row
    found = segment_sum(rows, segments, 9)
    torch.testing.assert_close(found, expected)
    weight = torch.randn(9, 3, generator=generator, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((found * weight).sum(), rows)
    assert torch.equal(gradient, weight[segments])


@pytest.mark.usefixtures("_way")
def test_of_no_rows_all_sums_are_0() -> None:
    found = segment_sum(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64), 2)
    assert torch.equal(found, torch.zeros(2, 3))


@pytest.mark.parametrize(
    ("asked", "message"), [("scatter", "expected one of"), ("torch-scatter", "cannot be imported")]
)
def test_a_way_that_is_not_there(asked: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KGR_SEGMENTS", asked)
    monkeypatch.setitem(sys.modules, "torch_scatter", None)
    with pytest.raises(ConfigError, match=message):
        segment_sum(torch.zeros(1, 1), torch.zeros(1, dtype=torch.int64), 1)
