"""Sums and maxima of rows by segments: torch's own against torch-scatter's, where that is installed.

Sizes are those of a step: rows of a multi-hop batch that gradients are merged into (the default), or the parts of
synsets that SPBS-RR sums.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable

import torch
from machine import cpu_seconds, figure
from torch import Tensor

Way = Callable[[Tensor, Tensor, int], Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2176, help="rows to sum (default: %(default)s)")
    parser.add_argument("--segments", type=int, default=1800, help="segments of them (default: %(default)s)")
    parser.add_argument("--dim", type=int, default=400, help="numbers of a row (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=20, help="runs per figure, the best is kept")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rows = torch.randn(arguments.rows, arguments.dim, requires_grad=True)
    segments = torch.randint(arguments.segments, (arguments.rows,)).sort().values
    every = {"torch": own()} | ({"torch-scatter": others()} if importlib.util.find_spec("torch_scatter") else {})
    for package, ways in every.items():
        for name, way in ways.items():
            report(f"{name} by {package}", way, rows, segments, arguments)


def own() -> dict[str, Way]:
    def total(rows: Tensor, segments: Tensor, count: int) -> Tensor:
        return rows.new_zeros(count, rows.shape[1]).index_add(0, segments, rows)

    def highest(rows: Tensor, segments: Tensor, count: int) -> Tensor:
        place = segments.unsqueeze(1).expand_as(rows)
        return rows.new_zeros(count, rows.shape[1]).scatter_reduce(0, place, rows, "amax", include_self=False)

    return {"sum": total, "max": highest}


def others() -> dict[str, Way]:
    from torch_scatter import scatter, segment_coo

    return {
        "sum": lambda rows, segments, count: scatter(rows, segments, dim=0, dim_size=count, reduce="sum"),
        "sum of sorted": lambda rows, segments, count: segment_coo(rows, segments, dim_size=count, reduce="sum"),
        "max": lambda rows, segments, count: scatter(rows, segments, dim=0, dim_size=count, reduce="max"),
        "max of sorted": lambda rows, segments, count: segment_coo(rows, segments, dim_size=count, reduce="max"),
    }


def report(name: str, way: Way, rows: Tensor, segments: Tensor, arguments: argparse.Namespace) -> None:
    def forward() -> Tensor:
        return way(rows, segments, arguments.segments)

    def both() -> None:
        torch.autograd.grad(forward().sum(), rows)

    size = {"rows": arguments.rows, "segments": arguments.segments, "dim": arguments.dim}
    for what, run in (("forward", forward), ("forward and backward", both)):
        figure(f"{name}, {what}", round(1000 * cpu_seconds(run, arguments.repeats), 3), "CPU ms", **size)


if __name__ == "__main__":
    main()
