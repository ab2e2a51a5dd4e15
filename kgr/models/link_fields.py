"""Which optional settings each link model reads. Nothing here loads torch."""

from __future__ import annotations

LINK_FIELDS: dict[str, tuple[str, ...]] = {
    "transe": ("gamma", "norm"),
    "distmult": (),
    "complex": (),
    "rotate": ("gamma",),
    "rescal": (),
    "tucker": ("relation_dim",),
    "conve": ("feature_dropout", "projection_dropout"),
}
