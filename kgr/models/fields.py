"""Which optional settings each model reads, and what it can do. Nothing here loads torch."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

FIELDS: dict[str, tuple[str, ...]] = {
    "gqe": ("gamma", "init_range"),
    "query2box": ("gamma", "init_range", "inside"),
    "betae": ("gamma", "init_range", "hidden", "layers"),
    "cone": ("gamma", "init_range", "inside", "hidden", "layers"),
    "distmult": ("init_range",),
    "complex": ("init_range",),
    "rotate": ("gamma", "init_range"),
}
"""Those of the query models."""

NEGATING = ("betae", "cone")
"""The query models that can negate."""

PENALIZED = ("distmult", "complex", "rotate")
"""The query models whose rows have moduli, which a penalty can keep small."""

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


def readers(fields: Mapping[str, tuple[str, ...]]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return by setting the models that read it, as :func:`kgr._config.setting` is told of them."""
    return {
        name: {"model": tuple(model for model, own in fields.items() if name in own)}
        for name in chain(*fields.values())
    }
