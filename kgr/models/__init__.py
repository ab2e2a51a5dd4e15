"""Models: scores and operators in torch and their compiled loops.

``MODELS`` has the query models by name, ``LINK_MODELS`` the link predictors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kgr.models.named import LINK_MODELS as LINK_MODELS
    from kgr.models.named import MODELS as MODELS


def __getattr__(name: str) -> Any:
    # late, so that kgr.models.fields can be had without torch
    if name in ("MODELS", "LINK_MODELS"):
        from kgr.models import named

        return getattr(named, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
