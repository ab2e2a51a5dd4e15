"""The models by name."""

from __future__ import annotations

from kgr.models.betae import BetaE
from kgr.models.gqe import GQE
from kgr.models.query2box import Query2Box

MODELS: dict[str, type[GQE | Query2Box | BetaE]] = {"gqe": GQE, "query2box": Query2Box, "betae": BetaE}
