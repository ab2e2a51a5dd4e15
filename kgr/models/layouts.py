"""What the numbers of each model's rows are, in words. Nothing here loads torch."""

from __future__ import annotations

from kgr.index.vectors import Layout

LAYOUTS: dict[str, Layout] = {
    "gqe": Layout("a point", "a translation"),
    "query2box": Layout(
        "a point", "the first half moves a box's centre, the second, by its absolute value, widens the box"
    ),
    "betae": Layout(
        "parameters of Beta distributions, all alpha, then all beta, each less 1: max(x + 1, 0.05)",
        "input of the projection network",
    ),
}
