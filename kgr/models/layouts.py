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
    "cone": Layout(
        "numbers x that stand for the angles pi tanh(x / init_range)",
        "the same: what is added to axes, then what is added to apertures",
    ),
    "transe": Layout("a point", "a translation"),
    "distmult": Layout("factors", "the diagonal of a matrix"),
    "complex": Layout("complex numbers, all real parts, then all imaginary parts", "the same, a diagonal"),
    "rotate": Layout("complex numbers, all real parts, then all imaginary parts", "phases, in radians"),
    "rescal": Layout("factors", "a matrix, row by row: score = head @ matrix @ tail"),
    "tucker": Layout("factors", "factors: times the parameter core they are a matrix as RESCAL's, row by row"),
    "conve": Layout("an embedding, then the bias of the entity's scores as last number", "an embedding", biases=1),
}
