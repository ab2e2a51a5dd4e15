"""Query models: scores and operators in torch and their compiled loops. ``MODELS`` has them by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kgr.models.named import MODELS as MODELS


def __getattr__(name: str) -> Any:
    # late, so that kgr.models.fields can be had without torch
    if name == "MODELS":
        from kgr.models.named import MODELS

        return MODELS
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
