"""Which optional settings each model reads. Nothing here loads torch."""

from __future__ import annotations

FIELDS: dict[str, tuple[str, ...]] = {
    "gqe": ("gamma", "init_range"),
    "query2box": ("gamma", "init_range", "inside"),
    "betae": ("gamma", "init_range", "hidden", "layers"),
}

NEGATING = ("betae",)
"""The models that can negate."""

LINK_FIELDS: dict[str, tuple[str, ...]] = {
    "transe": ("gamma", "norm"),
    "distmult": ("parts",),
    "complex": ("parts",),
    "rotate": ("gamma",),
    "rescal": (),
    "tucker": ("relation_dim",),
    "conve": ("feature_dropout", "projection_dropout"),
}
"""Those of the link predictors."""
