"""Sums of rows by segments: torch's own, or torch-scatter's where that is asked for."""

from __future__ import annotations

import os

from torch import Tensor

from kgr.errors import ConfigError

_ASKED = "KGR_SEGMENTS"
_WAYS = ("torch", "torch-scatter")


def segment_sum(rows: Tensor, segments: Tensor, count: int) -> Tensor:
    """Return [count, D]: of ``rows`` [n, D] the sums of those of one segment, by ``segments`` int64[n]; 0 without any.

    torch-scatter is asked for by the environment variable ``KGR_SEGMENTS=torch-scatter``. Both ways are equal but for
    rounding.

    Raises
    ------
    ConfigError
        ``KGR_SEGMENTS`` names another way, or torch-scatter is asked for and cannot be imported.
    """
    if not _by_scatter():
        return rows.new_zeros(count, rows.shape[1]).index_add(0, segments, rows)
    try:
        import torch_scatter
    except (ImportError, OSError) as error:  # the latter where it was built for another torch
        raise ConfigError(
            f"{_ASKED} asks for torch-scatter, which cannot be imported ({error}): "
            'pip install --no-build-isolation "kgr[scatter]", or leave the variable out'
        ) from error
    return torch_scatter.scatter(rows, segments, dim=0, dim_size=count, reduce="sum")  # type: ignore[no-any-return]


def _by_scatter() -> bool:
    way = os.environ.get(_ASKED) or "torch"
    if way not in _WAYS:
        raise ConfigError(f"{_ASKED} is {way!r}, expected one of {', '.join(_WAYS)}")
    return way == "torch-scatter"
